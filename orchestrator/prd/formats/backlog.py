"""Backlog.md: one task a file (`backlog/tasks/task-12 - Title.md`; the prefix can be configured).

Front matter says id, title, status (in the user's own words), dependencies, parent and priority; criteria are boxes with `#1`
between comments. Files that it names as modified are its write set. Of a project, those
in the folder of completed tasks are read for one thing only: a need of one of them is met.
"""

import re
from collections.abc import Collection

from orchestrator.model import Skipped
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.front import Front, front_of, has_keys
from orchestrator.prd.needs import Wish
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape, scan_markdown
from orchestrator.prd.states import mark_of, priority_of
from orchestrator.text.expressions import expression

_CRITERION = expression(r"^\s*[-*+]\s+\[(.?)\]\s+(?:#\d+\s+)?(.*\S)", re.MULTILINE)
_COMMENT = expression(r"<!--.*?-->", re.DOTALL)
_COMPLETED = expression(r"(?:^|/)completed/[^/]*$")
_NAME = expression(r"(?:^|/)[A-Za-z]+-\d+(?:\.\d+)*\s+-\s+[^/]*\.md$")


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not has_keys(page, "id", "title", "status"):
        return 0
    return 100 if "backlog/" in f"/{page.name}" or _NAME.search(page.path) else 70


def _read(material: Material) -> Reading:
    reading = Reading(title="backlog", format=BACKLOG.name, drafts=[])
    drafts: dict[str, Draft] = {}
    above: list[tuple[Draft, str]] = []
    pages = [page for page in material.pages if not _COMPLETED.search(page.path)] or list(material.pages)
    ended = {front_of(page).text("id").casefold() for page in material.pages if page not in pages}
    for page in sorted(pages, key=lambda page: _in_turn(page.path)):
        front = front_of(page)
        draft = _draft(page, front, reading)
        if draft is None:
            continue
        reading.drafts.append(draft)
        drafts.setdefault((draft.id or "").casefold(), draft)
        above.append((draft, front.text("parent_task_id", "parent")))
    for draft, parent in above:
        found = drafts.get(parent.casefold()) or drafts.get((draft.id or "").casefold().rpartition(".")[0])
        draft.parent = found if found is not draft else None
        draft.needs = [wish for wish in draft.needs if wish.text.casefold() not in ended]
    if len(reading.drafts) == 1:
        reading.title = reading.drafts[0].title
    return reading


def _in_turn(path: str) -> list[tuple[int, str]]:
    """Put `task-2` before `task-10`."""
    return [(int(part[:12]), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path)]


def _scan(page: Page, taken: Collection[int]) -> tuple[list[Skipped], list[str]]:
    """Look for more in the pages that are tasks; those of the completed ones only tell which needs are met."""
    return scan_markdown(page, taken) if taken else ([], [])


def _draft(page: Page, front: Front, reading: Reading) -> Draft | None:
    title = words.plain(front.text("title"))
    if not title:
        reading.warnings.append(front.fault or f"{page.name}: a task without a title is left out")
        return None
    body = "\n".join(page.text.split("\n")[page.front :])
    criteria = _CRITERION.findall(body)
    rows = page.text.split("\n")
    boxes = {number for number, row in enumerate(rows, start=1) if _CRITERION.match(row)}
    reading.reasons |= {(page.name, number): f"a criterion of {front.text('id')}" for number in boxes}
    text = re.sub(r"\n{3,}", "\n\n", _COMMENT.sub("", body)).strip()
    declared = front.texts("modified_files")
    status = front.text("status")
    return Draft(
        file=page.name,
        line=front.line("title"),
        id=front.text("id") or None,
        title=title,
        text=text,
        mark=mark_of(status),
        box=status,
        needs=[Wish(text=need, line=front.line("dependencies"), is_id=True) for need in front.texts("dependencies")],
        paths=tuple(declared) or find_paths(f"{title}\n{text}"),
        gate=words.is_gate(title),
        skills=(),
        priority=priority_of(front.text("priority")),
        criteria=tuple(text for _, text in criteria),
        lines=set(range(1, len(rows) + 1)) - boxes,
    )


BACKLOG = Shape(
    name="backlog-task",
    files=("backlog/tasks/*.md",),
    beside=("backlog/completed/*.md",),
    fits=_fits,
    read=_read,
    scan=_scan,
)
