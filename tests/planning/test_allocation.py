"""Who fits best: weights that change the choice, ties that stay for the order, and a function of the user's own."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.model import Access, AgentId, Document, Plan, Task
from orchestrator.planning.allocation import AgentFacts, Allocation, Fit, TaskFacts
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from orchestrator.sections import AllocationSettings
from tests.support.builders import task

SEATS = (
    SeatSpec(id=AgentId("agent-1-web"), role="frontend", skills=("html",)),
    SeatSpec(id=AgentId("agent-2-api"), role="backend", skills=("sql",)),
)
WEB = OwnershipRow(path=Claim("web"), owner="agent-1-web", access=Access.EXCLUSIVE)


def plan_of(*tasks: Task, allocation: Allocation | None = None, **around: Any) -> Plan:
    document = Document(title="Demo", format="todo", path="prd.md", tasks=tasks)
    place = Surroundings(**{"seats": SEATS, **around}, allocation=allocation or Allocation())
    return make_plan(document, place, source_digest="")


def owners(plan: Plan) -> dict[str, str]:
    return {planned.task.id: planned.agent for planned in plan.tasks}


def test_what_a_task_is_about_decides_and_a_weight_of_nothing_takes_that_away() -> None:
    tasks = [task(f"T{n}", title="Speed the sql up", writes=[f"lib/{n}"]) for n in range(4)]

    assert set(owners(plan_of(*tasks)).values()) == {"agent-2-api"}
    blind = Allocation(weights=AllocationSettings(skill=0))
    assert set(owners(plan_of(*tasks, allocation=blind)).values()) == {"agent-1-web", "agent-2-api"}


def test_ties_are_left_to_the_order_so_that_loads_are_balanced() -> None:
    tasks = [task(f"T{n}", title="Do it", writes=[f"lib/{n}"], estimate=60.0) for n in range(6)]

    assert sorted(owners(plan_of(*tasks)).values()) == ["agent-1-web"] * 3 + ["agent-2-api"] * 3


def test_what_may_be_given_up_for_balance_lets_the_order_choose_among_more() -> None:
    tasks = [task(f"T{n}", title="Draw html", writes=[f"lib/{n}"]) for n in range(4)]

    assert plan_of(*tasks).makespan == 2400.0
    assert plan_of(*tasks, allocation=Allocation(weights=AllocationSettings(load=0.5))).makespan == 1200.0


def test_the_own_function_takes_the_place_of_the_sum_and_knows_it() -> None:
    asked: list[tuple[TaskFacts, AgentFacts]] = []

    def score(one: TaskFacts, agent: AgentFacts) -> float:
        asked.append((one, agent))
        return -agent.score

    allocation = Allocation(weights=AllocationSettings(score="mine:score"), score=score)
    plan = plan_of(task("T1", writes=["web/a"], line=7), allocation=allocation, ownership=(WEB,))

    assert owners(plan) == {"T1": "agent-2-api"}
    assert plan.tasks[0].why[0] == "mine:score scores agent-2-api highest"
    assert [(one.file, one.line, agent.id, agent.score, agent.fit.area) for one, agent in asked] == [
        ("prd.md", 7, "agent-1-web", 100.0, 1.0),
        ("prd.md", 7, "agent-2-api", 0.0, 0.0),
    ]


def test_a_function_without_an_opinion_leaves_the_choice_to_the_order_and_no_area_is_made_up() -> None:
    allocation = Allocation(weights=AllocationSettings(score="mine:score"), score=lambda one, agent: 1.0)

    plan = plan_of(task("T1"), task("T2"), allocation=allocation, ownership=(WEB,))

    assert sorted(owners(plan).values()) == ["agent-1-web", "agent-2-api"]
    assert [planned.writes for planned in plan.tasks] == [None, None]


def test_a_function_is_not_asked_where_there_is_no_choice() -> None:
    def score(one: TaskFacts, agent: AgentFacts) -> float:
        raise AssertionError(f"asked for {one.id} and {agent.id}")

    allocation = Allocation(weights=AllocationSettings(score="mine:score"), score=score)

    assert owners(plan_of(task("T1", agents=["agent-2"]), allocation=allocation)) == {"T1": "agent-2-api"}


def test_a_document_without_paths_is_given_the_area_of_whom_the_function_chose() -> None:
    allocation = Allocation(weights=AllocationSettings(score="mine:score"), score=lambda one, agent: agent.id == "agent-1-web")

    assert plan_of(task("T1"), allocation=allocation, ownership=(WEB,)).tasks[0].writes == ("web",)


SHARES = st.floats(0, 1)


@given(st.lists(st.builds(Fit, area=SHARES, words=SHARES, skill=SHARES, role=SHARES), min_size=1, max_size=5), st.floats(0, 200))
def test_the_best_are_never_empty_and_none_of_them_is_further_away_than_allowed(fits: list[Fit], load: float) -> None:
    allocation = Allocation(weights=AllocationSettings(load=load))
    scores = {AgentId(f"agent-{number}"): allocation.sum_of(fit) for number, fit in enumerate(fits, start=1)}

    best = allocation.best(scores)

    assert max(scores, key=lambda agent: scores[agent]) in best
    assert all(max(scores.values()) - scores[agent] <= load + 1e-9 for agent in best)
