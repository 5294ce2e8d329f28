"""How a turn of Codex ended and what it consumed, from its structured notices; never from the text of an error.

Tokens are told in total over a thread, also those of earlier processes; what is reported is what is new. Money is not told.
"""

from collections.abc import Sequence

from orchestrator.adapters.jsonlines import Object, inner, number, word
from orchestrator.messages import Said, Turned, TurnEnd, Usage

_WORDS = {
    "usageLimitExceeded": TurnEnd.LIMIT,
    "sessionBudgetExceeded": TurnEnd.LIMIT,
    "unauthorized": TurnEnd.AUTH,
    "rateLimitExceeded": TurnEnd.TRANSIENT,
    "flexUnavailable": TurnEnd.TRANSIENT,
    "serverOverloaded": TurnEnd.TRANSIENT,
    "policyCapacityUnavailable": TurnEnd.TRANSIENT,
    "internalServerError": TurnEnd.TRANSIENT,
    "tooManyDenials": TurnEnd.REFUSED,
}
#: Kinds of errors that carry the HTTP status of the last answer, if there was one.
_CONNECTIONS = (
    "httpConnectionFailed",
    "responseStreamConnectionFailed",
    "responseStreamDisconnected",
    "responseTooManyFailedAttempts",
)
_PERMANENT_STATUS = frozenset({400, 404, 405, 413, 422})
_LONGEST_REASON = 500
_THREADS = 256


class Tokens:
    """Makes differences of totals, thread by thread."""

    def __init__(self) -> None:
        """Begin with no thread known."""
        self._totals: dict[str, tuple[float, float, float]] = {}

    def told(self, thread: str, usage: Object, *, is_new: bool) -> list[Said]:
        """Give what is new; of a thread heard of for the first time its last request, or nothing if it was resumed just now."""
        total, last = _counts(inner(usage, "total")), _counts(inner(usage, "last"))
        begun = tuple(max(0.0, all_ - one) for all_, one in zip(total, last, strict=True)) if is_new else total
        before = self._totals.get(thread, begun)
        self._totals[thread] = total
        if len(self._totals) > _THREADS:
            self._totals.pop(next(iter(self._totals)))
        fresh, cached, output = (max(0, int(now - then)) for now, then in zip(total, before, strict=True))
        return [Usage(fresh=fresh, cached=cached, output=output)] if fresh or cached or output else []


class Limits:
    """Knows when the account's limit is lifted."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.until: float | None = None  #: seconds since the epoch

    def told(self, limits: Object) -> None:
        """Note the latest word: the windows that are used up."""
        windows = [inner(limits, key) for key in ("primary", "secondary")]
        resets = [number(window, "resetsAt") for window in windows if number(window, "usedPercent") >= 100]
        self.until = max(resets, default=0.0) or None


def turned(turn: Object, *, refused: Sequence[str], until: float | None, retried: bool) -> Turned:
    """Give how a turn ended; an error that says nothing of itself is passing if what it ends was tried again before."""
    error = inner(turn, "error")
    reason = word(error, "message")[:_LONGEST_REASON]
    match turn.get("status"):
        case "completed" if refused:
            return Turned(outcome=TurnEnd.REFUSED, reason=f"refused: {'; '.join(refused)}"[:_LONGEST_REASON])
        case "completed":
            return Turned(outcome=TurnEnd.DONE)
        case "interrupted":
            return Turned(outcome=TurnEnd.INTERRUPTED, reason="interrupted")
    outcome = failure(error, retried=retried)
    return Turned(outcome=outcome, reason=reason, until=until if outcome is TurnEnd.LIMIT else None)


def failure(error: Object, *, retried: bool) -> TurnEnd:
    """Give what an error means; one that says nothing of itself is passing if it was tried again before."""
    said = word(error, "codexErrorInfo")
    if said in _WORDS:
        return _WORDS[said]
    info = inner(error, "codexErrorInfo")
    connection = next((inner(info, kind) for kind in _CONNECTIONS if kind in info), None)
    if connection is None:
        return TurnEnd.TRANSIENT if retried and said in {"", "other"} else TurnEnd.PERMANENT
    status = number(connection, "httpStatusCode")
    if status in {401, 403}:
        return TurnEnd.AUTH
    return TurnEnd.PERMANENT if status in _PERMANENT_STATUS else TurnEnd.TRANSIENT


def _counts(told: Object) -> tuple[float, float, float]:
    cached = number(told, "cachedInputTokens")
    return max(0.0, number(told, "inputTokens") - cached), cached, number(told, "outputTokens")
