"""What changes outside of the workspaces while agents are at work is told of once, and squad's own doing never."""

from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.model import RunId
from orchestrator.project import find
from orchestrator.workspaces.outside import Outside
from tests.support.repositories import Repository


@pytest.fixture
def outside(repository: Repository) -> Outside:
    repository.commit({"a.txt": "a\n", "b.txt": "b\n"})
    project = find(repository.root)
    prepare(project, now=0.0)
    made = Outside(project, RunId("demo-1"), own=[repository.root / "logs"])
    made.begin(alone=True)
    return made


def told(outside: Outside, *moving: str) -> dict[str, tuple[str, ...]]:
    return {change.where: change.paths for change in outside.changes(moving=moving)}


def test_nothing_changed_is_nothing_told(outside: Outside) -> None:
    assert told(outside) == {}


def test_settings_hooks_branches_and_the_users_tree_are_told_of_once(outside: Outside, repository: Repository) -> None:
    repository.git("config", "alias.st", "!true")
    hook = Path(repository.root / ".git" / "hooks" / "post-checkout")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n", encoding="utf-8")
    repository.git("update-ref", "refs/heads/theirs", "HEAD")
    repository.write({"a.txt": "changed\n", "new/c.txt": "c\n"})
    (repository.root / "b.txt").unlink()

    assert told(outside) == {
        "git": (".git/config", ".git/hooks/post-checkout"),
        "branch": ("refs/heads/theirs",),
        "main": ("a.txt", "b.txt", "new/c.txt"),
    }
    assert told(outside) == {}


def test_a_further_change_of_the_same_file_is_told_of_again(outside: Outside, repository: Repository) -> None:
    repository.write({"a.txt": "changed\n"})
    told(outside)
    repository.write({"a.txt": "changed again\n"})

    assert told(outside) == {"main": ("a.txt",)}


def test_bits_in_the_users_index_hide_nothing(outside: Outside, repository: Repository) -> None:
    repository.git("update-index", "--assume-unchanged", "a.txt")
    repository.write({"a.txt": "changed\n"})

    assert told(outside) == {"main": ("a.txt",)}


def test_what_squad_writes_and_the_branches_of_those_at_work_are_left_out(outside: Outside, repository: Repository) -> None:
    repository.write({"logs/squad.log": "x\n", ".squad/x": "x\n"})
    repository.git("update-ref", "refs/heads/squad-work/demo-1/T1.1", "HEAD")
    repository.git("update-ref", "refs/heads/squad/demo-1", "HEAD")

    assert told(outside, "squad-work/demo-1/T1.1") == {}
    repository.git("commit", "--quiet", "--allow-empty", "-m", "Next")
    repository.git("update-ref", "refs/heads/squad-work/demo-1/T1.1", "HEAD")
    assert told(outside)["branch"] == ("refs/heads/main", "refs/heads/squad-work/demo-1/T1.1")


def test_a_branch_that_squad_made_for_one_who_has_ended_is_left_out(outside: Outside, repository: Repository) -> None:
    """Once it was told of as moved by somebody when its attempt ended before it was looked at."""
    repository.git("update-ref", "refs/heads/squad-work/demo-1/T2.1", "HEAD")
    repository.git("update-ref", "refs/heads/theirs", "HEAD")

    outside.own("squad-work/demo-1/T2.1")

    assert told(outside) == {"branch": ("refs/heads/theirs",)}
    repository.git("update-ref", "-d", "refs/heads/squad-work/demo-1/T2.1")
    assert told(outside) == {"branch": ("refs/heads/squad-work/demo-1/T2.1",)}


def test_what_a_person_did_while_no_agent_was_at_work_is_not_told(outside: Outside, repository: Repository) -> None:
    repository.write({"a.txt": "changed\n"})
    outside.begin(alone=False)
    assert told(outside) == {"main": ("a.txt",)}

    repository.write({"b.txt": "changed\n"})
    outside.begin(alone=True)
    assert told(outside) == {}
