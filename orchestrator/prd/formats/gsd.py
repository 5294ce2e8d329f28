"""GSD's plans (`.planning/phases/NN-name/NN-MM-PLAN.md`): front matter, and tasks in tags.

A plan's tasks are done in turn; plans come after those that they depend on, which may be written `02-01`, `01` or `01-PLAN`. A
checkpoint needs a person. A plan with a summary beside it is done, and one whose status says so. Waves are a claim of what may
run together, and order nothing by themselves.
"""

import re
from collections.abc import Iterator, Mapping

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.front import Front, front_of, has_keys
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape, scan_boxes
from orchestrator.prd.states import mark_of
from orchestrator.prd.turns import barrier, in_turn
from orchestrator.text.expressions import expression

_TASK = expression(r"<task\b([^>]*)>(.*?)(?:</task>|(?=<task\b)|\Z)", re.DOTALL)
#: A plan of the kind `tdd` has one feature where others have tasks.
_FEATURE = expression(r"<feature\b([^>]*)>(.*?)(?:</feature>|\Z)", re.DOTALL)
#: A plan may have its tasks below headings of Markdown.
_HEADED = expression(r"^#{2,4}\s+Task\s+[\d.]+\s*[:.–—-]\s*(\S.*)\n((?:(?!^#{1,4}\s).*\n?)*)", re.MULTILINE)
_BOX = expression(r"^\s*[-*+]\s+\[.?\]", re.MULTILINE)
_NAME = expression(r"(?:^|/)(?:(\d+(?:\.\d+)?)-)?(\d+)-PLAN\.md$", re.IGNORECASE)
_SUMMARY = expression(r"(?:^|/)(?:(\d+(?:\.\d+)?)-)?(\d+)-SUMMARY\.md$", re.IGNORECASE)
_TITLE = expression(r"^(?:Task|Step)\s+\d+\s*[:.–—-]\s*", re.IGNORECASE)


def _fits(page: Page) -> int:
    if _SUMMARY.search(page.path):
        return 10
    if not page.path.casefold().endswith(".md"):
        return 0
    if not any(kind.search(page.text) for kind in (_TASK, _FEATURE)):
        return 90 if _NAME.search(page.path) and has_keys(page, "phase", "plan") else 0
    if _NAME.search(page.path):
        return 100
    return 80 if has_keys(page, "phase", "plan") else 0


def _read(material: Material) -> Reading:
    reading = Reading(title="", format=GSD.name, drafts=[])
    ended = {_key(found) for page in material.pages if (found := _SUMMARY.search(page.path))}
    plans: dict[str, list[Draft]] = {}
    wanted: list[tuple[str, Front]] = []
    for page in material.pages:
        if _SUMMARY.search(page.path):
            continue
        front = front_of(page)
        name = _name(page, front)
        if front.fault:
            reading.warnings.append(front.fault)
        is_done = name in ended or mark_of(front.text("status")) is Mark.DONE
        drafts = list(_tasks(page, front, name, is_done=is_done))
        if not drafts:
            reading.warnings.append(f"{page.name}: no <task> in it: the plan {name} is taken as one task")
            drafts = [_whole(page, front, name, is_done=is_done)]
        boxes = (page.text.count("\n", 0, found.end()) + 1 for found in _BOX.finditer(page.text))
        reading.reasons |= {(page.name, line): f"a check of the plan {name}, not one of its tasks" for line in boxes}
        in_turn(drafts)
        plans[name] = drafts
        wanted.append((name, front))
        reading.title = reading.title or front.text("phase") or name
        reading.drafts += drafts
    for name, front in wanted:
        _after(name, front, plans, reading)
    return reading


def _key(found: re.Match[str]) -> str:
    return "-".join(part for part in found.groups() if part)


def _name(page: Page, front: Front) -> str:
    """Give a plan's name `02-01`: by its file, else by what it says of itself."""
    found = _NAME.search(page.path)
    if found and found[1]:
        return _key(found)
    phase = re.match(r"\d+(?:\.\d+)?", front.text("phase"))
    number = front.text("plan") or (found[2] if found else "")
    return f"{phase[0].zfill(2) if phase else '00'}-{number.zfill(2)}"


def _tasks(page: Page, front: Front, plan: str, *, is_done: bool) -> Iterator[Draft]:
    kinds = (_TASK, _FEATURE, _HEADED)
    kind = next((one for one in kinds if one.search(page.text)), _TASK)
    for number, found in enumerate(kind.finditer(page.text), start=1):
        body = found[2]
        line = page.text.count("\n", 0, found.start()) + 1
        heading = found[1].strip() if kind is _HEADED else ""
        title = words.plain(
            _TITLE.sub("", heading or _part(body, "name") or _part(body, "what-built") or _part(body, "decision"))
        )
        person = 'type="checkpoint' in found[1] or "type='checkpoint" in found[1] or (bool(heading) and words.is_gate(heading))
        files = (
            []
            if person
            else _paths(_part(body, "files")) or (heading and find_paths(_part(body, "action"))) or front.texts("files_modified")
        )
        criteria = [one for name in ("done", "verify", "acceptance_criteria", "behavior") for one in _points(_part(body, name))]
        yield Draft(
            file=page.name,
            line=line,
            id=f"{plan}.{number}",
            title=title or f"Task {number} of {plan}",
            text=re.sub(r"\n{3,}", "\n\n", body).strip(),
            mark=Mark.DONE if is_done else Mark.OPEN,
            paths=tuple(files),
            gate=person,
            criteria=tuple(criteria),
            lines=set(range(line, line + found[0].count("\n") + 1)),
        )


def _whole(page: Page, front: Front, plan: str, *, is_done: bool) -> Draft:
    """Make one task of a plan that is not parted into tasks."""
    rows = page.text.split("\n")
    heading = next((row.lstrip("# ") for row in rows[page.front :] if row.startswith("# ")), "")
    return Draft(
        file=page.name,
        line=page.front + 1,
        id=f"{plan}.1",
        title=words.plain(front.text("name", "title", "objective") or heading) or f"Plan {plan}",
        text="\n".join(rows[page.front :]).strip(),
        mark=Mark.DONE if is_done else Mark.OPEN,
        paths=tuple(front.texts("files_modified")),
    )


def _points(text: str) -> list[str]:
    """Give the points of a list, else the whole text as one."""
    if not text.startswith(("- ", "* ")):
        return [joined] if (joined := " ".join(text.split())) else []
    return [" ".join(point.split()) for point in re.split(r"^[-*] ", text, flags=re.MULTILINE) if point.strip()]


def _part(body: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)(?:</{name}>|\Z)", body, re.DOTALL)
    return found[1].strip() if found else ""


def _paths(text: str) -> list[str]:
    """Give a list of files: commas or lines part it, remarks in brackets are left out."""
    clean = (re.sub(r"\s+\([^)]*\)$", "", part.strip().strip("`-* ")) for part in re.split(r"[,\n]", text))
    return [part.strip("` ") for part in clean if part and part.casefold() not in {"none", "n/a"}]


def _after(name: str, front: Front, plans: Mapping[str, list[Draft]], reading: Reading) -> None:
    phase = name.rpartition("-")[0]
    for written in front.texts("depends_on"):
        wanted = re.sub(r"(?:-PLAN)?(?:\.md)?$", "", written.strip("\"' "), flags=re.IGNORECASE)
        first = plans.get(wanted) or plans.get(f"{phase}-{wanted.zfill(2)}")
        if first is None:
            reading.warnings.append(
                f"line {front.line('depends_on')}: the plan {name} depends on {written!r}, which is not here: it orders nothing"
            )
            continue
        _need(first, plans[name])


def _need(first: list[Draft], then: list[Draft]) -> None:
    """Let the beginning of one plan need the end of another."""
    before = {id(draft): list(draft.after) for draft in then}
    barrier(first, then)
    for draft in then:
        draft.direct += [one for one in draft.after if one not in before[id(draft)]]
        draft.after = before[id(draft)]


GSD = Shape(
    name="gsd-plan",
    files=(".planning/phases/*/*-PLAN.md", ".planning/phases/*/PLAN.md"),
    beside=(".planning/phases/*/*-SUMMARY.md",),
    fits=_fits,
    read=_read,
    scan=scan_boxes,
)
