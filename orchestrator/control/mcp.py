"""squad's requests as a server of the Model Context Protocol over stdin and stdout.

Every agent starts a copy, so it is one thread of the standard library. Nothing but messages is ever written; a call that
waits holds no other up; what nobody waits for any more, cancelled or at the end of stdin, is withdrawn at the supervisor.
Spoken are the versions that begin with a handshake, and the one in which each request names its version.
"""

import json
from collections.abc import Callable, Mapping
from typing import Protocol

from orchestrator.control import tools
from orchestrator.control.client import Unreachable
from orchestrator.control.protocol import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, PENDING, Rejected
from orchestrator.control.wording import ANSWER, told
from orchestrator.refusals import by_tools

HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")  #: versions that begin with `initialize`
STATELESS = ("2026-07-28",)  #: versions that each request names
_BATCHES = "2025-03-26"  #: the only version that has them
_UNSUPPORTED = -32022
_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_INFO_KEY = "io.modelcontextprotocol/serverInfo"
_SERVER = {"capabilities": {"tools": {}}, "instructions": tools.INSTRUCTIONS}
_FIRST, _EACH = 1.0, 10.0  #: seconds until a wait is told of, and from then on
_CACHE = {"ttlMs": 3600000, "cacheScope": "private"}

Message = dict[str, object]


class Pending(Protocol):
    """A request at the supervisor."""

    def fileno(self) -> int:
        """Give what becomes readable with the answer."""

    def answer(self) -> tuple[object] | None:
        """Give the answer if it is there; raises Rejected or Unreachable."""

    def close(self) -> None:
        """Withdraw it."""


#: Asks the supervisor; raises Rejected or Unreachable.
Ask = Callable[[str, dict[str, object]], Pending]


class _Group:
    """The answers that leave in one line: of a batch, or of a single request."""

    def __init__(self, *, is_batch: bool) -> None:
        self.is_batch = is_batch
        self.answers: list[Message] = []
        self.open = 0


class _Call:
    """A call of a tool that is under way."""

    def __init__(self, number: object, group: _Group, method: str, pending: Pending) -> None:
        self.number = number
        self.group = group
        self.method = method
        self.pending = pending
        self.token: object = None  #: of the progress that the client wants to hear of
        self.since = self.due = self.until = 0.0
        self.may_wait = False
        self.is_stateless = False


class Server:
    """The protocol: lines in, messages out; it waits for nothing itself."""

    def __init__(self, ask: Ask, *, version: str, now: Callable[[], float]) -> None:
        """Begin before the first line; `version` is squad's own."""
        self._ask = ask
        self._version = version
        self._now = now
        self._spoken = ""  #: version of the protocol; empty before the handshake
        self._calls: dict[object, _Call] = {}
        self._freed: list[object] = []  #: answers of a batch that only waited for a call that was cancelled

    def pending(self) -> list[Pending]:
        """Give what is asked of the supervisor."""
        return [call.pending for call in self._calls.values()]

    @property
    def is_due_an_answer(self) -> bool:
        """Tell whether a call is under way that the supervisor answers without waiting for anybody."""
        return any(not call.may_wait for call in self._calls.values())

    def next_due(self) -> float | None:
        """Give the time at which something is to be told or given up."""
        calls = self._calls.values()
        return min((call.until if call.token is None else min(call.due, call.until) for call in calls), default=None)

    def take(self, line: bytes) -> list[object]:
        """Take a line in; give what is answered at once."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return [_error(None, PARSE_ERROR, "expected a line of JSON")]
        if not isinstance(message, list):
            return self._take_all([message], _Group(is_batch=False))
        if self._spoken != _BATCHES or not message:
            return [_error(None, INVALID_REQUEST, "expected one message a line")]
        return self._take_all(message, _Group(is_batch=True))

    def answered(self) -> list[object]:
        """Give the answers that the supervisor has given since, and what is told of those that wait."""
        said: list[object] = []
        for call in list(self._calls.values()):
            if (result := self._result(call)) is not None:
                del self._calls[call.number]
                call.pending.close()
                call.group.open -= 1
                call.group.answers.append(_answer(call.number, result))
                said += _complete(call.group)
            elif call.token is not None and self._now() >= call.due:
                call.due = self._now() + _EACH
                said.append(self._progress(call))
        return said

    def end(self) -> None:
        """Withdraw everything."""
        for call in self._calls.values():
            call.pending.close()
        self._calls.clear()

    def _take_all(self, messages: list[object], group: _Group) -> list[object]:
        for message in messages:
            answer = self._take_one(message, group)
            if answer is not None:
                group.answers.append(answer)
        freed, self._freed = self._freed, []
        return [*freed, *_complete(group)]

    def _take_one(self, message: object, group: _Group) -> Message | None:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return _error(None, INVALID_REQUEST, "expected a message of JSON-RPC 2.0")
        method, number = message.get("method"), message.get("id")
        if not isinstance(method, str):
            is_answer = "result" in message or "error" in message  # to a question that was never asked
            return None if is_answer else _error(None, INVALID_REQUEST, "expected a method")
        params = message.get("params")
        given = params if isinstance(params, dict) else {}
        if "id" not in message:
            self._heed(method, given, group)
            return None
        if not isinstance(number, str | int) or isinstance(number, bool):
            return _error(None, INVALID_REQUEST, "expected an id that is a text or a number")
        if number in self._calls:
            return _error(number, INVALID_REQUEST, "this id is in use")
        return self._request(number, method, given, group)

    def _heed(self, method: str, params: Mapping[str, object], group: _Group) -> None:
        """Take a notification in; only the end of a wait matters."""
        number = params.get("requestId")
        if method != "notifications/cancelled" or not isinstance(number, str | int) or number not in self._calls:
            return
        call = self._calls.pop(number)
        call.group.open -= 1
        self._give_back(call)
        call.pending.close()
        if call.group is not group:
            self._freed += _complete(call.group)

    def _give_back(self, call: _Call) -> None:
        """Unlock what was handed over in the very moment in which nobody waited for it any more."""
        try:
            got = call.pending.answer()
            lent = got[0] if got else None
            if call.method == "lock" and isinstance(lent, dict) and lent.get("waited_s"):
                self._ask("unlock", {"path": lent["path"], "fence": lent["fence"]})
        except (Rejected, Unreachable):
            pass

    def _request(self, number: object, method: str, params: Mapping[str, object], group: _Group) -> Message | None:
        meta = params.get("_meta")
        named = meta.get(_VERSION_KEY) if isinstance(meta, dict) else None
        if named is not None and named not in STATELESS:
            supported = {"supported": [*HANDSHAKE, *STATELESS], "requested": named}
            return _error(number, _UNSUPPORTED, "unsupported protocol version", supported)
        if method == "initialize" and not group.is_batch:
            return _answer(number, self._initialize(params))
        if method == "ping" and named is None:
            return _answer(number, {})
        if named is None and not self._spoken:
            return _error(number, INVALID_REQUEST, "expected initialize first")
        if method == "server/discover" and named is not None:
            info = {"_meta": {_INFO_KEY: self._info()}, "supportedVersions": [*STATELESS], "resultType": "complete"}
            return _answer(number, {**_SERVER, **info, **_CACHE})
        if method == "tools/list":
            more = {"resultType": "complete", **_CACHE} if named is not None else {}
            return _answer(number, {"tools": tools.listed(), **more})
        if method == "tools/call":
            return self._call(number, params, group, is_stateless=named is not None)
        return _error(number, METHOD_NOT_FOUND, f"unknown method {method!r}")

    def _info(self) -> Message:
        return {"name": "squad", "version": self._version}

    def _initialize(self, params: Mapping[str, object]) -> Message:
        wanted = params.get("protocolVersion")
        self._spoken = wanted if isinstance(wanted, str) and wanted in HANDSHAKE else HANDSHAKE[-1]
        return {"protocolVersion": self._spoken, "serverInfo": self._info(), **_SERVER}

    def _call(self, number: object, params: Mapping[str, object], group: _Group, *, is_stateless: bool) -> Message | None:
        name, given = params.get("name"), params.get("arguments")
        if not tools.is_known(name):
            return _error(number, INVALID_PARAMS, f"unknown tool {name!r}")
        if given is not None and not isinstance(given, dict):
            return _error(number, INVALID_PARAMS, "expected arguments as an object")
        if len(self._calls) >= PENDING:
            return _answer(number, _refused(f"more than {PENDING} calls wait for an answer", is_stateless=is_stateless))
        try:
            method, asked = tools.request(str(name), given or {})
            call = _Call(number, group, method, self._ask(method, asked))
        except (tools.Wrong, Rejected, Unreachable) as error:
            return _answer(number, _refused(error, is_stateless=is_stateless))
        meta, wait = params.get("_meta"), asked.get("wait")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        call.token = token if isinstance(token, str | int) and isinstance(wait, float) else None
        call.since, call.is_stateless, call.may_wait = self._now(), is_stateless, isinstance(wait, float)
        call.due, call.until = call.since + _FIRST, call.since + ANSWER + (wait if isinstance(wait, float) else 0.0)
        self._calls[number] = call
        group.open += 1
        return None

    def _result(self, call: _Call) -> Message | None:
        """Give the result of a call; None if it is still to come."""
        try:
            got = call.pending.answer()
        except (Rejected, Unreachable) as error:
            return _refused(error, is_stateless=call.is_stateless)
        if got is None:
            is_late = self._now() >= call.until
            return _refused("the supervisor has not answered", is_stateless=call.is_stateless) if is_late else None
        answer = got[0] if isinstance(got[0], dict) else {"answer": got[0]}
        return _content(told(call.method, answer), answer, is_stateless=call.is_stateless)

    def _progress(self, call: _Call) -> Message:
        waited = round(self._now() - call.since)
        total = round(call.until - ANSWER - call.since)
        params = {"progressToken": call.token, "progress": waited, "total": total, "message": f"still waiting, of {total} s"}
        return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def _complete(group: _Group) -> list[object]:
    """Give the answers of a line that is answered as a whole."""
    if group.open or not group.answers:
        return []
    answers, group.answers = group.answers, []
    return [answers] if group.is_batch else [*answers]


def _refused(error: Exception | str, *, is_stateless: bool) -> Message:
    data = error.data if isinstance(error, Rejected) and isinstance(error.data, dict) else {}
    text = by_tools(data) or str(error)
    return {**_content(text, data or {"reason": text}, is_stateless=is_stateless), "isError": True}


def _content(text: str, structured: Message, *, is_stateless: bool) -> Message:
    more = {"resultType": "complete"} if is_stateless else {}
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, **more}


def _answer(number: object, result: object) -> Message:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: object, code: int, message: str, data: object = None) -> Message:
    more = {} if data is None else {"data": data}
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message, **more}}
