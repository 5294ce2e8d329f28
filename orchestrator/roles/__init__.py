"""What a good one of its role heeds: a short text for each agent, squad's own or one that people have written.

A text of people's goes before squad's: the configuration's `roles:`, then the repository's `.claude/agents`, then the user's own
folders. It is text for a model and starts nothing, as the PRD and `CLAUDE.md` are, so nobody is asked for consent; but a file
that a repository names lies inside of it, or a prompt could carry away what is only the user's.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from orchestrator.errors import ConfigError
from orchestrator.model import Seat
from orchestrator.ownership import slug
from orchestrator.roles.files import LINES, TooLong, Written, read_written
from orchestrator.roles.words import SHIPPED, template_of
from orchestrator.text.spelling import nearest

__all__ = ["SHIPPED", "Role", "Shelves", "TooLong", "role_of", "shipped", "template_of", "unmeant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an agent is told about its role."""

    text: str
    source: str  #: for people: where the text comes from
    is_own: bool = False  #: squad's own
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """Where texts for roles may lie."""

    root: Path  #: the project's
    named: Mapping[str, str] = field(default_factory=dict)  #: role -> file below the root, by the configuration
    own: Path  #: the user's folder of roles
    claude: Path  #: the user's folder of Claude Code's agents


def role_of(seat: Seat, shelves: Shelves) -> Role:
    """Give the text for an agent.

    Raises:
        ConfigError: A file that is meant cannot be used; with its place.
    """
    template = template_of(seat.role, seat.label, *seat.skills)
    names = tuple(dict.fromkeys(_plain(name) for name in (seat.id, seat.role, seat.label) if name))
    return next(_found(names, template, shelves))


def shipped(template: str) -> Role:
    """Give a role of squad's own."""
    text = resources.files(__name__).joinpath(f"{template}.md").read_text(encoding="utf-8")
    return Role(text=text.strip(), source=f"{template}, as squad ships it", is_own=True)


def unmeant(seats: Sequence[Seat], named: Mapping[str, str]) -> list[str]:
    """Say which names of the configuration mean no agent and no role of squad's."""
    known = {*SHIPPED, *(_plain(name) for seat in seats for name in (seat.id, seat.role, seat.label) if name)}
    strange = [name for name in named if _plain(name) not in known]
    return [f"roles: {name} is the role of no agent here" + _near(name, known) for name in strange]


def _near(name: str, known: set[str]) -> str:
    hint = nearest(name, sorted(known))
    return f"; {hint}" if hint else ""


def _found(names: Sequence[str], template: str, shelves: Shelves) -> Iterator[Role]:
    """Give the texts for an agent, the one that counts first."""
    wide = (*names, template)
    named = {_plain(role): file for role, file in shelves.named.items()}
    for name in wide:
        if name in named:
            yield _short(read_written(shelves.root / named[name], named[name], within=shelves.root))
    yield from _agents(shelves.root / ".claude" / "agents", names, shelves, within=shelves.root)
    own = {_plain(path.stem): path for path in _pages(shelves.own)}
    for name in wide:
        if name in own:
            yield _short(read_written(own[name], str(own[name])))
    yield from _agents(shelves.claude, names, shelves)
    yield shipped(template)


def _agents(folder: Path, names: Sequence[str], shelves: Shelves, *, within: Path | None = None) -> Iterator[Role]:
    """Give what a folder of Claude Code's agents has by a name; a file that cannot be read has the name of the file."""
    known: dict[str, Path] = {}
    for path in _pages(folder):
        try:
            name = read_written(path, str(path), within=within).name
        except ConfigError:
            name = path.stem
        known.setdefault(_plain(name), path)
    for name in names:
        if name in known:
            shown = known[name].relative_to(shelves.root) if known[name].is_relative_to(shelves.root) else known[name]
            yield _pointed(read_written(known[name], str(shown), within=within), known[name])


def _short(written: Written) -> Role:
    if written.is_long:
        raise TooLong(written.shown, written.lines)
    return Role(text=written.text, source=written.shown)


def _pointed(written: Written, path: Path) -> Role:
    """Take a text that was not written for squad; a long one is not copied: its agent reads it where it lies."""
    if not written.is_long:
        return Role(text=written.text, source=written.shown)
    warning = f"{written.shown} is longer than a role's {LINES} lines ({written.lines}): its agent is told to read it"
    return Role(text=f"Read {path} first: it describes your role.", source=written.shown, warning=warning)


def _pages(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.md") if os.path.lexists(path)) if folder.is_dir() else []


def _plain(name: str) -> str:
    """Give a name as names are compared."""
    return slug(name) or name.casefold()
