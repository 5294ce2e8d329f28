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
        "- [ ] 2. Build the store\n- [ ] 2.1 Write unit tests for it and build the reader\n",
        "- [ ] 2. Build the store\n- [ ] 2.1 Write unit tests\n  - Implement the reader first\n",
        "- [ ] 2. Build the store\n- [ ] 2.1 Write unit tests for `src/reader.ts`\n",  # a source file of its own
        "- [ ] 2. Build the store\n- [ ]* 2.1 Keep it small\n",  # that it may be left out makes it no test
        "- [ ] 2. Сделать вход\n- [ ] 2.1 Создать тесты\n",  # not known to be nothing but tests
        "- [ ] 2. Release it\n- [ ] 2.1 Manual check of the page\n",  # a name of what a person does
    ],
)
def test_a_parent_whose_parts_do_its_work_gives_them_nothing_more(text: str) -> None:
    document = told(f"# Plan\n\n{text}")

    assert not [task for task in document.tasks if "Do this first" in task.text]
    assert document.warnings == ()


def test_a_parent_that_makes_something_that_checks_is_handed_on_too() -> None:
    document = told("# Plan\n\n- [ ] 2. Implement token validation\n- [ ] 2.1 Write unit tests\n- [ ] 2.2 Write property tests\n")

    assert "Do this first, it is no other task's: Implement token validation" in document.tasks[1].text
    assert [warning for warning in document.warnings if "2 (2.1)" in warning]


def test_the_work_of_a_parent_goes_to_no_part_that_waits_for_another() -> None:
    document = told(
        "# Plan\n\n- [ ] 2. Build the store\n  - [ ] 2.1 Write e2e tests\n    - _Depends: 2.2_\n  - [ ] 2.2 Write unit tests\n"
        "    - _Requirements: 1.1_\n"
    )

    assert document.tasks[1].needs == ("2.2",)
    assert not [task for task in document.tasks if "Do this first" in task.text]
    assert [
        warning
        for warning in document.warnings
        if "no part does what they ask for" in warning and "2 (Build the store)" in warning
    ]


@pytest.mark.parametrize(
    ("parent", "parts"),
    [
        ("Sign-up form", ["Validate the email in src/form.ts", "Verify the token in src/token.ts"]),
        ("Build the user auth", ["Validate credentials endpoint", "Verify email by token"]),
        ("Build the lab page", ["Show blood test values", "Add blood test form"]),
        ("Build the lab page", ["Add blood tests", "Show blood tests"]),
        ("Add the quiz", ["Add test model", "Add test page"]),
        ("Build the assignment", ["Implement A/B test assignment"]),
        ("Set up the CI pipeline in ci.yml", ["Run unit tests", "Run e2e tests for pull requests"]),
        ("Build the training", ["Checkpoint saving for long jobs"]),
        ("建立实验室页面", ["添加血液测试"]),
    ],
)
def test_parts_of_a_product_that_has_to_do_with_tests_are_no_tests(parent: str, parts: list[str]) -> None:
    below = "".join(f"  - [ ] {part}\n" for part in parts)

    document = told(f"# Plan\n\n- [ ] {parent}\n{below}", "prd.md")

    assert [task.title for task in document.tasks] == [parent, *parts]
    assert not [task for task in document.tasks if "Do this first" in task.text]
    assert document.warnings == ()


def test_the_work_of_a_parent_goes_to_no_person() -> None:
    document = told("# Plan\n\n- [ ] Build login\n  - [ ] Manual check of the page\n  - [ ] Write unit tests\n", "prd.md")

    assert [(task.gate, "Do this first" in task.text) for task in document.tasks] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_the_work_of_a_parent_goes_to_a_part_that_is_run_and_the_others_wait_for_it() -> None:
    document = told(
        "# Plan\n\n- [ ] Build the store\n  - [ ] Write tests\n    - [ ] Unit tests\n    - [ ] Browser tests\n", "prd.md"
    )

    assert [task.title for task in document.tasks if "Do this first" in task.text] == ["Unit tests"]
    assert document.tasks[3].after == ("T3",)
    assert [warning for warning in document.warnings if "T1 (T3)" in warning]


def test_files_of_tests_are_not_all_that_a_part_writes_which_does_its_parents_work() -> None:
    document = told("# Plan\n\n- [ ] Build the store\n  - [ ] Write unit tests in tests/store.test.ts\n", "prd.md")

    assert document.tasks[1].writes is None


@pytest.mark.parametrize(
    "text",
    [
        "- [ ] 2. Build the store\n- [x] 2.1 Write unit tests\n- [ ] 2.2 Write property tests\n",  # 2.1 may have built it
        "- [ ] 2. Build the store\n- [ ] 2.1 Manual check of the page\n",  # nobody but a person
        "- [ ] 2. Build the store\n- [ ] 2.1 Manual check\n- [ ] 2.2 Write unit tests\n",  # looked at before it would be made
        "- [ ] 2. Session store\n- [ ] 2.1 Write unit tests\n",  # not known to ask for more than its parts
    ],
)
def test_work_that_no_part_does_and_nobody_is_given_is_told(text: str) -> None:
    document = told(f"# Plan\n\n{text}")
    parent = document.tasks[0].title

    assert not [task for task in document.tasks if "Do this first" in task.text]
    assert [
        warning
        for warning in document.warnings
        if f"no part does what they ask for, if it is not done yet: 2 ({parent})" in warning
    ]


def test_the_parts_of_a_step_for_a_person_are_for_a_person_unless_they_make_something() -> None:
    document = told(
        "## Tasks\n\n- [ ] Manual verification\n  - [ ] Log in as a guest\n  - [ ] Write down what was found\n"
        "  - [ ] Repair what fails\n  - [ ] Look at `src/a.ts`\n",
        "prd.md",
    )

    assert [task.gate for task in document.tasks] == [True, True, False, False, False]
