"""beads: one issue a line (`.beads/issues.jsonl`).

Only `blocks`, `conditional-blocks` and `waits-for` order anything; `parent-child` is a hierarchy, and all else is a note. An
issue that was deleted (`tombstone`) is no task, and an epic is the parent of its children.
"""

import re
from collections.abc import Iterator

from orchestrator.errors import PrdError
from orchestrator.model import Mark, Skipped
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.json_rows import Row, parse_json, text_of, texts_of
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.text.expressions import expression

_ISSUE = expression(r'^\{.*"(?:issue_type|dependencies|status|priority)"\s*:', re.MULTILINE)
_ORDERING = frozenset({"blocks", "conditional-blocks", "waits-for"})
_MARKS = {
    "": Mark.OPEN,
    "open": Mark.OPEN,
    "blocked": Mark.OPEN,
    "hooked": Mark.OPEN,
    "pinned": Mark.DEFERRED,  # a note that stays open for ever
    "in_progress": Mark.IN_PROGRESS,
    "deferred": Mark.DEFERRED,
    "closed": Mark.DONE,
}
_TEXTS = ("description", "design", "notes")


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".jsonl") or not _ISSUE.search(page.text):
        return 0
    return 100 if ".beads/" in f"/{page.path}" or page.path.endswith("issues.jsonl") else 80


def _read(material: Material) -> Reading:
    reading = Reading(title="issues", format=BEADS.name, drafts=[])
    for page in material.pages:
        rows = list(_rows(page, reading))
        own = {text_of(row.get("id")): draft for row in rows if (draft := _issue(row, page, reading))}
        for row in rows:
            draft = own.get(text_of(row.get("id")))
            if draft is not None:
                _tie(draft, row, own)
        reading.drafts += own.values()
    return reading


def _rows(page: Page, reading: Reading) -> Iterator[Row]:
    """Give the issues; a line that cannot be read is told and holds nothing else up."""
    for number, line in enumerate(page.text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line, name=page.name, first_line=number)
        except PrdError as error:
            row = None
            reading.warnings.append(f"line {number}: {error.message}")
        if isinstance(row, Row) and text_of(row.get("id")):
            yield row
        else:
            reading.left.append(Skipped(line=number, text=line.strip()[:200], reason="no issue with an id", file=page.name))


def _issue(row: Row, page: Page, reading: Reading) -> Draft | None:
    status = text_of(row.get("status")).casefold()
    title = words.plain(text_of(row.get("title")))
    if not title or status == "tombstone":
        reason = "deleted: a tombstone" if title else "an issue without a title"
        left = Skipped(line=row.line, text=title or text_of(row.get("id")), reason=reason, file=page.name)
        reading.left.append(left)
        return None
    criteria = tuple(line.strip("-*[] ") for line in text_of(row.get("acceptance_criteria")).split("\n") if line.strip())
    text = "\n".join(texts_of([row.get(key) for key in _TEXTS]) + [f"- {one}" for one in criteria])
    priority, minutes = text_of(row.get("priority")), text_of(row.get("estimated_minutes"))
    return Draft(
        file=page.name,
        line=row.line,
        id=text_of(row.get("id")),
        scope=page.name,
        title=title,
        text=text,
        mark=_MARKS.get(status, Mark.UNKNOWN),
        box=status,
        paths=find_paths(f"{title}\n{text}"),
        gate=words.is_gate(title) or text_of(row.get("issue_type")) == "gate" or "human" in texts_of(row.get("labels")),
        estimate=60.0 * int(minutes) if minutes.isascii() and minutes.isdigit() and 0 < len(minutes) < 6 else None,
        priority=int(priority) if priority.isascii() and priority.isdigit() else None,
        skills=(),
        criteria=criteria,
    )


def _tie(draft: Draft, row: Row, own: dict[str, Draft]) -> None:
    """Give an issue its parent and its needs; the dot of `bd-a1b2.3` is a hierarchy as well."""
    number = text_of(row.get("id"))
    above = [number.rpartition(".")[0]] if "." in number else []
    for target, kind in _ties(row):
        if kind == "parent-child":
            above.append(target)
        elif kind in _ORDERING or not kind:
            draft.needs.append(Wish(text=target, line=row.line, is_id=True))
    draft.parent = next((own[one] for one in reversed(above) if one in own and not _is_below(own[one], draft)), None)


def _ties(row: Row) -> Iterator[tuple[str, str]]:
    """Give on what an issue depends and how; older exports name the id alone, or call the fields otherwise."""
    listed = row.get("dependencies")
    for tie in listed if isinstance(listed, list) else ():
        if isinstance(tie, Row):
            target = text_of(tie.get("depends_on_id")) or text_of(tie.get("id"))
            yield target, text_of(tie.get("type")) or text_of(tie.get("dependency_type"))
        elif text_of(tie):
            yield text_of(tie), ""


def _is_below(one: Draft, other: Draft) -> bool:
    """Tell whether one is the other or stands below it: a hierarchy has no circle."""
    while one is not other and one.parent is not None:
        one = one.parent
    return one is other


BEADS = Shape(
    name="beads-jsonl",
    files=(".beads/issues.jsonl", ".beads/*.jsonl"),
    fits=_fits,
    read=_read,
    scan=lambda *_: ([], []),
)
