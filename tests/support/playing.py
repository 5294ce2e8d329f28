"""Scheduler and state played to the end with a virtual clock: a run without processes, git, or time."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.claims import any_meets
from orchestrator.events import Entry, Event
from orchestrator.exchange import questions
from orchestrator.fold import fold
from orchestrator.model import AgentId, Plan, TaskId, TaskState
from orchestrator.scheduling import limits, scaling, scheduler, shaping
from orchestrator.scheduling.limits import UNLIMITED, Limits
from orchestrator.scheduling.scheduler import Climb, Fail, Park, Rules, Skip
from orchestrator.state import State, initial
from tests.support.builders import (
    ONE,
    RUN,
    THREE,
    TWO,
    answers,
    asks,
    consumed,
    ended,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    task,
)
from tests.support.deciding import next_wake, starts, verdicts

#: More steps than any run of a test can need; who takes more goes round in circles.
_ENDLESS = 5_000
_WAIT = 1800.0  #: seconds a person may take to answer


class Stuck(AssertionError):
    """A run with tasks left has nothing under way and no time at which anything could change."""


@dataclass(slots=True)
class Play:
    """Carries a plan out: each attempt takes a while and ends as chance, or a script, says."""

    plan: Plan
    rules: Rules
    chance: random.Random
    endings: Sequence[str] = ("done",)  #: outcomes, and causes of a refused result; one is drawn for each attempt
    spends: bool = False  #: each attempt tells of some consumption at its end
    now: float = 1000.0
    state: State = field(init=False)
    history: list[Entry] = field(default_factory=list)
    _due: list[tuple[float, AgentId]] = field(default_factory=list)
    _locks: dict[AgentId, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = initial(RUN, self.plan)
        self.record(run_started())

    def record(self, *events: Event) -> None:
        for event in events:
            entry = Entry(len(self.history) + 1, self.now, RUN, event)
            self.history.append(entry)
            fold(self.state, entry)

    def run(self) -> None:
        """Play until nothing is under way and nothing can start."""
        for _ in range(_ENDLESS):
            self.settle()
            self.start()
            if not self._due and self.is_over():
                return
            self.pass_time()
        raise AssertionError(f"no end after {_ENDLESS} steps: {self.state.tasks}")

    def lift(self) -> None:
        """Lift all limits, as a person does who resumes the run, and let no provider have any more."""
        self.rules = replace(self.rules, limits=UNLIMITED, waits=True)
        self.endings = ("done",)
        self.record(ev.RunPaused(reason="limit"), ev.RunResumed(reason="limit"))

    def is_over(self) -> bool:
        """Tell whether nothing can go on by itself, or a limit ends the run."""
        stuck = scheduler.stuck(self.plan, self.state) and not questions.waits_for_answer(self.state)
        return stuck or scheduler.halted(self.plan, self.state, self.rules, now=self.now)

    def settle(self) -> None:
        self.record(*questions.closings(self.state, now=self.now, wait=_WAIT))
        self.record(*(ev.TaskRevived(task=task, reason="settled") for task in questions.answered(self.state)))
        if limits.time_is_up(self.state, self.rules.limits, now=self.now):
            for due in list(self._due):
                self._due.remove(due)
                self.end(due[1], ending="stopped")
        while events := self.decided():
            self.record(*events)

    def decided(self) -> list[Event]:
        """Give what the supervisor would record now, before it starts anything."""
        departures = list(scaling.departures(self.plan, self.state))
        if due := [*departures, *shaping.due(self.plan, self.state, self.plan.tasks)]:
            return due
        return [event for one in verdicts(self.plan, self.state, self.rules) for event in self._effects(one)]

    def start(self) -> None:
        for start in starts(self.plan, self.state, self.rules, now=self.now):
            planned = next(one for one in self.plan.tasks if one.task.id == start.task)
            keys = scheduler.keys_of(self.state, planned)
            if any(any_meets(keys, held) for held in self._locks.values()):
                continue
            status = self.state.tasks[start.task]
            name = f"{start.task}.{status.prepared + 1}"
            if start.moved:
                self.record(ev.TaskReassigned(task=start.task, from_=status.agent, to=start.agent, reason=start.why))
            self.record(prepared(name, agent=start.agent, locks=keys, adapter=start.adapter))
            self._locks[start.agent] = keys
            if not (failed := self.chance.random() < 0.1 and "environment" in self.endings):
                self.record(started(name, agent=start.agent, adapter=start.adapter))
            self._due.append((self.now + (0.0 if failed else self.chance.choice((0.0, 1.0, 30.0, 700.0))), start.agent))

    def pass_time(self) -> None:
        """Go to the next moment at which something happens; time may not stand still for ever."""
        wake = next_wake(self.plan, self.state, self.rules, now=self.now)
        closing = questions.next_closing(self.state, wait=_WAIT)
        moments = [*(at for at, _ in self._due), *(at for at in (wake, closing) if at is not None)]
        if not moments:
            raise Stuck(f"nothing under way, no wake, and yet {self.left()}")
        assert wake is None or wake > self.now, "a wake in the past is a busy loop"
        self.now = max(self.now, min(moments))
        for at, agent in sorted(self._due):
            if at <= self.now:
                self._due.remove((at, agent))
                self.end(agent)

    def end(self, agent: AgentId, *, ending: str = "") -> None:
        """End the attempt the agent is at, as chance has it or as told."""
        task = self.state.agents[agent].task
        assert task is not None
        name = self.state.tasks[task].attempt or ""
        has_started = self.state.attempts[name].started_at is not None
        ending = ending or (self.chance.choice(self.endings) if has_started else "environment")
        if ending == "asked":
            ending = self.ask(task, agent, name)
        if has_started and self.spends:
            tokens, money = self.chance.choice((0, 100, 5000)), self.chance.choice((None, 0.0, 0.1, 2.0))
            self.record(consumed(name, agent=agent, tokens=tokens, money=money))
        if ending == "limit":
            until = self.chance.choice((None, self.now - 5, self.now + 100, float("nan"), float("inf")))
            used = self.state.attempts[name].adapter
            self.record(ev.LimitReached(limit="usage", agent=agent, adapter=used, attempt=name, until=until))
        refused = ending.startswith("refused-")
        reason = self.chance.choice(("one thing", "another thing"))
        paths = self.chance.choice((["a"], ["a", "b"], []))
        self.record(ended(name, "done" if refused or ending == "done" else ending, agent=agent, reason=reason, paths=paths))
        if refused:
            cause = ending.removeprefix("refused-")
            counted = cause in {"check", "conflict"}
            self.record(ev.ResultRefused(task=task, agent=agent, attempt=name, cause=cause, reason=reason, counted=counted))
        elif ending == "done":
            commit = ev.Integrated(task=task, attempt=name, commit=f"m-{name}")
            begun = ev.IntegrationStarted(task=task, attempt=name, commit="c1", onto="b0")
            self.record(begun, commit, ev.TaskDone(task=task, attempt=name, checked=True))
        del self._locks[agent]

    @property
    def is_under_way(self) -> bool:
        """Tell whether an agent is at a task."""
        return bool(self._due)

    def stop_recalled(self) -> None:
        """End the attempts of tasks that a person has taken from their agents."""
        for at, agent in list(self._due):
            if self.state.tasks[self.state.agents[agent].task or ""].wish is not None:
                self._due.remove((at, agent))
                self.end(agent, ending="stopped")

    def ask(self, task: str, agent: AgentId, attempt: str) -> str:
        """Ask a question, which is answered at once, or never; gives how the attempt ends."""
        refused = questions.refusal(self.state, task, wait=_WAIT)
        question = f"Q{len(self.state.questions) + 1}"
        self.record(asks(question, agent=agent, attempt=attempt, refused=refused))
        if not refused and self.chance.random() < 0.3:
            self.record(answers(question, agent=agent, task=task))
        return "failed" if refused else "asked"

    def left(self) -> dict[str, TaskState]:
        """Give the tasks that have not ended."""
        final = {TaskState.DONE, TaskState.FAILED, TaskState.SKIPPED, TaskState.PARKED}
        return {name: status.state for name, status in self.state.tasks.items() if status.state not in final}

    def states(self) -> dict[str, TaskState]:
        return {name: status.state for name, status in self.state.tasks.items()}

    def kinds(self) -> Counter[str]:
        return Counter(ev.kind(entry.event) for entry in self.history)

    def _effects(self, verdict: scheduler.Verdict) -> list[Event]:
        status = self.state.tasks[verdict.task]
        match verdict:
            case Fail(task=task, reason=reason):
                return [ev.TaskFailed(task=task, reason=reason)]
            case Skip(task=task, reason=reason):
                return [ev.TaskSkipped(task=task, reason=reason)]
            case Park(task=task, reason=reason, rung=rung):
                return [*([self._climbed(task, "park")] if rung else []), ev.TaskParked(task=task, reason=reason)]
            case Climb(task=task, rung=rung, to=to, reason=reason):
                moved = ev.TaskReassigned(task=task, from_=status.agent, to=to, reason=reason)
                return [self._climbed(task, rung), *([moved] if to != status.agent else [])]

    def _climbed(self, task: TaskId, rung: str) -> ev.RungClimbed:
        status = self.state.tasks[task]
        return ev.RungClimbed(agent=status.agent, task=task, attempt=status.attempt or "", rung=rung, reason="")


# random plans and rules

ENDINGS = ("done", "failed", "crashed", "stalled", "unchanged", "foreign", "limit", "environment", "stopped", "asked")
REFUSALS = ("refused-check", "refused-conflict", "refused-overlap", "refused-environment")
LADDER = ("nudge", "interrupt", "restart", "reassign", "park")
SEATS = [seat(ONE, role="backend"), seat(TWO, role="frontend", skills=["css"]), seat(THREE, role="backend")]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    seats = SEATS[: draw(st.integers(1, 3))]
    names = [f"T{number}" for number in range(1, draw(st.integers(1, 7)) + 1)]
    rows = []
    for place, name in enumerate(names):
        needs = draw(st.sets(st.sampled_from(names[:place]), max_size=2)) if place else set()
        writes = draw(st.none() | st.lists(st.sampled_from(("a", "a/b", "c", "d")), max_size=2, unique=True))
        agents = draw(st.sampled_from(((), (), ("agent-1",), ("backend",))))
        skills = draw(st.sampled_from(((), (), ("css",)))) if not agents else ()
        is_gate = draw(st.integers(0, 9)) == 0
        owner = ONE if agents else draw(st.sampled_from([one.id for one in seats]))
        one = task(name, needs=sorted(needs), writes=writes, agents=agents, skills=skills, gate=is_gate)
        rows.append(planned(one, agent=owner, tail=draw(st.integers(1, 9))))
    return plan(*rows, seats=seats)


@st.composite
def plays(draw: st.DrawFn) -> Play:
    rules = Rules(
        attempts=draw(st.integers(1, 4)),
        same_failure=draw(st.integers(1, 4)),
        ladder=tuple(rung for rung in LADDER if draw(st.booleans())),
        backoff=draw(st.sampled_from(((1.0, 60.0), (0.0, 0.0)))),
        per_agent=draw(st.sampled_from(((1, 60.0), (5, 600.0)))),
        fleet=draw(st.sampled_from(((2, 60.0), (20, 600.0)))),
        agents=draw(st.none() | st.integers(1, 3)),
    )
    endings = draw(st.lists(st.sampled_from((*ENDINGS, *REFUSALS)), max_size=5))
    return Play(draw(plans()), rules, random.Random(draw(st.integers(0, 2**32))), endings=("done", "failed", *endings))


@st.composite
def limited_plays(draw: st.DrawFn) -> Play:
    """Give a run with limits, usage limits, and adapters to fall back to."""
    play = draw(plays())
    time = draw(st.none() | st.sampled_from((50.0, 900.0, 5000.0)))
    wanted = Limits(
        time=time,
        reserve=0.0 if time is None else draw(st.sampled_from((0.0, time / 10))),
        money=draw(st.none() | st.sampled_from((0.1, 3.0))),
        money_per_task=draw(st.none() | st.just(2.0)),
        tokens=draw(st.none() | st.sampled_from((1, 9000))),
        attempts=draw(st.none() | st.integers(1, 6)),
    )
    ways = {one.id: draw(st.sampled_from((("own",), ("own", "other"), ("own", "other", "third")))) for one in play.plan.agents}
    play.rules = replace(play.rules, limits=wanted, ways=ways, waits=draw(st.booleans()))
    play.endings, play.spends = (*play.endings, "limit"), draw(st.booleans())
    return play
