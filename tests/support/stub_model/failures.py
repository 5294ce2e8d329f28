"""Failures in the words of each interface.

Bodies and headers follow the public descriptions of the interfaces; what a client makes of them is what tests look at.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.stub_model.asked import Interface
from tests.support.stub_model.plan import Fail, Limit

_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
_OPENAI = {
    400: "invalid_request_error",
    401: "invalid_api_key",
    429: "rate_limit_exceeded",
    500: "server_error",
    529: "server_is_overloaded",
}
_GEMINI = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 529: "UNAVAILABLE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An HTTP answer that is none."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def failure(interface: Interface, step: Fail | Limit) -> Failure:
    """Put a failing step into an interface's words."""
    if isinstance(step, Limit):
        return _limit(interface, step)
    headers = {} if step.retry_after is None else {"retry-after": str(step.retry_after)}
    message = step.message or f"the stub fails with {step.status}"
    return Failure(status=step.status, headers=headers, body=_body(interface, step.status, message))


def _body(interface: Interface, status: int, message: str) -> Mapping[str, Any]:
    match interface:
        case Interface.MESSAGES:
            return {"type": "error", "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": message}}
        case Interface.GEMINI:
            return {"error": {"code": status, "message": message, "status": _GEMINI.get(status, "UNKNOWN")}}
        case _:
            word = _OPENAI.get(status, "server_error")
            return {"error": {"message": message, "type": word, "code": word, "param": None}}


def _limit(interface: Interface, step: Limit) -> Failure:
    seconds = max(1, round(step.until - time.time()))
    headers = {"retry-after": str(seconds)}
    match interface:
        case Interface.MESSAGES:
            headers |= {
                "anthropic-ratelimit-unified-status": "rejected",
                "anthropic-ratelimit-unified-reset": str(round(step.until)),
                "anthropic-ratelimit-unified-representative-claim": "five_hour",
                "x-should-retry": "false",
            }
            body = _body(interface, 429, "This request would exceed your account's usage limit. Try again later.")
        case Interface.GEMINI:
            quota = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}
            details = [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [quota]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"},
            ]
            body = {"error": {**_body(interface, 429, "the daily quota is used up")["error"], "details": details}}
        case _:
            headers |= {
                "x-codex-primary-used-percent": "100",
                "x-codex-primary-window-minutes": "300",
                "x-codex-primary-reset-at": str(round(step.until)),
            }
            word = "usage_limit_reached"
            told = {"message": "The usage limit has been reached", "type": word, "code": word, "resets_at": round(step.until)}
            body = {"error": {**told, "resets_in_seconds": seconds}}
    return Failure(status=429, headers=headers, body=body)
