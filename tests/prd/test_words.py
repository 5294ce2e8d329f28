import pytest

from orchestrator.prd.words import is_about_work, is_else, is_gate, is_work, plain, references

PERSONS = [
    *["Checkpoint", "Checkpoint - ensure all tests pass", "5 Checkpoint: verify", "Final checkpoint", "Phase 2 Checkpoint"],
    *["Checkpoint Sprint 1", "Mid-point Checkpoint", "检查点 - 确保所有测试通过", "Manual verification with quickstart.md"],
    *["Verify the indexes (manual verification)", "Update docs: manual check", "Obtain sign-off", "手動検証: ログイン"],
    *["Put it live by hand (manual step)", "Manually deploy to production"],
    *["Run `make` and manually verify the page", "User acceptance testing"],
    *["Drop the old table after the sign-off", "Migrate the data (manual validation)"],
    *[
        "Run manual smoke test",
        "Perform a manual end-to-end test of the login",
        "Manually verify the links",
        "Verify manually in Safari",
    ],
    *["Manual smoke test checklist completed", "Manual validation checklist from quickstart.md"],
    *[
        "Manual testing of the editor",
        "Manual walkthrough: sign up as a guest",
        "Manual smoke test of the installer",
        "Manually inspect the page",
    ],
]
AGENTS = [
    *["Checkpoint manager class", "Save a checkpoint every 100 steps", "Implement checkpoint resume"],
    *["Automate the manual step of the release", "Remove manual steps"],
    *["Add manual test instructions", "Write the manual checks into docs/qa.md", "Audit: add a manual checklist"],
    *[
        "Run manual smoke test scripts",
        "Complete manual browser test harness in tests/browser.py",
        "Test manually with curl and fix what breaks in src/api.py",
        "Test manually entered dates",
        "Run the manual build",
        "Support manual end-to-end encryption",
    ],
    *["Move manual validation into the model", "Drop manual smoke test script", "Support manual inspection in the viewer"],
]


@pytest.mark.parametrize("title", PERSONS)
def test_a_step_done_by_hand_asks_for_a_person(title: str) -> None:
    assert is_gate(title)


@pytest.mark.parametrize("title", AGENTS)
def test_a_step_that_only_speaks_of_such_steps_asks_for_none(title: str) -> None:
    assert not is_gate(title)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("x (dépend de T003–T005)", ("T003", "T004", "T005")),
        ("x (depende de T006, T013)", ("T006", "T013")),
        ("x（依赖：T001）", ("T001",)),
        ("x (abhängig von T2)", ("T2",)),
        ("テスト（T1, T2に依存）", ("T1", "T2")),
        ("로그인 (1에 의존)", ("1",)),
        ("Upgrade（Python 3に依存）", ()),
        ("put together — " + ", ".join(f"T{n}" for n in range(100, 160)), ()),  # tried in all combinations once: it took hours
        ("x — depends on " + ", ".join(f"T{n}" for n in range(100, 160)) + "-x", tuple(f"T{n}" for n in range(100, 159))),
        ("try again (after 5s)", ()),
        ("wait (after 3-5s) and go on", ()),
    ],
)
def test_needs_are_read_in_several_tongues_and_amounts_are_none(text: str, ids: tuple[str, ...]) -> None:
    assert references(text)[0] == ids


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Create src/__init__.py and `src/__tests__/x`", "Create src/__init__.py and `src/__tests__/x`"),
        ("**Bold** and __bold__ for `src/**/*.ts`", "Bold and bold for `src/**/*.ts`"),
        ("**Task 1: x** src/**/*.md", "Task 1: x src/**/*.md"),
        ("Setup** of it", "Setup of it"),
    ],
)
def test_a_title_loses_emphasis_and_no_letter_of_a_path(written: str, shown: str) -> None:
    assert plain(written) == shown


def test_needs_behind_a_colon_and_a_dash_leave_a_clean_title() -> None:
    assert references("Move it *(depends: T1, T3)*")[0] == ("T1", "T3")
    assert references("Add endpoint (deps: 1.2)") == (("1.2",), "Add endpoint")
    assert references("Add endpoint — depends on T2") == (("T2",), "Add endpoint")
    assert references("**Search** - depends on F1\n") == (("F1",), "**Search**\n")
    assert references("Add it (parallel: no, depends: T2)") == (("T2",), "Add it (parallel: no, depends: T2)")


def test_steps_and_stories_are_named_as_tasks_are_and_a_form_has_steps_of_its_own() -> None:
    assert references("Depends on Step 1.1")[0] == ("1.1",)
    assert references("Depends on: Story 1, story 2")[0] == ("1",)
    assert references("(after step 3)")[0] == ("3",)
    assert references("Show it after step 3 of the form")[0] == ()


@pytest.mark.parametrize(
    "heading",
    [
        *["Task Management Protocol", "Task List Updates", "Task Dependencies", "Technical Items NOT Included:"],
        *["Features not in scope", "Excluded", "Explicitly excluded:", "Testing Checklist", "QA checklist"],
        *["Future Enhancements (Post-Launch)", "6. Task Dependencies", "3) Not included", "4.2 Testing Checklist"],
    ],
)
def test_a_heading_that_only_speaks_of_work_is_known(heading: str) -> None:
    assert is_about_work(heading)


@pytest.mark.parametrize(
    "heading",
    [
        *["Tasks", "Task List", "Backlog", "Implementation checklist", "Task breakdown", "Task updates UI"],
        *["Tasks for the checkout workflow", "Tasks to implement the handshake protocol", "To-do before the maintenance"],
        *["Task group handshake protocol", "Task updates", "Backlog rules", "Future tasks", "Task Instructions", "Task workflow"],
    ],
)
def test_a_heading_of_work_stays_one(heading: str) -> None:
    assert is_work(heading)
    assert not is_else(heading)
    assert not is_about_work(heading)


@pytest.mark.parametrize("heading", ["Excluded files", "Excluded paths filter", "Import of tasks not included in the export"])
def test_a_heading_of_what_a_product_excludes_says_nothing_about_work(heading: str) -> None:
    assert not is_about_work(heading)
