"""The plan on a terminal: one screen for twenty tasks, which answers what a person asks before a night."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from orchestrator.model import Document, Plan, Task
from orchestrator.planning.crew import crews
from orchestrator.planning.learning import Sample
from orchestrator.planning.lint import lint
from orchestrator.planning.planner import make_plan
from orchestrator.planning.span import span
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read_material
from orchestrator.prd.page import single
from orchestrator.views.plan_table import render_plan
from orchestrator.views.text import columns
from tests.support.builders import task

DATA = Path(__file__).parents[1] / "data" / "formats"
LINES, COLUMNS = 45, 100


def plan_of(*tasks: Task, count: int | None = 3, warnings: tuple[str, ...] = (), samples: tuple[Sample, ...] = ()) -> Plan:
    document = Document(title="Shop", format="todo", path="prd.md", tasks=tasks, warnings=warnings)
    return make_plan(document, Surroundings(count=count, samples=samples), source_digest="")


def shown(plan: Plan) -> list[str]:
    """Give the lines that `squad plan` prints."""
    document = Document(title="Shop", format="todo", path="prd.md", tasks=tuple(planned.task for planned in plan.tasks))
    compared = (
        ()
        if document.tasks[0].agents
        else crews(lambda n: make_plan(document, Surroundings(count=n), source_digest="", effort=0))
    )
    return render_plan(plan, remarks=lint(plan), crews=compared).splitlines()


def row(lines: list[str], sign: str) -> str:
    [found] = [line for line in lines if sign in line]
    return found


@pytest.mark.parametrize("agents", [3, 4])
def test_twenty_tasks_with_everything_that_can_be_told_fit_on_a_screen(agents: int) -> None:
    tasks = [
        task(
            f"TASK-{number}",
            title=f"A rather long title of a task that says what it is about, number {number}",
            writes=None if number % 7 == 0 else [f"src/shared/{number % 5}/index.ts", f"src/{number}.ts"],
            needs=[f"TASK-{number - 3}", f"TASK-{number - 4}"] if number > 5 else [],
            locks=["op:install"] if number % 4 == 0 else [],
            line=number,
            agents=[],
        )
        for number in range(1, 21)
    ]
    plan = plan_of(
        *tasks, count=agents, warnings=tuple(f"line {n}: something that is to be told at length {n}" for n in range(9))
    )

    lines = shown(plan)

    assert len(lines) <= LINES, "\n".join(lines)
    assert max(map(columns, lines)) <= COLUMNS


@pytest.mark.parametrize(
    "name",
    [
        "speckit/photo-albums.md",
        "taskmaster/tagged.json",
        "kiro/user-auth.md",
        "beads/issues.jsonl",
        "superpowers/2025-10-01-cache.md",
        "conductor/plan.md",
        "bmad/1.2.story.md",
        "ralph/prd.json",
    ],
)
def test_documents_of_other_formats_fit_on_a_screen(name: str) -> None:
    path = DATA / name if (DATA / name).is_file() else next((DATA / name).parent.glob("*.json"))
    document = read_material(single(path.read_bytes(), name=name), strict=False)

    lines = shown(make_plan(document, Surroundings(count=3), source_digest=""))

    assert len(lines) <= LINES
    assert max(map(columns, lines)) <= COLUMNS


def test_tasks_stand_with_their_agent_in_their_order_and_the_critical_path_is_marked() -> None:
    plan = plan_of(
        task("T1", writes=["a"], agents=["agent-1-a"], estimate=60.0),
        task("T2", writes=["b"], agents=["agent-2-b"], estimate=600.0),
        task("T3", writes=["c"], agents=["agent-1-a"], needs=["T2"], estimate=60.0),
        count=None,
    )

    lines = shown(plan)

    order = [line.split()[0 if line[0] != "*" else 1] for line in lines if line.startswith(("agent-", "  T", "* T"))]
    assert order == ["agent-1-a", "T1", "T3", "agent-2-b", "T2"]
    assert [line.split()[1] for line in lines if line.startswith("* T")] == ["T3", "T2"]
    assert "* critical path: T2 -> T3" in row(lines, "critical path")


def test_a_long_id_is_shown_whole() -> None:
    lines = shown(plan_of(task("bd-a1b2c3.14.2", title="t" * 90), task("B", title="t" * 90, writes=["a"])))

    assert [line.split()[1] for line in lines if line.startswith("* bd-")] == ["bd-a1b2c3.14.2"]
    assert max(map(columns, lines)) <= COLUMNS


def test_what_overlaps_is_named_with_what_keeps_it_apart() -> None:
    plan = plan_of(
        task("T1", writes=["api.py"]),
        task("T2", writes=["api.py"]),
        task("T3", locks=["op:deploy"]),
        task("T4", locks=["op:deploy"]),
    )

    lines = shown(plan)

    assert "T1, T2 write api.py: in turn, under one lock" in row(lines, "api.py: in turn, under")
    assert "T3, T4 do op:deploy: in turn, under one lock" in row(lines, "overlap: T3")


def test_a_need_that_points_nowhere_stands_before_other_warnings() -> None:
    text = b"- [ ] One\n- [x] Two\n- [~] Three (depends on T99)\n- [?] Four\n- [?] Five\n- [?] Six\n"
    plan = make_plan(read_material(single(text, name="todo.md"), strict=False), Surroundings(), source_digest="")

    warnings = [line for line in shown(plan) if "warning:" in line]

    assert "'T99': nothing of that name was found" in warnings[0]
    assert len(warnings) == 2
    assert "more: squad tasks FILE" in warnings[1]


def test_what_is_open_is_told_by_kind_with_its_lines() -> None:
    plan = plan_of(
        task("T1", writes=["a"], line=3),
        replace(task("T2", line=4), criteria=("it works",)),
        task("T3", line=5),
        task("T4", writes=["a"], line=6),
    )

    lines = shown(plan)

    assert row(lines, "no acceptance criterion").endswith("T1 (line 3), T4 (line 6)")
    assert row(lines, "no criterion, check or file").endswith("T3 (line 5)")
    assert "T4 (line 6) writes a, as T1 (line 3) does: in turn" in row(lines, "T4 (line 6) writes")
    assert "what T2, T3 will write is not known" in row(lines, "not proved")


def test_a_range_comes_from_finished_tasks_where_they_tell_and_says_so() -> None:
    samples = tuple(Sample(title="Parse Hermes messages", writes=(), seconds=seconds) for seconds in (300.0, 360.0, 600.0))
    known, guessed = task("T1", title="Parse GLS messages"), task("T2", title="Bake bread", needs=["T1"])

    learned = span(plan_of(known, samples=samples))
    assert (learned.low, learned.high, learned.told) == (330.0, 480.0, "1 of 1 by finished tasks")
    mixed = plan_of(known, guessed, samples=samples)
    assert "range 10m30s..28m (1 of 2 by finished tasks, others half to twice)" in shown(mixed)[1]
    assert "range 10m..40m (if tasks take half to twice as long)" in shown(plan_of(known, guessed))[1]


def test_the_range_never_leaves_the_estimate_out() -> None:
    for plan in (plan_of(task("T1", estimate=0.0)), plan_of(task("T1"), task("T2", writes=["a"]), task("T3", needs=["T1"]))):
        found = span(plan)
        assert found.low <= plan.makespan <= found.high
