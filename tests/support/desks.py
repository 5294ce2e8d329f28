"""A desk with its table, rights and journal, without a supervisor."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.control.server import Caller, Later
from orchestrator.desk.inbox import Inbox
from orchestrator.desk.requests import Desk
from orchestrator.desk.seats import Seated
from orchestrator.desk.steering import Order
from orchestrator.events import Event
from orchestrator.fold import fold
from orchestrator.granted import granted_event
from orchestrator.journal import Journal
from orchestrator.journal.recorder import Recorder
from orchestrator.locks import LockTable
from orchestrator.model import AgentId, Area, AttemptId, Plan, TaskId
from orchestrator.rights import Rights
from orchestrator.state import State, initial
from tests.support.builders import ONE, RUN, THREE, TWO, plan, planned, prepared, run_started, seat, started, task

AGENTS = (ONE, TWO, THREE)


@dataclass(slots=True)
class Lead:
    """Stands for the supervisor, and notes what the desk asks of it."""

    stopped: list[bool] = field(default_factory=list)
    lives: list[AgentId] = field(default_factory=list)
    told: list[tuple[AgentId, str]] = field(default_factory=list)
    deaf: set[AgentId] = field(default_factory=set)  #: agents that cannot be spoken to
    pids: set[int] = field(default_factory=set)  #: processes of agents
    orders: Mapping[str, Order] = field(default_factory=dict)

    def stop(self, *, now: bool, kill: bool = False) -> None:
        self.stopped.append(now)

    def tell(self, agent: AgentId, text: str) -> bool:
        if agent in self.deaf:
            return False
        self.told.append((agent, text))
        return True

    def heed(self, agent: AgentId) -> None:
        """Note nothing."""

    def heard(self, agent: AgentId) -> None:
        self.lives.append(agent)

    def renew(self) -> None:
        pass

    def is_agents(self, pid: int | None) -> bool:
        return pid in self.pids


@dataclass(slots=True)
class Office:
    """Everything that answers a request."""

    folder: Path
    journal: Journal
    plan: Plan
    recorder: Recorder
    table: LockTable
    rights: Rights
    desk: Desk
    inbox: Inbox
    lead: Lead
    time: list[float] = field(default_factory=lambda: [1000.0])

    async def ask(self, agent: AgentId | None, method: str, **params: object) -> Mapping[str, object]:
        """Ask as an agent, or as a person."""
        try:
            answer = self.desk.answer(Caller(agent), method, params)
            answer = await answer.come() if isinstance(answer, Later) else answer
        finally:
            self.recorder.settle()
        assert isinstance(answer, dict)
        return answer

    def sit(self, agent: AgentId, *, declares: Sequence[str] = (), workspace: Path | None = None) -> None:
        """Begin the agent's next attempt at its task, as the supervisor does."""
        name = TaskId(f"T{agent[-1]}")
        number = self.recorder.state.tasks[name].prepared + 1
        attempt = AttemptId(f"{name}.{number}")
        grants = self.table.acquire_all(agent, declares, now=self.time[0])
        assert isinstance(grants, tuple), grants
        self.recorder.record(*map(granted_event, grants), prepared(attempt, agent=agent), started(attempt, agent=agent))
        self.desk.seat(agent, Seated(task=name, attempt=attempt, workspace=workspace or self.folder))

    def end(self, agent: AgentId) -> None:
        """End the agent's attempt, as the supervisor does."""
        self.desk.leave(agent)
        self.desk.locks.freed(self.table.release_all(agent, now=self.time[0]), reason="ended")
        self.recorder.settle()

    def events(self, *kinds: type[Event]) -> list[Event]:
        """Give the recorded events of the given kinds."""
        return [entry.event for entry in self.journal.entries(run=RUN) if isinstance(entry.event, kinds)]

    def replayed(self) -> State:
        """Rebuild the state from the journal alone."""
        state = initial(RUN, self.plan)
        for entry in self.journal.entries(run=RUN):
            fold(state, entry)
        return state


@contextmanager
def office(
    folder: Path,
    *,
    matrix: Sequence[Area] = (),
    wait: float = 60.0,
    agents: Sequence[AgentId] = AGENTS,
    capacities: Mapping[str, int] | None = None,
) -> Iterator[Office]:
    """Open a desk for some agents, by default three, with a task each; nobody is seated yet."""
    project = folder / "project"
    project.mkdir(parents=True, exist_ok=True)
    roles = {ONE: "frontend", TWO: "backend"}
    seats = [seat(agent, role=roles.get(agent, "general")) for agent in agents]
    tasks = (planned(task(f"T{agent.split('-')[1]}"), agent=agent, locks=()) for agent in agents)
    of = plan(*tasks, seats=seats, matrix=matrix)
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal.open(folder / "state"))
        time = [1000.0]
        recorder = Recorder(journal, of, initial(RUN, of), clock=lambda: time[0])
        recorder.record(run_started())
        table = LockTable(capacities=capacities)
        rights, lead = Rights(of.matrix, table), Lead()
        inbox = Inbox(recorder, wait=wait, tell=lead.tell)
        desk = Desk(recorder, table, rights, root=project, lead=lead, inbox=inbox, limited=lambda attempt, until: [])
        yield Office(project, journal, of, recorder, table, rights, desk, inbox, lead, time)
