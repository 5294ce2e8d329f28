from pathlib import Path

import pytest

from orchestrator.cli.tail import attempts_of, follow_logs
from orchestrator.state import State
from orchestrator.text.spelling import AmbiguousName, NothingSo
from tests.support.builders import plan, planned, prepared, run_started, started, state_after, task


def state_of(log: Path) -> State:
    """Give a run with one attempt that writes to a log."""
    state = state_after(plan(planned(task("T1"))), run_started(), prepared(), started())
    state.attempts["T1.1"].log = str(log)
    return state


def shown(tmp_path: Path, *parts: bytes, raw: bool = False) -> None:
    """Follow a log that grows part by part and then ends."""
    log, rest = tmp_path / "T1.1.log", list(parts)

    def is_over() -> bool:
        with log.open("ab") as file:
            file.write(rest.pop(0))
        return not rest

    follow_logs(lambda: state_of(log), "T1", folder=log.parent, raw=raw, over=is_over, wait=lambda: None)


def test_what_is_cut_between_two_looks_is_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(tmp_path, "caf\u00e9 \u2713".encode()[:-1], b"\x93 \x1b[3", b"1mred\x1b[0m\nlast")

    assert capsys.readouterr().out == "==> T1.1 (agent-1)\ncaf\u00e9 \u2713 red\nlast\n"


def test_what_could_harm_a_terminal_is_taken_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(tmp_path, b"a\x1b]0;title\x07b\x00c\x1b[2Jd\re\nbad \xff byte\n\x1b]never ended\nstill here\n")

    said = capsys.readouterr().out
    assert "abcde\n" in said
    assert "still here\n" in said
    assert not set("\x1b\x00\r\x07") & set(said)


def test_what_is_seen_before_it_is_started_is_shown_from_then_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An attempt that was seen before its log was known was once never shown."""
    (tmp_path / "T1.1.log").write_bytes(b"here\n")
    states = [state_of(Path()), state_of(tmp_path / "T1.1.log")]
    states[0].attempts["T1.1"].log = ""

    follow_logs(lambda: states.pop(0), None, folder=tmp_path, raw=False, over=lambda: len(states) == 1, wait=lambda: None)

    assert capsys.readouterr().out == "==> T1.1 (agent-1)\nhere\n"


def test_raw_is_every_byte(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    parts = (b"\x1b[31m\x00\xff", b"\xc3", b"\xa9\r\n no end")

    shown(tmp_path, *parts, raw=True)

    assert capfdbinary.readouterr().out == b"".join(parts)


def test_a_line_that_never_ends_is_not_kept_for_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(tmp_path, b"x" * (3 << 20), b"y")

    assert capsys.readouterr().out.removeprefix("==> T1.1 (agent-1)\n").rstrip("\n") == "x" * (3 << 20) + "y"


def test_names_may_be_cut_short_where_only_one_fits() -> None:
    state = state_of(Path("log"))

    assert attempts_of(state, "agent-1") == attempts_of(state, "T1.1") == attempts_of(state, "T") == ["T1.1"]
    with pytest.raises(NothingSo, match="there is no agent, task or attempt 'agnet-1'\ndid you mean 'agent-1"):
        attempts_of(state, "agnet-1")
    with pytest.raises(AmbiguousName, match="'agent' may be any of agent-1"):
        attempts_of(state, "agent")
