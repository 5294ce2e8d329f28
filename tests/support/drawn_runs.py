"""Runs as they might have gone: any order of events that the supervisor could record, drawn by hypothesis."""

from typing import TypeAlias

from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.events import Entry, Event
from orchestrator.model import Plan
from tests.support.builders import (
    ONE,
    TWO,
    answers,
    asks,
    ended,
    entries,
    granted,
    plan,
    planned,
    prepared,
    run_started,
    started,
    task,
)

Timed: TypeAlias = tuple[float, Event]


class Random:
    """Plays a run with whatever comes: any order that the supervisor could record."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.now = draw(st.floats(0, 1e9))
        self.rows: list[Timed] = []
        self.free = [ONE, TWO]
        self.busy: dict[str, tuple[str, str]] = {}  #: agent -> attempt and its phase
        self.numbers = dict.fromkeys(("T1", "T2", "T3"), 0)
        self.left = list(self.numbers)

    def play(self) -> tuple[list[Entry], float]:
        self.record(run_started())
        for _ in range(self.draw(st.integers(0, 25))):
            self.step()
        if self.draw(st.booleans()):
            last: list[Event] = [ev.RunEnded(outcome="done"), ev.RunPaused(reason="x")]
            self.record(self.draw(st.sampled_from(last)))
        return entries(*self.rows), self.now + self.draw(st.floats(0, 1e4))

    def record(self, event: Event) -> None:
        self.rows.append((self.now, event))
        self.now += self.draw(st.sampled_from([0.0, 0.001, 1.5, 3600.0]))

    def step(self) -> None:
        kind = self.draw(st.sampled_from(["begin", "begin", "go on", "go on", "lock", "ask", "resume", "limit", "check"]))
        if kind == "begin" and self.free and self.left:
            agent, name = self.free.pop(), self.left.pop(self.draw(st.integers(0, len(self.left) - 1)))
            self.numbers[name] += 1
            self.busy[agent] = (f"{name}.{self.numbers[name]}", "prepared")
            self.record(prepared(self.busy[agent][0], agent=agent))
        elif kind == "resume":
            self.record(ev.RunResumed(reason="x"))
        elif self.busy:
            self.go_on(self.draw(st.sampled_from(sorted(self.busy))), kind)

    def go_on(self, agent: str, kind: str) -> None:
        attempt, phase = self.busy[agent]
        name = attempt.partition(".")[0]
        outcome = self.draw(st.sampled_from(["done", "failed"]))
        if kind == "lock":
            asked: list[Event] = [
                ev.LockRequested(path="x", holder=agent),
                granted("x", agent),
                ev.LockRefused(path="x", holder=agent, reason=""),
            ]
            self.record(self.draw(st.sampled_from(asked)))
        elif kind == "ask" and phase == "started":
            asking: list[Event] = [
                asks(f"Q-{agent}", agent=agent, attempt=attempt, waits=True),
                answers(f"Q-{agent}", agent=agent, task=name),
            ]
            self.record(self.draw(st.sampled_from(asking)))
        elif kind == "limit":
            self.record(ev.LimitReached(limit="usage", agent=agent, until=self.now + 100))
        elif kind == "check":
            seconds = self.draw(st.floats(0, 1e4))
            self.record(
                ev.CheckEnded(task=name, attempt=attempt, command="", ok=True, where="base", log="", exit=0, seconds=seconds)
            )
        elif phase == "prepared":
            self.busy[agent] = (attempt, "started")
            self.record(started(attempt, agent=agent))
        elif phase == "started" and outcome == "done":
            self.busy[agent] = (attempt, "ended")
            self.record(ended(attempt, agent=agent))
        else:
            self.leave(agent, name, attempt, phase, outcome)

    def leave(self, agent: str, name: str, attempt: str, phase: str, outcome: str) -> None:
        del self.busy[agent]
        self.free.append(ONE if agent == ONE else TWO)
        if phase == "ended" and outcome == "done":
            self.record(ev.Integrated(task=name, attempt=attempt, commit="c"))
            self.record(ev.TaskDone(task=name, attempt=attempt, checked=False))
            return
        self.left.append(name)
        if phase == "ended":
            self.record(ev.ResultRefused(task=name, agent=agent, attempt=attempt, cause="check", reason="", counted=True))
        else:
            self.record(ended(attempt, outcome, agent=agent))


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Entry], float]:
    return Random(draw).play()


THREE_TASKS: Plan = plan(planned(task("T1", writes=["x"])), planned(task("T2", needs=["T1"]), agent=TWO), planned(task("T3")))
