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
_SHORT = frozenset({"ui", "ux", "ml", "ai", "db", "qa", "ci", "cd", "js", "ts"})
_VOWEL = re.compile(r"[aeiouy]")
#: A consonant that only the ending doubles: `mapping`, `logged`; not `calling`, `passed`.
_DOUBLED = re.compile(r"([bdgmnprt])\1$")


@lru_cache(maxsize=65536)
def stems(text: str) -> frozenset[str]:
    """Give the words of a text that say something."""
    return frozenset(_stem(word) for word in _telling(text))


def shared(text: str, other: str) -> tuple[str, ...]:
    """Give the words of a text that another one has too, in whatever form; as the first has them, sorted."""
    theirs = stems(other)
    return tuple(sorted({word for word in _telling(text) if _stem(word) in theirs}))


def _telling(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word for word in words if word not in _SILENT and (len(word) > 2 or word in _SHORT)]


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    """Take plural and verb endings off, and the silent e that only some forms have: cache, caches, cached, caching."""
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3:
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and _VOWEL.search(word[: -len(ending)]) and len(word) - len(ending) > 2:
            word = _DOUBLED.sub(r"\1", word[: -len(ending)])
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word
