"""What is left of a turn for people to read."""

from pathlib import Path

import pytest

from orchestrator.doctor.turn import last_words


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        (b"", ""),
        (b"hello\nDo you trust this folder?\n\n  \n", "Do you trust this folder?"),
        (b'hm\n{"type": "result", "session_id": "s", "terminal_reason": "completed"}\n', "hm"),
        (b'{"type": "assistant", "session_id": "s", "message": {"content": [{"type": "text", "text": "No."}]}}\n', "No."),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (b"first\n" + b"x" * 20_000, ""),
        (b"x" * 20_000 + b"\nlast\n", "last"),
    ],
)
def test_the_last_line_that_says_something_is_quoted_and_no_piece_of_one(tmp_path: Path, printed: bytes, last: str) -> None:
    log = tmp_path / "output.log"
    log.write_bytes(printed)

    assert last_words(log) == last


def test_a_program_that_printed_nothing_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none") == ""
