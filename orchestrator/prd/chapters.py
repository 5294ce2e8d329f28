"""Requirements that list their files, and which task each of the files belongs to.

A listed file goes to the tasks whose titles share most words with its name and folder; where none does, to all tasks of
the stream that the requirement fits: that is safe, since what several tasks write is locked.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Protocol

from orchestrator.prd import words
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row
from orchestrator.prd.paths import find_paths
from orchestrator.text.expressions import expression
from orchestrator.text.stems import stems

_LISTS_FILES = expression(r"\bfiles?\s+to\s+(?:create|modify|change|edit|add|update)\b|^\W*files\W*$", re.IGNORECASE)
_CAMEL = expression(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Sharer(Protocol):
    """A task that files can be given to."""

    area: str | None
    title: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A requirement with the files it asks for."""

    title: str
    line: int
    files: tuple[str, ...]


def spread_files(blocks: Sequence[Block], tasks: Sequence[Sharer]) -> list[str]:
    """Give each listed file to tasks; gives warnings for those that nobody takes."""
    warnings = []
    chapters = _chapters(blocks)
    own = {id(one) for one in tasks if one.paths} if chapters else set()
    crowd = _Crowd(tasks if chapters else ())
    for chapter in chapters:
        mates = crowd.mates(chapter)
        if not mates:
            warnings.append(
                f"line {chapter.line}: no task was found for the files of {chapter.title!r}: {', '.join(chapter.files)}"
            )
        for path in chapter.files:
            for one in _takers(path, mates, own):
                one.paths = tuple(dict.fromkeys([*one.paths, path]))
    return warnings


def _takers(path: str, mates: Sequence[Sharer], own: set[int]) -> Sequence[Sharer]:
    """Give the tasks that a file fits best; those that name files of their own only where it fits no other as well."""
    named = [one for one in mates if path in one.paths]
    if named:
        return named
    folder, _, name = path.rstrip("/").rpartition("/")
    asked = _parted(f"{name.partition('.')[0]} {folder.rpartition('/')[2]}")
    scores = [len(asked & _parted(one.title)) for one in mates]
    best = max(scores, default=0)
    fitting = [one for one, score in zip(mates, scores, strict=True) if score == best]
    return [one for one in fitting if id(one) not in own] or fitting


@lru_cache(maxsize=65536)
def _parted(text: str) -> frozenset[str]:
    """Give the words of a text, those of `camelCase` each for itself."""
    return stems(_CAMEL.sub(" ", text))


def _chapters(blocks: Sequence[Block]) -> list[Chapter]:
    """Give the requirements that list their files: a heading, somewhere below it `Files to Create` and a list."""
    found: dict[int, tuple[Heading, list[str]]] = {}  #: by the line of the heading
    above: Heading | None = None
    wanted = False
    for block in blocks:
        if isinstance(block, Heading):
            wanted = _lists_files(block.text)
            above = above if wanted else block
            continue
        if isinstance(block, Paragraph):
            wanted = _lists_files(words.plain(block.text)) if _may_list(block.text) else False
        if wanted and above:
            found.setdefault(above.line, (above, []))[1].extend(find_paths(_text_of(block)))
    return [Chapter(title=words.plain(one.text), line=line, files=tuple(files)) for line, (one, files) in found.items() if files]


def _lists_files(text: str) -> bool:
    return _may_list(text) and _LISTS_FILES.search(text) is not None


def _may_list(text: str) -> bool:
    """Tell cheaply whether a text could say that files are listed; only a sure no is one."""
    return "file" in text.lower() or not text.isascii()


def _text_of(block: Item | Row | Paragraph) -> str:
    if isinstance(block, Item):
        return "\n".join([below.text for below in block.walk()])
    return block.text if isinstance(block, Paragraph) else " ".join(block.cells.values())


class _Crowd:
    """The tasks of a document by the words of their titles and streams."""

    def __init__(self, tasks: Sequence[Sharer]) -> None:
        self._areas: dict[str, list[Sharer]] = {}
        self._topics: dict[str, set[int]] = {}  #: word -> places of streams
        self._titled: dict[str, list[int]] = {}  #: word -> places of tasks
        self._tasks = tasks
        for place, one in enumerate(tasks):
            if one.area:
                self._areas.setdefault(one.area, []).append(one)
            for word in stems(one.title):
                self._titled.setdefault(word, []).append(place)
        for place, area in enumerate(self._areas):
            for word in stems(area):
                self._topics.setdefault(word, set()).add(place)
        self._streams = list(self._areas.values())

    def mates(self, chapter: Chapter) -> list[Sharer]:
        """Give the tasks of the stream that fits best, else those whose titles share a word with the requirement."""
        asked = stems(chapter.title)
        topics = sorted([self._topics[word] for word in asked if word in self._topics], key=len)
        if topics and (all_of_them := set.intersection(*topics)):
            return self._streams[min(all_of_them)]
        if scores := Counter(chain.from_iterable(topics)):
            best = max(scores.values())
            return self._streams[min(place for place, score in scores.items() if score == best)]
        return [self._tasks[place] for place in sorted({place for word in asked for place in self._titled.get(word, ())})]
