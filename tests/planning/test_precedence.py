"""Which of equals goes first: the more urgent, then what others read, then document order."""

from msgspec.structs import replace

from orchestrator.model import Document, Plan, Task
from orchestrator.planning.explain import explain
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read
from tests.support.builders import task


def plan_of(*tasks: Task) -> Plan:
    return make_plan(
        Document(title="Demo", format="todo", path="prd.md", tasks=tasks), Surroundings(count=1), source_digest="", effort=1
    )


def order(plan: Plan) -> list[str]:
    return [planned.task.id for planned in sorted(plan.tasks, key=lambda planned: planned.start)]


def urgent(name: str, priority: int | None) -> Task:
    return replace(task(name, writes=[name]), priority=priority)


def test_of_equals_the_more_urgent_goes_first_and_one_that_says_nothing_is_in_the_middle() -> None:
    plan = plan_of(urgent("low", 3), urgent("none", None), urgent("first", 0), urgent("high", 1))

    assert order(plan) == ["first", "high", "none", "low"]
    assert [planned.task.id for planned in plan.tasks] == ["low", "none", "first", "high"], "the document's order stays"


def test_what_keeps_others_waiting_counts_more_than_a_priority() -> None:
    plan = plan_of(urgent("high", 0), urgent("low", 3), replace(urgent("after", 3), needs=(task("low").id,)))

    assert order(plan)[0] == "low"


def test_shared_types_that_others_read_go_before_their_equals() -> None:
    plan = plan_of(
        task("page", title="Draw the page with shared/types.ts", writes=["page.tsx"]),
        task("other", writes=["other.ts"]),
        task("types", writes=["shared/types.ts"]),
        task("alone", writes=["lib/contracts/unread.ts"]),
    )

    assert order(plan) == ["types", "page", "other", "alone"]
    assert "others read shared/types.ts, which it writes: it goes before its equals" in explain(plan, plan.tasks[2].task.id)


def test_a_priority_beats_shared_types() -> None:
    types = replace(task("types", writes=["types.ts"]), priority=3)

    assert order(plan_of(types, replace(task("page", title="Use types.ts", writes=["page"]), priority=1))) == ["page", "types"]


def test_the_priorities_of_a_format_reach_the_plan_and_why_tells_them() -> None:
    text = b'{"master": {"tasks": [%s]}}' % b", ".join(
        b'{"id": %d, "title": "Build part %d", "status": "pending", "priority": "%s", "dependencies": []}' % (n, n, word)
        for n, word in enumerate((b"low", b"medium", b"high"), start=1)
    )

    plan = make_plan(read(text, name=".taskmaster/tasks/tasks.json"), Surroundings(count=1), source_digest="")

    assert order(plan) == ["3", "2", "1"]
    assert any("its priority is 1 (0 is the most urgent)" in line for line in explain(plan, plan.tasks[2].task.id))
