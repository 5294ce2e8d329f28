"""Marking finished tasks in their document: nothing but the characters of the mark changes, to the byte.

The document is read anew, so what a person has changed meanwhile stays; a task that is not found again under its id and title, or
that has no mark, is left as it is and told.
"""

import re
from collections.abc import Callable, Collection, Sequence

from orchestrator.model import Document, Mark, Task
from orchestrator.text.expressions import expression

_LINES = expression(r".*?(?:\r\n|\r|\n)|.+\Z", re.DOTALL)
_BOX = expression(r"^(\ufeff?[ \t\u00a0]*(?:>[ \t]*)*(?:(?:[-*+]|\d+[.)])[ \t\u00a0]+)+\[)(.?)(?=\])")
_SIGN = expression(r"^([ \t\u00a0]*(?:>[ \t]*)*(?:(?:[-*+]|\d+[.)])[ \t\u00a0]+)+)([\u2610\u2b1c\U0001f532])")
_DONE = {"\u2610": "\u2611", "\u2b1c": "\u2705", "\U0001f532": "\u2705"}  #: boxes of one sign -> the same when done
_TOKEN = expression(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
#: Keys of JSON that hold a state -> how done is written there.
_JSON = {"taskmaster-json": ("status", '"done"'), "ralph-prdjson": ("passes", "true"), "beads-jsonl": ("status", '"closed"')}
#: Keys of a front matter that hold a state -> how done is written there.
_FRONT = {
    "backlog-task": ("status", "Done"),
    "ccpm-task": ("status", "closed"),
    "speckitty-wp": ("lane", "done"),
    "ralph-prdjson": ("status", "completed"),
}

Mend = Callable[[list[str], int], bool]


def ticked(data: bytes, document: Document, done: Sequence[Task], *, file: str) -> tuple[bytes, list[Task]]:
    """Give a file with its finished tasks marked, and the tasks that could not be marked in it.

    Args:
        data: The file as it is now.
        document: What is read of it now.
        done: The finished tasks, as they were read before the run.
        file: The name under which the document speaks of this file.
    """
    lines = _LINES.findall(data.decode("utf-8", "surrogateescape"))
    now = {(task.id, task.title): task for task in document.tasks if task.source.file == file}
    left = []
    for task in done:
        found = now.get((task.id, task.title))
        if found is None or not (found.state is Mark.DONE or _mark(lines, found, document)):
            left.append(task)
    return "".join(lines).encode("utf-8", "surrogateescape"), left


def _mark(lines: list[str], task: Task, document: Document) -> bool:
    place = task.source.line - 1
    if place >= len(lines):
        return False
    if task.source.file.casefold().endswith((".yaml", ".yml")):
        return _row(lines, place)
    if document.format in _JSON and not task.source.file.casefold().endswith(".md"):
        return _value(lines, place, *_JSON[document.format])
    if document.format in _FRONT:
        return _front(lines, *_FRONT[document.format])
    if _box(lines, place):
        return True
    steps = [one.line - 1 for one in document.skipped if one.reason == f"a step of task {task.id}" and one.line <= len(lines)]
    return bool(_boxes(lines, steps))


def _box(lines: list[str], place: int) -> bool:
    changed = _BOX.sub(lambda found: f"{found[1]}x", lines[place], count=1)
    changed = _SIGN.sub(lambda found: f"{found[1]}{_DONE[found[2]]}", changed, count=1)
    was, lines[place] = lines[place], changed
    return changed != was


def _boxes(lines: list[str], places: Collection[int]) -> int:
    return sum(_box(lines, place) for place in places)


def _front(lines: list[str], key: str, word: str) -> bool:
    """Change the value behind a key of the front matter; quotes and remarks behind it stay."""
    for place, line in enumerate(lines[1:], start=1):
        if line.rstrip() in {"---", "..."}:
            return False
        found = re.match(rf"({key}\s*:\s*)(\"[^\"]*\"|'[^']*'|[^#\r\n]*?)(\s*(?:#.*)?[\r\n]*)$", line)
        if found:
            quote = found[2][:1] if found[2][:1] in {'"', "'"} else ""
            lines[place] = f"{found[1]}{quote}{word}{quote}{found[3]}"
            return True
    return False


def _row(lines: list[str], place: int) -> bool:
    """Change the value of a key that stands alone in its line."""
    changed = re.sub(r"^(\s*[^\s#:]+\s*:\s*[\"']?)[\w-]+", r"\g<1>done", lines[place], count=1)
    was, lines[place] = lines[place], changed
    return changed != was


def _value(lines: list[str], place: int, key: str, word: str) -> bool:
    """Change the value behind a key of the first object that begins in a line and has it."""
    text = "".join(lines[place:])
    depth = 0
    for found in _TOKEN.finditer(text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if depth <= 0 and found[0] in "}]":
            return False
        value = re.match(r"\s*:\s*(\"(?:[^\"\\]|\\.)*\"|true|false|null)", text[found.end() :])
        if depth == 1 and found[0] == f'"{key}"' and value:
            start, end = found.end() + value.start(1), found.end() + value.end(1)
            lines[place:] = _LINES.findall(text[:start] + word + text[end:])
            return True
    return False
