"""A run from start to end: order, locks, idle agents, failure, and going on after a person was needed."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import JournalError
from orchestrator.events import (
    AttemptEnded,
    AttemptPrepared,
    AttemptStarted,
    Entry,
    ForeignChangeFound,
    LockGranted,
    LockReleased,
    RunEnded,
    RunPaused,
    TaskDone,
    TaskFailed,
    TaskParked,
    TaskReassigned,
    TaskRevived,
    TaskSkipped,
)
from orchestrator.fold import fold
from orchestrator.journal import SNAPSHOT_EVERY, Journal, recorder
from orchestrator.journal.replay import replay
from orchestrator.project import find
from orchestrator.state import encode, initial
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs, first_leaf, shell, simulated

BRANCH = "squad/tasks-1"


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


def _together(ran: Ran) -> int:
    """Give how many attempts were under way at once at most."""
    now = most = 0
    for entry in ran.entries:
        now += isinstance(entry.event, AttemptStarted) - isinstance(entry.event, AttemptEnded)
        most = max(most, now)
    return most


def test_a_task_starts_when_what_it_needs_is_integrated_and_sees_it(run: Runs) -> None:
    ran = run(
        shell("T3", "cat a.txt b.txt > c.txt", writes=["c.txt"], needs=["T1", "T2"]),
        shell("T1", "echo one > a.txt", writes=["a.txt"]),
        shell("T2", "cat a.txt > b.txt", writes=["b.txt"], needs=["T1"]),
        count=3,
    )

    assert ran.code == 0
    assert ran.order(TaskDone) == ["T1", "T2", "T3"]
    assert run.repository.show(BRANCH, "c.txt") == "one\none"


def test_two_tasks_that_write_one_file_never_run_together(run: Runs) -> None:
    ran = run(
        shell("T1", "echo T1 >> a.txt", writes=["a.txt"]),
        shell("T2", "echo T2 >> a.txt", writes=["a.txt"]),
        shell("T3", "echo T3 >> a.txt", writes=["a.txt"]),
        count=3,
    )

    assert ran.code == 0
    assert _together(ran) == 1
    assert sorted(run.repository.show(BRANCH, "a.txt").splitlines()) == ["T1", "T2", "T3"]
    assert len(ran.all(LockGranted)) == len(ran.all(LockReleased)) >= 3


def test_an_operation_is_never_done_by_two_at_once(run: Runs) -> None:
    tasks = [shell(f"T{n}", "sleep 0.05", writes=[], locks=["op:install"]) for n in range(3)]

    ran = run(*tasks, count=3)

    assert ran.code == 0
    assert _together(ran) == 1


def test_an_idle_agent_takes_the_next_task_of_a_busy_one(run: Runs) -> None:
    ran = run(*(shell(f"T{n}", "sleep 0.2", writes=[], estimate="1m") for n in range(4)), count=2)

    assert ran.code == 0
    assert _together(ran) == 2
    by = {name: [one.agent for one in ran.all(AttemptPrepared)].count(name) for name in ("agent-1", "agent-2")}
    assert min(by.values()) >= 1


def test_a_task_below_one_that_failed_is_skipped_with_the_reason_and_the_rest_is_done(run: Runs) -> None:
    ran = run(
        simulated("T1", "fail", writes=["a.txt"]),
        simulated("T2", writes=["b.txt"], needs=["T1"]),
        simulated("T3", writes=["c.txt"], needs=["T2"]),
        simulated("T4", writes=["d.txt"]),
        count=2,
        agent="simulated",
        run={"attempts": 2, "stall": {"same_failure": 9}},
    )

    assert ran.code == 1
    assert [ended.outcome for ended in ran.all(AttemptEnded) if ended.task == "T1"] == ["failed", "failed"]
    assert ran.order(TaskFailed) == ["T1"]
    assert [(skip.task, skip.reason) for skip in ran.all(TaskSkipped)] == [("T2", "T1 failed"), ("T3", "T2 skipped")]
    assert ran.order(TaskDone) == ["T4"]
    assert ran.all(RunEnded) == [RunEnded(outcome="failed")]


def test_a_second_attempt_goes_on_in_the_workspace_of_the_first(run: Runs) -> None:
    ran = run(simulated("T1", "crash", "done", writes=["a.txt"]), agent="simulated")

    assert ran.code == 0
    prepared = ran.all(AttemptPrepared)
    assert [one.attempt for one in prepared] == ["T1.1", "T1.2"]
    assert len({one.workspace for one in prepared}) == 1
    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["crashed", "done"]


def test_a_silent_agent_is_restarted_reassigned_and_at_last_parked(run: Runs) -> None:
    ran = run(
        simulated("T1", "hang", writes=["a.txt"]),
        count=2,
        agent="simulated",
        run={"stall": {"after": "300ms"}, "attempts": 9},
    )

    assert ran.code == 6
    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["stalled"] * 3
    assert [moved.to for moved in ran.all(TaskReassigned)] == ["agent-2"]
    assert ran.order(TaskParked) == ["T1"]
    assert ran.all(RunPaused) == [RunPaused(reason="needs-you")]


def test_resume_gives_a_parked_task_another_chance(run: Runs) -> None:
    script = 'test -e "$HOME/now" || exit 1; echo one > a.txt'
    first = run(shell("T1", script, writes=["a.txt"]), run={"attempts": 9, "stall": {"same_failure": 1, "ladder": ["park"]}})
    assert first.code == 6
    Path("~/now").expanduser().touch()

    again = run.resume()

    assert again.code == 0
    assert again.order(TaskRevived) == ["T1"]
    assert again.order(TaskDone) == ["T1"]


def test_a_run_replayed_from_its_events_is_the_run_that_was(run: Runs) -> None:
    run(shell("T1", "echo one > a.txt", writes=["a.txt"]), simulated("T2", "crash", "done", writes=["b.txt"]), agent="simulated")
    journal = Journal.read(find(run.repository.root).state)
    assert journal is not None
    with journal:
        replayed = replay(journal, journal.runs()[0])
        state = initial(replayed.run, replayed.plan)
        for entry in journal.entries():
            fold(state, entry)
        assert state == replayed.state
        assert state.phase == "ended"


def test_a_snapshot_is_saved_and_gives_the_same_state_as_all_events(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SNAPSHOT_EVERY == 1000
    monkeypatch.setattr(recorder, "SNAPSHOT_EVERY", 10)
    run(shell("T1", "echo one > a.txt", writes=["a.txt"]), shell("T2", "echo two > b.txt", writes=["b.txt"]), count=1)
    journal = Journal.read(find(run.repository.root).state)
    assert journal is not None
    with journal:
        saved = journal.snapshot(journal.runs()[0])
        assert saved is not None
        assert 10 <= saved[0] <= journal.last()
        replayed = replay(journal, journal.runs()[0])
        state = initial(replayed.run, replayed.plan)
        for entry in journal.entries():
            fold(state, entry)
        assert state == replayed.state


def test_a_snapshot_that_is_damaged_or_of_an_older_squad_costs_nothing_but_the_time(run: Runs) -> None:
    run(shell("T1", "echo one > a.txt", writes=["a.txt"]))
    path = find(run.repository.root).state
    with Journal.open(path) as journal:
        name = journal.runs()[0]
        whole = replay(journal, name).state
        older = json.loads(encode(whole))
        older["attempts"]["T1.1"]["locked"] = ["a.txt"]

        for unread in (b"{half a doc", json.dumps(older).encode()):
            journal.save_snapshot(name, 5, unread)
            assert journal.snapshot(name) == (5, unread)
            assert replay(journal, name).state == whole


def test_a_journal_that_cannot_be_written_any_more_ends_the_run_with_its_reason_and_resume_goes_on(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Journal.append_all

    def append_all(self: Journal, *told: Any, at: float) -> list[Entry]:
        if self.last() >= 4:
            raise JournalError("no room left to write the journal")
        return original(self, *told, at=at)

    monkeypatch.setattr(Journal, "append_all", append_all)
    with pytest.raises(BaseExceptionGroup) as raised:
        run(shell("T1", "echo one >> a.txt", writes=["a.txt"]))
    assert first_leaf(raised.value).message == "no room left to write the journal"
    monkeypatch.setattr(Journal, "append_all", original)

    again = run.resume()
    assert again.code == 0
    assert again.order(TaskDone) == ["T1"]


def test_the_journal_is_an_ordinary_database_that_others_may_look_into(run: Runs) -> None:
    run(shell("T1", "echo one > a.txt", writes=["a.txt"]))

    with sqlite3.connect(find(run.repository.root).state / "state.db") as connection:
        kinds = [row[0] for row in connection.execute("select type from events order by seq")]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunEnded"


def test_without_git_all_work_in_the_one_folder_kept_apart_by_locks(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    run = Runs(Repository(folder))

    ran = run(
        shell("T1", "echo T1 >> a.txt", writes=["a.txt"]),
        shell("T2", "echo T2 >> a.txt", writes=["a.txt"]),
        shell("T3", "echo T3 >> c.txt", writes=["c.txt"]),
        count=3,
    )

    assert ran.code == 0
    assert sorted((folder / "a.txt").read_text(encoding="utf-8").splitlines()) == ["T1", "T2"]
    assert [ended.paths for ended in ran.all(AttemptEnded) if ended.task == "T3"] == [["c.txt"]]
    assert not (folder / ".git").exists()


@pytest.mark.usefixtures("at_detect")
def test_a_foreign_change_in_a_shared_tree_is_found_and_refused(run: Runs) -> None:
    ran = run(
        shell("T1", "echo T1 >> a.txt; echo x >> strewn.txt", writes=["a.txt"]),
        settings={"isolation": {"mode": "shared"}},
        run={"attempts": 1},
    )

    assert ran.code == 1
    assert [change.paths for change in ran.all(ForeignChangeFound)] == [["strewn.txt"]]
    assert run.repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_run_in_a_users_own_linked_worktree_works_from_there(repository: Repository) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    mine = Repository(linked)
    base = mine.commit({"only-here.txt": "x\n"})

    ran = Runs(mine)(shell("T1", "cat only-here.txt > a.txt", writes=["a.txt"]))

    assert ran.code == 0
    assert mine.git("merge-base", BRANCH, "linked") == base
    assert (linked / ".squad" / "worktrees").is_dir()
    assert not (repository.root / ".squad").exists()


@pytest.mark.parametrize("name", ["6~2", "v1.2-a_b", "Zähler", "x" * 64])
def test_a_task_of_any_name_runs(run: Runs, name: str) -> None:
    ran = run(shell(name, "echo one > a.txt", writes=["a.txt"], checks=["test -s a.txt"]))

    assert ran.code == 0
    assert ran.order(TaskDone) == [name]
