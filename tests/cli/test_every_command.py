"""Every command in every situation: its exit code, a message with place, reason and way out, and nothing lost or changed.

The table stands in docs/exit-codes.md. Its commands are those of the parser: one without a row fails a test.
"""

import contextlib
import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import situations
from tests.support.calling import as_ordinary_user
from tests.support.here import Here, Said
from tests.support.parser import commands
from tests.support.situations import Places

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"
TABLE = PAGE.read_text(encoding="utf-8").partition("<!-- table: every command -->\n```\n")[2].partition("```")[0]
HEAD, *LINES = TABLE.strip("\n").splitlines()
COLUMNS = HEAD.split()


@dataclass(frozen=True, slots=True)
class Row:
    """One call of a command, and the exit code that it ends with in each situation."""

    call: tuple[str, ...]
    codes: dict[str, str]

    def of(self, column: str) -> int:
        return int(self.codes[column])


def _row(line: str) -> Row:
    words = shlex.split(line)
    return Row(tuple(words[: -len(COLUMNS)]), dict(zip(COLUMNS, words[-len(COLUMNS) :], strict=True)))


ROWS = [_row(line) for line in LINES]


def rows(column: str) -> list[Row]:
    return [row for row in ROWS if row.codes[column] != "-"]


def test_the_table_is_whole() -> None:
    assert {row.call[0] for row in ROWS} == set(commands())


# what is held of each


def require_right(row: Row, code: int, said: Said, as_json: Said | None, project: Path) -> None:
    """See to it that a call ended as it should, and that a refusal says where, why and what helps, to people and programs."""
    told = f"squad {' '.join(row.call)}: {said} {as_json}"
    assert said.code == code, told
    assert "Traceback" not in said.err, told
    if said.code and not (row.call[0] == "doctor" and said.out):
        message, _, way_out = said.err.rpartition("squad: ")[2].partition("\n")
        assert message, told
        assert way_out, told
        assert any(place in said.err for place in (str(project), "tasks-1", "other-1", *row.call[1:])), told
    if as_json is None:
        return
    assert as_json.code == said.code, told
    if row.call[0] == "events" and not said.code:
        assert [json.loads(line) for line in as_json.out.splitlines()], told
    elif as_json.out:  # a document; the code of `wait` and `doctor` is one thing that they tell
        assert isinstance(json.loads(as_json.out), dict), told
    else:
        error = as_json.error
        assert error["exit_code"] == said.code, told
        assert error["message"].partition("\n")[0] in said.err, told
        assert error["hint"] in said.err, told


def calls_of(row: Row, code: int, *, always: bool) -> list[list[str]]:
    """Give a call as it is, and with --json where that says something else than elsewhere."""
    as_json = [row.call[0], "--json", *row.call[1:]]
    return [list(row.call), as_json] if code or always else [list(row.call)]


def require_column(column: str, project: Path, *, first: Callable[[], None] = lambda: None) -> None:
    """Call every command in a project, and see to it that each ends as the table says and leaves no trace.

    `first` comes before all that is done there.
    """
    first()
    here, before = Here(project), situations.contents(project)
    for row in rows(column):
        code = row.of(column)
        answers = []
        for call in calls_of(row, code, always=column == "finished"):
            first()
            answers.append(here(*call))
        require_right(row, code, answers[0], answers[1] if answers[1:] else None, project)
        first()
        assert situations.contents(project) == before, f"squad {' '.join(row.call)} changed something"


def require_column_as_user(column: str, project: Path, **environment: str) -> None:
    """Do the same as an ordinary user, whose calls share a process."""
    before, wanted = situations.contents(project), rows(column)
    calls = [calls_of(row, row.of(column), always=False) for row in wanted]
    answers = iter(as_ordinary_user(project, [call for pair in calls for call in pair], environment))
    for row, pair in zip(wanted, calls, strict=True):
        said, as_json = next(answers), next(answers) if pair[1:] else None
        require_right(row, row.of(column), said, as_json, project)
    assert situations.contents(project) == before


@pytest.mark.parametrize("column", ["fresh", "finished", "dead"])
def test_where_nothing_was_done_where_all_is_done_and_where_the_supervisor_is_dead(around: Places, column: str) -> None:
    require_column(column, around.project(column))


def test_with_a_journal_of_a_newer_squad(around: Places) -> None:
    require_column("newer", situations.of_a_newer_squad(around.copy("newer", of="finished")))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a project to another user")
def test_as_another_user(around: Places, tmp_path: Path) -> None:
    project = situations.of_another_user(around.copy("other", of="finished"))
    trust = around.room / "trust"
    trust.write_text("[safe]\n\tdirectory = *\n", encoding="utf-8")

    require_column_as_user("other", project)
    require_column_as_user("trusted", project, GIT_CONFIG_GLOBAL=str(trust))


@pytest.mark.parametrize(("column", "of"), [("read", "finished"), ("read-dead", "dead")])
def test_with_a_journal_that_may_only_be_read(around: Places, column: str, of: str) -> None:
    require_column_as_user(column, situations.with_a_journal_that_is_read_only(around.copy(column, of=of)))


@pytest.fixture
def full(around: Places) -> Iterator[Callable[[str], Path]]:
    """Give copies of projects on small disks."""
    with contextlib.ExitStack() as disks:

        def make(of: str) -> Path:
            disk = around.room / f"disk-{of}"
            if not disks.enter_context(situations.small_disk(disk)):
                pytest.skip("mounting is not allowed here")
            return situations.copied(around.project(of), disk / "project")

        yield make


@pytest.mark.parametrize(("column", "of"), [("full", "fresh"), ("full-finished", "finished"), ("full-dead", "dead")])
def test_with_a_full_disk(full: Callable[[str], Path], column: str, of: str) -> None:
    project = full(of)

    require_column(column, project, first=lambda: situations.fill(project.parent))
