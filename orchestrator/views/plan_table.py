"""The plan for people: who does what in which order, what overlaps and what is unsure; twenty tasks fit on a screen."""

from collections.abc import Collection, Sequence

from orchestrator.model import Plan, PlannedTask, Seat, TaskId
from orchestrator.planning.crew import Crew, recommended
from orchestrator.planning.explain import waits
from orchestrator.planning.lint import Remark
from orchestrator.planning.paths import critical_path
from orchestrator.planning.span import span
from orchestrator.text.quantities import format_duration
from orchestrator.views.plan_notes import overlaps, unsure
from orchestrator.views.text import columns, counted, padded, page, plain, shortened

_WIDTH = 100
_LONGEST = 20  #: columns of an id
_LONG = 8  #: tasks, beyond which each has one line


def render_plan(plan: Plan, *, remarks: Sequence[Remark] = (), crews: Sequence[Crew] = ()) -> str:
    """Give the text of `squad plan`, at most 100 columns wide; many tasks have one line each."""
    path = critical_path(plan) if len(plan.tasks) > 1 else ()
    done = f", {len(plan.done)} done already" if plan.done else ""
    lines = [
        f"{plain(plan.title)}: {counted(len(plan.tasks), 'task')} for {counted(len(plan.agents), 'agent')}{done}",
        _when(plan),
    ]
    if path:
        lines.append(f"  * critical path: {_chain(path)}")
    lines += [f"  {line}" for line in done_lines(plan)]
    lines.append("")
    critical = frozenset(path)
    for seat in plan.agents:
        lines += _seat(plan, seat, critical)
    lines += ["", *_crews(crews), *overlaps(plan), *unsure(plan, remarks)]
    return page(lines, width=_WIDTH)


def done_lines(plan: Plan) -> list[str]:
    """Name the tasks that runs before have done, one line for each run."""
    by_run: dict[str, list[str]] = {}
    for one in plan.before:
        by_run.setdefault(one.run, []).append(one.id)
    return [f"done already by {run}: {shortened(', '.join(names), 70)}" for run, names in by_run.items()]


def _when(plan: Plan) -> str:
    """Say when it will be done, and how sure that is."""
    found = span(plan)
    between = f"{format_duration(round(found.low, 3))}..{format_duration(round(found.high, 3))}"
    bound = format_duration(plan.bound)
    return f"  estimated {format_duration(plan.makespan)}, not below {bound}; range {between} ({found.told})"


def _chain(path: Sequence[str]) -> str:
    """Give a chain of needs, its middle left out where it is long."""
    shown = list(path) if len(path) <= 8 else [*path[:4], "...", *path[-3:]]
    return " -> ".join(map(plain, shown)) + (f" ({len(path)} tasks)" if len(path) > 8 else "")


def _seat(plan: Plan, seat: Seat, critical: Collection[TaskId]) -> list[str]:
    """Give an agent and its tasks in their order."""
    own = sorted((one for one in plan.tasks if one.agent == seat.id), key=lambda one: one.start)
    work = format_duration(round(sum(one.estimate for one in own), 3))
    share = f"{counted(len(own), 'task')}, {work}" if own else "nothing yet: it takes over what others leave"
    areas = shortened(", ".join(seat.owns), 40) or "no area of its own"
    lines = [f"{padded(seat.id, 24)} {areas} ({share})"]
    wide = min(_LONGEST, max([columns(plain(one.task.id)) for one in plan.tasks] + [8]))
    for planned in own:
        is_critical = planned.task.id in critical
        lines += _row(planned, wide=wide, is_critical=is_critical)
        if len(plan.tasks) <= _LONG:
            lines += _details(plan, planned, wide=wide)
    return lines


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
    return [*table, f"  recommended: {counted(best.agents, 'agent')}{stop} (-n {best.agents})"]


def _row(planned: PlannedTask, *, wide: int, is_critical: bool) -> list[str]:
    """Give a task in one line; `--why` tells the rest."""
    title, number = shortened(planned.task.title, 54 - wide), padded(planned.task.id, wide)
    when = f"{format_duration(planned.start)}..{format_duration(planned.finish)}"
    gate = "for a person" if planned.task.gate else ""
    needs = f"after {' '.join(planned.needs)}" if planned.needs else ""
    notes = shortened("; ".join(filter(None, (gate, needs))), 23)
    return [f"{'*' if is_critical else ' '} {number} {when:<15} {padded(title, 55 - wide)} {notes}".rstrip()]


def _details(plan: Plan, planned: PlannedTask, *, wide: int) -> list[str]:
    writes = "not known" if planned.writes is None else ", ".join(planned.writes) or "nothing"
    reasons = [reason for reason in waits(plan, planned) if reason.startswith("waits for ") and reason != "waits for nothing"]
    rows = [f"writes {shortened(writes, 66)}", *reasons]
    return [f"  {'':<{wide}} {'':<15} {shortened(row, 82 - wide)}" for row in rows]
