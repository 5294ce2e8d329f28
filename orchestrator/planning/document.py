"""The plan as a document: what `plan` prints with --json, `verify` checks and `run` carries out.

The same plan gives the same bytes: no times, no absolute paths, sorted keys, three decimals.
"""

from dataclasses import replace

import msgspec

from orchestrator.claims import Claim
from orchestrator.errors import PlanError, Where
from orchestrator.model import (
    Access,
    AgentId,
    Area,
    Certificate,
    Former,
    Isolation,
    Mark,
    Plan,
    PlannedTask,
    RunId,
    Seat,
    Simulation,
    Source,
    Task,
    TaskId,
)

SCHEMA = 1


class _Row(msgspec.Struct, kw_only=True):
    """A task of the document: what design section 14 names, and the rest that a run needs."""

    id: str
    title: str
    agent: str
    needs: list[str]
    writes: list[str] | None
    locks: list[str]
    estimate: float
    start: float
    finish: float
    tail: float = 0.0
    why: list[str] = []
    line: int = 1
    text: str = ""
    area: str | None = None
    declared: list[str] | None = None
    operations: list[str] = []
    agents: list[str] = []
    skills: list[str] = []
    declared_estimate: float | None = None
    checks: list[str] | None = None
    command: list[str] = []
    simulate: Simulation | None = None
    gate: bool = False
    state: Mark = Mark.OPEN
    parallel: bool = False
    parent: str | None = None
    priority: int | None = None
    criteria: list[str] = []
    spread: tuple[float, float] | None = None
    numbered: bool = False


class _FormerRow(msgspec.Struct, kw_only=True):
    id: str
    title: str
    run: str


class _SeatRow(msgspec.Struct, kw_only=True):
    id: str
    role: str
    owns: list[str]
    skills: list[str] = []
    label: str = ""


class _AreaRow(msgspec.Struct, kw_only=True):
    path: str
    owner: str | None
    access: Access
    owners: list[str] = []
    why: str = ""


class _Document(msgspec.Struct, kw_only=True):
    schema_version: int
    title: str = ""
    source: str = ""
    source_digest: str = ""
    isolation: Isolation = Isolation.WORKTREE
    agents: list[_SeatRow]
    tasks: list[_Row]
    matrix: list[_AreaRow]
    makespan: float
    bound: float
    certificate: Certificate
    warnings: list[str] = []
    done: list[str] = []
    done_already: list[_FormerRow] = []
    never_parallel: dict[str, list[str]] = {}
    capacity: dict[str, int] = {}


def plan_document(plan: Plan) -> bytes:
    """Give the document of a plan."""
    document = _Document(
        schema_version=SCHEMA,
        title=plan.title,
        source=plan.source,
        source_digest=plan.source_digest,
        isolation=plan.isolation,
        agents=[
            _SeatRow(id=seat.id, role=seat.role, owns=list(seat.owns), skills=list(seat.skills), label=seat.label)
            for seat in plan.agents
        ],
        tasks=[_row(planned) for planned in plan.tasks],
        matrix=[
            _AreaRow(
                path=row.path,
                owner=row.owners[0] if row.owners else None,
                access=row.access,
                owners=list(row.owners),
                why=row.why,
            )
            for row in plan.matrix
        ],
        makespan=_rounded(plan.makespan),
        bound=_rounded(plan.bound),
        certificate=plan.certificate,
        warnings=list(plan.warnings),
        done=list(plan.done),
        done_already=[_FormerRow(id=one.id, title=one.title, run=one.run) for one in plan.before],
        never_parallel={name: list(signs) for name, signs in plan.never_parallel.items()},
        capacity=dict(plan.capacity),
    )
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def load_plan(data: bytes, *, name: str) -> Plan:
    """Read a plan back.

    Raises:
        PlanError: It is no plan of this version.
    """
    try:
        document = msgspec.json.decode(data, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"no plan: {error}", where=Where(name), hint="make one: squad plan FILE -o plan.json") from error
    if document.schema_version != SCHEMA:
        message = f"a plan of version {document.schema_version}; this squad reads {SCHEMA}"
        raise PlanError(message, where=Where(name), hint="plan again: squad plan FILE -o plan.json")
    return Plan(
        title=document.title,
        source=document.source,
        source_digest=document.source_digest,
        isolation=document.isolation,
        agents=tuple(_seat(row) for row in document.agents),
        tasks=tuple(_planned(row, document.source) for row in document.tasks),
        matrix=tuple(_area(row) for row in document.matrix),
        makespan=document.makespan,
        bound=document.bound,
        certificate=document.certificate,
        warnings=tuple(document.warnings),
        done=tuple(TaskId(task) for task in document.done),
        before=tuple(Former(id=TaskId(row.id), title=row.title, run=RunId(row.run)) for row in document.done_already),
        never_parallel={name: tuple(signs) for name, signs in document.never_parallel.items()},
        capacity=document.capacity,
    )


def _row(planned: PlannedTask) -> _Row:
    task = planned.task
    return _Row(
        id=task.id,
        title=task.title,
        agent=planned.agent,
        needs=list(planned.needs),
        writes=None if planned.writes is None else list(planned.writes),
        locks=list(planned.locks),
        estimate=_rounded(planned.estimate),
        start=_rounded(planned.start),
        finish=_rounded(planned.finish),
        tail=_rounded(planned.tail),
        why=list(planned.why),
        line=task.source.line,
        text=task.text,
        area=task.area,
        declared=None if task.writes is None else list(task.writes),
        operations=list(task.locks),
        agents=list(task.agents),
        skills=list(task.skills),
        declared_estimate=None if task.estimate is None else _rounded(task.estimate),
        checks=None if task.checks is None else list(task.checks),
        command=list(task.command),
        simulate=None if task.simulate is None else replace(task.simulate, work=_rounded(task.simulate.work)),
        gate=task.gate,
        state=task.state,
        parallel=task.parallel,
        parent=task.parent,
        priority=task.priority,
        criteria=list(task.criteria),
        spread=planned.spread,
        numbered=task.numbered,
    )


def _planned(row: _Row, source: str) -> PlannedTask:
    needs = tuple(TaskId(need) for need in row.needs)
    task = Task(
        id=TaskId(row.id),
        title=row.title,
        source=Source(file=source, line=row.line),
        text=row.text,
        area=row.area,
        needs=needs,
        writes=None if row.declared is None else tuple(Claim(claim) for claim in row.declared),
        locks=tuple(row.operations),
        agents=tuple(AgentId(agent) for agent in row.agents),
        skills=tuple(row.skills),
        estimate=row.declared_estimate,
        checks=None if row.checks is None else tuple(row.checks),
        command=tuple(row.command),
        simulate=row.simulate,
        state=row.state,
        parallel=row.parallel,
        gate=row.gate,
        parent=TaskId(row.parent) if row.parent else None,
        priority=row.priority,
        criteria=tuple(row.criteria),
        numbered=row.numbered,
    )
    return PlannedTask(
        task=task,
        agent=AgentId(row.agent),
        needs=needs,
        writes=None if row.writes is None else tuple(Claim(claim) for claim in row.writes),
        locks=tuple(row.locks),
        estimate=row.estimate,
        start=row.start,
        finish=row.finish,
        tail=row.tail,
        why=tuple(row.why),
        spread=row.spread,
    )


def _seat(row: _SeatRow) -> Seat:
    owns = tuple(Claim(claim) for claim in row.owns)
    return Seat(id=AgentId(row.id), role=row.role, label=row.label, skills=tuple(row.skills), owns=owns)


def _area(row: _AreaRow) -> Area:
    owners = row.owners or ([row.owner] if row.owner else [])
    return Area(path=Claim(row.path), owners=tuple(AgentId(owner) for owner in owners), access=row.access, why=row.why)


def _rounded(value: float) -> float:
    return round(value, 3) + 0.0
