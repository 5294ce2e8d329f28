"""Words compared as words: case folded, without endings, without those that say nothing."""

import re
from functools import lru_cache

_SILENT = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "add",
        "new",
        "create",
        "build",
        "implement",
        "make",
        "use",
        "into",
        "from",
        "that",
        "this",
        "all",
        "its",
        "are",
        "can",
        "will",
        "update",
        "updates",
        "write",
        "set",
        "up",
        "of",
        "to",
        "in",
        "on",
        "a",
        "an",
        "task",
        "tasks",
        "feature",
        "module",
        "service",
        "services",
        "system",
        "support",
        "based",
        "role",
        "agent",
        "developer",
        "engineer",
        "general",
    ]
)
_SHORT = frozenset({"ui", "ml", "ai", "db", "qa"})


@lru_cache(maxsize=65536)
def stems(text: str) -> frozenset[str]:
    """Give the words of a text that say something."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return frozenset(_stem(word) for word in words if word not in _SILENT and (len(word) > 2 or word in _SHORT))


def _stem(word: str) -> str:
    for ending, instead in (
        ("ies", "y"),
        *((f"{hiss}es", hiss) for hiss in ("ss", "x", "z", "ch", "sh")),
        ("ing", ""),
        ("ed", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) + len(instead) > 2:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
