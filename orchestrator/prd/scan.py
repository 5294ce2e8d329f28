"""The second opinion: a plain line scan that finds everything that looks like a task.

It shares nothing with the readers but the notion of a line, so what they drop it still sees; each such line is told
with the reason.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from orchestrator.model import Skipped
from orchestrator.text.expressions import expression

_BOX = expression(r"^\s*(?:>\s*)*(?:(?:[-*+]|\d+[.)])\s+)+\[(.?)\]\*?(?:\s|$|[^\x00-\x7f])")
_COMMENTED = expression(r"^\s*<!--\s*(?:[-*+]|\d+[.)])\s+\[.?\]\s")
#: No item of a list, but it must have been meant: a mark or a space is missing.
_LONE = expression(
    r"^\s*(?:>\s*)*(?:[-*+]|\d+[.)])?\[[ xX]?\]\s+\S"
    r"|^\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+(?:\[(?: {2,}| *[xX] +| +[xX] *)\]|\([ xX]\))\s+\S"
    r"|^\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+\[[ xX]\][\w*`]"
    r"|^\s*\|(?:.*\|)?\s*\[[ xX]\]\s*\|"
)
#: A sign that says how far something is, where a checkbox would stand: an empty or crossed box, an hourglass, works, arrows.
_SIGN = expression(
    r"^\s*(?:>\s*)*(?:(?:[-*+]|\d+[.)])\s+[\u2610\u2612\u2b1c\U0001f532\u23f3\U0001f6a7\U0001f504]|[\u2610\U0001f532])\ufe0f?\s+\S"
)
_IN_COMMENT = "inside an HTML comment"
_ITEM = expression(r"^\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+\S")
_ROW = expression(r"^\s*\|.*\w.*\|")
_NAMED = expression(r"^\s*(?:\*\*)?(?:T\d{1,5}|[A-Z][A-Z0-9]{1,9}-\d{1,6})(?:\*\*)?[\s:.)]\s*\S")
_ID = expression(r"\b(T\d{2,5}[a-z]?)\b")
_UNBOXED = expression(r"^(?:[-*+]|\d+[.)])\s+(?:\*\*)?(T\d{3,5}[a-z]?)\b(?!\s*(?:[,–~/&→+<>=-]|and\b|to\b|\.\.))")
_RULE = expression(r"^\s*(?:[-*_]\s*){3,}$")
_FENCE = expression(r"^\s*(?:>\s*)*(?:(?:[-*+]|\d+[.)])\s+)*(`{3,}|~{3,})(.*)$")
_HEADING = expression(r"^\s{0,3}(#{1,6})\s+(.*)$")
_UNDERLINE = expression(r"^\s{0,3}(=+|-+)\s*$")
_STEP = expression(r"\]\s+[*_]*step\b", re.IGNORECASE)
_TASKS = expression(
    r"^\W*(?:\d+[.)]?\s*)?(?:tasks\b|task(?!\s+\S*\d)\b|to-?dos?\b|(?:work\s*)?stream\s+\w+\s*:|任务|タスク|작업)", re.IGNORECASE
)


def skipped_lines(text: str, taken: Collection[int], *, front: int = 0) -> tuple[list[Skipped], list[str]]:
    """Give the lines that look like tasks and are not among the taken ones, and warnings about swallowed text.

    The first `front` lines are front matter.
    """
    walker = _Walker(frozenset(taken))
    for number, line in enumerate(text.split("\n"), start=1):
        if number > front:
            walker.see(number, line)
        elif _BOX.match(line):
            walker.skipped.append(Skipped(line=number, text=line.strip(), reason="inside the front matter"))
    return walker.skipped, walker.warnings()


def skipped_boxes(text: str, taken: Collection[int], *, front: int = 0) -> tuple[list[Skipped], list[str]]:
    """Give the same of a document whose tasks are checkboxes by its format: other list items are talk about them.

    An item without a box that bears an id which no taken line bears is told as well.
    """
    skipped, warnings = skipped_lines(text, taken, front=front)
    lines = text.split("\n") if any(_UNBOXED.match(one.text) for one in skipped) else []
    known = {found[1] for line in taken if line <= len(lines) and (found := _ID.search(lines[line - 1]))}
    boxes = [one for one in skipped if _BOX.match(one.text) or _LONE.match(one.text) or _SIGN.match(one.text)]
    bare = [replace(one, reason="an id without a checkbox") for one in skipped if _bears_new_id(one.text, known)]
    return sorted([*boxes, *bare], key=lambda one: one.line), warnings


def _bears_new_id(line: str, known: Collection[str]) -> bool:
    found = _UNBOXED.match(line)
    return found is not None and found[1] not in known


class _Walker:
    def __init__(self, taken: frozenset[int]) -> None:
        self.skipped: list[Skipped] = []
        self._taken = taken
        self._fence = ""
        self._fence_line = 0
        self._boxes_in_fence = 0
        self._comment = False
        self._heading = ""
        self._task_level = 0
        self._above = ""

    def see(self, number: int, line: str) -> None:
        above, self._above = self._above, line
        sign = line.lstrip()[:1]  #: tells which of the shapes need not be tried
        if not self._comment and ("```" in line or "~~~" in line) and self._mark_fence(number, line):
            return
        if self._fence or self._comment:
            self._hidden(number, line)
        elif sign == "<" and _COMMENTED.match(line):
            self.skipped.append(Skipped(line=number, text=line.strip(), reason=_IN_COMMENT))
        elif sign == "#" and (found := _HEADING.match(line)):
            self._enter(len(found[1]), found[2])
        elif sign in {"=", "-"} and _UNDERLINE.match(line) and self._is_title(above):
            self._enter(1 if sign == "=" else 2, above)
        elif sign and number not in self._taken and self._like_a_task(line, above) and not _RULE.match(line):
            self.skipped.append(Skipped(line=number, text=line.strip(), reason=self._reason(line)))
        if not self._fence and (self._comment or "<!--" in line):
            self._mark_comment(line)

    def _is_title(self, line: str) -> bool:
        """Tell whether a line below makes a heading of this one."""
        return bool(line.strip()) and not _ITEM.match(line) and not _HEADING.match(line)

    def _like_a_task(self, line: str, above: str) -> bool:
        if ("[" in line or "(" in line) and (_BOX.match(line) or _LONE.match(line)):
            return True
        if not line.isascii() and _SIGN.match(line):
            return True
        if not self._task_level:
            return False
        body = bool(_ROW.match(line)) and above.lstrip().startswith("|") and not set(line) <= set("|-: \t")
        return bool(_ITEM.match(line) or _NAMED.match(line)) or body

    def warnings(self) -> list[str]:
        if not self._fence or not self._boxes_in_fence:
            return []
        swallowed = f"swallows {self._boxes_in_fence} lines that look like tasks"
        return [f"line {self._fence_line}: a code fence is never closed and {swallowed}"]

    def _mark_fence(self, number: int, line: str) -> bool:
        found = _FENCE.match(line)
        if not found:
            return False
        if not self._fence:
            self._fence, self._fence_line, self._boxes_in_fence = found[1], number, 0
            return True
        if found[1][0] == self._fence[0] and len(found[1]) >= len(self._fence) and not found[2].strip():
            self._fence = ""
            return True
        return False

    def _mark_comment(self, line: str) -> None:
        if self._comment:
            self._comment = "-->" not in line
        else:
            self._comment = "-->" not in line[line.index("<!--") :]

    def _hidden(self, number: int, line: str) -> None:
        if not _BOX.match(line) or number in self._taken:
            return
        self._boxes_in_fence += bool(self._fence)
        reason = f"inside the code fence that begins in line {self._fence_line}" if self._fence else _IN_COMMENT
        self.skipped.append(Skipped(line=number, text=line.strip(), reason=reason))

    def _enter(self, level: int, heading: str) -> None:
        self._heading = heading.strip()
        if _TASKS.match(heading):
            self._task_level = self._task_level or level
        elif self._task_level and level <= self._task_level:
            self._task_level = 0

    def _reason(self, line: str) -> str:
        if re.match(r"^\s*>", line):
            return "inside a quotation"
        if _STEP.search(line):
            return "a step of the task above it"
        if not _BOX.match(line) and _LONE.match(line):
            return "a checkbox that is not written as in `- [ ] text`"
        if _SIGN.match(line):
            return "a sign where others have a checkbox"
        if _ROW.match(line):
            return "a row of a table without a column that is called Task or Title"
        if not _ITEM.match(line):
            return "neither a list item nor a heading"
        if self._task_level and line.startswith(("    ", "\t")):
            return "indented as code"
        return f"below the heading {self._heading!r}, which holds no tasks" if self._heading else "not part of a task list"
