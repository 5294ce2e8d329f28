"""How a turn of an ACP agent ended and what it consumed; from codes and fields, never from what its model says.

The protocol knows no usage limits and few kinds of errors, so agents tell them in ways of their own: HTTP statuses as
codes (Gemini), `errorKind` (Claude), `codexErrorInfo` (Codex), the words of an HTTP client (Qwen). A turn may even end well
although no answer came: its account of tokens is empty then. All of it was seen and is recorded in the tests.
"""

import re
from collections.abc import Callable

from acp import schema

from orchestrator.adapters.claude_turns import AUTH_WORDS, TRANSIENT_STATUS, TRANSIENT_WORDS
from orchestrator.adapters.codex_turns import failure as codex_failure
from orchestrator.adapters.jsonlines import Object, inner, number, word
from orchestrator.messages import Said, Turned, TurnEnd, Usage

_AUTH_REQUIRED, _INTERNAL = -32000, -32603
_LONGEST_REASON = 500
#: The words of an error's own message that tell a used-up allowance from too many requests at once: both have status 429.
_LIMIT = re.compile(
    "exhausted your|usage limit|quota will reset|insufficient_quota|out of (?:extra )?(?:usage|credits)", re.IGNORECASE
)
_RESET = re.compile(r"reset(?:s)? (?:after|in) ((?:\d+(?:\.\d+)?[dhms] ?)+)", re.IGNORECASE)
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def failed(error: Object, *, now: Callable[[], float]) -> Turned:
    """Give what an error in answer to a request of squad's means for the turn."""
    data, message = inner(error, "data"), word(error, "message")
    told = word(data, "message") or word(data, "details") or message
    outcome = _failure(error, data)
    text = f"{message} {told}"
    if outcome is TurnEnd.TRANSIENT and _status(error, data) in {0.0, 429.0} and _LIMIT.search(text):
        outcome = TurnEnd.LIMIT
    until = _until(text, now) if outcome is TurnEnd.LIMIT else None
    return Turned(outcome=outcome, reason=told[:_LONGEST_REASON], until=until)


def _failure(error: Object, data: Object) -> TurnEnd:
    if "codexErrorInfo" in data:
        return codex_failure(data, retried=True)
    kind = word(data, "errorKind")
    if kind:
        return _by_word(kind)
    status = _status(error, data)
    if error.get("code") == _AUTH_REQUIRED or status in {401, 403}:
        return TurnEnd.AUTH
    if status in TRANSIENT_STATUS or (not status and error.get("code") == _INTERNAL):
        return TurnEnd.TRANSIENT  # an inner failure of which nothing is told: the network as a rule
    return TurnEnd.PERMANENT


def _by_word(kind: str) -> TurnEnd:
    if kind in AUTH_WORDS:
        return TurnEnd.AUTH
    if kind in {"billing_error", "usage_limit_reached"}:
        return TurnEnd.LIMIT
    return TurnEnd.TRANSIENT if kind in TRANSIENT_WORDS else TurnEnd.PERMANENT


def _status(error: Object, data: Object) -> float:
    """Give the HTTP status behind an error, 0 if none is told."""
    code = number(error, "code")
    if 400 <= code < 600:
        return code
    begins = re.match(r"([45]\d\d)\b", word(data, "details"))
    return number(data, "status") or number(data, "statusCode") or (float(begins.group(1)) if begins else 0.0)


def _until(text: str, now: Callable[[], float]) -> float | None:
    found = _RESET.search(text)
    if not found:
        return None
    return now() + sum(float(amount) * _UNITS[unit] for amount, unit in re.findall(r"(\d+(?:\.\d+)?)([dhms])", found.group(1)))


class Bill:
    """Makes differences of totals, and counts each token once however it is told."""

    def __init__(self, *, resumed: bool) -> None:
        """Begin with nothing told; what a resumed conversation has cost before is told when it opens, or not known."""
        self._cost = self._paid = None if resumed else 0.0
        self._counted_by_call = False

    def update(self, told: schema.UsageUpdate, *, is_new: bool) -> None:
        """Note what the conversation has cost in total."""
        if told.cost is None or told.cost.currency != "USD":
            return
        self._cost = told.cost.amount
        if not is_new or self._paid is None:
            self._paid = told.cost.amount

    def call(self, told: Object) -> list[Said]:
        """Give what a single request consumed, of agents that tell each."""
        self._counted_by_call = self._counted_by_call or bool(told)
        return _some(_tokens(told, None))

    def turn(self, response: schema.PromptResponse) -> list[Said]:
        """Give what a turn consumed."""
        money = None if self._cost is None or self._paid is None else max(0.0, self._cost - self._paid)
        self._paid = self._cost
        if self._counted_by_call:
            return _some(Usage(money=money))
        if response.usage is not None:
            return _some(_tokens(response.usage.model_dump(by_alias=True), money))
        return _some(_tokens(inner(_quota(response), "token_count"), money))


def is_empty(response: schema.PromptResponse) -> bool:
    """Tell that the agent keeps account of its turns and no answer came in this one: its model was out of reach."""
    quota = _quota(response)
    if response.usage is not None or "token_count" not in quota:
        return False
    counts = inner(quota, "token_count")
    return not any(number(counts, key) for key in counts)


def _quota(response: schema.PromptResponse) -> Object:
    return inner(response.field_meta or {}, "quota")


def _tokens(told: Object, money: float | None) -> Usage:
    """Read counts; whether those from the cache are among the input is seen by the total."""
    fresh, output = (number(told, key) or number(told, other) for key, other in _COUNTS)
    cached, written, total = number(told, "cachedReadTokens"), number(told, "cachedWriteTokens"), number(told, "totalTokens")
    if total and fresh + output + cached > total:
        fresh = max(0.0, fresh - cached)
    return Usage(fresh=int(fresh + written), cached=int(cached), output=int(output), money=money or None)


_COUNTS = (("inputTokens", "input_tokens"), ("outputTokens", "output_tokens"))


def _some(usage: Usage) -> list[Said]:
    return [usage] if usage.fresh or usage.cached or usage.output or usage.money else []
