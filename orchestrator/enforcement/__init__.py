"""How firmly ownership is enforced: the levels that are built, and the choice between them.

Never silently weaker than asked for: a level that is not to be had ends the command before anything starts.
"""

from orchestrator.errors import ToolMissing, UsageError
from orchestrator.model import Level
from orchestrator.spelling import nearest

BUILT = (Level.AGREE, Level.DETECT)


class EnforcementUnavailable(ToolMissing):
    """The demanded level cannot be had."""

    def __init__(self, level: str) -> None:
        names = ", ".join(BUILT)
        super().__init__(f"enforcement level {level!r} is not built yet", hint=f"ask for one of: auto, {names}")
        self.level = level


def choose(asked: str) -> Level:
    """Give the level to enforce; `auto` is the strongest that is built.

    Raises:
        EnforcementUnavailable: It is none of those built.
        UsageError: There is no such level.
    """
    if asked not in {"auto", *Level}:
        known = ", ".join(("auto", *Level))
        raise UsageError(f"there is no enforcement level {asked!r}", hint=nearest(asked, ("auto", *Level)) or f"levels: {known}")
    if asked == "auto":
        return BUILT[-1]
    for level in BUILT:
        if asked == level:
            return level
    raise EnforcementUnavailable(asked)
