"""Versions as programs say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.versions import Range, version_in

RANGE = Range(least="2.1.300", below="3")


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("2.1.330 (Claude Code)\n", "2.1.330"),
        ("codex-cli 0.169.0", "0.169.0"),
        ("@agentclientprotocol/codex-acp 2.6.0\n", "2.6.0"),
        ("0.61.0\n", "0.61.0"),
        ("aider v0.86.2\n", "0.86.2"),
        ("v1.18.33-beta.1+build", "1.18.33"),
        ("(node:7) Warning: 20.1.0 is old at http://127.0.0.1/x\nqwen 0.15.10\n", "0.15.10"),
        ("A new release 9.9.9 is there", "9.9.9"),
        ("Loading...\nWelcome to opencode, version 1.18.33", "1.18.33"),
        ("\x1b[32m1.2.3", "1.2.3"),
        ("1", ""),
        ("0-fake", ""),
        ("unknown option --version", ""),
        ("", ""),
        (".".join(["9" * 5000] * 3), ""),
        ("1.2." + "9" * 5000, ""),
    ],
)
def test_the_version_is_found_in_what_a_program_prints(printed: str, version: str) -> None:
    assert version_in(printed) == version


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("2.1.300", True),
        ("2.1.330", True),
        ("2.1.330.7", True),
        ("2.9", True),
        ("2.99999.0", True),
        ("2.1.299", False),
        ("2.1", False),
        ("3.0", False),
        ("3.0.0-beta", False),
        ("10.0.0", False),
        ("", None),
        ("newest", None),
    ],
)
def test_a_range_begins_with_its_least_and_ends_before_its_last(version: str, holds: bool | None) -> None:  # noqa: FBT001
    assert RANGE.holds(version) is holds


def test_a_range_is_written_as_people_write_it_and_tells_old_from_new() -> None:
    assert str(RANGE) == ">=2.1.300,<3"
    assert RANGE.is_past("3.1")
    assert not RANGE.is_past("2.0")
    assert not RANGE.is_past("?")


@given(st.text() | st.from_regex(r"[v0-9. \n@/-]{0,60}"))
def test_no_text_raises_and_what_is_found_stands_in_it(text: str) -> None:
    found = version_in(text)

    assert found in text or "\x1b" in text
    assert RANGE.holds(text) in ({None} if not found else {True, False})
