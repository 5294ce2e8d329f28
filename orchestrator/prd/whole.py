"""What of a parent's own work none of its parts does.

A parent with children is not run itself. Where its children only test or check what it asks for, as Kiro's lists part their
tasks, its own work would be nobody's: the first child that is open does it, and is told so. The children of a step for a person
are steps for a person too, unless they make something.
"""

import re
from collections.abc import Sequence

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft

#: A task that tests and does nothing else.
_TESTS = re.compile(
    r"^\W*(?:optional\W+)?(?:(?:write|add|create|implement|run|develop|perform|execute)\s+)?(?:(?!and\b|with\b)[\w/-]+\s+){0,4}"
    r"tests?\b(?!\s+(?:harness|infrastructure|framework|environment|data|fixtures|plan))|^\W*(?:verify|validate|checkpoint)\b"
    r"|^(?:编写|撰写|添加|创建|補充|补充)[^与和及]{0,24}测试$|^[^とや、]{1,24}テスト(?:を?(?:作成|実装|実施|追加)(?:する)?)?$"
    r"|^[^와과및]{1,24}테스트(?: ?(?:작성|추가|구현))?$",
    re.IGNORECASE,
)
#: A word for tests, in whatever tongue: what a parent with it asks for are the tests.
_ABOUT_TESTS = re.compile(r"\btest|测试|測試|テスト|테스트|\bprueba|\bteste|тест", re.IGNORECASE)
_CHECKS = re.compile(r"\b(?:quality|qa|verif\w*|validat\w*|coverage|review|checkpoint)\b", re.IGNORECASE)
_FEW = 6  #: parents that a warning names


def hand_down(drafts: Sequence[Draft]) -> list[str]:
    """Give the own work of parents to their first open child where no child does it, and say so in a warning."""
    parts: dict[int, list[Draft]] = {}
    for draft in drafts:
        if draft.parent is not None:
            parts.setdefault(id(draft.parent), []).append(draft)
            draft.gate = draft.gate or (draft.parent.gate and not words.makes(draft.title))
    told = [f"{draft.final_id} ({child.final_id})" for draft in drafts if (child := _heir(draft, parts.get(id(draft), ())))]
    if not told:
        return []
    names = ", ".join(told[:_FEW]) + (" ..." if len(told) > _FEW else "")
    return [f"tasks whose parts only test them: what they ask for is done in the first part that is open: {names}"]


def _heir(parent: Draft, children: Sequence[Draft]) -> Draft | None:
    """Give a parent's own work to its first open child, if all children only test it."""
    child = next((child for child in children if child.mark not in {Mark.DONE, Mark.DEFERRED}), None)
    if child is None or parent.gate or parent.mark in {Mark.DONE, Mark.DEFERRED} or _is_about_tests(parent):
        return None
    if not all(_TESTS.search(child.title) or _is_optional(child) or child.gate for child in children):
        return None
    asked = "\n".join(filter(None, (parent.title, parent.text)))
    child.text = f"Do this first, it is no other task's: {asked}\n\nThen: {child.title}\n{child.text}".strip()
    if child.paths and parent.paths:
        child.paths = tuple(dict.fromkeys((*child.paths, *parent.paths)))
    return child


def _is_about_tests(draft: Draft) -> bool:
    """Tell whether a task asks for tests or checks itself, so that its parts are its work."""
    return bool(_ABOUT_TESTS.search(draft.title)) or (not draft.text and bool(_CHECKS.search(draft.title)))


def _is_optional(draft: Draft) -> bool:
    return draft.text.startswith("optional:")
