"""The client's side of the socket; standard library only, and nothing that takes time to load."""

import json
import select
import socket
from collections.abc import Callable, Mapping

from orchestrator.control.protocol import INVALID_REQUEST, LONGEST, Rejected, request

_AT_ONCE = 0.5  #: seconds


class Unreachable(Exception):
    """Nobody answers on the socket."""


def call(path: str, method: str, params: Mapping[str, object], *, timeout: float | None = 10.0) -> object:
    """Ask and wait for the answer.

    Args:
        path: The socket.
        method: One of the table in `protocol`.
        params: Its parameters; an agent's `token` among them.
        timeout: Seconds to wait for the answer; None: as long as it takes.

    Raises:
        Rejected: The supervisor refuses.
        Unreachable: Nobody listens, or the connection broke.
    """
    connection, answer = ask(path, method, params, timeout=timeout)
    connection.close()
    return answer


def ask(
    path: str, method: str, params: Mapping[str, object], *, timeout: float | None, slow: Callable[[], None] | None = None
) -> tuple[socket.socket, object]:
    """Ask, wait for the answer, and leave the connection open, for what lasts as long as it does.

    An answer that does not come at once is worth a word: then `slow` is called, once.

    Raises:
        Rejected, Unreachable: As with `call`.
    """
    asked = request(1, method, params)
    if len(asked) > LONGEST:
        raise Rejected(f"too long: a request has at most {LONGEST} bytes", code=INVALID_REQUEST)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(asked)
        if slow is not None and not select.select([connection], [], [], _AT_ONCE)[0]:
            slow()
        with connection.makefile("rb") as answers:
            line = answers.readline()
        return connection, _result(line, path)
    except OSError as error:
        connection.close()
        reason = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"no supervisor answers on {path}: {reason}") from error
    except BaseException:
        connection.close()
        raise


def _result(line: bytes, path: str) -> object:
    if not line.endswith(b"\n"):
        raise Unreachable(f"the supervisor closed the connection on {path}")
    try:
        answer = json.loads(line)
        if "error" in answer:
            raise Rejected(str(answer["error"]["message"]), code=int(answer["error"]["code"]))
        return answer["result"]
    except (ValueError, TypeError, KeyError) as error:
        raise Unreachable(f"what answers on {path} is no supervisor of squad") from error
