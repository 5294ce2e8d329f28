"""What of a parent its parts do not do."""

import pytest

from orchestrator.model import Document
from orchestrator.prd import read

KIRO = ".kiro/specs/login/tasks.md"


def told(text: str, name: str = KIRO) -> Document:
    return read(text.encode(), name=name)


def test_the_work_of_a_parent_that_its_parts_only_test_goes_to_the_first_open_part() -> None:
    document = told(
        "# Plan\n\n- [ ] 2. Build the session store\n  - Create `src/store.ts`\n  - _Requirements: 1.1_\n"
        "- [ ] 2.1 Write unit tests for the session store\n  - In `tests/store.test.ts`\n- [ ]* 2.2 Write property test\n"
    )
    parent, first, second = document.tasks

    assert (first.parent, second.parent) == (parent.id, parent.id)
    assert "Do this first, it is no other task's: Build the session store\nCreate `src/store.ts`" in first.text
    assert first.writes == ("src/store.ts", "tests/store.test.ts")
    assert "Do this first" not in second.text
    assert [warning for warning in document.warnings if "2 (2.1)" in warning]


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] 2. Build the store\n- [ ] 2.1 Write the reader\n- [ ] 2.2 Write unit tests\n",  # a part does the work
        "- [ ] 2. Test the store\n- [ ] 2.1 Write unit tests\n",  # the tests are the work
        "- [x] 2. Build the store\n- [ ] 2.1 Write unit tests\n",  # done already
        "- [ ] 2. Build the store\n- [x] 2.1 Write unit tests\n",  # no part is open
        "- [ ] 2. Build the store\n- [ ] 2.1 Develop the reader and tests\n",  # makes something and tests it
        "- [ ] 2. Сделать вход\n- [ ] 2.1 Создать тесты\n",  # not known to be nothing but tests
    ],
)
def test_a_parent_whose_parts_do_its_work_gives_them_nothing_more(text: str) -> None:
    document = told(f"# Plan\n\n{text}")

    assert not [task for task in document.tasks if "Do this first" in task.text]
    assert document.warnings == ()


def test_the_parts_of_a_step_for_a_person_are_for_a_person_unless_they_make_something() -> None:
    document = told(
        "## Tasks\n\n- [ ] Manual verification\n  - [ ] Log in as a guest\n  - [ ] Write down what was found\n", "prd.md"
    )

    assert [task.gate for task in document.tasks] == [True, True, False]
