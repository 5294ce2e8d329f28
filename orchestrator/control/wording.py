"""How what an agent asks is read, and how what it is answered is told: alike in its shell and to its tools.

Standard library only, and nothing that takes time to load: agents call all day.
"""

from collections.abc import Mapping

from orchestrator.persons import called

FAR = 365 * 86400.0  #: seconds; longer than any run
ANSWER = 30.0  #: seconds in which a living supervisor has answered
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """Read a duration such as 30s, 10m or 1h30m; 0: try once.

    Raises:
        ValueError: It is none.
    """
    if text == "0":
        return 0.0
    total, rest = 0.0, text
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = rest[:2] if rest[:2] == "ms" else rest[:1]
        if unit not in _UNITS or not _is_number(number):
            raise ValueError(f"wait wants a duration such as 30s or 10m (0: try once), not {text!r}")
        total += float(number) * _UNITS[unit]
        rest = rest[len(unit) :]
    if not text:
        raise ValueError("wait wants a duration such as 30s or 10m (0: try once), not ''")
    return min(total, FAR)


def told(method: str, answer: object) -> str:
    """Give what an agent reads of an answer."""
    given = answer if isinstance(answer, dict) else {}
    match method:
        case "lock":
            return f"locked {given.get('path')}"
        case "unlock":
            return f"unlocked {', '.join(given.get('released', []))}"
        case "ask":
            return str(given.get("answer") or f"asked: {given.get('question')}; the answer comes later")
        case "owns":
            return _owned(given)
        case "me":
            return _standing(given)
    return "accepted"


def _owned(given: Mapping[str, object]) -> str:
    owners = given.get("owners")
    names = ", ".join(map(str, owners)) if isinstance(owners, list) else ""
    holder = given.get("holder")
    held = f"locked by {called(str(holder))}" if holder else "not locked"
    return f"{given.get('path')}: {given.get('access')}, owner {names or 'none'}, {held}"


def _standing(given: Mapping[str, object]) -> str:
    held = given.get("locks")
    locks = ", ".join(str(lock["path"]) for lock in held) if isinstance(held, list) and held else "none"
    progress = given.get("progress")
    counts = progress if isinstance(progress, dict) else {}
    done = f" {counts['done']}/{counts['total']}" if counts.get("total") else ""
    return f"{given.get('agent')}: {given.get('state')}{done}\ntask: {given.get('task') or 'none'}\nlocks: {locks}"


def _is_number(text: str) -> bool:
    whole, _, part = text.partition(".")
    return whole.isascii() and whole.isdigit() and (not part or part.isdigit()) and not text.endswith(".")
