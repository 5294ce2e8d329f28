"""From a run's events and state to the report of it; with a clock value, and what git counted, from outside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import Plan
from orchestrator.scheduling.limits import UNLIMITED, Limits
from orchestrator.state import AttemptStatus, State
from orchestrator.text.quantities import format_duration
from orchestrator.views.attention import attention, look
from orchestrator.views.figures import Figures, Measured, measure
from orchestrator.views.limits import limit_lines, limits_json
from orchestrator.views.plan_table import done_lines
from orchestrator.views.report.model import REFUSED, Bar, Foreign, Mark, Move, Report, Saved
from orchestrator.views.report.rows import Facts, agent_rows, task_rows
from orchestrator.views.status import is_orphaned, run_state, ways_on
from orchestrator.views.usage import usage_of
from orchestrator.workspaces.written import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a report tells that does not stand in its run's own events."""

    limits: Limits = UNLIMITED
    written: Written = field(default_factory=dict)  #: by git's numbers
    sequential: "tuple[str, float] | None" = None  #: a run of the same tasks by one agent, and its wall time in seconds


def make_report(
    entries: Sequence[Entry],
    plan: Plan,
    state: State,
    *,
    now: float,
    supervised: bool = True,
    aside: Aside | None = None,
) -> Report:
    """Make the report of a run from its events; without a living supervisor it stands where its last event left it."""
    aside = aside or Aside()
    orphaned = is_orphaned(state, supervised=supervised)
    measured = measure(entries, plan, now=entries[-1].at if orphaned and entries else now)
    facts = Facts(entries, plan, state, measured, aside.written)
    return Report(
        run=state.run,
        title=state.title,
        source=state.source,
        phase=run_state(state, supervised=supervised),
        outcome=state.outcome,
        started_at=state.started_at,
        told_at=entries[-1].at if entries else now,
        branch=state.branch,
        split=state.split,
        tasks=task_rows(facts),
        agents=agent_rows(facts),
        figures=measured.figures,
        saved=_saved(measured.figures, aside.sequential, agents=sum(row.attempts > 0 for row in agent_rows(facts))),
        locks=measured.locks,
        idle=measured.idle,
        usage=usage_of(entry.event for entry in entries if isinstance(entry.event, ev.UsageReported)),
        moves=_moves(entries),
        before=plan.before,
        before_lines=tuple(done_lines(plan)),
        foreign=tuple(_foreign(entries)),
        attention=tuple(attention(entries, plan, state, supervised=supervised, now=now)),
        ways=ways_on(plan, state) or (f"squad resume {state.run}",),
        bars=tuple(_bars(measured, state)),
        marks=tuple(_marks(entries, measured)),
        limits=limits_json(state, aside.limits, now=now),
        limit_lines=tuple(limit_lines(state, aside.limits, now=now)),
    )


def _saved(figures: Figures, sequential: tuple[str, float] | None, *, agents: int) -> Saved | None:
    """Say which share of the time was saved: measured beside a sequential run, else by the formula, an estimate."""
    if agents <= 1 or not figures.speed_up:
        return None
    if sequential is not None and sequential[1] > 0:
        return Saved(share=1 - figures.wall_s / sequential[1], beside=sequential[0])
    return Saved(share=1 - 1 / figures.speed_up, beside=None)


def _moves(entries: Sequence[Entry]) -> tuple[Move, ...]:
    told = [entry.event for entry in entries if isinstance(entry.event, ev.TaskReassigned)]
    return tuple(Move(task=one.task, from_=one.from_, to=one.to, why=one.reason) for one in told)


def _foreign(entries: Sequence[Entry]) -> Iterator[Foreign]:
    for entry in entries:
        event = entry.event
        if isinstance(event, ev.ForeignChangeFound | ev.UnsureChangeFound):
            yield Foreign(
                task=event.task,
                agent=event.agent if isinstance(event, ev.ForeignChangeFound) else None,
                among=tuple(event.among) if isinstance(event, ev.UnsureChangeFound) else (),
                attempt=event.attempt,
                paths=tuple(event.paths),
                certainty=event.certainty,
                why=event.why,
                ref=event.ref,
                look=look(event),
            )


def _bars(measured: Measured, state: State) -> Iterator[Bar]:
    """Give what agents did, save that nothing was left for them to do."""
    wall = measured.wall
    for span in measured.spans:
        attempt = state.attempts.get(span.attempt) if span.what == "work" else None
        if span.what != "needs":
            yield Bar(
                agent=span.agent,
                task=span.task,
                attempt=span.attempt,
                what=span.what,
                outcome=_ended(attempt) if attempt else "",
                begin_s=wall.between(wall.start, span.begin),
                end_s=wall.between(wall.start, span.end),
            )


def _ended(attempt: AttemptStatus) -> str:
    return REFUSED if attempt.cause else attempt.outcome or ""


def _marks(entries: Sequence[Entry], measured: Measured) -> Iterator[Mark]:
    wall = measured.wall
    for entry in entries:
        if isinstance(entry.event, ev.AgentStalled):
            told = f"{entry.event.attempt} {entry.event.verdict}: {entry.event.evidence}"
            yield Mark(agent=entry.event.agent, what="stall", text=told, at_s=wall.between(wall.start, entry.at))
    for begin, end in wall.gaps:
        told = f"no supervisor for {format_duration(end - begin)}"
        yield Mark(agent="", what="gap", text=told, at_s=wall.between(wall.start, begin))
