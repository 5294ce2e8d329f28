"""Which level holds for an agent, by what was asked for, what its program does, and what the kernel was seen to refuse.

Pure, and never silently weaker than asked for: a level that is demanded and not to be had ends the command before anything
starts. Only `auto` chooses, and takes the strongest that is proved.
"""

import sys
from dataclasses import dataclass

from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.probing import Probed
from orchestrator.errors import ToolMissing, UsageError
from orchestrator.model import Level
from orchestrator.text.spelling import nearest_or_all

AUTO = "auto"


class EnforcementUnavailable(ToolMissing):
    """The demanded level cannot be had for an agent."""

    def __init__(self, level: str, program: str, reason: str, hint: str) -> None:
        super().__init__(f"enforcement level {level!r} is not to be had for {program}: {reason}", hint=hint)
        self.level = level
        self.program = program


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What matters here of an agent's program."""

    name: str
    asks: bool  #: it asks beforehand what it may change
    nests: bool = False  #: it starts a bubblewrap of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """How firmly ownership is enforced for an agent."""

    level: Level
    means: Means | None = None  #: what makes the kernel refuse, at `deny`
    why: str = ""  #: why it is none stronger, where nobody asked for one


def require_level(asked: str) -> None:
    """See to it that there is such a level.

    Raises:
        UsageError: There is none.
    """
    known = (AUTO, *Level)
    if asked not in known:
        raise UsageError(f"there is no enforcement level {asked!r}", hint=nearest_or_all(asked, known, "levels"))


def is_probed(asked: str) -> bool:
    """Tell whether the choice depends on what the kernel refuses."""
    return asked in {AUTO, Level.DENY}


def choose(asked: str, program: Program, probed: Probed) -> Chosen:
    """Give the level for an agent's program.

    Raises:
        EnforcementUnavailable: It was asked for and is not to be had.
    """
    require_level(asked)
    fault = _fault(program, probed)
    if asked == AUTO:
        if not fault:
            return Chosen(level=Level.DENY, means=Means.BUBBLEWRAP)
        return Chosen(level=Level.HOOK if program.asks else Level.DETECT, why=fault)
    if asked == Level.HOOK and not program.asks:
        reason = "it does not ask beforehand what it may change"
        raise EnforcementUnavailable(asked, program.name, reason, f"ask for one of: {AUTO}, agree, detect, deny")
    if asked != Level.DENY:
        return Chosen(level=Level(asked))
    if not fault:
        return Chosen(level=Level.DENY, means=Means.BUBBLEWRAP)
    if Means.LANDLOCK in probed.means and not program.nests:
        return Chosen(level=Level.DENY, means=Means.LANDLOCK)
    raise EnforcementUnavailable(asked, program.name, _refusal(fault, program, probed), _way_out(program, probed))


def _fault(program: Program, probed: Probed) -> str:
    """Say why bubblewrap does not hold for a program; empty if it does."""
    if Means.BUBBLEWRAP not in probed.means:
        return probed.faults.get(Means.BUBBLEWRAP, "it was not tried")
    if program.nests and not probed.nests:
        return f"its own bubblewrap does not work inside ours {'where squad runs as root' if probed.root else 'here'}"
    return ""


def _refusal(fault: str, program: Program, probed: Probed) -> str:
    if sys.platform != "linux":
        return "only Linux can confine an agent; here the strongest level is hook"
    landlock = probed.faults.get(Means.LANDLOCK) or f"{program.name} brings a sandbox of its own, which fails inside it"
    return f"a program was confined to try it; bubblewrap: {fault}; Landlock: {landlock}"


def _way_out(program: Program, probed: Probed) -> str:
    weaker = "hook" if program.asks else "detect"
    is_roots = probed.root and Means.BUBBLEWRAP in probed.means
    return (
        f"{'run squad as an ordinary user' if is_roots else 'mend that'}, or take what can be had: --enforce auto, here {weaker}"
    )
