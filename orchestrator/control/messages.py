"""Messages on the socket, read and answered by the rules of JSON-RPC 2.0; nothing is trusted.

A message that is as it should be is read in one step; only what is not is looked at by its parts, to say what is wrong.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from orchestrator.control import protocol
from orchestrator.control.protocol import Rejected

_ABOVE = 2**63  #: more than any whole number that an id can be
_PLAIN = (str, float)  #: what an id can be besides a whole number
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=1 - _ABOVE, le=_ABOVE - 1)]


class Request(msgspec.Struct):
    """A request, or without an id something that is only said."""

    jsonrpc: Literal["2.0"]
    method: str
    params: dict[str, object] = {}
    id: str | Whole | float | msgspec.UnsetType | None = msgspec.UNSET


class Fault(msgspec.Struct):
    """A message that is no request."""

    answer: dict[str, object]


class Result(msgspec.Struct):
    """The answer to a request."""

    id: object
    result: object
    jsonrpc: Literal["2.0"] = "2.0"


_request = msgspec.json.Decoder(Request).decode


def read(line: bytes) -> Request | Fault | list[object]:
    """Read a line: a message, or several as they came.

    Raises:
        ValueError, RecursionError: It is no JSON.
    """
    try:
        return _request(line)
    except (ValueError, RecursionError):
        message = _decode(line)
    return message if isinstance(message, list) and message else request_of(message)


def request_of(message: object) -> Request | Fault:
    """Read one message that came with others."""
    if (wrong := _wrong(message)) or not isinstance(message, dict):
        return Fault(protocol.error(_number(message), protocol.INVALID_REQUEST, wrong))
    return Request("2.0", message["method"], message.get("params", {}), message.get("id", msgspec.UNSET))


def answer(request: Request, given: object) -> object:
    """Give the answer to a request, with what was found or why it was refused; None to what was only said."""
    if request.id is msgspec.UNSET:
        return None
    if isinstance(given, Rejected):
        return protocol.error(request.id, given.code, given.reason, given.data)
    return Result(request.id, given)


def line(message: object) -> bytes:
    """Write an answer as a line; names of files that are no UTF-8 are escaped."""
    try:
        return _encode(message) + b"\n"
    except UnicodeEncodeError:
        return protocol.line(msgspec.to_builtins(message))


def _wrong(message: object) -> str:
    """Say what makes a message no request; empty if it is one."""
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return "expected an object with jsonrpc, method, params and id"
    if message.get("jsonrpc") != "2.0":
        return 'expected "jsonrpc": "2.0"'
    return "" if "id" not in message or _number(message) == message["id"] else "expected an id that is a text or a number"


def _number(message: object) -> object:
    """Give the id of a message if it can be one."""
    number = message.get("id") if isinstance(message, dict) else None
    if isinstance(number, int):
        return number if not isinstance(number, bool) and -_ABOVE < number < _ABOVE else None
    return number if isinstance(number, _PLAIN) else None
