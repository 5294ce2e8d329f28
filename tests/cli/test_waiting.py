"""What `squad wait` takes for idle, done and in need of a person; told by states alone."""

import pytest

from orchestrator import events as ev
from orchestrator.cli.exits import TIMED_OUT
from orchestrator.cli.waiting import Wish, wait_for
from orchestrator.events import Event
from orchestrator.project import Project
from tests.support.builders import asks, ended, plan, planned, prepared, run_started, started, state_after, task

OF = plan(planned(task("T1")), planned(task("T2", needs=["T1"])))
DONE = ev.TaskDone(task="T1", attempt="T1.1", checked=False)
BEGUN = (run_started(), prepared(), started())
BETWEEN = (*BEGUN, ended(), DONE)
PARKED = (*BEGUN, ended(outcome="failed"), ev.TaskParked(task="T1", reason="x"))
PAUSED = ev.WorkPaused(now=False)


def waited(project: Project, until: str, *history: Event, lives: bool = True) -> int:
    state = state_after(OF, *history)
    return wait_for(Wish(until, 0.0), project=project, plan=OF, lives=lambda: lives, read=lambda: state)


@pytest.mark.parametrize(
    ("history", "is_idle"),
    [
        ((run_started(),), False),  # about to start
        (BEGUN, False),
        ((*BEGUN, ended()), False),  # its result is judged
        (BETWEEN, False),  # T2 is about to start
        ((*BEGUN, ended(outcome="failed")), False),  # in a back-off
        (PARKED, True),
        ((*PARKED, asks()), True),
        ((run_started(), PAUSED), True),
        ((*BEGUN, PAUSED), False),  # to its end
        ((*BETWEEN, PAUSED), True),
        ((*BETWEEN, PAUSED, ev.WorkResumed(reason="x")), False),
        ((*BETWEEN, ev.StopRequested(reason="stopped")), True),
    ],
)
def test_idle_is_when_nothing_is_under_way_and_nothing_will_be_by_itself(
    project: Project, history: tuple[Event, ...], *, is_idle: bool
) -> None:
    assert waited(project, "idle", *history) == (0 if is_idle else TIMED_OUT)


def test_without_a_supervisor_nothing_is_under_way(project: Project) -> None:
    assert waited(project, "idle", *BEGUN, lives=False) == 0


@pytest.mark.parametrize(
    ("history", "needs_you"), [(BEGUN, False), ((*BEGUN, PAUSED), True), (PARKED, True), ((*BEGUN, asks()), True)]
)
def test_a_pause_a_question_and_a_parked_task_need_a_person(
    project: Project, history: tuple[Event, ...], *, needs_you: bool
) -> None:
    assert waited(project, "needs-you", *history) == (0 if needs_you else TIMED_OUT)


def test_a_paused_run_is_not_done_but_may_become_so(project: Project) -> None:
    assert waited(project, "done", *BEGUN, PAUSED) == TIMED_OUT
