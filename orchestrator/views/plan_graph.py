"""The plan as a graph: for Mermaid, which pages and pull requests draw, and as lines for a terminal.

Arrows are needs, dotted ones locks that two tasks share; the critical path, the longest chain of needs by estimate, is marked.
"""

import re

from orchestrator.model import Plan, PlannedTask, TaskId
from orchestrator.planning.paths import critical_path
from orchestrator.views.text import page, plain, shortened

FORMS = ("mermaid", "ascii")


def render_graph(plan: Plan, form: str) -> str:
    """Give the graph in one of `FORMS`."""
    return _mermaid(plan) if form == "mermaid" else _ascii(plan)


def _mermaid(plan: Plan) -> str:
    names = {one.task.id: f"t{number}" for number, one in enumerate(plan.tasks, start=1)}
    path = critical_path(plan)
    lines = ["flowchart LR"]
    for seat in plan.agents:
        own = [one for one in plan.tasks if one.agent == seat.id]
        lines += [f"  subgraph {seat.id}"] + [f'    {names[one.task.id]}["{_label(one)}"]' for one in own] + ["  end"]
    lines += [f"  {names[need]} --> {names[one.task.id]}" for one in plan.tasks for need in one.needs if need in names]
    pairs = [pair for pair in plan.certificate.guarded if pair.by == "lock" and pair.a in names and pair.b in names]
    lines += [f'  {names[TaskId(pair.a)]} -. "{_quoted(pair.key)}" .- {names[TaskId(pair.b)]}' for pair in pairs]
    lines += (
        [f"  class {','.join(names[task] for task in path)} critical", "  classDef critical stroke-width:3px"] if path else []
    )
    return page(lines)


def _label(planned: PlannedTask) -> str:
    return _quoted(f"{planned.task.id} {shortened(planned.task.title, 50)}")


def _quoted(text: str) -> str:
    """Give a text as it can stand in quotes of Mermaid."""
    return re.sub(r'["<>#&;`]', lambda found: f"#{ord(found[0])};", plain(text))


def _ascii(plan: Plan) -> str:
    """Give each task below the last of its needs, once; further needs are named."""
    path = set(critical_path(plan))
    depth: dict[TaskId, int] = {}
    below: dict[TaskId | None, list[PlannedTask]] = {}
    for one in sorted(plan.tasks, key=lambda one: one.start):
        needs = [need for need in one.needs if need in depth]
        parent = max(needs, key=lambda need: depth[need], default=None)
        depth[one.task.id] = depth[parent] + 1 if parent is not None else 0
        below.setdefault(parent, []).append(one)
    lines: list[str] = []
    todo = [(one, 0, None) for one in reversed(below.get(None, []))]
    stack: list[tuple[PlannedTask, int, TaskId | None]] = list(todo)
    while stack:
        one, level, parent = stack.pop()
        others = [need for need in one.needs if need != parent and need in depth]
        also = f"  (also needs {', '.join(others)})" if others else ""
        mark = "*" if one.task.id in path else " "
        lines.append(f"{mark} {'   ' * level}{one.task.id} {shortened(one.task.title, 50)} [{one.agent}]{also}")
        stack += [(child, level + 1, one.task.id) for child in reversed(below.get(one.task.id, []))]
    return page([*lines, "", "* critical path"], width=120)
