"""The client's side of the socket; standard library only, and nothing that takes time to load."""

import json
import socket
from collections.abc import Mapping

from orchestrator.control.protocol import INVALID_REQUEST, LONGEST, Rejected, request


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
    asked = request(1, method, params)
    if len(asked) > LONGEST:
        raise Rejected(f"too long: a request has at most {LONGEST} bytes", code=INVALID_REQUEST)
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(asked)
            with connection.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"no supervisor answers on {path}: {reason}") from error
    if not line.endswith(b"\n"):
        raise Unreachable(f"the supervisor closed the connection on {path}")
    return _result(line, path)


def _result(line: bytes, path: str) -> object:
    try:
        answer = json.loads(line)
        if "error" in answer:
            raise Rejected(str(answer["error"]["message"]), code=int(answer["error"]["code"]))
        return answer["result"]
    except (ValueError, TypeError, KeyError) as error:
        raise Unreachable(f"what answers on {path} is no supervisor of squad") from error
