"""How a turn of Claude Code ended and what it consumed, from its `result` line and the structured lines before it.

Judged by `is_error`, `api_error`, `api_error_status`, `terminal_reason` and the error word of the last message; never by
`subtype`, which says "success" of a turn that failed, and never by text.
"""

from orchestrator.adapters.jsonlines import Object, inner, number, rows, word
from orchestrator.messages import Said, Turned, TurnEnd, Usage

AUTH_WORDS = frozenset(
    {"authentication_failed", "oauth_org_not_allowed", "account_on_hold", "verification_required", "cloud_credential_error"}
)
TRANSIENT_WORDS = frozenset({"rate_limit", "overloaded", "server_error", "unknown"})
#: HTTP statuses of requests that may succeed when they are repeated; 529: overloaded.
TRANSIENT_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_REASON = 500
_MESSAGES = 10_000


class Turns:
    """Follows one conversation from turn to turn."""

    def __init__(self, *, resumed: bool) -> None:
        """Begin with nothing reported; what a resumed conversation has cost before is not known."""
        self.error = ""  #: word of the error that the last message of the model stands for
        self.asked: set[str] = set()  #: uses of tools that would change something and were asked for, in this turn
        self._messages: dict[str, Usage] = {}  #: of this turn, by their names; a message comes in several lines
        self._until: float | None = None
        self._spent: float | None = None if resumed else 0.0

    def limits(self, told: Object) -> None:
        """Note the latest word on the account's limit."""
        until = number(told, "resetsAt")
        self._until = until if told.get("status") == "rejected" and until else None

    def heard(self, message: Object) -> None:
        """Note what a message consumed, in case that the turn comes to no result."""
        usage = _of_turn(inner(message, "usage"), None)
        if usage and len(self._messages) < _MESSAGES:
            self._messages[word(message, "id")] = usage

    def broken_off(self) -> list[Said]:
        """Give what a turn without a result consumed as far as it was told; no later result tells of it."""
        messages = self._messages.values()
        self._messages = {}
        fresh, cached = sum(one.fresh for one in messages), sum(one.cached for one in messages)
        output = sum(one.output for one in messages)
        return [Usage(fresh=fresh, cached=cached, output=output)] if fresh or cached or output else []

    def end(self, result: Object) -> list[Said]:
        """Give what a turn consumed and how it ended, and begin the next."""
        usage = self._usage(result)
        turned = self._turned(result)
        self.asked.clear()
        self._messages.clear()
        self.error = ""
        return [usage, turned] if usage else [turned]

    def _turned(self, result: Object) -> Turned:
        outcome, reason = self._outcome(result)
        until = self._until if outcome is TurnEnd.LIMIT else None
        queued = int(number(result, "queued_turn_count"))
        return Turned(outcome=outcome, reason=reason[:_LONGEST_REASON], until=until, queued=queued)

    def _outcome(self, result: Object) -> tuple[TurnEnd, str]:
        if str(result.get("terminal_reason")).startswith("aborted"):
            return TurnEnd.INTERRUPTED, "interrupted"
        if result.get("is_error") is not False:
            return self._failure(result), _reason(result)
        refused = _denials(result)
        if refused and self.asked <= refused.keys():
            return TurnEnd.REFUSED, f"refused: {', '.join(refused.values())}"
        return TurnEnd.DONE, _reason(result)

    def _failure(self, result: Object) -> TurnEnd:
        status = number(result, "api_error_status")
        if result.get("api_error") == "usage_limit_reached" or self.error == "billing_error":
            return TurnEnd.LIMIT
        if status in {401, 403} or self.error in AUTH_WORDS:
            return TurnEnd.AUTH
        if status in TRANSIENT_STATUS:
            return TurnEnd.TRANSIENT
        if not status and self.error in TRANSIENT_WORDS:
            return TurnEnd.TRANSIENT  # no answer at all: refused, cut, silent for too long
        return TurnEnd.PERMANENT

    def _usage(self, result: Object) -> Usage | None:
        """Give what was consumed since the last result; older versions tell it of the turn, and the money in total."""
        before = self._spent
        if "total_cost_usd" in result:
            self._spent = number(result, "total_cost_usd")
        if "model_usage_since_last_result" not in result:
            known = self._spent is not None and before is not None
            money = max(0.0, (self._spent or 0.0) - (before or 0.0)) if known else None
            return _of_turn(inner(result, "usage"), money)
        models = [model for model in inner(result, "model_usage_since_last_result").values() if isinstance(model, dict)]
        return _some(
            Usage(
                fresh=int(_sum(models, "inputTokens") + _sum(models, "cacheCreationInputTokens")),
                cached=int(_sum(models, "cacheReadInputTokens")),
                output=int(_sum(models, "outputTokens")),
                money=_sum(models, "costUSD"),
            )
        )


def _of_turn(told: Object, money: float | None) -> Usage | None:
    fresh, written = number(told, "input_tokens"), number(told, "cache_creation_input_tokens")
    cached, output = number(told, "cache_read_input_tokens"), number(told, "output_tokens")
    return _some(Usage(fresh=int(fresh + written), cached=int(cached), output=int(output), money=money))


def _some(usage: Usage) -> Usage | None:
    return usage if usage.fresh or usage.cached or usage.output or usage.money else None


def _denials(result: Object) -> dict[str, str]:
    """Give the refused uses of tools, each with the words for it."""
    return {word(row, "tool_use_id"): _use(row) for row in rows(result, "permission_denials")}


def _use(row: Object) -> str:
    told = inner(row, "tool_input")
    on = next(filter(None, (word(told, key) for key in ("file_path", "notebook_path", "command"))), "")
    return f"{word(row, 'tool_name')} {on}".strip()


def _reason(result: Object) -> str:
    """Give the words of the result, for people only."""
    errors = result.get("errors")
    listed = [error for error in errors if isinstance(error, str)] if isinstance(errors, list) else []
    return word(result, "result") or "; ".join(listed) or word(result, "subtype")


def _sum(models: list[Object], key: str) -> float:
    return sum(number(model, key) for model in models)
