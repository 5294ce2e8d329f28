from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.fold import ImpossibleTransition, fold
from orchestrator.fold.limits import UNTOLD
from orchestrator.model import COUNTED, AgentState, Outcome, TaskState
from orchestrator.state import State, TaskStatus, decode, encode, initial
from tests.support.builders import (
    ONE,
    PAIR,
    RUN,
    TWO,
    ended,
    entries,
    granted,
    prepared,
    run_started,
    started,
    state_after,
)
from tests.support.playing import Play, plays

BEGUN = (prepared("T1.1"), started("T1.1"))
DONE = ev.TaskDone(task="T1", attempt="T1.1", checked=True)
INTEGRATING = ev.IntegrationStarted(task="T1", attempt="T1.1", commit="c1", onto="b0")


def after(*events: Event | tuple[float, Event]) -> State:
    return state_after(PAIR, *events)


def refusal(cause: str = "check", *, counted: bool = True, name: str = "T1.1") -> ev.ResultRefused:
    return ev.ResultRefused(task="T1", agent=ONE, attempt=name, cause=cause, reason="because", counted=counted)


# transitions

STOPPED = (*BEGUN, ended(outcome="stopped"))
#: A history that brings T1, which had an attempt, to each state.
PATHS: dict[TaskState, tuple[Event, ...]] = {
    TaskState.WAITING: STOPPED,
    TaskState.RUNNING: BEGUN,
    TaskState.CHECKING: (*BEGUN, ended()),
    TaskState.INTEGRATING: (*BEGUN, ended(), INTEGRATING),
    TaskState.DONE: (*BEGUN, ended(), DONE),
    TaskState.FAILED: (*STOPPED, ev.TaskFailed(task="T1", reason="x")),
    TaskState.PARKED: (*STOPPED, ev.TaskParked(task="T1", reason="x")),
    TaskState.SKIPPED: (*STOPPED, ev.TaskSkipped(task="T1", reason="x")),
}
#: An event that brings T1 to each state, if it can be brought there from where it stands.
MOVES: dict[TaskState, Event] = {
    TaskState.WAITING: refusal(),
    TaskState.RUNNING: prepared("T1.2", agent=TWO),
    TaskState.CHECKING: ended(),
    TaskState.INTEGRATING: INTEGRATING,
    TaskState.DONE: DONE,
    TaskState.FAILED: ev.TaskFailed(task="T1", reason="x"),
    TaskState.PARKED: ev.TaskParked(task="T1", reason="x"),
    TaskState.SKIPPED: ev.TaskSkipped(task="T1", reason="x"),
}
#: Design 3, and: who takes a run over integrates again; a parked task may be skipped, a skipped or failed one tried again.
ARROWS: dict[TaskState, set[TaskState]] = {
    TaskState.WAITING: {TaskState.RUNNING, TaskState.FAILED, TaskState.PARKED, TaskState.SKIPPED},
    TaskState.RUNNING: {TaskState.CHECKING, TaskState.WAITING},
    TaskState.CHECKING: {TaskState.INTEGRATING, TaskState.DONE, TaskState.WAITING},
    TaskState.INTEGRATING: {TaskState.INTEGRATING, TaskState.DONE, TaskState.WAITING},
    TaskState.DONE: set(),
    TaskState.FAILED: {TaskState.WAITING},
    TaskState.PARKED: {TaskState.WAITING, TaskState.SKIPPED},
    TaskState.SKIPPED: {TaskState.WAITING},
}


@pytest.mark.parametrize("here", TaskState)
@pytest.mark.parametrize("there", TaskState)
def test_every_transition_is_possible_or_a_bug_that_shows(here: TaskState, there: TaskState) -> None:
    state = after(*PATHS[here])
    assert state.tasks["T1"].state is here
    last = ev.Entry(99, 99.0, RUN, MOVES[there])

    if there in ARROWS[here]:
        fold(state, last)
        assert state.tasks["T1"].state is there
    else:
        with pytest.raises(ImpossibleTransition, match=f"task T1 cannot go from {here} to {there}"):
            fold(state, last)


@pytest.mark.parametrize("here", [TaskState.PARKED, TaskState.SKIPPED])
def test_a_task_that_was_given_up_can_be_revived(here: TaskState) -> None:
    assert after(*PATHS[here], ev.TaskRevived(task="T1", reason="x")).tasks["T1"].state is TaskState.WAITING


# counting


def test_attempts_counts_the_starts_of_an_agent_not_the_intents() -> None:
    state = after(prepared("T1.1"), ended("T1.1", "environment"), prepared("T1.2"), started("T1.2"))

    assert (state.tasks["T1"].attempts, state.tasks["T1"].prepared) == (1, 2)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.DONE])
def test_the_ceiling_counts_what_failed_crashed_or_stalled_and_nothing_else(outcome: Outcome) -> None:
    counted = {Outcome.UNCHANGED, Outcome.FOREIGN, Outcome.FAILED, Outcome.CRASHED, Outcome.STALLED}

    state = after(*BEGUN, ended(outcome=outcome))

    assert counted == COUNTED
    assert state.tasks["T1"].counted == (outcome in counted)
    assert state.tasks["T1"].failed_with == ([ONE] if outcome in counted else [])
    assert state.tasks["T1"].uncounted == (outcome is Outcome.ENVIRONMENT)


@pytest.mark.parametrize(
    ("cause", "counted", "uncounted", "fresh"),
    [("check", True, 0, False), ("conflict", True, 0, True), ("overlap", False, 0, True), ("environment", False, 1, False)],
)
def test_what_a_refused_result_counts(cause: str, *, counted: bool, uncounted: int, fresh: bool) -> None:
    status = after(*BEGUN, ended(), refusal(cause, counted=counted)).tasks["T1"]

    assert (status.counted, status.uncounted, status.fresh, status.cause) == (int(counted), uncounted, fresh, cause)
    assert status.conflicts == (cause == "conflict")


def test_equal_failures_in_a_row_are_counted_and_another_one_begins_anew() -> None:
    history: list[Event] = []
    seen = []
    for number, (outcome, reason) in enumerate(
        [("failed", "a"), ("failed", "a"), ("stopped", ""), ("failed", "a"), ("crashed", "a"), ("failed", "a")], start=1
    ):
        history += [prepared(f"T1.{number}"), started(f"T1.{number}"), ended(f"T1.{number}", outcome, reason=reason)]
        seen.append(after(*history).tasks["T1"].same)

    assert seen == [1, 2, 2, 3, 1, 1]


def test_a_new_attempt_forgets_why_the_last_result_was_refused() -> None:
    status = after(*BEGUN, ended(), refusal("overlap", counted=False), prepared("T1.2")).tasks["T1"]

    assert (status.cause, status.fresh, status.reason) == ("", False, "")


def test_only_restarts_after_a_failure_are_remembered_for_the_budget() -> None:
    failed = (prepared("T1.2"), started("T1.2"), ended("T1.2", "failed"))

    assert after(*STOPPED, prepared("T1.2")).agents[ONE].starts == []
    assert after(*STOPPED, *failed, prepared("T1.3")).agents[ONE].starts == [7.0]


def test_a_revived_task_starts_counting_anew_and_keeps_its_numbers() -> None:
    climbed = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.1", rung="restart", reason="")
    parked = ev.TaskParked(task="T1", reason="x")

    status = after(*BEGUN, ended(outcome="stalled"), climbed, parked, ev.TaskRevived(task="T1", reason="y")).tasks["T1"]

    assert status == TaskStatus(agent=ONE, attempts=1, prepared=1, attempt="T1.1")


@pytest.mark.parametrize("rung", ["restart", "reassign", "park"])
def test_the_last_rungs_belong_to_the_task_and_name_the_attempt_they_judge(rung: str) -> None:
    climbed = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.1", rung=rung, reason="")

    status = after(*BEGUN, ended(outcome="stalled"), climbed).tasks["T1"]

    assert (status.rungs, status.judged) == ([rung], "T1.1")


@pytest.mark.parametrize("rung", ["nudge", "interrupt"])
def test_the_gentle_rungs_are_not_remembered(rung: str) -> None:
    climbed = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.1", rung=rung, reason="")

    assert after(*BEGUN, climbed).tasks["T1"].rungs == []


# agents


def test_an_agent_goes_from_idle_over_work_and_checks_back_to_idle() -> None:
    history: list[Event] = [prepared("T1.1"), started("T1.1"), ended(), INTEGRATING, DONE]
    seen = [after(*history[:end]).agents[ONE].state for end in range(len(history) + 1)]

    assert seen == [
        AgentState.IDLE,
        AgentState.STARTING,
        AgentState.WORKING,
        AgentState.CHECKING,
        AgentState.CHECKING,
        AgentState.IDLE,
    ]
    assert after(*history).agents[ONE].finished == 1


def test_an_agent_waits_while_a_request_of_its_waits() -> None:
    asked = ev.LockRequested(path="a", holder=ONE, ticket=1)
    refused = ev.LockRefused(path="a", holder=ONE, reason="not free within 1 s", ticket=1)

    assert after(*BEGUN, asked).agents[ONE].state is AgentState.WAITING
    assert after(*BEGUN, asked, granted("a")).agents[ONE].state is AgentState.WORKING
    assert after(*BEGUN, asked, refused).agents[ONE].state is AgentState.WORKING
    assert after(*BEGUN, asked, refused).waiting == []
    two_at_once = (asked, ev.LockRequested(path="b", holder=ONE), granted("a"))
    assert after(*BEGUN, *two_at_once).agents[ONE].state is AgentState.WAITING


def test_an_agent_whose_attempt_ended_waits_for_nothing() -> None:
    asked = ev.LockRequested(path="a", holder=ONE)

    assert after(*BEGUN, asked, ended(outcome="crashed")).waiting == []


def test_what_an_attempt_held_is_remembered_after_its_release() -> None:
    released = ev.LockReleased(path="a", holder=ONE, fence=3, reason="unlocked")

    state = after(*BEGUN, granted("a", fence=3), released)

    assert state.locks == {}
    assert list(state.attempts["T1.1"].locked) == ["a"]
    assert state.fence == 3


def test_a_lock_that_is_granted_again_is_held_once() -> None:
    state = after(*BEGUN, granted("a", fence=3), granted("a", fence=4))

    assert [(lock.path, lock.fence) for lock in state.locks.values()] == [("a", 4)]


def test_what_an_agent_says_is_kept_until_it_says_something_else() -> None:
    first = ev.AgentReported(agent=ONE, task="T1", status="BLOCKED", message="m", done=1, total=3, files={"a": "created"})
    second = ev.AgentReported(agent=ONE, task="T1", done=2, files={"b": "modified"})

    agent = after(*BEGUN, first, second).agents[ONE]

    assert (agent.says, agent.message, agent.done, agent.total) == ("ACTIVE", "m", 2, 3)
    assert agent.files == {"a": "created", "b": "modified"}
    assert after(*BEGUN, first, ended(outcome="failed"), prepared("T1.2")).agents[ONE].files == {}


def test_an_agent_that_goes_on_waits_for_nothing_any_more() -> None:
    blocked = ev.AgentBlocked(agent=ONE, task="T1", on="an answer", meanwhile="tests")
    waits = after(*BEGUN, blocked).agents[ONE]
    goes_on = after(*BEGUN, blocked, ev.AgentReported(agent=ONE, task="T1", status="ACTIVE")).agents[ONE]

    assert (waits.says, waits.blocked_on, waits.meanwhile) == ("BLOCKED", "an answer", "tests")
    assert (goes_on.says, goes_on.blocked_on, goes_on.meanwhile) == ("ACTIVE", "", "")


def test_what_was_found_changed_is_told_though_the_agent_said_nothing_of_it() -> None:
    """A shell script that never named its files once stood in its comm file with `Files Modified: none`."""
    said = ev.AgentReported(agent=ONE, task="T1", files={"a": "created"})

    state = after(*BEGUN, said, ended(paths=["a", "b"]))

    assert state.agents[ONE].files == {"a": "created", "b": "modified"}


def test_a_claim_is_kept_with_its_attempt() -> None:
    claim = ev.ClaimMade(agent=ONE, task="T1", attempt="T1.1", done=False, note="no")

    attempt = after(*BEGUN, claim).attempts["T1.1"]

    assert (attempt.claim, attempt.note) == (False, "no")


def test_a_limit_is_over_when_an_attempt_ends_well_in_spite_of_it() -> None:
    limit = ev.LimitReached(limit="usage", agent=ONE, until=None, attempt="T1.1")

    assert after(*BEGUN, limit, ended(outcome="limit")).agents[ONE].limits[""].until == 3.0 + UNTOLD
    assert after(*BEGUN, limit, ended()).agents[ONE].limits == {}


def test_a_limit_is_not_over_because_an_attempt_that_knew_nothing_of_it_ends_well() -> None:
    """An agent of the account that was at its last words when another met the limit was started against it at once."""
    limit = ev.LimitReached(limit="usage", agent=ONE, until=900.0, attempt="T2.1")

    assert after(*BEGUN, limit, ended()).agents[ONE].limits[""].until == 900.0


def test_a_later_word_on_a_limit_never_shortens_it_and_the_margin_comes_on_top() -> None:
    told = [
        ev.LimitReached(limit="usage", agent=ONE, adapter="claude", until=until, margin=60.0) for until in (900.0, 500.0, None)
    ]

    assert after(*BEGUN, *told).agents[ONE].limits["claude"].until == 960.0


# the run


def test_the_phases_of_a_run() -> None:
    begun = run_started()
    paused, resumed = ev.RunPaused(reason="stopped"), ev.RunResumed(reason="stopped")

    assert after().phase == "planning"
    assert (after(begun).phase, after(begun).tip) == ("running", "b0")
    assert (after(begun, paused).phase, after(begun, paused).outcome) == ("paused", "stopped")
    assert (after(begun, paused, resumed).phase, after(begun, paused, resumed).outcome) == ("running", "")
    ending = after(begun, (50.0, ev.RunEnded(outcome="done")))
    assert (ending.phase, ending.outcome, ending.ended_at) == ("ended", "done", 50.0)


def test_paths_of_a_project_that_was_moved_name_the_new_place() -> None:
    state = after(prepared("T1.1"), ev.ProjectMoved(from_="/w", to="/new/y"), ev.ProjectMoved(from_="/ne", to="/other"))

    assert [attempt.workspace for attempt in state.attempts.values()] == ["/new/y/T1.1"]


def test_the_tip_moves_with_each_integration() -> None:
    integrated = ev.Integrated(task="T1", attempt="T1.1", commit="m1")

    assert after(run_started(), *BEGUN, ended(), INTEGRATING, integrated, DONE).tip == "m1"


# every event, snapshots

STRANGE = "\0 \x1b[31m é 😀 \ud7ff " + "x" * 300


def _any_event(kind: type[msgspec.Struct]) -> Event:
    """Build an event with strange but legal values about T1, its attempt and its agent."""
    known = {"task": "T1", "attempt": "T1.1", "agent": ONE, "holder": ONE, "to": TWO, "from_": ONE, "outcome": "stopped"}
    samples: dict[object, object] = {str: STRANGE, int: 2**53, float: 1e15, bool: True}
    values: dict[str, object] = {}
    for one in msgspec.structs.fields(kind):
        types = get_args(one.type) or (one.type,)
        plain = next((samples[kind] for kind in types if kind in samples), None)
        values[one.name] = known.get(one.name, {"a": "created"} if one.name in {"files", "owners"} else plain)
        if getattr(one.type, "__origin__", None) is list:
            values[one.name] = [samples[get_args(one.type)[0]]]
    event: Event = kind(**values)  # type: ignore[assignment]  # every kind is one of the union
    return event


KINDS = get_args(Event)
#: Where T1 must stand for the event to be recorded.
WHERE: dict[type, TaskState] = {
    ev.AttemptPrepared: TaskState.WAITING,
    ev.AttemptEnded: TaskState.RUNNING,
    ev.ResultRefused: TaskState.CHECKING,
    ev.IntegrationStarted: TaskState.CHECKING,
    ev.TaskDone: TaskState.CHECKING,
    ev.TaskFailed: TaskState.WAITING,
    ev.TaskParked: TaskState.WAITING,
    ev.TaskSkipped: TaskState.WAITING,
    ev.TaskRevived: TaskState.PARKED,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_written_read_folded_and_kept_in_a_snapshot(kind: type[msgspec.Struct]) -> None:
    event = _any_event(kind)
    state = after(*PATHS[WHERE.get(kind, TaskState.RUNNING)])

    read = ev.decode(ev.encode(event))
    fold(state, ev.Entry(state.seq + 1, 50.0, RUN, read))

    assert read == event
    assert decode(encode(state)) == state


@pytest.mark.parametrize("until", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_a_limit_that_is_no_number_does_not_spoil_the_snapshot(until: float) -> None:
    state = after(*BEGUN, ev.LimitReached(limit="usage", agent=ONE, until=until))

    assert decode(encode(state)) == state


def test_an_event_about_somebody_who_is_no_agent_of_the_run_is_folded() -> None:
    after(
        ev.LimitReached(limit="usage", agent="nobody", until=1.0),
        ev.LockRequested(path="a", holder="nobody"),
        granted("a", "nobody"),
        ev.LockReleased(path="a", holder="nobody", fence=1, reason="forced"),
        ev.LockRefused(path="a", holder="nobody", reason="x"),
    )


@given(play=plays(), cut=st.floats(0, 1))
def test_a_replay_from_a_snapshot_anywhere_gives_the_same_state_as_one_from_the_start(play: Play, cut: float) -> None:
    play.run()
    history = [ev.Entry(one.seq, one.at, one.run, ev.decode(ev.encode(one.event))) for one in play.history]
    place = int(cut * len(history))

    state = initial(RUN, play.plan)
    for entry in history[:place]:
        fold(state, entry)
    state = decode(encode(state))
    for entry in history[place:]:
        fold(state, entry)

    assert encode(state) == encode(play.state)


def test_the_state_of_a_replay_shares_nothing_with_the_events() -> None:
    report = ev.AgentReported(agent=ONE, task="T1", files={"a": "created"})
    rows = entries(*BEGUN, report, ended(paths=["a"]))
    one, other = initial(RUN, PAIR), initial(RUN, PAIR)
    for entry in rows:
        fold(one, entry)
        fold(other, entry)

    one.agents[ONE].files["b"] = "created"
    one.tasks["T1"].rungs.append("restart")

    assert other.agents[ONE].files == {"a": "created"}
    assert other.tasks["T1"].rungs == []
    assert report.files == {"a": "created"}
