"""The client's side of the socket; standard library only, and nothing that takes time to load."""

import json
import socket
from collections.abc import Mapping

from orchestrator.control.protocol import Rejected, request


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
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(request(1, method, params))
            line = connection.makefile("rb").readline()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise Unreachable(f"no supervisor answers on {path}: {reason}") from error
    if not line:
        raise Unreachable(f"the supervisor closed the connection on {path}")
    answer = json.loads(line)
    if "error" in answer:
        raise Rejected(answer["error"]["message"], code=answer["error"]["code"])
    return answer["result"]
