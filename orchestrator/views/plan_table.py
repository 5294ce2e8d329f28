"""The plan for people: who does what, what waits for what and why, and what the plan cannot promise."""

from collections.abc import Sequence

from orchestrator.model import Plan, PlannedTask
from orchestrator.planning.crew import Crew, recommended
from orchestrator.planning.explain import waits
from orchestrator.planning.lint import Remark
from orchestrator.planning.paths import critical_path
from orchestrator.quantities import format_duration
from orchestrator.views.text import counted, padded, page, plain, shortened

_WIDTH = 100
_LONG = 12  #: tasks, beyond which each has one line
_REMARKS = 6  #: kinds of what the document leaves open
_NAMED = 4  #: tasks of each


def render_plan(plan: Plan, *, remarks: Sequence[Remark] = (), crews: Sequence[Crew] = ()) -> str:
    """Give the text of `squad plan`, at most 100 columns wide; many tasks have one line each."""
    lines = [f"{plain(plan.title)}: {counted(len(plan.tasks), 'task')} for {counted(len(plan.agents), 'agent')}", ""]
    lines += [f"  {seat.id:<24} {', '.join(seat.owns) or 'no area of its own'}" for seat in plan.agents]
    lines.append("")
    path = critical_path(plan)
    critical = set(path)
    for planned in sorted(plan.tasks, key=lambda planned: planned.start):
        is_critical = planned.task.id in critical and len(plan.tasks) > 1
        lines += (
            _row(planned, is_critical=is_critical) if len(plan.tasks) > _LONG else _task(plan, planned, is_critical=is_critical)
        )
    lines += [
        "",
        f"  estimated {format_duration(plan.makespan)}; not below {format_duration(plan.bound)} (estimates, not measured)",
        f"  {format_duration(plan.makespan / 2)}..{format_duration(plan.makespan * 2)} if tasks take half to twice as long",
    ]
    if len(plan.tasks) > 1:
        lines.append(f"  * critical path: {shortened(' -> '.join(path), 80)}")
    lines += _crews(crews)
    lines.append(f"  certificate: {'holds' if plan.certificate.holds else 'DOES NOT HOLD'}, {_guards(plan)}")
    lines += [f"  not proved: {_open(a, b, why)}" for (a, b), why in _opens(plan).items()]
    lines += [f"  warning: {shortened(warning, 150)}" for warning in plan.warnings]
    lines += _remarks(remarks)
    if plan.done:
        lines.append(f"  done already in the document: {', '.join(plan.done)}")
    return page(lines, width=_WIDTH)


def _crews(crews: Sequence[Crew]) -> list[str]:
    """Compare numbers of agents, and say which one is worth it."""
    if len(crews) < 2:
        return []
    best = recommended(crews)
    rows = {
        "agents": [str(crew.agents) for crew in crews],
        "makespan": [format_duration(crew.makespan) for crew in crews],
        "not below": [format_duration(crew.bound) for crew in crews],
        "efficiency": [f"{crew.efficiency:.0%}" for crew in crews],
        "agent time": [format_duration(crew.agent_time) for crew in crews],
    }
    table = [f"  {name:<11}" + "".join(f"{cell:>9}" for cell in cells) for name, cells in rows.items()]
    more = next((crew for crew in crews if crew.agents > best.agents), None)
    saved = 1 - more.makespan / best.makespan if more is not None and best.makespan else 0.0
    stop = f": one more saves {saved:.0%} of the time" if more is not None else ""
    return ["", *table, f"  recommended: {counted(best.agents, 'agent')}{stop} (-n {best.agents})", ""]


def _row(planned: PlannedTask, *, is_critical: bool) -> list[str]:
    """Give a task in one line; `--why` tells the rest."""
    title, number = shortened(planned.task.title, 34), padded(planned.task.id, 8)
    when = f"{format_duration(planned.start)}..{format_duration(planned.finish)}"
    needs = f"after {' '.join(planned.needs)}" if planned.needs else "for a person" if planned.task.gate else ""
    mark = "*" if is_critical else " "
    return [f"{mark} {number} {padded(title, 35)} {planned.agent:<20} {when:<15} {shortened(needs, 20)}".rstrip()]


def _remarks(remarks: Sequence[Remark]) -> list[str]:
    """Give what the document leaves open, each kind of it in one line with its tasks and their lines."""
    kinds: dict[str, list[Remark]] = {}
    for remark in remarks:
        kinds.setdefault(remark.text, []).append(remark)
    lines = []
    for text, several in list(kinds.items())[:_REMARKS]:
        named = ", ".join(f"{one.task} (line {one.line})" for one in several[:_NAMED])
        more = f" and {len(several) - _NAMED} more" if len(several) > _NAMED else ""
        lines.append(f"  open: {shortened(named, 100)}{more} {text}")
    rest = len(kinds) - _REMARKS
    return [*lines, f"  open: {counted(rest, 'more remark')} like these"] if rest > 0 else lines


def _task(plan: Plan, planned: PlannedTask, *, is_critical: bool) -> list[str]:
    title = shortened(planned.task.title, 44)
    when = f"{format_duration(planned.start)}..{format_duration(planned.finish)}"
    writes = "not known" if planned.writes is None else ", ".join(planned.writes) or "nothing"
    rows = [
        f"{'*' if is_critical else ' '} {padded(planned.task.id, 8)} {padded(title, 45)} {planned.agent:<20} {when}",
        f"  {'':<8} writes {shortened(writes, 80)}",
    ]
    if planned.task.gate:
        rows.append(f"  {'':<8} a step for a person")
    reasons = [reason for reason in waits(plan, planned) if reason != "waits for nothing"]
    return rows + [f"  {'':<8} {shortened(reason, 88)}" for reason in reasons]


def _guards(plan: Plan) -> str:
    pairs = plan.certificate.guarded
    by_lock = sum(1 for pair in pairs if pair.by == "lock")
    return f"{counted(len(pairs), 'pair')} kept apart ({len(pairs) - by_lock} by needs, {by_lock} by locks)"


def _opens(plan: Plan) -> dict[tuple[str, str], str]:
    """Give the exceptions, those of one task with many others in one row."""
    blind = {planned.task.id: place for place, planned in enumerate(plan.tasks) if planned.writes is None}
    rows: dict[tuple[str, str], str] = {}
    for pair in plan.certificate.open:
        one = min((name for name in (pair.a, pair.b) if name in blind), key=lambda name: blind[name], default=pair.a)
        rows.setdefault((one, ""), pair.why)
    return rows


def _open(a: str, b: str, why: str) -> str:
    return f"{a}{f' and {b}' if b else ' beside others'}: {why}"
