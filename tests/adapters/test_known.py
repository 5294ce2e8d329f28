"""The table of programs that squad knows."""

import re
from pathlib import Path

import pytest

from orchestrator.adapters.command import CommandAdapter
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.doctor.examine import adapter_of
from orchestrator.text.versions import UNTRIED

PROGRAMS = pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)


@PROGRAMS
def test_the_version_that_squad_was_tried_with_lies_in_its_range(known: Known) -> None:
    assert known.works.holds(known.seen)
    assert known.untried(known.seen) == ""
    assert known.sign_in


@PROGRAMS
def test_an_older_and_a_newer_version_are_warned_of_with_the_command_that_installs_a_tried_one(known: Known) -> None:
    older, newer = known.untried("0.0.1"), known.untried("999.0")

    assert older.startswith(f"{known.name} 0.0.1 is older than the range known to work, {known.works}: {UNTRIED}")
    assert newer.startswith(f"{known.name} 999.0 is newer")
    assert known.seen in older
    assert known.install in newer


@PROGRAMS
def test_what_tells_no_version_is_not_warned_of(known: Known) -> None:
    assert [known.untried(odd) for odd in ("", "dev", "0-fake", "\0")] == [""] * 4


@PROGRAMS
def test_every_program_can_be_started(known: Known) -> None:
    assert isinstance(adapter_of(known, ""), CommandAdapter) == bool(known.headless)
    assert known.install in (adapter_of(known, "").missing("/nowhere") or "")


def test_the_page_on_limits_says_what_each_program_tells() -> None:
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \| (tokens.*) \|$", page, re.MULTILINE)

    said = {name: set(told.split(" and ")) for names, told in rows for name in names.split(", ")}

    assert said == {name: known.tells for name, known in KNOWN.items() if known.tells}
