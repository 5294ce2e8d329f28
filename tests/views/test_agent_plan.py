"""The plan of one agent: needs between agents are handoffs in both plans, and what squad wrote is read again as it was."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import AgentId, Document, Plan, Task
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import SeatSpec, Surroundings
from orchestrator.prd import read_material
from orchestrator.prd.page import Material, Page
from orchestrator.views.agent_plan import render_agent_plan
from tests.support.builders import task

SEATS = (SeatSpec(id=AgentId("agent-1-web"), role="frontend"), SeatSpec(id=AgentId("agent-2"), role="general"))
IDS = ["T1", "1.10", "002", "bd-a1b2", "6~2", "SPEC.2", "WP01", "US_7", "Task", "0755"]
TITLES = ["Create types", "Add login, logout and session", "2.1 Draw *charts*", "Wait for agent-2", "Depends on task 1; or none"]


def plan_of(*tasks: Task) -> Plan:
    document = Document(title="Demo", format="todo", path="prd.md", tasks=tasks)
    return make_plan(document, Surroundings(seats=SEATS), source_digest="", effort=0)


def read_again(plan: Plan) -> Document:
    names = {seat.id: f"parallel-plans/agent-{seat.id.split('-')[1]}-plan.md" for seat in plan.agents}
    pages = tuple(Page(name=name, path=name, text=render_agent_plan(plan, seat)) for seat, name in names.items())
    return read_material(Material(name="parallel-plans", pages=pages))


def handed(plan: Plan, agent: str) -> list[str]:
    return re.findall(r"^  - ((?:to|from) agent-.*)$", render_agent_plan(plan, AgentId(agent)), re.MULTILINE)


def test_a_need_between_agents_is_a_handoff_in_both_plans_with_its_files_and_when() -> None:
    plan = plan_of(
        task("T1", title="Create types", writes=["shared/types.ts", "README.md"], agents=["agent-1"], estimate=300.0),
        task("T2", title="Use shared/types.ts", writes=["api.ts"], agents=["agent-2"], needs=["T1"]),
        task("T3", title="Test it", writes=["test.ts"], agents=["agent-2"], needs=["T2"]),
    )

    told = "T1 Create types, for T2 Use shared/types.ts: `shared/types.ts`, about 5m after the start"
    assert handed(plan, "agent-1-web") == [f"to agent-2: {told}"]
    assert handed(plan, "agent-2") == [f"from agent-1-web: {told}"]
    assert "- Handoff to: nobody" in render_agent_plan(plan, AgentId("agent-2"))


def test_a_need_within_one_agent_is_no_handoff() -> None:
    plan = plan_of(task("T1", agents=["agent-1"]), task("T2", agents=["agent-1"], needs=["T1"]))

    assert handed(plan, "agent-1-web") == handed(plan, "agent-2") == []


def test_a_result_without_known_files_is_handed_over_too() -> None:
    plan = plan_of(task("T1", title="Look", agents=["agent-1"]), task("T2", title="Write", agents=["agent-2"], needs=["T1"]))

    assert handed(plan, "agent-2") == ["from agent-1-web: T1 Look, for T2 Write: its result, about 10m after the start"]


@st.composite
def chains(draw: st.DrawFn) -> tuple[Task, ...]:
    names = draw(st.lists(st.sampled_from(IDS), min_size=2, max_size=8, unique=True))
    return tuple(
        task(
            name,
            title=draw(st.sampled_from(TITLES)),
            writes=[f"src/{number}.ts"],
            needs=draw(st.lists(st.sampled_from(names[:number]), max_size=3, unique=True)) if number else [],
            agents=[draw(st.sampled_from(["agent-1", "agent-2"]))],
            line=number + 1,
        )
        for number, name in enumerate(names)
    )


@given(chains())
def test_what_squad_wrote_is_read_with_the_same_needs_agents_and_files(tasks: tuple[Task, ...]) -> None:
    plan = plan_of(*tasks)

    again = read_again(plan)

    assert {one.id: set(one.needs) for one in again.tasks} == {one.task.id: set(one.needs) for one in plan.tasks}
    assert {one.id: one.writes for one in again.tasks} == {one.task.id: one.writes for one in plan.tasks}
    assert [warning for warning in again.warnings if "depends on" in warning] == []
    replanned = make_plan(again, Surroundings(), source_digest="", effort=0)
    assert {one.task.id: one.agent for one in replanned.tasks} == {one.task.id: one.agent for one in plan.tasks}


@pytest.mark.parametrize("dialect", ["- ID: `AUTH-7`", "- **ID**: AUTH-7"])
def test_a_hand_written_plan_may_name_an_id_as_well(dialect: str) -> None:
    text = f"# Parallel Execution Plan - Agent 1\n\n## Tasks\n1. Log in\n   {dialect}\n2. Log out\n   - Dependencies: AUTH-7\n"

    page = Page(name="agent-1-plan.md", path="agent-1-plan.md", text=text)
    found = read_material(Material(name="agent-1-plan.md", pages=(page,)))

    assert [(one.id, one.title, one.needs) for one in found.tasks] == [("AUTH-7", "Log in", ()), ("1.2", "Log out", ("AUTH-7",))]
