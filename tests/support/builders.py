"""Values for tests, each with only what the test speaks of."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from orchestrator import events as ev
from orchestrator.adapters.base import Order, Tools
from orchestrator.claims import Claim
from orchestrator.events import Entry, Event
from orchestrator.fold import fold
from orchestrator.model import (
    Access,
    AgentId,
    Area,
    Certificate,
    Isolation,
    Plan,
    PlannedTask,
    RunId,
    Seat,
    Simulation,
    Source,
    Task,
    TaskId,
)
from orchestrator.state import State, initial

RUN = RunId("demo-1")
ONE, TWO, THREE = AgentId("agent-1"), AgentId("agent-2"), AgentId("agent-3")


def task(
    name: str,
    *,
    title: str = "",
    needs: Iterable[str] = (),
    writes: Iterable[str] | None = None,
    line: int = 1,
    area: str | None = None,
    agents: Iterable[str] = (),
    skills: Iterable[str] = (),
    estimate: float | None = None,
    checks: Iterable[str] | None = None,
    simulate: Simulation | None = None,
    gate: bool = False,
    parent: str | None = None,
    text: str = "",
    locks: Iterable[str] = (),
    command: Iterable[str] = (),
) -> Task:
    """Give a task as a document would."""
    return Task(
        id=TaskId(name),
        title=title or f"Do {name}",
        source=Source(file="prd.md", line=line),
        text=text,
        area=area,
        needs=tuple(map(TaskId, needs)),
        writes=None if writes is None else tuple(map(Claim, writes)),
        locks=tuple(locks),
        agents=tuple(map(AgentId, agents)),
        skills=tuple(skills),
        estimate=estimate,
        checks=None if checks is None else tuple(checks),
        command=tuple(command),
        simulate=simulate,
        gate=gate,
        parent=TaskId(parent) if parent else None,
    )


def planned(
    one: Task, *, agent: AgentId = ONE, locks: Sequence[str] | None = None, tail: float = 0.0, why: Sequence[str] = ()
) -> PlannedTask:
    """Give a task as a planner would: by default it locks exactly what it writes."""
    keys = tuple(sorted(claim.rstrip("/") for claim in one.writes or ())) if locks is None else tuple(locks)
    seconds = one.estimate if one.estimate is not None else 600.0
    return PlannedTask(
        task=one,
        agent=agent,
        needs=one.needs,
        writes=one.writes,
        locks=keys,
        estimate=seconds,
        start=0.0,
        finish=seconds,
        tail=tail or seconds,
        why=tuple(why),
    )


def seat(name: AgentId, *, role: str = "general", skills: Iterable[str] = (), owns: Iterable[str] = ()) -> Seat:
    """Give an agent of a plan."""
    return Seat(id=name, role=role, label="-".join(name.split("-")[2:]), skills=tuple(skills), owns=tuple(map(Claim, owns)))


def area(path: str, *owners: AgentId, access: Access = Access.EXCLUSIVE) -> Area:
    """Give a row of the ownership matrix."""
    return Area(path=Claim(path), owners=owners, access=access, why="configured")


def plan(
    *tasks: PlannedTask,
    seats: Sequence[Seat] = (seat(ONE), seat(TWO)),
    matrix: Sequence[Area] = (),
    isolation: Isolation = Isolation.WORKTREE,
    done: Collection[str] = (),
) -> Plan:
    """Give a plan of these tasks."""
    return Plan(
        title="Demo",
        source="prd.md",
        source_digest="0" * 64,
        isolation=isolation,
        agents=tuple(seats),
        tasks=tasks,
        matrix=tuple(matrix),
        makespan=0.0,
        bound=0.0,
        certificate=Certificate(holds=True),
        done=tuple(map(TaskId, done)),
    )


PAIR = plan(planned(task("T1")), planned(task("T2"), agent=TWO))  #: a task for each of two agents


def entries(*events: Event | tuple[float, Event], run: RunId = RUN) -> list[Entry]:
    """Give events their places in a journal: numbers from 1, times as told, else a second apart."""
    rows: list[Entry] = []
    for number, row in enumerate(events, start=1):
        at, event = row if isinstance(row, tuple) else (float(number), row)
        rows.append(Entry(number, at, run, event))
    return rows


def state_after(of: Plan, *events: Event | tuple[float, Event]) -> State:
    """Fold a history."""
    state = initial(RUN, of)
    for entry in entries(*events):
        fold(state, entry)
    return state


def run_started(
    *,
    title: str = "Demo",
    base: str | None = "b0",
    branch: str | None = "squad/demo-1",
    split: bool = False,
    agents: int = 2,
) -> ev.RunStarted:
    """Give the first event of a run."""
    return ev.RunStarted(
        title=title,
        source="prd.md",
        source_digest="0" * 64,
        plan="p",
        settings="s",
        isolation="worktree",
        base=base,
        branch=branch,
        agents=[f"agent-{number + 1}" for number in range(agents)],
        split=split,
    )


def prepared(
    name: str = "T1.1", *, agent: str = ONE, base: str | None = "b0", locks: Iterable[str] = (), adapter: str = ""
) -> ev.AttemptPrepared:
    """Give the intent of an attempt; the task is told by its name."""
    return ev.AttemptPrepared(
        task=name.rpartition(".")[0],
        agent=agent,
        attempt=name,
        workspace=f"/w/{name}",
        branch=f"squad-work/demo-1/{name}",
        base=base,
        locks=list(locks),
        adapter=adapter,
    )


def started(name: str = "T1.1", *, agent: str = ONE, level: str = "detect", adapter: str = "simulated") -> ev.AttemptStarted:
    """Give the start of an attempt's process."""
    return ev.AttemptStarted(
        task=name.rpartition(".")[0],
        agent=agent,
        attempt=name,
        node="here",
        boot="b",
        pid=1000,
        born=1.0,
        leash=999,
        workspace=f"/w/{name}",
        level=level,
        adapter=adapter,
        log=f"/l/{name}.log",
    )


def ended(
    name: str = "T1.1",
    outcome: str = "done",
    *,
    agent: str = ONE,
    reason: str = "",
    commit: str | None = "c1",
    paths: Iterable[str] = (),
) -> ev.AttemptEnded:
    """Give the end of an attempt."""
    return ev.AttemptEnded(
        task=name.rpartition(".")[0],
        agent=agent,
        attempt=name,
        outcome=outcome,
        exit=0 if outcome == "done" else 1,
        signal=None,
        reason=reason,
        commit=commit,
        paths=list(paths),
    )


def consumed(name: str = "T1.1", *, agent: str = ONE, tokens: int = 0, money: float | None = None) -> ev.UsageReported:
    """Give what an agent tells of its consumption."""
    return ev.UsageReported(agent=agent, task=name.rpartition(".")[0], attempt=name, fresh=tokens, money=money)


def granted(path: str, holder: str = ONE, *, fence: int = 1, declared: bool = False, waited: float = 0.0) -> ev.LockGranted:
    """Give the grant of a lock."""
    return ev.LockGranted(path=path, holder=holder, fence=fence, waited_s=waited, declared=declared)


def asks(
    name: str = "Q1",
    *,
    text: str = "which colour?",
    agent: str = ONE,
    attempt: str = "T1.1",
    kind: str = "question",
    waits: bool = False,
    refused: str = "",
) -> ev.QuestionAsked:
    """Give a question of an agent; the task is told by the name of the attempt."""
    task = attempt.rpartition(".")[0]
    return ev.QuestionAsked(id=name, agent=agent, task=task, attempt=attempt, kind=kind, text=text, waits=waits, refused=refused)


def answers(
    name: str = "Q1", text: str = "blue", *, agent: str = ONE, task: str = "T1", allow: bool | None = None
) -> ev.QuestionAnswered:
    """Give a person's answer."""
    return ev.QuestionAnswered(id=name, agent=agent, task=task, by="person", answer=text, allow=allow)


def order(
    prompt: str = "do T1",
    *,
    workspace: Path = Path("/project"),
    mark: str = "",
    conversation: str = "",
    tools: Tools | None = None,
) -> Order:
    """Give a first attempt as it is handed to an agent."""
    return Order(
        task=task("T1"),
        agent=ONE,
        role="general",
        attempt=1,
        workspace=workspace,
        prompt=prompt,
        area=(),
        writes=None,
        scratch=Path("/scratch"),
        mark=mark,
        conversation=conversation,
        tools=tools,
    )
