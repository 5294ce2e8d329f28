import pytest

from orchestrator.cli import screen
from orchestrator.cli.screen import Screen


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = [80, 24]
    monkeypatch.setattr(screen, "terminal_size", lambda: (now[0], now[1]))
    return now


def test_a_table_is_drawn_over_the_last_one(size: list[int]) -> None:
    drawn = Screen()
    drawn.frame(lambda *_: "one\ntwo\n")

    frame = drawn.frame(lambda *_: "three\n")

    assert "\r\x1b[2A" in frame
    assert "\x1b[Kthree\n\x1b[J" in frame


def test_what_has_not_changed_is_not_drawn_again(size: list[int]) -> None:
    drawn = Screen()
    drawn.frame(lambda *_: "one\n")

    assert drawn.frame(lambda *_: "one\n") == ""


def test_wrapping_is_off_only_while_the_table_is_drawn(size: list[int]) -> None:
    frame = Screen().frame(lambda *_: "one\n")

    assert frame.index("\x1b[?7l") < frame.index("one") < frame.index("\x1b[?7h")


def test_a_message_longer_than_a_line_is_not_cut(size: list[int]) -> None:
    drawn = Screen()
    drawn.say("x" * 200)

    frame = drawn.frame(lambda *_: "one\n")

    assert frame.index("x" * 200) < frame.index("\x1b[?7l")


@pytest.mark.parametrize("line", ["x" * 80, "漢" * 40, f"\x1b[32m{'x' * 80}\x1b[0m"])
def test_lines_that_a_narrower_terminal_has_broken_are_all_drawn_over(size: list[int], line: str) -> None:
    drawn = Screen()
    drawn.frame(lambda *_: f"{line}\nshort\n")
    size[0] = 40

    frame = drawn.frame(lambda *_: "new\n")

    assert "\r\x1b[3A\x1b[J" in frame


def test_the_cursor_never_goes_above_the_terminal(size: list[int]) -> None:
    drawn = Screen()
    drawn.frame(lambda *_: "x\n" * 23)
    size[1] = 10

    assert "\x1b[9A" in drawn.frame(lambda *_: "new\n")


def test_a_message_comes_in_the_tables_place_and_the_table_below_it(size: list[int]) -> None:
    drawn = Screen()
    drawn.frame(lambda *_: "one\ntwo\n")
    drawn.say("stopping")

    frame = drawn.frame(lambda *_: "one\ntwo\n")

    assert "\x1b[2A\x1b[Jstopping\n\x1b[?7l\x1b[Kone\n\x1b[Ktwo\n" in frame
