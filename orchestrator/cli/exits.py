"""Exit codes that no error carries: how a run ended, and how a command did. What each means: docs/exit-codes.md.

Standard library only, for the fast door uses them too.
"""

FAILED, LIMITED, NEEDS_YOU = 1, 5, 6
PLAN_DIFFERS = 10
BUG = 70
TIMED_OUT = 124  #: as timeout(1) has it
INTERRUPTED, TERMINATED = 130, 143  #: as a shell tells of the two signals
