"""Signals before a supervisor heeds them by itself: nothing is under way yet, so they simply end the command.

A shell script starts what it puts in the background with SIGINT ignored; who sends one to squad means it nevertheless.
"""

import signal
import sys

from orchestrator.cli.exits import TERMINATED


def heed_early_signals() -> None:
    """Let the command end with 130 or 143 until the supervisor takes the signals over."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
