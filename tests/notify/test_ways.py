import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orchestrator.notify.ways import call, desktop_command, post, ring, show, terminal_of
from tests.support.programs import Programs

SECRET = "/services/T0/B0/very-secret"


class Hook(BaseHTTPRequestHandler):
    """Answers with what it was told to, in order; the last answer repeats."""

    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body)))
        self.send_response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Hook.answers, Hook.got = [200], []
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}{SECRET}"
        server.shutdown()
        thread.join()


def send(address: str, pauses: list[float] | None = None) -> str:
    return post(address, {"event": "finished"}, timeout=5, pause=(pauses if pauses is not None else []).append)


def test_a_webhook_gets_the_document(address: str) -> None:
    assert send(address) == ""
    assert Hook.got == [(SECRET, {"event": "finished"})]


def test_a_server_in_trouble_is_asked_again_after_a_pause_that_grows(address: str) -> None:
    Hook.answers, pauses = [500, 429, 204], list[float]()

    assert send(address, pauses) == ""
    assert len(Hook.got) == 3
    assert pauses == [1.0, 3.0]


def test_what_a_server_refuses_is_not_sent_again(address: str) -> None:
    Hook.answers = [403]

    assert send(address) == "HTTP 403"
    assert len(Hook.got) == 1


@pytest.mark.parametrize("odd", ["http://127.0.0.1:1", "http://127.0.0.1:x", "http://[", "http://no such\x7fhost"])
def test_an_address_that_cannot_be_reached_is_never_told(odd: str) -> None:
    said = send(odd + SECRET)

    assert said
    assert "secret" not in said


def test_after_three_times_it_is_given_up(address: str) -> None:
    Hook.answers = [503]

    assert send(address) == "HTTP 503, 3 times"
    assert len(Hook.got) == 3


def run(tmp_path: Path, program: str, *, timeout: float = 20.0) -> str:
    return call([sys.executable, "-c", program], b'{"a": 1}', cwd=tmp_path, log=tmp_path / "logs" / "log", timeout=timeout)


def test_a_command_reads_the_document_and_what_it_says_is_logged(tmp_path: Path) -> None:
    assert run(tmp_path, "import sys; print('heard', sys.stdin.read())") == ""
    assert (tmp_path / "logs" / "log").read_text(encoding="utf-8") == 'heard {"a": 1}\n'


def test_a_command_that_fails_hangs_does_not_read_or_is_not_there_is_told_of(tmp_path: Path) -> None:
    assert run(tmp_path, "raise SystemExit(3)").startswith("exit 3, see ")
    assert "ended after 0.5 s" in run(tmp_path, "import time; time.sleep(600)", timeout=0.5)
    assert (
        call(["/nowhere"], b"x", cwd=tmp_path, log=tmp_path / "log", timeout=1) == "cannot be started: No such file or directory"
    )
    assert call(["true"], b"x" * 10_000_000, cwd=tmp_path, log=tmp_path / "log", timeout=20) == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")

    assert terminal_of([io.StringIO()]) is None
    assert terminal_of([io.StringIO(), terminal]) is terminal
    monkeypatch.setenv("TERM", "dumb")
    assert terminal_of([terminal]) is None


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"TERM": "xterm-256color"}, "\a\x1b]9;squad: T1, parked\x07"),
        ({"TERM": "rxvt-unicode"}, "\a\x1b]777;notify;squad;T1, parked\x07"),
        ({"TERM": "xterm", "VTE_VERSION": "7000"}, "\a\x1b]777;notify;squad;T1, parked\x07"),
    ],
)
def test_a_terminal_gets_the_one_sequence_that_it_knows_and_text_cannot_leave_it(environment: dict[str, str], sent: str) -> None:
    terminal = Terminal()

    assert ring(terminal, "squad", "T1; \x1b\x07parked", environment=environment) == ""
    assert terminal.getvalue() == sent


def test_the_desktop_is_asked_where_there_is_one(tmp_path: Path) -> None:
    programs = Programs.only(tmp_path / "bin")
    programs.script("notify-send", f'printf "%s\\n" "$@" > {tmp_path}/shown')
    path = {"PATH": str(programs.folder)}

    assert desktop_command(path, platform="linux") == ()
    command = desktop_command({**path, "DISPLAY": ":0"}, platform="linux")
    assert show(command, "squad", "run is done", log=tmp_path / "log") == ""
    assert (tmp_path / "shown").read_text(encoding="utf-8").splitlines()[-2:] == ["squad", "run is done"]
    assert desktop_command(path, platform="darwin") == ()
