"""Whole runs in one shared tree: each answers for its own changes, and nobody for another's."""

from pathlib import Path

import pytest

from orchestrator.events import AttemptEnded, ForeignChangeFound, UnsureChangeFound
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

SHARED = {"isolation": {"mode": "shared"}}
WAIT_FOR = 'i=0; while [ ! -e "{0}" ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done; '


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


def test_who_works_longer_is_not_blamed_for_what_one_did_that_has_ended(run: Runs, tmp_path: Path) -> None:
    seen = f"until git -C {run.repository.root}/.git/squad/shadow.git for-each-ref | grep -q kept/tasks-1/T1; do sleep 0.05; done"

    ran = run(
        shell("T1", f"{WAIT_FOR.format(f'{tmp_path}/T2')} echo one > a.txt", writes=["a.txt"]),
        shell("T2", f"touch {tmp_path}/T2; {seen}; sleep 0.5; echo two > b.txt", writes=["b.txt"]),
        count=2,
        settings=SHARED,
    )

    assert ran.code == 0
    assert {(ended.task, ended.outcome) for ended in ran.all(AttemptEnded)} == {("T1", "done"), ("T2", "done")}


@pytest.mark.usefixtures("at_detect")
def test_what_several_may_have_changed_is_unsure_and_nobody_is_blamed(run: Runs, tmp_path: Path) -> None:
    both = f"touch {tmp_path}/$SQUAD_TASK; {WAIT_FOR.format(f'{tmp_path}/T1')} {WAIT_FOR.format(f'{tmp_path}/T2')}"

    ran = run(
        shell("T1", f"{both} echo one > a.txt; echo stray > stray.txt; touch {tmp_path}/strayed", writes=["a.txt"]),
        shell("T2", f"{both} {WAIT_FOR.format(f'{tmp_path}/strayed')} echo two > b.txt", writes=["b.txt"]),
        count=2,
        settings=SHARED,
    )

    assert ran.code == 0
    assert ran.all(ForeignChangeFound) == []
    told = ran.all(UnsureChangeFound)
    assert [(found.where, found.paths, found.certainty, sorted(found.among)) for found in told] == [
        ("tree", ["stray.txt"], "unsure", ["agent-1", "agent-2"])
    ], "and it is told once"
    assert told[0].why == "agent-1 and agent-2 were at work in the same folder"
    assert "+stray" in Here(run.repository.root).ok("diff", "--foreign", "--run", "tasks-1")


@pytest.mark.usefixtures("at_detect")
def test_who_was_alone_answers_for_a_foreign_change_and_its_own_work_still_counts(run: Runs, tmp_path: Path) -> None:
    once = f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; echo x > stray.txt; echo one > a.txt; }}"

    ran = run(shell("T1", once, writes=["a.txt"]), settings=SHARED)

    assert ran.code == 0
    assert [found.paths for found in ran.all(ForeignChangeFound)] == [["stray.txt"]]
    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["foreign", "done"]
