"""The lines of a task's own text that say by what it is told that it is done.

A label makes them: `Acceptance: ...`, `Done when ...`, or `Acceptance criteria:` with what stands below it. Nothing else is
guessed, so a task without such a line has none.
"""

import re

from orchestrator.text.expressions import expression

_LABEL = expression(
    r"^\W*(?:acceptance(?: criteri(?:a|on))?|criteri(?:a|on)|success criteria|definition of done|(?:done|accepted) (?:when|if)"
    r"|verif(?:y|ied by|ication)|expected(?: (?:result|outcome|behaviou?r))?|acs?)\b\s*\d*\W*[:：]?\W*(.*)$",
    re.IGNORECASE,
)
_SHORT = expression(r"\bacs?\b")
_WITHIN = expression(r"\b(?:done|accepted|finished) (?:when|if)\b\s*[:：]?\s*(.+)$", re.IGNORECASE)
_ANOTHER = expression(r"^\W*[^\W\d][\w ]{1,30}[:：]\W*$")
#: What else is told of a task in a line of its own, which is bold: without that it may be a criterion, `Status: 404`.
_FIELD = expression(
    r"^\s*(?:[-*+]\s+)?(?:\*\*|__)"
    r"(?:estimated?(?: \w+)?|effort|priority|status|depend(?:s on|encies)|files?|owner|assignee|complexity)"
    r"(?:\s*[:：]\s*(?:\*\*|__)|(?:\*\*|__)\s*[:：])",
    re.IGNORECASE,
)
_STATUS = expression(r"\W*status\W*[:：]\W*(.*)", re.IGNORECASE)
_CODE = expression(r"[1-5]\d\d\b(?!\s*%)")


def criteria_in(title: str, text: str) -> tuple[str, ...]:
    """Give the criteria that a task's title and text name, in their order."""
    if not _may_have_any(f"{title}\n{text}"):
        return ()
    found = [said[1].strip() for said in [_WITHIN.search(title)] if said]
    is_below = False
    for line in text.split("\n"):
        labelled = _LABEL.match(line) if _has_label(line) else None
        if labelled:
            is_below = not labelled[1].strip()
            found += [] if is_below else [labelled[1].strip()]
        elif _ANOTHER.match(line):
            is_below = False
        elif is_below and line.strip() and not _is_field(line):
            found.append(line.strip())
    return tuple(found)


def is_code(status: str) -> bool:
    """Tell whether what stands behind `Status:` is one of HTTP, `404 for unknown ids`, and no task's."""
    return _CODE.match(status) is not None


def _is_field(line: str) -> bool:
    """Tell whether a line says something else of the task."""
    if _FIELD.match(line) is None:
        return False
    status = _STATUS.match(line)
    return status is None or not is_code(status[1])


def _may_have_any(text: str) -> bool:
    """Tell cheaply whether a text could name a criterion; only a sure no is one."""
    if not text.isascii():
        return True
    lower = text.lower()
    if "done" in lower or "accepted" in lower or "finished" in lower:
        return True
    if ":" not in text:
        return False
    labelled = "criteri" in lower or "accept" in lower or "verif" in lower or "expected" in lower
    return labelled or ("ac" in lower and _SHORT.search(lower) is not None)


def _has_label(line: str) -> bool:
    """Tell whether a line is labelled at all: a word alone begins many a sentence."""
    return ":" in line or "：" in line or bool(_WITHIN.search(line))
