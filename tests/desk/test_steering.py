"""Orders of a person to a run at work: decided without a process; whatever their sequence, the run comes to its end."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.control.protocol import Rejected
from orchestrator.desk.steering import Steering
from orchestrator.exchange import remarks
from orchestrator.fold import fold
from orchestrator.journal import Journal
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId, Plan, TaskState
from orchestrator.run import preparing
from orchestrator.scheduling import limits, scheduler
from orchestrator.scheduling.scheduler import Rules
from orchestrator.state import State, encode, initial
from tests.support.builders import ONE, RUN, TWO, ended, plan, planned, prepared, run_started, started, state_after, task
from tests.support.deciding import ready, verdicts

PLAN = plan(
    planned(task("T1"), agent=ONE, tail=3.0),
    planned(task("T2", needs=["T1"]), agent=TWO, tail=2.0),
    planned(task("T3"), agent=TWO, tail=1.0),
)
RULES = Rules(attempts=20, same_failure=20)


@dataclass
class World:
    """A run whose agents do at once what the test says; journal, state, scheduler and orders are the real ones."""

    journal: Journal
    plan: Plan = PLAN
    deaf: set[AgentId] = field(default_factory=set)
    said: list[tuple[AgentId, str]] = field(default_factory=list)
    halted: dict[str, str] = field(default_factory=dict)  #: task -> why
    time: float = 1000.0

    def __post_init__(self) -> None:
        self.begin(initial(RUN, self.plan))
        self.recorder.record(run_started())

    def begin(self, state: State) -> None:
        self.recorder = Recorder(self.journal, self.plan, state, clock=lambda: self.time)
        self.steering = Steering(self.recorder, halt=self._halt, tell=self._tell)

    def _halt(self, why: str, only: AgentId | None) -> None:
        for name in self.running():
            if only in {None, self.state.tasks[name].agent}:
                self.halted.setdefault(name, why)

    def _tell(self, agent: AgentId, text: str) -> bool:
        if agent not in self.deaf:
            self.said.append((agent, text))
        return agent not in self.deaf

    @property
    def state(self) -> State:
        return self.recorder.state

    def order(self, name: str, **params: object) -> Any:
        return self.steering.orders[name](params)

    def running(self) -> list[str]:
        return [name for name, status in self.state.tasks.items() if status.state is TaskState.RUNNING]

    def start(self) -> list[str]:
        """Start what the supervisor would."""
        begun = []
        among = self.steering.first(ready(self.plan, self.state))
        for start in scheduler.starts(self.plan, self.state, RULES, now=self.time, among=among) if not self.state.held else ():
            status = self.state.tasks[start.task]
            name = f"{start.task}.{status.prepared + 1}"
            new = prepared(name, agent=start.agent)
            told = preparing.told(self.state, new, self.state.attempts.get(status.attempt or ""))
            moved = ev.TaskReassigned(task=start.task, from_=status.agent, to=start.agent, reason="idle")
            self.recorder.record(*([moved] if start.moved else []), new, *told, started(name, agent=start.agent))
            begun.append(name)
        self.steering.settle()
        return begun

    def end(self, name: str, outcome: str = "done") -> None:
        """End an attempt: as it was halted, else as it is told."""
        self.time += 1
        status = self.state.tasks[name]
        attempt, agent = status.attempt or "", status.agent
        why = self.halted.pop(name, "")
        self.recorder.record(ended(attempt, "stopped" if why else outcome, agent=agent, reason=why))
        if not why and outcome == "done":
            self.recorder.record(ev.TaskDone(task=name, attempt=attempt, checked=False))

    def die(self) -> None:
        """Kill the supervisor, and let a person resume the run."""
        state = self.replayed()
        self.halted = {}
        self.begin(state)
        self.recorder.record(ev.RunResumed(reason="its supervisor was gone"))
        for name in self.running():
            self.halted[name] = "squad itself was ended"
            self.end(name)

    def replayed(self) -> State:
        state = initial(RUN, self.plan)
        for entry in self.journal.entries(run=RUN):
            fold(state, entry)
        return state

    def kinds(self) -> list[str]:
        return [ev.kind(entry.event) for entry in self.journal.entries(run=RUN)]


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder)) as journal:
        yield World(journal)


@pytest.fixture
def run() -> Iterator[World]:
    with world() as one:
        yield one


def test_a_pause_lets_what_is_under_way_end_and_starts_nothing(run: World) -> None:
    assert run.start() == ["T1.1", "T3.1"]

    assert run.order("pause") == {"run": RUN, "already": False, "now": False, "under_way": ["T1", "T3"]}
    run.end("T1")
    assert run.start() == []
    assert run.order("pause")["already"] is True
    assert run.order("resume") == {"run": RUN, "already": False}
    assert run.order("resume")["already"] is True
    assert run.start() == ["T2.1"]


def test_a_pause_now_stops_what_is_under_way_uncounted_and_it_goes_on_after(run: World) -> None:
    run.start()
    run.order("pause")

    assert run.order("pause", now=True)["already"] is False  # it is more than was ordered before
    assert run.order("pause")["already"] is True
    assert set(run.halted) == {"T1", "T3"}
    run.end("T1")
    run.end("T3")
    assert run.order("resume")["already"] is False

    assert run.start() == ["T1.2", "T3.2"]
    assert [status.counted for status in run.state.tasks.values()] == [0, 0, 0]


def test_a_pause_is_held_as_long_as_anything_is_left_to_start(run: World) -> None:
    run.start()
    run.order("pause")
    assert run.steering.is_held
    run.end("T1")
    run.end("T3")
    assert run.steering.is_held
    run.order("resume")
    assert not run.steering.is_held
    run.start()
    run.order("pause")
    run.end("T2")

    assert not run.steering.is_held


def test_letting_go_on_gives_what_is_parked_another_chance(run: World) -> None:
    run.order("pause")
    run.recorder.record(ev.TaskParked(task="T3", reason="it failed with both"))

    run.order("resume")

    assert run.state.tasks["T3"].state is TaskState.WAITING


def test_the_time_of_a_pause_counts_towards_no_limit_also_if_the_supervisor_dies_in_it() -> None:
    history: list[tuple[float, ev.Event]] = [
        (100.0, run_started()),
        (110.0, ev.WorkPaused(now=False)),
        (115.0, ev.WorkPaused(now=True)),
    ]
    allowed = limits.Limits(time=60.0)

    paused = state_after(PLAN, *history)
    assert limits.elapsed(paused, now=1000.0) == 10.0
    assert not limits.time_is_up(paused, allowed, now=1000.0)
    going = state_after(PLAN, *history, (900.0, ev.WorkResumed(reason="x")))
    assert limits.elapsed(going, now=905.0) == 15.0
    assert limits.time_is_up(going, allowed, now=950.0)
    revived = state_after(PLAN, *history, (800.0, ev.Noticed(text="x")), (900.0, ev.RunResumed(reason="x")))
    assert (revived.held, limits.elapsed(revived, now=905.0)) == ("", 15.0)


def test_a_restart_stops_the_attempt_uncounted_and_is_started_before_all_others(run: World) -> None:
    run.start()
    told = run.order("restart", task="T3")

    assert (told["attempt"], told["next"], told["already"]) == ("T3.1", "T3.2", False)
    assert run.halted == {"T3": "a person restarts it"}
    assert run.order("restart", agent=TWO)["already"] is True  # the same, by its agent
    run.end("T1")  # so that T2, with the longer way to go, waits for the same agent
    run.end("T3")
    assert run.start() == ["T3.2", "T2.1"]
    assert (run.state.tasks["T3"].counted, run.state.agents[TWO].starts) == (0, [])
    assert run.state.tasks["T3"].agent == TWO


def test_a_restart_is_started_before_all_others_also_by_the_next_supervisor(run: World) -> None:
    run.start()
    run.order("restart", task="T3")
    run.end("T1")
    run.die()

    assert run.start() == ["T3.2", "T2.1"]


def test_a_restart_waits_for_no_back_off(run: World) -> None:
    run.start()
    run.end("T3", "failed")
    assert run.start() == []

    assert run.order("restart", task="T3")["already"] is False
    assert run.start() == ["T3.2"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("T2", "was not started yet"), ("T1", "is done"), ("T3", "is parked: no agent works on it; again: squad retry T3")],
)
def test_what_cannot_be_restarted_is_refused_with_the_reason(run: World, name: str, said: str) -> None:
    run.start()
    run.order("pause")
    run.end("T1")
    run.end("T3", "failed")
    run.recorder.record(ev.TaskParked(task="T3", reason="x"))

    with pytest.raises(Rejected, match=said):
        run.order("restart", task=name)
    with pytest.raises(Rejected, match="is at no task"):
        run.order("restart", agent=ONE)


def test_a_stopped_attempt_climbs_no_rung_for_failures_before_it() -> None:
    failed: list[ev.Event] = [
        row for n in (1, 2, 3) for row in (prepared(f"T1.{n}"), started(f"T1.{n}"), ended(f"T1.{n}", "failed"))
    ]
    climbed = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.3", rung="restart", reason="x")
    stopped: list[ev.Event] = [prepared("T1.4"), started("T1.4"), ended("T1.4", "stopped")]

    state = state_after(PLAN, run_started(), *failed, climbed, *stopped)

    assert list(verdicts(PLAN, state, Rules(attempts=9, same_failure=3))) == []


def test_a_remark_is_delivered_to_who_can_hear_it_and_else_stands_in_the_next_prompt(run: World) -> None:
    run.deaf.add(TWO)
    run.start()

    heard = run.order("tell", task="T1", text=" be quick ")
    pending = run.order("tell", agent=TWO, text="be slow")

    assert (heard["id"], heard["told"], heard["agent"]) == ("R1", "T1.1", ONE)
    assert run.said == [(ONE, "A person tells you: be quick")]
    assert (pending["id"], pending["told"], pending["task"]) == ("R2", None, "T3")
    assert run.order("tell", task="T1", text="be quick")["already"] is True
    assert run.order("tell", task="T3", text="be slow") == {**pending, "already": True}
    run.order("restart", task="T3")
    run.end("T3")
    run.start()
    assert remarks.told_in(run.state, "T3.2") == ("be slow",)
    assert run.state.remarks["R2"].told == "T3.2"


def test_a_later_attempt_is_told_again_what_it_cannot_know(run: World) -> None:
    run.start()
    run.order("tell", task="T1", text="be quick")
    run.end("T1", "failed")
    run.time += 100

    run.start()

    assert remarks.told_in(run.state, "T1.2") == ("be quick",)


def test_a_remark_to_an_agent_without_a_task_is_of_the_next_one_that_it_does(run: World) -> None:
    run.order("pause")
    told = run.order("tell", agent=TWO, text="mind the gap")
    assert (told["task"], told["told"]) == (None, None)
    run.order("resume")
    run.start()

    assert remarks.told_in(run.state, "T3.1") == ("mind the gap",)


def test_what_nobody_heard_in_time_is_told_of_once(run: World) -> None:
    run.deaf.update({ONE, TWO})
    run.start()
    run.order("tell", task="T1", text="be quick")
    run.end("T1")
    run.steering.settle()
    run.steering.settle()

    assert run.state.notices == ["R1 was never heard: T1 is done"]
    with pytest.raises(Rejected, match="T1 is done"):
        run.order("tell", task="T1", text="be slow")


@pytest.mark.parametrize("text", ["", "  ", None, 3, "x" * 4001])
def test_a_remark_that_is_none_is_refused(run: World, text: object) -> None:
    with pytest.raises(Rejected):
        run.order("tell", task="T1", text=text)


def test_a_run_that_is_being_stopped_takes_no_orders(run: World) -> None:
    run.recorder.record(ev.StopRequested(reason="stopped"))

    for name in run.steering.orders:
        with pytest.raises(Rejected, match="is being ended"):
            run.order(name, task="T1", text="x")


NAMES = st.sampled_from(["T1", "T2", "T3"])
ORDERS = st.one_of(
    st.tuples(st.sampled_from(["pause", "pause now", "resume", "start", "die"]), st.just("")),
    st.tuples(st.sampled_from(["restart", "tell", "done", "failed", "hear", "deafen"]), NAMES),
)


def carry_out(run: World, what: str, name: str) -> None:
    match what:
        case "start":
            run.start()
        case "die":
            run.die()
        case "done" | "failed":
            if name in run.running():
                run.end(name, what)
        case "hear" | "deafen":
            agent = AgentId(run.state.tasks[name].agent)
            run.deaf = run.deaf | {agent} if what == "deafen" else run.deaf - {agent}
        case _:
            method, now = what.removesuffix(" now"), what.endswith(" now")
            try:
                run.order(method, task=name, text="go on", now=now)
            except Rejected:
                assert method in {"restart", "tell"}


@given(st.lists(ORDERS, max_size=40))
def test_any_sequence_of_orders_leaves_a_run_that_resumes_to_done(orders: list[tuple[str, str]]) -> None:
    with world() as run:
        for what, name in orders:
            carry_out(run, what, name)
            assert encode(run.replayed()) == encode(run.state)
        run.order("resume")
        for _ in range(50):
            run.time += 100
            run.start()
            for name in run.running():
                run.end(name)

        assert {status.state for status in run.state.tasks.values()} == {TaskState.DONE}
        assert sum(status.counted for status in run.state.tasks.values()) <= sum(what == "failed" for what, _ in orders)
        run.steering.settle()
        unheard = [name for name, remark in run.state.remarks.items() if not remark.told]
        assert unheard == [notice.partition(" ")[0] for notice in run.state.notices]
        assert_nothing_was_started_in_a_pause(run.kinds())


def assert_nothing_was_started_in_a_pause(kinds: list[str]) -> None:
    paused = False
    for kind in kinds:
        paused = kind == "WorkPaused" or (paused and kind not in {"WorkResumed", "RunResumed"})
        assert not (paused and kind == "AttemptPrepared")
