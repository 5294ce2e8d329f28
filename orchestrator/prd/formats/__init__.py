"""The formats people already have, one module each, in the order of their users.

A module gives one or several `Shape`s: pure functions over pages. Another format is one module and one line here.
"""

from orchestrator.prd.formats.agent_plan import AGENT_PLAN
from orchestrator.prd.formats.aidev import AIDEV
from orchestrator.prd.formats.backlog import BACKLOG
from orchestrator.prd.formats.beads import BEADS
from orchestrator.prd.formats.bmad import BMAD
from orchestrator.prd.formats.ccpm import CCPM
from orchestrator.prd.formats.conductor import CONDUCTOR
from orchestrator.prd.formats.gsd import GSD
from orchestrator.prd.formats.kiro import CCSDD, KIRO
from orchestrator.prd.formats.openspec import OPENSPEC
from orchestrator.prd.formats.ralph import RALPH
from orchestrator.prd.formats.speckit import SPECKIT
from orchestrator.prd.formats.speckitty import SPECKITTY_TASKS, SPECKITTY_WP
from orchestrator.prd.formats.superpowers import SUPERPOWERS
from orchestrator.prd.formats.taskmaster import TASKMASTER
from orchestrator.prd.shapes import Shape

SHAPES: tuple[Shape, ...] = (
    TASKMASTER,
    GSD,
    CONDUCTOR,
    BACKLOG,
    OPENSPEC,
    BMAD,
    RALPH,
    BEADS,
    SPECKIT,
    KIRO,
    CCSDD,
    SPECKITTY_WP,
    SPECKITTY_TASKS,
    CCPM,
    SUPERPOWERS,
    AGENT_PLAN,
    AIDEV,
)
