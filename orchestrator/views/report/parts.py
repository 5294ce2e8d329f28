"""What a report says, in parts of lines and tables, before anybody decides how it is written.

Text, Markdown and HTML write the same parts, so that none can tell another figure than the others. Texts are as they
came; each writer makes them safe in its own way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from orchestrator.model import Outcome, TaskState
from orchestrator.text.quantities import format_duration
from orchestrator.views.figures import Idle
from orchestrator.views.report.model import REFUSED, UNCHECKED, AgentRow, AttemptRow, FileRow, Report, TaskRow
from orchestrator.views.report.numbers import figure_rows
from orchestrator.views.report.table import Line, Part, Table
from orchestrator.views.text import counted
from orchestrator.views.usage import Usage, money_text, tokens_text

_PATHS = 30  #: of one agent that are listed
_KEYS = 20  #: of locks
APART = "   "  #: between two commands that help
CAUSES = ("needs", "lock", "limit", "stall", "check", "integration", "answer")


def headline(report: Report) -> str:
    """Say in a few words how a run stands."""
    done = sum(1 for row in report.tasks if row.state == TaskState.DONE)
    unchecked = sum(1 for row in report.tasks if row.evidence == UNCHECKED)
    counts = f"{done} of {len(report.tasks)} tasks done" + (f" ({unchecked} unchecked)" if unchecked else "")
    return f"{counts}, {report.phase}" + (f": {report.outcome}" if report.outcome not in {"", "done"} else "")


def parts(report: Report) -> list[Part]:
    """Give the chapters that have something to say; first what needs a person."""
    needs = Part(title="Needs you", lines=tuple(Line(text=need.text, help=need.help) for need in report.attention))
    told = [
        needs,
        Part(title="Tasks", table=_tasks(report)),
        Part(title="Done by runs before", lines=tuple(Line(text=line) for line in report.before_lines)),
        Part(title="Attempts", table=_attempts(report)),
        Part(title="Agents", table=_agents(report)),
        Part(title="Where agents' time went", table=_hours(report)),
        Part(title="Figures (measured from the journal, unless they are called estimates)", table=figure_rows(report)),
        Part(title="Work that moved to another agent", lines=tuple(_moves(report))),
        Part(title="Changed without the right to", lines=tuple(_foreign(report))),
        Part(title="What each agent wrote", table=_written(report)),
        Part(title="Locks that were fought for", table=_locks(report)),
        _usage(report),
        Part(title="Limits", lines=tuple(Line(text=line) for line in report.limit_lines)),
        Part(title="Next", lines=tuple(next_lines(report))),
    ]
    return [part for part in told if part.lines or (part.table and part.table.rows)]


def next_lines(report: Report) -> Iterator[Line]:
    """Say what can be done with the run."""
    if report.split:
        yield Line(text="it only proposed tasks: there is no work to take")
    elif report.phase == "paused":
        yield from (Line(text="go on", help=way) for way in report.ways)
    elif report.branch is None:
        help_ = "look: squad diff   commit it (in git): squad merge   take it out again: squad discard"
        yield Line(text="the work is in the project's folder", help="" if report.outcome == "discarded" else help_)
    elif report.outcome == "done" and not any(row.commit for row in report.tasks):
        yield Line(text="nothing was changed, so there is nothing to take")
    elif report.phase == "ended" and not any(row.commit for row in report.tasks):
        yield Line(text=f"nothing was merged; what attempts left is kept: git for-each-ref refs/squad/kept/{report.run}/")
    elif report.phase == "ended" and report.outcome != "discarded":
        look = "look: squad diff   take it: squad merge   drop it: squad discard"
        yield Line(text=f"result on branch {report.branch}", help=look)


def _tasks(report: Report) -> Table:
    head = ("task", "state", "agent", "tries", "worked", "level", "claimed", "found", "title")
    return Table(head=head, rows=tuple(map(_task, report.tasks)), numbers=frozenset({3, 4}))


def _task(row: TaskRow) -> tuple[str, ...]:
    level = row.history[-1].level if row.history else ""
    claimed = f"{row.claim}: {row.note}" if row.note else row.claim
    worked = format_duration(row.work_s)
    return (row.id, row.state, row.agent, str(row.attempts), worked, level, claimed, "; ".join(_found(row)), row.title)


def _found(row: TaskRow) -> Iterator[str]:
    """Say what checks, integration and changed paths tell of a task."""
    passed = sum(1 for check in row.checks if check.ok and check.where != "base")
    if row.reason and row.reason.startswith(row.evidence):
        yield row.reason
    else:
        yield from filter(
            None, (f"{row.evidence} ({passed})" if passed and row.evidence != UNCHECKED else row.evidence, row.reason)
        )
    failed = {f"failed on {check.where}: {check.command}": None for check in row.checks if not check.ok}
    yield from failed
    if beside := sorted({agent for check in row.checks for agent in check.beside}):
        yield f"checked while {', '.join(beside)} worked in the same tree"
    yield from {f"not confined: {check.command}": None for check in row.checks if check.confined is False}
    if row.foreign:
        yield f"{counted(len(row.foreign), 'path')} changed without the right to"
    if row.conflicts:
        yield f"{counted(row.conflicts, 'merge conflict')}"
    if row.history and row.history[-1].outcome != "under way":
        yield f"changed {counted(len(row.files), 'path')}{_lines_of(row.files)}" if row.files else "changed nothing"
    if row.commit:
        yield f"merged as {row.commit[:10]}"


def _lines_of(files: Sequence[FileRow]) -> str:
    known = [row for row in files if row.added is not None]
    if not known:
        return ""
    return f" +{sum(row.added or 0 for row in known)} -{sum(row.removed or 0 for row in known)}"


def _attempts(report: Report) -> Table:
    head = ("attempt", "agent", "adapter", "level", "from", "to", "worked", "waited", "ended", "why")
    rows = tuple(_attempt(attempt) for row in report.tasks for attempt in row.history)
    return Table(head=head, rows=rows, numbers=frozenset({4, 5, 6, 7}))


def _attempt(one: AttemptRow) -> tuple[str, ...]:
    spans = (format_duration(one.begin_s), "" if one.end_s is None else format_duration(one.end_s))
    ended, why = (REFUSED, one.refusal) if one.refusal else (one.outcome, one.reason if one.outcome != Outcome.DONE else "")
    return (one.id, one.agent, one.adapter, one.level, *spans, format_duration(one.work_s), _some(one.wait_s), ended, why)


def _agents(report: Report) -> Table:
    head = ("agent", "done", "tries", "worked", "level", "wrote", "role")
    rows = tuple(
        (row.id, str(row.tasks_done), str(row.attempts), format_duration(row.work_s), row.level, _wrote(row), row.role)
        for row in report.agents
    )
    return Table(head=head, rows=rows, numbers=frozenset({1, 2, 3}))


def _wrote(row: AgentRow) -> str:
    return counted(len(row.files), "path") + _lines_of(row.files)


def _hours(report: Report) -> Table:
    """Give work and idle of each agent by cause, and in all; each row adds up to the wall time."""
    rows = [(row.id, format_duration(row.work_s), *_causes(row.idle)) for row in report.agents]
    rows.append(("all", format_duration(report.figures.work_s), *_causes(report.idle)))
    head = ("agent", "work", *(f"idle: {cause}" for cause in CAUSES))
    return Table(head=head, rows=tuple(rows), numbers=frozenset(range(1, len(CAUSES) + 2)))


def _causes(idle: Idle) -> tuple[str, ...]:
    seconds = asdict(idle)
    return tuple(_some(seconds[f"{cause}_s"]) for cause in CAUSES)


def _some(seconds: float) -> str:
    """Write a duration; less than can be shown is none."""
    return format_duration(seconds) if seconds >= 0.0005 else "-"


def _moves(report: Report) -> Iterator[Line]:
    for one in report.moves:
        yield Line(text=f"{one.task} from {one.from_} to {one.to}: {one.why}")


def _foreign(report: Report) -> Iterator[Line]:
    for one in report.foreign:
        who = f"{one.agent} at {one.attempt}" if one.agent else f"unsure who, found at {one.attempt}"
        kept = f", kept in {one.ref}" if one.ref else ""
        why = f": {one.why}" if one.why else ""
        yield Line(text=f"{', '.join(one.paths)} by {who} ({one.certainty}{why}){kept}", help=one.look)


def _written(report: Report) -> Table:
    rows = []
    for agent in report.agents:
        rows += [(agent.id, file.path, *_numbers(file), "" if file.is_result else "no") for file in agent.files[:_PATHS]]
        if len(agent.files) > _PATHS:
            more = f"and {len(agent.files) - _PATHS} more paths: squad report --json"
            rows.append((agent.id, more, "", "", ""))
    return Table(head=("agent", "path", "added", "removed", "in the result"), rows=tuple(rows), numbers=frozenset({2, 3}))


def _numbers(file: FileRow) -> tuple[str, str]:
    if not file.is_text:
        return "no text", ""
    return (
        "unknown" if file.added is None else f"+{file.added}",
        "unknown" if file.removed is None else f"-{file.removed}",
    )


def _locks(report: Report) -> Table:
    rows = tuple(
        (use.path, str(use.grants), str(use.waited), _some(use.wait_s), str(use.refused), _some(use.held_s))
        for use in report.locks.keys[:_KEYS]
    )
    return Table(head=("key", "grants", "waits", "waited", "refused", "held"), rows=rows, numbers=frozenset(range(1, 6)))


def _usage(report: Report) -> Part:
    title = "Tokens and money, as agents tell them"
    if not report.usage.known:
        return Part(title=title, lines=(Line(text="unknown: no agent told"),))
    rows = [_usage_row(row.id, row.usage) for row in report.agents]
    rows.append(_usage_row("all", report.usage))
    table = Table(head=("agent", "fresh", "cached", "output", "money"), rows=tuple(rows), numbers=frozenset({1, 2, 3}))
    return Part(title=title, table=table)


def _usage_row(name: str, usage: Usage) -> tuple[str, ...]:
    tokens = (tokens_text(usage.fresh), tokens_text(usage.cached), tokens_text(usage.output))
    missing = (
        f" without {', '.join(usage.unpriced)}, which does not tell it" if usage.unpriced and usage.money is not None else ""
    )
    return (name, *tokens, money_text(usage.money) + missing)
