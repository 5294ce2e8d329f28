"""What the next attempt at a task is: its number, workspace, branch and base, and what its agent is told.

Decided from the state alone, so that a supervisor that takes over comes to the same.
"""

from functools import partial
from pathlib import Path

from orchestrator import events as ev
from orchestrator.exchange import questions, remarks
from orchestrator.exchange.briefing import told_with
from orchestrator.exchange.handover import handed_over
from orchestrator.model import AttemptId, Outcome, PlannedTask, Seat
from orchestrator.run.integration import Result, last_lines
from orchestrator.run.stage import Piece
from orchestrator.scheduling import scheduler
from orchestrator.state import AttemptStatus, State
from orchestrator.workspaces import Work, Workspaces


def prepared(state: State, planned: PlannedTask, start: scheduler.Start, workspaces: Workspaces) -> ev.AttemptPrepared:
    """Give the attempt that a start makes: in the workspace of the last one where the agent goes on, else in a new one."""
    status = state.tasks[planned.task.id]
    attempt = AttemptId(f"{planned.task.id}.{status.prepared + 1}")
    last = state.attempts.get(status.attempt or "")
    same = last is not None and not status.fresh and last.agent == start.agent
    return ev.AttemptPrepared(
        task=planned.task.id,
        agent=start.agent,
        adapter=start.adapter,
        attempt=attempt,
        workspace=last.workspace if last and same else str(workspaces.folder(attempt)),
        branch=last.branch if last and same else workspaces.branch(attempt),
        base=last.base if last and not status.fresh else state.tip,
        locks=list(scheduler.keys_of(state, planned)),
    )


def told(state: State, new: ev.AttemptPrepared, last: AttemptStatus | None) -> list[ev.QuestionTold | ev.RemarkTold]:
    """Give what the prompt of a new attempt tells of the questions of its task, and of what a person has to say."""
    goes_on = last is not None and (last.agent, last.workspace) == (new.agent, new.workspace)
    knows = goes_on and last is not None and bool(last.conversation) and last.outcome != Outcome.ENVIRONMENT
    asked = questions.for_prompt(state, new.task, conversation=knows)
    said = remarks.for_prompt(state, new.task, new.agent, conversation=knows, read=questions.BY_ITSELF)
    who = {"agent": new.agent, "task": new.task, "attempt": new.attempt}
    return [
        *(ev.QuestionTold(id=name, **who, way="prompt") for name in asked),
        *(ev.RemarkTold(id=name, **who, way="prompt") for name in said),
    ]


def piece_of(state: State, planned: PlannedTask, seat: Seat, *, root: Path) -> Piece:
    """Give what the attempt that was prepared last for a task works on."""
    task = planned.task.id
    attempt = AttemptId(state.tasks[task].attempt or "")
    number = state.attempts[attempt].number
    start = starting_commit(state, planned, number)
    return Piece(
        planned=planned,
        seat=seat,
        attempt=attempt,
        start=start,
        handover=handed_over(state, task, number, start=start, tail=partial(_last_lines, root)),
        asked=told_with(state, task, f"{task}.{number}"),
    )


def starting_commit(state: State, planned: PlannedTask, number: int) -> str | None:
    """Give the commit a new workspace starts from: the kept work of the last attempt, its merge included, else the base."""
    new = state.attempts[f"{planned.task.id}.{number}"]
    for earlier in range(number - 1, 0, -1):
        last = state.attempts.get(f"{planned.task.id}.{earlier}")
        if last is not None and last.merged is not None:
            return last.merged
        if last is None or last.base != new.base or last.conflicts:
            break
        if last.commit is not None:
            return last.commit
    return new.base


def _last_lines(root: Path, log: str) -> list[str]:
    return last_lines(root / log)


def result_of(piece: Piece, status: AttemptStatus, work: Work) -> Result:
    """Give what an attempt leaves to be checked and merged."""
    return Result(
        planned=piece.planned,
        agent=piece.seat.id,
        attempt=piece.attempt,
        workspace=Path(status.workspace),
        work=work,
        base=status.base,
    )
