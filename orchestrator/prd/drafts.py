"""Tasks as a reader finds them, before ids, needs, order and files are settled.

A draft keeps the document's own words; what they add up to is worked out in one place, `settle`, for every format alike.
"""

from dataclasses import dataclass, field

import msgspec

from orchestrator.model import Area, Mark, Requirement, Seat, Skipped, TaskId
from orchestrator.prd.needs import Wish


class Draft(msgspec.Struct, kw_only=True, eq=False):
    """A task as its document says it."""

    file: str  #: name of the page
    line: int  #: counted from 1
    title: str
    id: str | None = None  #: as written; None: T1, T2 ... are given in document order
    scope: str = ""  #: within which ids are meant: a tag, a file
    text: str = ""  #: what stands below the title
    area: str | None = None
    below: tuple[int, ...] = ()  #: the lines of the headings that it stands below, outermost first
    #: What these call themselves, as `stream a` or `phase 2`, each with the lines of those above it.
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    mark: Mark = Mark.OPEN
    box: str = ""  #: the mark as it is written, for the warning about one that is not known
    needs: list[Wish] = msgspec.field(default_factory=list)
    direct: "list[Draft]" = msgspec.field(default_factory=list)  #: needs whose meaning the reader knows for sure
    #: What the document's order puts before it, by phases and sequence.
    after: "list[Draft]" = msgspec.field(default_factory=list)
    paths: tuple[str, ...] = ()  #: what it will write, as written; empty: not known
    is_nothing: bool = False  #: the document says that it writes nothing
    parent: "Draft | None" = None
    parallel: bool = False
    gate: bool = False
    skills: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    priority: int | None = None  #: 0 is the most urgent
    estimate: float | None = None  #: seconds
    criteria: tuple[str, ...] = ()  #: by which it is told that it is done
    lines: set[int] = msgspec.field(default_factory=set)  #: further lines of its page that belong to it
    final_id: TaskId = TaskId("")
    numbered: bool = False  #: its final id was counted, since it has none of its own


@dataclass(slots=True, kw_only=True)
class Reading:
    """What a reader gives."""

    title: str
    format: str
    drafts: list[Draft]
    requirements: tuple[Requirement, ...] = ()
    declared: list[tuple[str, str, int]] = field(default_factory=list)  #: `X depends on: Y`, and the line
    warnings: list[str] = field(default_factory=list)
    reasons: dict[tuple[str, int], str] = field(default_factory=dict)  #: page and line -> why the reader left it out
    seats: tuple[Seat, ...] = ()  #: agents that the document names
    ownership: tuple[Area, ...] = ()  #: rows of its matrix, paths as written
    left: list[Skipped] = field(default_factory=list)  #: what looks like a task to the reader alone, and was not taken
