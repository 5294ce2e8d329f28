"""The client's side of the socket; standard library only, and nothing that takes time to load.

The sockets are those below the module `socket`, which takes a third of the time of a call to load.
"""

import json
import select
from _socket import AF_UNIX, SOCK_STREAM, socket
from collections.abc import Callable, Mapping

from orchestrator.control.protocol import INVALID_REQUEST, LONGEST, Rejected, request
from orchestrator.control.wording import ANSWER

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
) -> tuple[socket, object]:
    """Ask, wait for the answer, and leave the connection open, for what lasts as long as it does.

    An answer that does not come at once is worth a word: then `slow` is called, once.

    Raises:
        Rejected, Unreachable: As with `call`.
    """
    asked = request(1, method, params)
    if len(asked) > LONGEST:
        raise Rejected(f"too long: a request has at most {LONGEST} bytes", code=INVALID_REQUEST)
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
        _send(connection, asked)
        if slow is not None and not select.select([connection], [], [], _AT_ONCE)[0]:
            slow()
        return connection, _result(_line(connection), path)
    except OSError as error:
        connection.close()
        raise _unreachable(path, error) from error
    except BaseException:
        connection.close()
        raise


def ask_again(connection: socket, path: str, method: str, params: Mapping[str, object]) -> object:
    """Ask once more over a connection that was left open, and wait as long as it takes; raises as `call` does."""
    try:
        connection.settimeout(None)
        connection.sendall(request(2, method, params))
        return _result(_line(connection), path)
    except OSError as error:
        raise _unreachable(path, error) from error


class Asked:
    """A request whose answer is waited for beside others; to close it is to ask no more."""

    def __init__(self, path: str, method: str, params: Mapping[str, object]) -> None:
        """Send it; raises as `call` does."""
        asked = request(1, method, params)
        if len(asked) > LONGEST:
            raise Rejected(f"too long: a request has at most {LONGEST} bytes", code=INVALID_REQUEST)
        self._path = path
        self._line = b""
        self._connection = socket(AF_UNIX, SOCK_STREAM)
        try:
            self._connection.settimeout(ANSWER)
            self._connection.connect(path)
            self._connection.sendall(asked)
            self._connection.setblocking(False)
        except OSError as error:
            self.close()
            raise _unreachable(path, error) from error

    def fileno(self) -> int:
        """Give what becomes readable when something of the answer is there."""
        return self._connection.fileno()

    def answer(self) -> tuple[object] | None:
        """Give the answer, or None if it is not there yet; raises as `call` does."""
        try:
            while more := self._connection.recv(65536):
                self._line += more
                if self._line.endswith(b"\n"):
                    return (_result(self._line, self._path),)
        except BlockingIOError:
            return None
        except OSError as error:
            raise _unreachable(self._path, error) from error
        raise Unreachable(f"the supervisor closed the connection on {self._path}")

    def close(self) -> None:
        """Ask no more: what waits is withdrawn."""
        self._connection.close()


def _send(connection: socket, asked: bytes) -> None:
    """Send a request; whoever hangs up without having heard it has said why, and that is still to be read."""
    try:
        connection.sendall(asked)
    except BrokenPipeError:
        return


def _line(connection: socket) -> bytes:
    """Read up to the end of a line, or of the connection."""
    line = b""
    while not line.endswith(b"\n") and (more := connection.recv(65536)):
        line += more
    return line


def _unreachable(path: str, error: OSError) -> Unreachable:
    reason = error.strerror or str(error) or type(error).__name__
    return Unreachable(f"no supervisor answers on {path}: {reason}")


def _result(line: bytes, path: str) -> object:
    if not line.endswith(b"\n"):
        raise Unreachable(f"the supervisor closed the connection on {path}")
    try:
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise Rejected(str(error["message"]), code=int(error["code"]), data=error.get("data"))
        return answer["result"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreachable(f"what answers on {path} is no supervisor of squad") from error
