"""The rows of a report: what each agent claimed, beside what checks, integration and changed paths say of it."""

from collections.abc import Iterable, Sequence

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.model import AgentId, Outcome, Plan, PlannedTask, Seat, TaskState
from orchestrator.state import AttemptStatus, State, TaskStatus
from orchestrator.views.figures import Measured
from orchestrator.views.hours import Stint
from orchestrator.views.report.model import REFUSED, UNCHECKED, AgentRow, AttemptRow, CheckRow, FileRow, TaskRow
from orchestrator.views.usage import Usage, usage_by, usage_of
from orchestrator.workspaces.written import Lines, Written

_NOT_TAKEN = frozenset({TaskState.WAITING, TaskState.FAILED, TaskState.PARKED, TaskState.SKIPPED})
_WAITS = frozenset({"lock", "answer"})


class Facts:
    """What rows are made of, looked up once."""

    def __init__(self, entries: Sequence[Entry], plan: Plan, state: State, measured: Measured, written: Written) -> None:
        """Look through the events once."""
        self.plan, self.state, self.measured, self.written = plan, state, measured, written
        self.levels: dict[str, str] = {}  #: by attempt, and by agent
        self.merges: dict[str, str] = {}  #: by task
        self.done: dict[str, ev.TaskDone] = {}
        self.checks: dict[str, list[ev.CheckEnded]] = {}  #: by attempt
        self.conflicts: dict[str, int] = {}  #: by task
        self.foreign: dict[str, set[str]] = {}  #: by task
        self.usage = usage_by(entries, lambda told: told.agent)
        self.waits: dict[str, float] = {}  #: by attempt
        self.stints: dict[str, list[Stint]] = {}  #: by task, and by agent; in the order of their starts
        for entry in entries:
            self._note(entry.event)
        for stint in measured.stints:
            self.stints.setdefault(stint.task, []).append(stint)
            self.stints.setdefault(stint.agent, []).append(stint)
        for span in measured.spans:
            if span.what in _WAITS:
                self.waits[span.attempt] = self.waits.get(span.attempt, 0.0) + span.seconds

    def files(self, attempt: str) -> tuple[FileRow, ...]:
        """Give the paths that an attempt changed."""
        status = self.state.attempts[attempt]
        done = self.done.get(status.task)
        numbers = self.written.get(attempt, {})
        is_result = done is not None and done.attempt == attempt
        return tuple(_file_row(path, numbers.get(path), is_result=is_result) for path in status.paths)

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.AttemptStarted(attempt=attempt, agent=agent, level=level):
                self.levels[attempt] = self.levels[agent] = level
            case ev.Integrated(task=task, commit=commit):
                self.merges[task] = commit
            case ev.TaskDone(task=task):
                self.done[task] = event
            case ev.CheckEnded(attempt=attempt):
                self.checks.setdefault(attempt, []).append(event)
            case ev.MergeConflicted(task=task):
                self.conflicts[task] = self.conflicts.get(task, 0) + 1
            case ev.ForeignChangeFound(task=task, paths=paths):
                self.foreign.setdefault(task, set()).update(paths)
            case _:
                pass


def task_rows(facts: Facts) -> tuple[TaskRow, ...]:
    """Give a row for each task, in the order of the document."""
    return tuple(_task_row(facts, planned) for planned in facts.plan.tasks)


def _task_row(facts: Facts, planned: PlannedTask) -> TaskRow:
    name = planned.task.id
    status = facts.state.tasks[name]
    last = facts.state.attempts.get(status.attempt or "")
    stints, done = facts.stints.get(name, []), facts.done.get(name)
    return TaskRow(
        id=name,
        title=planned.task.title,
        state=status.state,
        agent=status.agent,
        attempts=status.attempts,
        work_s=round(sum(stint.seconds for stint in stints), 3),
        claim=_claim(last),
        note=last.note if last else "",
        evidence=_evidence(status, last, checked=done.checked if done else None),
        checks=tuple(map(_check_row, facts.checks.get(status.attempt or "", ()))),
        conflicts=facts.conflicts.get(name, 0),
        foreign=tuple(sorted(facts.foreign.get(name, ()))),
        files=facts.files(status.attempt) if last and status.attempt else (),
        reason=status.reason,
        commit=facts.merges.get(name),
        history=tuple(_attempt_row(facts, stint) for stint in stints),
    )


def _attempt_row(facts: Facts, stint: Stint) -> AttemptRow:
    attempt, wall = facts.state.attempts[stint.attempt], facts.measured.wall
    begun, ended = attempt.started_at, attempt.ended_at
    return AttemptRow(
        id=stint.attempt,
        agent=stint.agent,
        adapter=attempt.adapter,
        node=attempt.node,
        level=facts.levels[stint.attempt],
        outcome=attempt.outcome or "under way",
        reason=attempt.reason,
        refusal=attempt.refusal,
        work_s=round(stint.seconds, 3),
        begin_s=round(wall.between(wall.start, begun or wall.start), 3),
        end_s=None if ended is None else round(wall.between(wall.start, ended), 3),
        wait_s=round(facts.waits.get(stint.attempt, 0.0), 3),
        tokens=attempt.tokens,
        money=attempt.money,
    )


def _check_row(check: ev.CheckEnded) -> CheckRow:
    return CheckRow(
        attempt=check.attempt,
        command=check.command,
        ok=check.ok,
        where=check.where,
        seconds=round(check.seconds, 3),
        log=check.log,
        beside=tuple(check.beside),
        confined=check.confined,
    )


def _claim(last: AttemptStatus | None) -> str:
    """Say what the agent of a task's last attempt claimed; the end of a program can be a claim too."""
    if last is None:
        return "not started"
    if last.claim is None:
        return "exit 0" if last.outcome == Outcome.DONE else "nothing"
    return "done" if last.claim else "failed"


def _evidence(status: TaskStatus, last: AttemptStatus | None, *, checked: bool | None) -> str:
    """Say what squad found about a task: whether it was checked, else how its last attempt ended."""
    if checked is not None:
        return "checks passed" if checked else UNCHECKED
    if last is None or last.outcome is None:
        return ""
    if last.outcome == Outcome.DONE:
        return REFUSED if status.state in _NOT_TAKEN else "being checked"
    return last.outcome


def agent_rows(facts: Facts) -> tuple[AgentRow, ...]:
    """Give a row for each agent, in the order of the plan."""
    return tuple(_agent_row(facts, seat) for seat in facts.plan.agents)


def _agent_row(facts: Facts, seat: Seat) -> AgentRow:
    status, stints, files = facts.state.agents[seat.id], facts.stints.get(seat.id, []), _written_by(facts, seat.id)
    return AgentRow(
        id=seat.id,
        role=seat.role,
        level=facts.levels.get(seat.id, ""),
        tasks_done=status.finished,
        attempts=len(stints),
        work_s=round(sum(stint.seconds for stint in stints), 3),
        idle=facts.measured.idle_of[seat.id],
        refused=status.refused,
        usage=facts.usage.get(seat.id) or _untold(),
        paths=tuple(row.path for row in files),
        files=files,
        added=_sum(row.added for row in files),
        removed=_sum(row.removed for row in files),
    )


def _untold() -> Usage:
    return usage_of(())


def _written_by(facts: Facts, agent: AgentId) -> tuple[FileRow, ...]:
    """Give the paths that an agent changed; of its attempts at one task the last that changed a path counts."""
    latest: dict[tuple[str, str], FileRow] = {}
    for name, attempt in facts.state.attempts.items():
        if attempt.agent == agent:
            latest |= {(attempt.task, row.path): row for row in facts.files(name)}
    by_path: dict[str, list[FileRow]] = {}
    for (_, path), row in latest.items():
        by_path.setdefault(path, []).append(row)
    return tuple(_together(by_path[path]) for path in sorted(by_path))


def _together(rows: Sequence[FileRow]) -> FileRow:
    return FileRow(
        path=rows[0].path,
        added=_sum(row.added for row in rows),
        removed=_sum(row.removed for row in rows),
        is_text=all(row.is_text for row in rows),
        is_result=any(row.is_result for row in rows),
    )


def _file_row(path: str, lines: Lines | None, *, is_result: bool) -> FileRow:
    known = lines or Lines(None, None)
    is_text = lines is None or lines.added is not None
    return FileRow(path=path, added=known.added, removed=known.removed, is_text=is_text, is_result=is_result)


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Add up what is known; None of nothing known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
