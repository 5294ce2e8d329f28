"""The client's side of the socket: an answer, a refusal, or a reason why there is none."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.control import client
from orchestrator.control.client import Unreachable, call
from orchestrator.control.protocol import LONGEST, Rejected

Respond = Callable[[bytes], bytes | None]


def listening(path: Path, respond: Respond) -> None:
    """Answer one request on a socket; None hangs up."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        with server, server.accept()[0] as connection:
            answer = respond(connection.makefile("rb").readline())
            if answer is not None:
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()


def ask(place: Path, **params: object) -> object:
    return call(str(place), "lock", params, timeout=20)


def test_an_answer_is_given(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def respond(line: bytes) -> bytes:
        asked.append(line)
        return b'{"jsonrpc":"2.0","id":1,"result":{"path":"a"}}\n'

    listening(tmp_path / "s", respond)

    assert ask(tmp_path / "s", path="a") == {"path": "a"}
    assert asked == [b'{"jsonrpc":"2.0","id":1,"method":"lock","params":{"path":"a"}}\n']


def test_a_refusal_is_raised_with_its_reason_and_code(tmp_path: Path) -> None:
    listening(tmp_path / "s", lambda _: b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}\n')

    with pytest.raises(Rejected, match="no") as caught:
        ask(tmp_path / "s")
    assert caught.value.code == -32000


def test_a_missing_socket_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"no supervisor answers on .*/s: No such file"):
        ask(tmp_path / "s")


def test_a_socket_that_nobody_listens_on_is_told(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "s"))
    left.close()

    with pytest.raises(Unreachable, match="refused"):
        ask(tmp_path / "s")


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="too long"):
        ask(tmp_path / ("s" * 200))


@pytest.mark.parametrize("answer", [None, b"", b'{"jsonrpc":"2.0","id":1,"resu'])
def test_a_supervisor_that_hangs_up_is_told(tmp_path: Path, answer: bytes | None) -> None:
    listening(tmp_path / "s", lambda _: answer)

    with pytest.raises(Unreachable, match="closed the connection"):
        ask(tmp_path / "s")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400\n", b"[]\n", b"{}\n", b'{"error":5}\n', b"\xff\n", b"null\n"])
def test_a_stranger_on_the_socket_is_told(tmp_path: Path, answer: bytes) -> None:
    listening(tmp_path / "s", lambda _: answer)

    with pytest.raises(Unreachable, match="no supervisor of squad"):
        ask(tmp_path / "s")


def test_a_supervisor_that_hangs_up_before_it_is_asked_is_still_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    server.listen()

    class HungUpOn(socket.socket):
        def connect(self, place: object) -> None:
            super().connect(str(place))
            with server, server.accept()[0] as connection:
                connection.sendall(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"one too many"}}\n')

    monkeypatch.setattr(client, "socket", HungUpOn)

    with pytest.raises(Rejected, match="one too many"):
        ask(tmp_path / "s")


def test_what_is_too_long_for_a_request_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="too long"):
        ask(tmp_path / "nobody", note="x" * LONGEST)
