from tests.support.commands import Squad
from tests.support.repositories import Repository

TODO = "# Plan\r\n\r\n- [ ] T1 Write `a.txt`\r\n- [x] T2 Write `b.txt`\r\n- [ ] T3 Write `c.txt`\r\n"


def test_finished_tasks_are_marked_in_the_document_when_asked(squad: Squad, repository: Repository) -> None:
    (repository.root / "TODO.md").write_bytes(TODO.encode())

    squad.ok("-y", "run", "TODO.md", "--agent", "simulated", "--tick")

    assert (repository.root / "TODO.md").read_bytes() == TODO.replace("[ ]", "[x]").encode()


def test_the_document_stays_as_it_is_unless_asked(squad: Squad, repository: Repository) -> None:
    (repository.root / "TODO.md").write_bytes(TODO.encode())

    squad.ok("-y", "run", "TODO.md", "--agent", "simulated")

    assert (repository.root / "TODO.md").read_bytes() == TODO.encode()


def test_the_order_of_a_document_can_be_lifted(squad: Squad, repository: Repository) -> None:
    repository.write(
        {"specs/001-x/tasks.md": "# Tasks: X\n## Phase 1: A\n- [ ] T001 `a.txt`\n## Phase 2: B\n- [ ] T002 [P] `b.txt`\n"}
    )

    kept = squad.json("plan", "specs")
    lifted = squad.json("plan", "specs", "--any-order")

    assert [task["needs"] for task in kept["tasks"]] == [[], ["T001"]]
    assert [task["needs"] for task in lifted["tasks"]] == [[], []]
