import inspect

import pytest

from orchestrator import errors
from orchestrator.errors import InputError, SquadError, Where

EXIT_CODES = {
    "SquadError": 1,
    "Refused": 1,
    "UsageError": 2,
    "InputError": 3,
    "PrdError": 3,
    "PlanError": 3,
    "ConfigError": 3,
    "RepositoryError": 3,
    "FolderError": 3,
    "JournalError": 3,
    "ToolMissing": 4,
    "NeedsYou": 6,
    "AlreadySupervised": 7,
}


def test_every_error_ends_with_the_exit_code_of_the_contract() -> None:
    found = {name: kind.exit_code for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SquadError)}

    assert found == EXIT_CODES


@pytest.mark.parametrize(
    ("where", "text"), [(Where("a.md"), "a.md"), (Where("a.md", 3), "a.md:3"), (Where("a.md", 3, 7), "a.md:3:7")]
)
def test_a_place_is_written_as_editors_understand_it(where: Where, text: str) -> None:
    assert str(where) == text


def test_an_error_says_where_what_and_what_helps() -> None:
    error = InputError("no task in it", where=Where("a.md", 3), hint="write a task:\n- Build it")

    assert str(error) == "a.md:3: no task in it\nwrite a task:\n- Build it"
    assert str(InputError("no task in it")) == "no task in it"
