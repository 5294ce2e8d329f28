"""Which file of the project a short name in a document means, besides what it says.

A name that is written is never lost. Where one file alone of what the document's tasks write ends so, a task that names it by its
last part writes that too, so that two tasks that speak of it meet: a file more and none less. It is done for names that tell
(`namesakes`) and that the task's own prose holds, where the file is one of the same area and of no other part of the project than
the words beside the name say; a list that was made to name files is exact. Each sign of a text is looked at a
fixed number of times.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.prd.drafts import Draft, Reading
from orchestrator.text.expressions import expression
from orchestrator.text.namesakes import is_telling

#: Formats whose tasks name their files in prose; those of the others have lists of them.
PROSE = frozenset(
    [
        *["seed-prd", "prd-md", "todo", "conductor-plan", "openspec-tasks", "bmad-story", "speckit-tasks", "speckitty-tasks"],
        *["kiro-tasks", "kiro-ccsdd-tasks", "ai-dev-tasks"],
    ]
)
_WORD = expression(r"[\w./+@-]+|[;:()|=>→]")
_IN = frozenset(["in", "under", "into", "inside", "within", "below"])
#: Words that speak of a second file, or of a file that is not where it was.
_SECOND = expression(
    r"\b(?:mov(?:e|es|ed|ing)\b|renam|cop(?:y|ie)|relocat|migrat|replac|delet|remov|drop|extract|split|merg|symlink|re-?export"
    r"|port(?:s|ed|ing)?\b|convert|from\b|root\b|top-level|legacy|old\b|both\b|versch|kopier|umbenenn|ersetz|entfern"
    r"|renomm|remplac|d[eé]plac|muev|mover|renombr)",
    re.IGNORECASE,
)
#: Parts of a project that words name, whatever their folders are called.
_PARTS = frozenset(
    [
        *["mobile", "web", "website", "frontend", "backend", "server", "client", "api", "admin", "ios", "android", "desktop"],
        *["worker", "cli", "electron", "extension", "dashboard", "landing", "root", "top", "legacy", "old"],
    ]
)
_EVERYWHERE = frozenset(["src", "lib", "app", "apps", "packages", "tests", "test", "docs", "doc", "components", "core", ".", ""])
_MOST = 8  #: parts of a project that a line may name and still be about one
_IN_TIME = ("phase", "milestone", "sprint", "stage", "week")  #: what parts the work in time and not in areas

Place = tuple[str | None, tuple[str, ...]]


def mean(reading: Reading) -> None:
    """Let tasks write the files that the short names in their words mean too."""
    if reading.format not in PROSE:
        return
    by_page: dict[str, list[Draft]] = {}
    for draft in reading.drafts:
        if draft.paths:
            by_page.setdefault(draft.file, []).append(draft)
    for drafts in by_page.values():
        if said := _to_be_read(drafts):
            _add(drafts, said)


def _to_be_read(drafts: Sequence[Draft]) -> list["_Said"]:
    """Give the tasks of a page whose short names can mean more: a whole path ends so, or a folder may be said for one."""
    short = [(draft, names) for draft in drafts if (names := {path for path in draft.paths if is_telling(path)})]
    if any(path.endswith("/") for draft, _ in short for path in draft.paths):
        return [_Said(draft, names) for draft, names in short]
    full = _by_name(path for draft in drafts for path in draft.paths) if short else {}
    return [_Said(draft, names) for draft, names in short if not names.isdisjoint(full)]


class _Said:
    """What one task says of the files that it names by their last parts."""

    def __init__(self, draft: Draft, short: set[str]) -> None:
        self.draft = draft
        self.short = short
        self.lines = [_WORD.findall(line) for line in (draft.title, *draft.text.split("\n"))]
        words = f"{draft.title}\n{draft.text}"
        is_of_two = not words.isascii() or _SECOND.search(words) is not None
        self.full = _by_name(draft.paths)
        folders = set() if is_of_two else {path for path in draft.paths if path.endswith("/")}
        self.joined = dict(self._in_folders(folders)) if folders else {}

    def parts(self, known: frozenset[str]) -> Mapping[str, set[str]]:
        """Give the parts of the project that are named beside each name; names that stand beside too many are left out."""
        found: dict[str, set[str]] = {}
        title = known.intersection(_single(self.lines[0]))
        for line in self.lines:
            if names := self.short.intersection(word.rstrip(".") for word in line):
                beside = title | known.intersection(_single(line))
                for name in names if len(beside) <= _MOST else ():
                    found.setdefault(name, set()).update(beside)
        return found

    def _in_folders(self, folders: set[str]) -> Iterator[tuple[str, str]]:
        """Put names into the folder that follows them: `a.ts` and `b.ts` in `src/dto/`."""
        for line in self.lines:
            names: list[str] = []
            is_in = False
            for word in line:
                folder = word.rstrip(".")
                if word in self.short and not is_in:
                    names.append(word)
                elif names and word in _IN and not is_in:
                    is_in = True
                elif is_in and folder in folders:
                    yield from [(name, folder + name) for name in names]
                    names, is_in = [], False
                elif word != ("the" if is_in else "and"):
                    names, is_in = [], False


def _add(drafts: Sequence[Draft], short: Sequence[_Said]) -> None:
    """Add the files that the short names of one page mean."""
    named = [(draft, path) for draft in drafts for path in draft.paths]
    named += [(said.draft, path) for said in short for path in said.joined.values()]
    full = _by_name(path for _, path in named)
    places: dict[str, set[Place]] = {}
    folders: set[str] = set()
    for draft, path in named:
        if "/" in path:
            above, _, name = path.rpartition("/")
            places.setdefault(name, set()).add(_place(draft))
            folders.update(above.casefold().split("/")[:2])
    parts = frozenset((_PARTS | folders) - _EVERYWHERE)
    for said in short:
        here = _place(said.draft)
        beside = said.parts(parts)
        meant = {
            name: whole
            for name, words in beside.items()
            if (whole := full.get(name)) and here in places[name] and words.issubset(whole.casefold().split("/")[:-1])
        }
        said.draft.paths = tuple(dict.fromkeys(_paths(said, meant)))


def _paths(said: _Said, meant: Mapping[str, str]) -> Iterator[str]:
    """Give the paths of a task, and what its short names mean: of the task's own words, else of the document's."""
    for path in said.draft.paths:
        yield path
        if path in said.joined:
            yield said.joined[path]
        elif path in meant and path not in said.full:
            yield meant[path]


def _by_name(paths: Iterable[str]) -> dict[str, str]:
    """Give the whole path of each name that tells; empty where several files bear it."""
    found: dict[str, str] = {}
    for written in paths:
        path = written.removeprefix("./").lstrip("/")
        folder, _, name = path.rpartition("/")
        if not folder or "*" in path or ".." in path or path.startswith("~") or not is_telling(name):
            continue
        known = found.get(name, path)
        longer, shorter = (path, known) if len(path) > len(known) else (known, path)
        found[name] = longer if known and (longer == shorter or longer.endswith(f"/{shorter}")) else ""
    return found


def _single(line: Iterable[str]) -> Iterator[str]:
    """Give the words of a line that are no paths, those with a hyphen in their parts too."""
    for word in line:
        if "/" not in word:
            plain = word.rstrip(".").casefold()
            yield plain
            yield from plain.split("-") if "-" in plain else ()


def _place(draft: Draft) -> Place:
    """Give the part of the work that a task belongs to, but for what parts it in time only."""
    return draft.area, tuple([group for group, _ in draft.groups if not group.startswith(_IN_TIME)])
