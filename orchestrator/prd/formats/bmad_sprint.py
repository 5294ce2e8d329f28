"""BMAD's `sprint-status.yaml`: the state of each story in one map, for stories that have no file of their own yet.

`epic-1` is the parent of `1-2-name`; a retrospective is for people and no task.
"""

import re
from collections.abc import Collection

from orchestrator.model import Skipped
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.page import Page
from orchestrator.prd.states import mark_of
from orchestrator.text.expressions import expression

_MAP = expression(r"^development_status\s*:", re.MULTILINE)
_ROW = expression(r"^\s+[\"']?([\w.-]+)[\"']?\s*:\s*[\"']?([\w -]*?)[\"']?\s*(?:#.*)?$")
_STORY = expression(r"(\d+)-(\d+)[a-z]?(?:-(.+))?$")


def fits_sprint(page: Page) -> int:
    """Tell how surely a page is the map of a sprint."""
    return 90 if page.path.casefold().endswith((".yaml", ".yml")) and _MAP.search(page.text) else 0


def sprint(
    page: Page, reading: Reading, written: Collection[tuple[int, int]] | None
) -> list[tuple[tuple[int, int], list[Draft]]]:
    """Give the stories of the map by their numbers; `written`: stories with files, of which alone tasks are made."""
    epics: dict[str, Draft] = {}
    stories: list[tuple[tuple[int, int], list[Draft]]] = []
    is_inside = False
    for number, line in enumerate(page.text.split("\n"), start=1):
        is_inside = bool(_MAP.match(line)) or (is_inside and (not line.strip() or line.startswith((" ", "\t", "#"))))
        found = _ROW.match(line)
        if not is_inside or not found or line.lstrip().startswith("#"):
            continue
        key, word = found[1], found[2]
        named = _STORY.fullmatch(key)
        if named is None and (key.endswith("-retrospective") or not key.startswith("epic-") or written is not None):
            _leave(number, line, reading, key=key, told=written is None)
            continue
        draft = Draft(file=page.name, line=number, id=key, scope=page.name, title=key, mark=mark_of(word), box=word)
        if named is None:
            epics[key.removeprefix("epic-")] = draft
            stories.append(((int(key[5:]) if key[5:].isdigit() else 0, 0), [draft]))
            continue
        place = (int(named[1]), int(named[2]))
        draft.title = (named[3] or key).replace("-", " ")
        draft.parent = epics.get(named[1])
        if written is None:
            stories.append((place, [draft]))
        elif place not in written:
            reason = "a story without a file of its own"
            reading.left.append(Skipped(line=number, text=line.strip(), reason=reason, file=page.name))
    return stories


def _leave(number: int, line: str, reading: Reading, *, key: str, told: bool) -> None:
    if told:
        reason = "a retrospective: for people" if key.endswith("-retrospective") else "neither an epic nor a story"
        reading.left.append(Skipped(line=number, text=line.strip(), reason=reason))
