"""The supervisor is killed at any moment, and nothing is lost, done twice, or left running."""

import errno
import os
import random
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.events import AttemptStarted, ResultRefused, RunResumed
from orchestrator.journal import Journal
from orchestrator.model import AttemptId
from orchestrator.workspaces.worktree import Worktrees
from tests.support.commands import Squad
from tests.support.killing import GONE, Story
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, until

STARTED = 7  #: events until both first attempts run
EVENTS = 43  #: of a run without trouble; a kill beyond the last finds the supervisor gone
RUN_IT = ("run", "tasks.yaml", "-y")


@pytest.fixture
def story(repository: Repository, squad: Squad) -> Story:
    told = Story(repository, squad)
    told.prepare()
    return told


def _resume(story: Story) -> None:
    done = story.squad.here("resume")
    assert done.code == 0, done.err + done.out


def test_killed_in_the_middle_and_resumed_a_run_is_complete(story: Story) -> None:
    assert story.kill_after(EVENTS // 2, *RUN_IT), "only near its end may a run be over before the kill comes"

    _resume(story)

    story.must_be_whole()


@pytest.mark.soak
@pytest.mark.parametrize("events", range(1, EVENTS))
def test_killed_after_each_single_event_and_resumed_a_run_is_complete(story: Story, events: int) -> None:
    if story.kill_after(events, *RUN_IT):
        _resume(story)

    story.must_be_whole()


@pytest.mark.soak
def test_fifty_runs_killed_at_random_moments_are_complete(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("SQUAD_TEST_SEED", "squad"))
    print("run, killed after event, still alive, seconds until nothing was left, attempts")
    for number in range(50):
        events, later = chance.randrange(1, EVENTS + 1), chance.uniform(0.0, 0.1)
        story = _fresh(tmp_path / str(number))
        with story.squad:
            lived = story.kill_after(events, *RUN_IT, later=later)
            if lived:
                _resume(story)
            story.must_be_whole()
            assert story.gone_after[0] < GONE
        print(number, events, lived, round(story.gone_after[0], 3), len(story.events(AttemptStarted)), flush=True)
        shutil.rmtree(tmp_path / str(number))


def _fresh(folder: Path) -> Story:
    repository = Repository.init(folder / "project")
    story = Story(repository, Squad(repository.root))
    story.prepare()
    return story


def test_killed_again_and_again_also_while_resuming_a_run_is_complete(story: Story) -> None:
    assert story.kill_after(7, *RUN_IT)
    for more in (1, 9):
        story.kill_after(story.last() + more, "resume")

    _resume(story)

    story.must_be_whole()
    assert len(story.events(RunResumed)) >= 2


def _while_in_check(story: Story, where: Callable[[], bool]) -> None:
    process = story.squad.start(*RUN_IT)
    until(where, "a check under way")
    assert story.kill(process)


@pytest.mark.soak
def test_killed_while_a_check_of_an_attempt_runs(story: Story) -> None:
    story.check = 0.7
    story.rewrite_settings()
    logs = story.project.logs
    _while_in_check(story, lambda: any(logs.glob("*/*.attempt-1.log")))

    _resume(story)

    story.must_be_whole()


def test_killed_while_the_check_of_a_merge_runs(story: Story) -> None:
    story.check = 0.7
    story.rewrite_settings()
    logs = story.project.logs
    _while_in_check(story, lambda: any(logs.glob("*/*.combined-1.log")))

    _resume(story)

    story.must_be_whole()


def test_a_result_whose_workspace_cannot_be_made_again_is_done_again(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the whole run ended with it, at each resume."""
    story.check = 0.7
    story.rewrite_settings()
    logs = story.project.logs
    _while_in_check(story, lambda: any(logs.glob("*/*.attempt-1.log")))
    shutil.rmtree(story.project.folder / "worktrees")
    full, make = [OSError(errno.ENOSPC, "No space left on device")], Worktrees.make

    def made(self: Worktrees, attempt: AttemptId, *where: Any, **more: Any) -> bool:
        if full and attempt in {"A.1", "B.1"}:  # both were there before the kill
            raise full.pop()
        return make(self, attempt, *where, **more)

    monkeypatch.setattr(Worktrees, "make", made)
    _resume(story)

    story.must_be_whole()
    refused = story.events(ResultRefused)
    assert [(one.cause, one.counted) for one in refused] == [("environment", False)]
    assert "No space left on device" in refused[0].reason


@pytest.mark.soak
def test_killed_between_the_move_of_the_branch_and_its_record(story: Story) -> None:
    process = story.squad.start(*RUN_IT)
    repository = story.repository

    def moved() -> bool:
        tip = repository.git("rev-parse", "--verify", "--quiet", "refs/heads/squad/tasks-1", check=False)
        return bool(tip) and tip != repository.head()

    until(moved, "the first merge on the branch")
    story.kill(process)

    _resume(story)

    story.must_be_whole()


@pytest.mark.soak
def test_the_user_may_commit_and_switch_branches_while_nobody_supervises(story: Story) -> None:
    assert story.kill_after(14, *RUN_IT)
    story.repository.git("stash", "--quiet")
    story.repository.git("checkout", "--quiet", "-b", "elsewhere")
    story.repository.commit({"own.txt": "own\n"})
    story.repository.git("checkout", "--quiet", "main")
    story.repository.git("stash", "pop", "--quiet", "--index")
    story.repository.git("branch", "-D", "elsewhere")

    _resume(story)

    story.must_be_whole()


@pytest.mark.parametrize("events", [9, pytest.param(21, marks=pytest.mark.soak)])
def test_resumed_although_all_worktrees_were_deleted(story: Story, events: int) -> None:
    assert story.kill_after(events, *RUN_IT)
    shutil.rmtree(story.project.folder / "worktrees")

    _resume(story)

    story.must_be_whole()


@pytest.mark.soak
def test_resumed_although_the_whole_folder_of_views_was_thrown_away(story: Story) -> None:
    assert story.kill_after(12, *RUN_IT)
    shutil.rmtree(story.project.folder)

    _resume(story)

    story.must_be_whole()
    assert (story.project.folder / "parallel-plans" / "agent-1-plan.md").is_file()
    assert (story.project.folder / "feature-prd.md").read_bytes() == (story.repository.root / "tasks.yaml").read_bytes()


@pytest.mark.soak
def test_resumed_although_the_integration_branch_was_deleted(story: Story) -> None:
    assert story.kill_after(24, *RUN_IT)
    story.repository.git("worktree", "remove", "--force", str(story.project.folder / "worktrees/tasks-1/integration"))
    story.repository.git("branch", "-D", "squad/tasks-1")

    _resume(story)

    story.must_be_whole()


def test_resumed_at_once_while_the_leashes_of_the_dead_supervisor_are_still_ending(story: Story) -> None:
    story.work = 0.6
    story.rewrite_tasks()
    process = story.squad.start(*RUN_IT)
    story.squad.wait_for_event("AttemptStarted")
    process.kill()
    process.wait()

    story.squad.ok("resume")

    story.must_be_whole()


@pytest.mark.soak
def test_an_unfinished_run_is_not_started_anew_by_accident(story: Story) -> None:
    assert story.kill_after(9, *RUN_IT)

    refused = story.squad.here(*RUN_IT)

    assert refused.code == 6
    assert "squad resume" in refused.err
    assert "--new" in refused.err
    assert story.squad.here(*RUN_IT, "--new").code == 0
    assert [row["id"] for row in story.squad.json("ls")["runs"]][:2] in (["tasks-2", "tasks-1"], ["tasks-1", "tasks-2"])
    assert story.repository.files("squad/tasks-2") >= ["README.md"]


def test_a_second_supervisor_is_refused_and_disturbs_nothing(story: Story) -> None:
    story.work = 600.0
    story.rewrite_tasks()
    first = story.squad.start(*RUN_IT)
    until(partial(story.has_events, STARTED), "both attempts")
    before = story.last()

    for command in ((*RUN_IT, "--new"), ("resume",), ("discard", "-y")):
        assert story.squad.here(*command).code == 7

    assert first.poll() is None
    assert story.last() == before


def test_a_stopped_run_leaves_nothing_running_and_goes_on_where_it_was(story: Story) -> None:
    story.work = 0.6
    story.rewrite_tasks()
    process = story.squad.start(*RUN_IT)
    story.squad.wait_for_event("AttemptStarted")

    assert story.squad.here("stop").code == 0
    process.wait(NEVER)
    assert story.squad.json("status")["run"]["state"] == "paused"

    _resume(story)
    story.must_be_whole()


def test_a_run_stopped_while_a_check_runs_ends_the_check_and_repeats_it_later(story: Story) -> None:
    story.check = 300.0
    story.rewrite_settings()
    process = story.squad.start(*RUN_IT)
    until(lambda: any(story.project.logs.glob("*/*.attempt-1.log")), "a check under way")

    began = time.monotonic()
    assert story.squad.here("stop").code == 0
    process.wait(NEVER)
    assert time.monotonic() - began < story.check
    assert story.kill(process) is False
    states = {row["state"] for row in story.squad.json("status")["tasks"]}
    assert "checking" in states


@pytest.mark.soak
def test_run_ids_are_not_given_again_when_the_journal_is_gone(story: Story) -> None:
    assert story.squad.here(*RUN_IT).code == 0
    for path in story.project.state.glob("state.db*"):
        path.unlink()

    assert story.squad.here(*RUN_IT).code == 0

    journal = Journal.read(story.project.state)
    assert journal is not None
    with journal:
        assert journal.runs() == ["tasks-2"]
