"""Words for states, as the programs that keep one task a file write them; any other word is unknown, and so not done."""

from orchestrator.model import Mark

_WORDS = {
    Mark.OPEN: (
        "",
        "open",
        "to do",
        "todo",
        "pending",
        "backlog",
        "draft",
        "planned",
        "ready",
        "blocked",
        "approved",
        "new",
        "not started",
        "ready for dev",
        "ready for development",
        "contexted",
        "drafted",
        "optional",
    ),
    Mark.IN_PROGRESS: (
        "in progress",
        "doing",
        "wip",
        "review",
        "in review",
        "for review",
        "started",
        "active",
        "ready for review",
    ),
    Mark.DONE: ("done", "closed", "completed", "complete", "finished"),
    Mark.DEFERRED: ("deferred", "cancelled", "canceled", "on hold", "wont do", "won't do"),
}
_MARKS = {word: mark for mark, words in _WORDS.items() for word in words}
_PRIORITIES = {"critical": 0, "urgent": 0, "highest": 0, "high": 1, "medium": 2, "normal": 2, "low": 3, "lowest": 4}


def mark_of(word: str) -> Mark:
    """Give the mark that a word means."""
    plain = " ".join(word.casefold().replace("-", " ").replace("_", " ").strip("*` .").split())
    return _MARKS.get(plain, Mark.UNKNOWN)


def priority_of(word: str) -> int | None:
    """Give a priority as a number, 0 the most urgent: by its word, or `P1`, or a number."""
    plain = word.casefold().strip()
    number = plain.removeprefix("p")
    return _PRIORITIES.get(plain, int(number) if number.isascii() and number.isdigit() and len(number) < 4 else None)
