"""What was found about a program, and what helps. Pure: facts of a turn in, findings out."""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What is known about one question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  #: tried, and it cannot be told
    UNTRIED = "-"  #: not looked at
    NEVER = "does not ask"  #: of a program that asks nobody before it writes


class Weight(StrEnum):
    """How much a finding matters."""

    FAULT = "fault"  #: it cannot be used as it is
    WARNING = "warning"  #: it can, and something should be known
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, and what mends it."""

    weight: Weight
    text: str
    remedy: str = ""  #: a command where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """An agent program as far as it is examined."""

    name: str
    path: str | None = None  #: None: not installed
    version: str = ""
    works: str = ""  #: the range of versions known to work
    in_range: bool | None = None  #: None: not known
    signed_in: Answer = Answer.UNTRIED
    can_write: Answer = Answer.UNTRIED
    can_be_refused: Answer = Answer.UNTRIED
    findings: tuple[Finding, ...] = ()
    doing: str = ""  #: what is under way; empty when it is over

    @property
    def is_usable(self) -> bool:
        """Tell whether nothing was found that keeps it from being used."""
        return self.path is not None and not has_fault(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something squad itself needs, or an agent with a command of its own."""

    name: str
    found: str  #: version, or path; empty: not there
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that was found."""

    quick: bool  #: no model was asked
    tools: tuple[Tool, ...] = ()  #: of squad's own
    programs: tuple[Examined, ...] = ()
    agents: tuple[Tool, ...] = ()  #: of the configuration, with commands of their own
    findings: tuple[Finding, ...] = ()  #: about the machine and the user's own settings

    @property
    def is_well(self) -> bool:
        """Tell whether something is installed, and everything that is can be used."""
        is_anything_there = any(one.path is not None for one in self.programs) or any(agent.found for agent in self.agents)
        found = [*self.findings, *(finding for tool in (*self.tools, *self.agents) for finding in tool.findings)]
        found += [finding for one in self.programs for finding in one.findings]
        return is_anything_there and not has_fault(found)


def has_fault(findings: tuple[Finding, ...] | list[Finding]) -> bool:
    """Tell whether one of the findings is a fault."""
    return any(finding.weight is Weight.FAULT for finding in findings)


def fault(text: str, remedy: str = "") -> Finding:
    """Give a finding that keeps a program from being used."""
    return Finding(weight=Weight.FAULT, text=text, remedy=remedy)


def warning(text: str, remedy: str = "") -> Finding:
    """Give a finding that should be known."""
    return Finding(weight=Weight.WARNING, text=text, remedy=remedy)


def note(text: str, remedy: str = "") -> Finding:
    """Give a finding that only explains."""
    return Finding(weight=Weight.NOTE, text=text, remedy=remedy)
