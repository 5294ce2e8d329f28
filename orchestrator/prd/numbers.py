"""Ids written as numbers before a text, as most programs' task lists have them: `1.`, `1.2`, `2.3a`, `7.9*`, `P1`.

A bare number without a sign behind it is an amount and no id.
"""

import re
from collections.abc import Sequence

from orchestrator.prd.drafts import Draft
from orchestrator.text.expressions import expression

_ID = expression(
    r"(?:\*\*)?(?:(?:sub-?)?task\s+)?(?:(\d+(?:\.\d+)+[a-z]?|[A-Z]{1,3}\d+(?:\.\d+)*)\*?[.:)]?|(\d+[a-z]?)\*?[.:)])(?:\*\*)?\s+(?=\S)",
    re.IGNORECASE,
)


def split_number(text: str) -> tuple[str | None, str]:
    """Split an id from the text behind it."""
    found = _ID.match(text)
    if not found:
        return None, text
    return found[1] or found[2], text[found.end() :]


def nest_by_number(drafts: Sequence[Draft]) -> None:
    """Let `1.2` be a child of `1` (or of `1.0`) where the list does not nest them itself."""
    own: dict[str, Draft] = {}
    for draft in drafts:
        if draft.id and "." in draft.id and draft.parent is None:
            above = draft.id.rpartition(".")[0]
            parent = own.get(above) or own.get(f"{above}.0")
            draft.parent = parent if parent is not draft else None
        if draft.id:
            own.setdefault(draft.id, draft)
