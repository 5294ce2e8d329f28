"""What each agent did with its time: every second of every agent counts once, as work or as idle for one cause.

Seconds count only while a supervisor lived and was not paused, and only inside the run's wall time, so work and idle
add up to wall time times agents. An agent works from `AttemptStarted` to `AttemptEnded`, save while it waits for a
lock. From the end of an attempt to its result it is held by checks for as long as they ran, else by integration; so it
is while its workspace is made. Without a task it idles for a limit while its provider's holds; for a stall while a
task that it could do waits out its back-off; for a lock while one that it could do waits for a lock of another; and
else for needs, also when nothing is left for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from orchestrator import events as ev
from orchestrator.claims import meets
from orchestrator.events import Entry
from orchestrator.exchange.questions import PERMISSION
from orchestrator.fold.limits import believed
from orchestrator.model import Outcome, Plan, PlannedTask, Seat, TaskId
from orchestrator.scheduling.scheduler import has_skills
from orchestrator.views.wall import Wall


@dataclass(slots=True, kw_only=True)
class Stint:
    """The work of one attempt."""

    agent: str
    task: str
    attempt: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What one agent did for a while: it worked, or waited for one cause."""

    agent: str
    task: str  #: empty: none
    attempt: str  #: empty: none
    what: str  #: work | needs | lock | limit | stall | check | integration | answer
    begin: float  #: seconds since the epoch
    end: float

    @property
    def seconds(self) -> float:
        """Give how long it took."""
        return self.end - self.begin


@dataclass(slots=True)
class Hours:
    """The time of all agents."""

    stints: dict[str, Stint] = field(default_factory=dict)  #: by attempt
    spans: dict[str, list[Span]] = field(default_factory=dict)  #: by agent, in their order, without overlap

    def add(self, span: Span) -> None:
        """Let an agent do something after all it did before; what goes on is one span."""
        row = self.spans[span.agent]
        last = row[-1] if row else None
        if last is not None and last.end == span.begin and (last.what, last.attempt) == (span.what, span.attempt):
            row[-1] = replace(last, end=span.end)
        else:
            row.append(span)

    def relabel(self, agent: str, seconds: float, *, old: str, new: str) -> None:
        """Say of the last seconds of one kind that they were of another."""
        row, left = self.spans[agent], seconds
        taken: list[Span] = []
        while row and left > 0:
            last = row.pop()
            if last.what != old:
                taken.append(last)
                continue
            cut = max(last.begin, last.end - left)
            left -= last.end - cut
            taken.append(replace(last, what=new, begin=cut))
            if cut > last.begin:
                taken.append(replace(last, end=cut))
        for span in reversed(taken):
            self.add(span)


def hours_of(entries: Iterable[Entry], plan: Plan, wall: Wall) -> Hours:
    """Give where the time of all agents went."""
    hours = Hours(spans={str(seat.id): [] for seat in plan.agents})
    rows = list(entries)
    floor = _Floor(plan, hours, [entry.event for entry in rows])
    before = wall.start
    for entry in rows:
        floor.spend(before, entry.at, wall)
        before = max(before, entry.at)
        floor.take(entry.event, entry.at)
    floor.spend(before, wall.end, wall)
    return hours


@dataclass(slots=True)
class _Doing:
    """What one agent does now."""

    seat: Seat
    phase: str = "free"  #: free | making | work | result
    task: str = ""
    attempt: str = ""
    waits: set[str] = field(default_factory=set)  #: paths
    asks: dict[str, str] = field(default_factory=dict)  #: questions it does nothing but wait for: id and kind
    result: float = 0.0  #: seconds since the attempt ended, without those of checks
    limits: dict[str, float] = field(default_factory=dict)  #: adapter -> until then
    falls_back: bool = False  #: it goes on with another

    @property
    def limited(self) -> float:
        """Give until when it can do nothing."""
        return 0.0 if self.falls_back else min(self.limits.values(), default=0.0)

    def take_limit(self, event: ev.LimitReached, at: float) -> None:
        """Note a usage limit, and whether it goes on by another way."""
        self.limits = {adapter: until for adapter, until in self.limits.items() if until > at}
        until = believed(event.until, at, margin=event.margin)
        self.limits[event.adapter] = max(until, self.limits.get(event.adapter, 0.0))
        self.falls_back = event.instead != ""


class _Floor:
    """What all agents do between two events."""

    def __init__(self, plan: Plan, hours: Hours, history: Iterable[ev.Event]) -> None:
        self._hours = hours
        self._doing = {str(seat.id): _Doing(seat) for seat in plan.agents}
        self._tasks = {str(planned.task.id): planned for planned in plan.tasks}
        self._owner = {str(planned.task.id): str(planned.agent) for planned in plan.tasks}
        joined = [event for event in history if isinstance(event, ev.AgentAdded | ev.TaskAdded)]
        self._waiting = set(self._tasks) - {one.task for one in joined if isinstance(one, ev.TaskAdded)}
        self._done: set[TaskId] = set(plan.done)
        self._backing_off: set[str] = set()
        self._pinned: set[str] = set()  #: tasks that a person gave to their agents
        self._held: dict[tuple[str, str], None] = {}  #: path and holder
        #: agents that have not joined yet, or have left; who only came back was there before
        self._absent = {one.agent for one in joined if isinstance(one, ev.AgentAdded) and one.plan}

    def spend(self, begin: float, end: float, wall: Wall) -> None:
        """Let time pass."""
        pieces = list(wall.pieces(begin, end))
        ready = [name for name in self._waiting if self._done.issuperset(self._tasks[name].needs)] if pieces else []
        for start, stop in pieces:
            for doing in self._doing.values():
                if doing.seat.id in self._absent:
                    continue
                self._spend(doing, start, stop, ready)

    def _spend(self, doing: _Doing, begin: float, end: float, ready: list[str]) -> None:
        if doing.phase == "free":
            free = min(max(begin, doing.limited), end)
            self._add(doing, "limit", begin, free)
            if free < end:
                self._add(doing, self._lacks(doing.seat, ready), free, end)
        elif doing.phase != "work":
            doing.result += end - begin if doing.phase == "result" else 0.0
            self._add(doing, "integration", begin, end)
        elif doing.waits or doing.asks:
            self._add(doing, "lock" if doing.waits else "answer", begin, end)
        else:
            self._hours.stints[doing.attempt].seconds += end - begin
            self._add(doing, "work", begin, end)

    def _add(self, doing: _Doing, what: str, begin: float, end: float) -> None:
        if begin < end:
            task, attempt = ("", "") if doing.phase == "free" else (doing.task, doing.attempt)
            self._hours.add(Span(agent=str(doing.seat.id), task=task, attempt=attempt, what=what, begin=begin, end=end))

    def take(self, event: ev.Event, at: float) -> None:
        """Let an event change what agents do."""
        match event:
            case ev.AttemptPrepared() | ev.AttemptStarted() | ev.AttemptEnded() | ev.ResultRefused():
                self._take_attempt(event)
            case ev.TaskDone() | ev.TaskFailed() | ev.TaskSkipped() | ev.TaskParked() | ev.TaskRevived() | ev.TaskRetried():
                self._take_task(event)
            case ev.TaskReassigned() | ev.TaskAdded() | ev.AgentAdded() | ev.AgentLeft():
                self._take_shape(event)
            case ev.LockRequested() | ev.LockGranted() | ev.LockRefused() | ev.LockReleased():
                self._take_lock(event)
            case ev.QuestionAsked() | ev.QuestionAnswered() | ev.QuestionClosed() | ev.AgentReported():
                self._take_question(event)
            case ev.CheckEnded(task=task, seconds=seconds):
                self._checked(self._doing.get(self._owner.get(task, "")), seconds)
            case ev.LimitReached(agent=agent) if agent in self._doing:
                self._doing[agent].take_limit(event, at)
            case _:
                pass

    def _take_shape(self, event: ev.TaskReassigned | ev.TaskAdded | ev.AgentAdded | ev.AgentLeft) -> None:
        match event:
            case ev.TaskReassigned(task=task, to=to, by=by):
                self._owner[task] = to
                (self._pinned.add if by else self._pinned.discard)(task)
            case ev.TaskAdded(task=task):
                self._waiting.add(task)
            case ev.AgentAdded(agent=agent):
                self._absent.discard(agent)
            case ev.AgentLeft(agent=agent):
                self._absent.add(agent)

    def _take_attempt(self, event: ev.AttemptPrepared | ev.AttemptStarted | ev.AttemptEnded | ev.ResultRefused) -> None:
        doing = self._doing[event.agent]
        doing.task, doing.attempt, doing.waits, doing.result = event.task, event.attempt, set(), 0.0
        doing.asks = {}
        self._owner[event.task] = event.agent
        match event:
            case ev.AttemptPrepared():
                doing.phase = "making"
                self._waiting.discard(event.task)
                self._backing_off.discard(event.task)
            case ev.AttemptStarted():
                doing.phase = "work"
                self._hours.stints[event.attempt] = Stint(agent=event.agent, task=event.task, attempt=event.attempt)
            case ev.AttemptEnded(outcome="done"):
                doing.phase = "result"
            case _:
                doing.phase = "free"
                self._waiting.add(event.task)
                if not (isinstance(event, ev.AttemptEnded) and event.outcome == Outcome.STOPPED):
                    self._backing_off.add(event.task)

    def _take_task(
        self, event: ev.TaskDone | ev.TaskFailed | ev.TaskSkipped | ev.TaskParked | ev.TaskRevived | ev.TaskRetried
    ) -> None:
        if isinstance(event, ev.TaskRetried) and any(
            doing.task == event.task and doing.phase != "free" for doing in self._doing.values()
        ):
            return  # it stays with the agent that is at it
        self._backing_off.discard(event.task)
        if isinstance(event, ev.TaskRevived | ev.TaskRetried):
            self._waiting.add(event.task)
            return
        self._waiting.discard(event.task)
        if isinstance(event, ev.TaskDone):
            self._done.add(TaskId(event.task))
            for doing in self._doing.values():
                if doing.task == event.task and doing.phase == "result":
                    doing.phase = "free"

    def _take_lock(self, event: ev.LockRequested | ev.LockGranted | ev.LockRefused | ev.LockReleased) -> None:
        waits = self._doing[event.holder].waits if event.holder in self._doing else set()
        if isinstance(event, ev.LockRequested):
            waits.add(event.path)
        elif isinstance(event, ev.LockReleased):
            self._held.pop((event.path, event.holder), None)
        else:
            waits.discard(event.path)
        if isinstance(event, ev.LockGranted):
            self._held[event.path, event.holder] = None

    def _take_question(self, event: ev.QuestionAsked | ev.QuestionAnswered | ev.QuestionClosed | ev.AgentReported) -> None:
        """Note who waits for a person; who says something of its work goes on, unless it needs a permission."""
        match event:
            case ev.QuestionAsked(id=name, agent=agent, kind=kind, waits=True) if agent in self._doing:
                self._doing[agent].asks[name] = kind
            case ev.QuestionAnswered(id=name) | ev.QuestionClosed(id=name):
                for doing in self._doing.values():
                    doing.asks.pop(name, None)
            case ev.AgentReported(agent=agent) if agent in self._doing:
                doing = self._doing[agent]
                doing.asks = {name: kind for name, kind in doing.asks.items() if kind == PERMISSION}
            case _:
                pass

    def _checked(self, doing: _Doing | None, seconds: float) -> None:
        """Move the time of a check from what the agent waited for its result."""
        if doing is None or doing.phase != "result":
            return
        moved = min(seconds, doing.result)
        doing.result -= moved
        self._hours.relabel(str(doing.seat.id), moved, old="integration", new="check")

    def _lacks(self, seat: Seat, ready: Iterable[str]) -> str:
        """Say for what an agent without a task waits."""
        could = [name for name in ready if self._may_do(seat, self._tasks[name], name)]
        if any(name in self._backing_off for name in could):
            return "stall"
        taken = [path for path, _ in self._held]
        return "lock" if any(meets(key, path) for name in could for key in self._tasks[name].locks for path in taken) else "needs"

    def _may_do(self, seat: Seat, planned: PlannedTask, name: str) -> bool:
        if name in self._pinned:
            return self._owner[name] == seat.id
        if planned.task.agents:
            return seat.id in planned.task.agents
        return self._owner[name] == seat.id or has_skills(seat, planned.task.skills)
