"""Who does what and may write where: configured owners, labels, CODEOWNERS, the folder tree, words, load."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from orchestrator.claims import Claim
from orchestrator.errors import PlanError
from orchestrator.model import Access, AgentId, Document, Isolation, Mark, Plan, Requirement, Task
from orchestrator.planning.document import load_plan, plan_document
from orchestrator.planning.explain import explain
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings
from orchestrator.prd import read
from tests.planning.drawn import documents, surroundings
from tests.support.builders import task

SEED = b"""# Feature: User Dashboard
## Requirements
1. Frontend: React dashboard with charts
2. Backend: REST API for metrics
3. ML: Anomaly detection service
## Tasks
- Create dashboard component
- Build metrics API
- Implement ML model
- Add WebSocket updates
"""
TWO = (
    SeatSpec(id=AgentId("agent-1-ui"), role="frontend-ui-developer", skills=("css",)),
    SeatSpec(id=AgentId("agent-2-api"), role="backend-system-architect", skills=("sql",)),
)


def document(*tasks: Task, areas: Iterable[str] = ()) -> Document:
    requirements = tuple(Requirement(area=area, text="", line=1) for area in areas)
    return Document(title="Demo", format="todo", path="prd.md", tasks=tasks, requirements=requirements)


def plan_of(one: Document, **around: Any) -> Plan:
    return make_plan(one, Surroundings(**around), source_digest="0" * 64)


def owners(plan: Plan) -> dict[str, str]:
    return {planned.task.id: planned.agent for planned in plan.tasks}


def writes(plan: Plan) -> dict[str, tuple[str, ...] | None]:
    return {planned.task.id: planned.writes for planned in plan.tasks}


def row(path: str, owner: str | None, access: Access = Access.EXCLUSIVE) -> OwnershipRow:
    return OwnershipRow(path=Claim(path), owner=owner, access=access)


def test_the_seed_gets_one_agent_for_each_area_and_every_task_an_owner() -> None:
    plan = plan_of(read(SEED, name="feature-prd.md"))

    assert owners(plan) == {"T1": "agent-1-frontend", "T2": "agent-2-backend", "T3": "agent-3-ml", "T4": "agent-1-frontend"}
    assert writes(plan) == {"T1": ("frontend/",), "T2": ("backend/",), "T3": ("ml/",), "T4": None}
    assert {(row.a, row.b) for row in plan.certificate.open} == {("T1", "T4"), ("T2", "T4"), ("T3", "T4")}
    assert plan.certificate.holds


def test_in_a_shared_tree_a_task_without_a_known_write_set_runs_alone() -> None:
    plan = plan_of(read(SEED, name="feature-prd.md"), isolation=Isolation.SHARED, count=4)

    hard, *others = (planned for planned in reversed(plan.tasks))
    assert plan.certificate.open == ()
    for other in others:
        assert set(hard.locks) & set(other.locks)
        assert other.finish <= hard.start or hard.finish <= other.start
    assert not set(others[0].locks) & set(others[1].locks), "the others do not exclude each other because of it"


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (None, ["agent-1-a", "agent-2-b", "agent-3-c"]),
        (2, ["agent-1-a", "agent-2-b"]),
        (5, ["agent-1-a", "agent-2-b", "agent-3-c", "agent-4-d", "agent-5"]),
    ],
)
def test_agents_are_as_many_as_asked_for_else_one_for_each_area_up_to_three(count: int | None, expected: list[str]) -> None:
    plan = plan_of(document(task("T1"), areas="ABCD"), count=count)

    assert [seat.id for seat in plan.agents] == expected


def test_without_areas_there_are_as_many_agents_as_tasks_run_side_by_side_up_to_three() -> None:
    assert len(plan_of(document(task("T1"), task("T2"))).agents) == 2
    assert len(plan_of(document(*(task(f"T{n}") for n in range(9)))).agents) == 3
    assert len(plan_of(document(task("T1"), task("T2", needs=["T1"]))).agents) == 1


def test_areas_beyond_the_agents_go_to_who_has_least_to_do() -> None:
    tasks = [task("T1", area="A"), task("T2", area="A"), task("T3", area="B"), task("T4", area="C")]

    plan = plan_of(document(*tasks, areas="ABC"), count=2)

    assert owners(plan) == {"T1": "agent-1-a", "T2": "agent-1-a", "T3": "agent-2-b", "T4": "agent-2-b"}


@pytest.mark.parametrize("owner", ["agent-2-api", "agent-2", "backend-system-architect", "backend", "API"])
def test_an_owner_in_the_matrix_is_an_id_a_role_or_a_label(owner: str) -> None:
    plan = plan_of(document(task("T1", writes=["srv/x.py"])), seats=TWO, ownership=(row("srv", owner),))

    assert owners(plan) == {"T1": "agent-2-api"}


def test_several_agents_of_one_role_share_their_area_under_locks() -> None:
    seats = tuple(SeatSpec(id=AgentId(f"agent-{n}-web"), role="web") for n in (1, 2))

    plan = plan_of(
        document(task("T1", writes=["web/a"]), task("T2", writes=["web/b"])), seats=seats, ownership=(row("web", "web"),)
    )

    assert [(one.owners, one.access) for one in plan.matrix] == [(("agent-1-web", "agent-2-web"), Access.SEQUENTIAL)]
    assert sorted(owners(plan).values()) == ["agent-1-web", "agent-2-web"]


def test_an_owner_that_nobody_is_means_locks_and_a_warning() -> None:
    plan = plan_of(document(task("T1")), seats=TWO, ownership=(row("x", "ghost"), row("y", "NONE")))

    assert {one.access for one in plan.matrix} == {Access.SEQUENTIAL}
    assert [warning for warning in plan.warnings if "ghost" in warning]
    assert not [warning for warning in plan.warnings if "NONE" in warning]


def test_of_overlapping_rows_the_longest_decides() -> None:
    rows = (row("src", "ui"), row("src/api", "api"), row("src/api/gen", None, Access.READ_ONLY))
    tasks = [task("T1", writes=["src/x"]), task("T2", writes=["src/api/x"]), task("T3", writes=["src/api/gen/x"])]

    plan = plan_of(document(*tasks), seats=TWO, ownership=rows)

    assert owners(plan)["T1"] == "agent-1-ui"
    assert owners(plan)["T2"] == "agent-2-api"
    assert [warning for warning in plan.warnings if "read-only" in warning and "T3" in warning]


def test_a_writable_row_below_a_read_only_one_is_no_cause_for_a_warning() -> None:
    rows = (row("docs", None, Access.READ_ONLY), row("docs/guide", "ui"))

    assert not plan_of(document(task("T1", writes=["docs/guide/x.md"])), seats=TWO, ownership=rows).warnings


def test_an_area_lies_where_codeowners_says_and_the_last_rule_wins() -> None:
    text = "* @org/all\n/dead/ @org/web-team\n/web/ @org/web-team # inline\n!/x @org/web-team\n/dead @org/other\nweb/secret/\n"

    plan = plan_of(document(task("T1", area="Web"), areas=["Web"]), codeowners=text)

    assert writes(plan) == {"T1": ("web/",)}


def test_a_later_rule_for_everything_takes_all_former_owners_away() -> None:
    plan = plan_of(document(task("T1", area="Web"), areas=["Web"]), codeowners="/apps/front/ @org/web\n* @org/all\n")

    assert writes(plan) == {"T1": ("web/",)}


def test_configured_agents_own_what_codeowners_gives_to_a_team_of_their_name() -> None:
    plan = plan_of(document(task("T1", writes=["srv/x"])), seats=TWO, codeowners="/srv/ @org/backend-team\n")

    assert owners(plan) == {"T1": "agent-2-api"}


def test_what_codeowners_takes_out_of_a_team_again_is_nobodys() -> None:
    text = "/srv/ @org/backend-team\n/srv/free/\n"

    plan = plan_of(document(task("T1", writes=["srv/x"])), seats=TWO, codeowners=text)

    assert [(row.path, row.owners, row.access) for row in plan.matrix if row.path.startswith("srv")] == [
        ("srv/", ("agent-2-api",), Access.EXCLUSIVE),
        ("srv/free/", (), Access.SEQUENTIAL),
    ]


def test_an_area_lies_in_the_folder_of_its_name_else_in_a_new_one() -> None:
    plan = plan_of(document(task("T1", area="Web"), task("T2", area="前端"), areas=["Web", "前端"]), files=("src/web/a.ts",))

    assert writes(plan) == {"T1": ("src/web/",), "T2": ("前端/",)}


def test_an_area_lies_where_the_files_of_its_tasks_lie() -> None:
    tasks = [task("T1", area="Checkout page", writes=["src/cart/a.ts"]), task("T2", area="Checkout page")]

    assert writes(plan_of(document(*tasks)))["T2"] == ("src/cart/",)


def test_two_areas_of_one_folder_share_it_under_locks() -> None:
    plan = plan_of(document(task("T1", area="A/B"), task("T2", area="a b"), task("T3", area="C"), areas=["A/B", "a b", "C"]))

    assert [seat.id for seat in plan.agents] == ["agent-1-a-b", "agent-2-c"]


def test_a_task_without_paths_gets_the_area_of_the_agent_it_lists() -> None:
    plan = plan_of(document(task("T1", agents=["agent-2-api"])), seats=TWO, ownership=(row("srv", "api"),))

    assert owners(plan) == {"T1": "agent-2-api"}
    assert writes(plan) == {"T1": ("srv",)}


def test_a_list_of_agents_bounds_the_choice() -> None:
    tasks = [task("T1", agents=["ui"], writes=["srv/x"]), task("T2", agents=["agent-1-ui", "agent-2-api"], writes=["srv/y"])]

    plan = plan_of(document(*tasks), seats=TWO, ownership=(row("srv", "api"),))

    assert owners(plan) == {"T1": "agent-1-ui", "T2": "agent-2-api"}


def test_a_list_of_agents_that_do_not_exist_is_refused_with_the_place() -> None:
    with pytest.raises(PlanError, match=r"prd\.md:7: task T1 may only be done by agent-3-ui.*\n.*agent-1-ui"):
        plan_of(document(task("T1", agents=["agent-3-ui"], line=7)), seats=TWO)


def test_a_task_with_skills_goes_to_who_has_them() -> None:
    plan = plan_of(document(task("T1", title="Speed the frontend up", skills=["SQL"])), seats=TWO)

    assert owners(plan) == {"T1": "agent-2-api"}


def test_tasks_of_one_file_stay_with_one_agent() -> None:
    plan = plan_of(document(task("T1", writes=["a"]), task("T2", writes=["b"]), task("T3", writes=["b"])), count=2)

    assert owners(plan)["T3"] == owners(plan)["T2"]


def test_an_operation_that_never_runs_in_parallel_is_locked_by_every_task_that_means_it() -> None:
    tasks = [
        task("T1", title="Run npm install", writes=["a"]),
        task("T2", command=["npm", "install"], writes=["b"]),
        task("T3", writes=["c"]),
    ]

    plan = plan_of(document(*tasks), never_parallel={"op:install": ("npm install",)})

    assert ["op:install" in planned.locks for planned in plan.tasks] == [True, True, False]


def test_an_operation_with_room_for_several_is_planned_so_and_remembered() -> None:
    tasks = [task(f"T{n}", writes=[f"{n}"], locks=["op:build"]) for n in range(4)]
    one = replace(document(*tasks), capacity={"op:build": 4})

    assert plan_of(one, count=4, capacity={"op:build": 2}).makespan == 600.0, "what the document says beats the configuration"
    assert plan_of(document(*tasks), count=4, capacity={"op:build": 2}).makespan == 1200.0
    assert plan_of(one, count=4).capacity == {"op:build": 4}
    assert plan_of(document(*tasks), count=4).makespan == 2400.0


def test_of_several_agents_that_a_task_names_the_order_chooses() -> None:
    tasks = [task("T1", writes=["a"], agents=["ui", "api"]), task("T2", writes=["b"], agents=["ui"])]

    plan = plan_of(document(*tasks), seats=TWO)

    assert owners(plan) == {"T1": "agent-2-api", "T2": "agent-1-ui"}
    assert plan.makespan == 600.0
    assert "prd.md:1 names ui, api: agent-2-api is free first" in explain(plan, plan.tasks[0].task.id)[1]


def test_a_parent_is_not_done_itself_and_whoever_needs_it_needs_its_children() -> None:
    tasks = [
        task("P", writes=["p.py"], needs=["Z"]),
        task("C1", parent="P"),
        task("C2", parent="P", writes=["c.py"]),
        task("Q", needs=["P"]),
        task("Z"),
    ]

    plan = plan_of(document(*tasks))

    assert {planned.task.id: planned.needs for planned in plan.tasks} == {"C1": ("Z",), "C2": ("Z",), "Q": ("C1", "C2"), "Z": ()}
    assert writes(plan)["C1"] == ("p.py",), "what the parent declares holds for a child that declares nothing"


def test_a_child_that_depends_on_its_own_parent_does_not_wait_for_itself() -> None:
    plan = plan_of(document(task("P"), task("C1", parent="P", needs=["P"]), task("C2", parent="P", needs=["P"])))

    assert {planned.needs for planned in plan.tasks} == {()}


def test_a_circle_that_only_shows_once_parents_stand_for_their_children_is_refused() -> None:
    with pytest.raises(PlanError, match=r"cycle: C1 \(prd.md:2\) -> Q \(prd.md:3\) -> C1 \(prd.md:2\)"):
        plan_of(document(task("P"), task("C1", parent="P", needs=["Q"], line=2), task("Q", needs=["P"], line=3)))


def test_done_tasks_are_not_planned_and_meet_the_needs_on_them() -> None:
    plan = plan_of(document(structs.replace(task("T1"), state=Mark.DONE), task("T2", needs=["T1"])))

    assert {planned.task.id: planned.needs for planned in plan.tasks} == {"T2": ()}
    assert plan.done == ("T1",)
    with pytest.raises(PlanError, match="every task is marked done"):
        plan_of(document(structs.replace(task("T1"), state=Mark.DONE)))


def test_a_task_that_is_done_or_deferred_in_the_middle_passes_the_order_of_the_document_on() -> None:
    text = "## 1. Group\n- [ ] 1.1 a\n- [x] 1.2 b\n- [~] 1.3 c\n- [x] 2 parent\n  - [x] 2.1 d\n- [ ] 3.1 e\n- [ ] 3.2 f\n"

    plan = plan_of(read(text.encode(), name="openspec/changes/x/tasks.md"))

    assert {str(one.task.id): one.needs for one in plan.tasks} == {"1.1": (), "3.1": ("1.1",), "3.2": ("3.1",)}


def test_a_need_on_a_deferred_task_is_not_lost_in_silence() -> None:
    plan = plan_of(document(structs.replace(task("T1"), state=Mark.DEFERRED), task("T2", needs=["T1"])))

    assert [warning for warning in plan.warnings if "T2 needs T1, which is deferred" in warning]


def test_agents_at_once_bound_the_schedule_of_configured_ones() -> None:
    plan = plan_of(document(task("T1", writes=["a"]), task("T2", writes=["b"])), seats=TWO, count=1)

    assert (plan.makespan, plan.bound) == (1200.0, 1200.0)


@given(documents(), surroundings())
def test_a_plan_that_is_written_and_read_is_the_same(one: Document, around: Surroundings) -> None:
    try:
        plan = make_plan(one, around, source_digest="0" * 64)
    except PlanError:
        return

    assert load_plan(plan_document(plan), name="plan.json") == plan
    assert plan.bound <= plan.makespan


def test_the_document_of_a_plan_has_the_promised_keys() -> None:
    told = json.loads(plan_document(plan_of(read(SEED, name="feature-prd.md"))))

    assert told["schema_version"] == 1
    assert set(told) >= {"agents", "tasks", "matrix", "makespan", "bound", "certificate", "warnings"}
    assert set(told["agents"][0]) >= {"id", "role", "owns"}
    assert set(told["tasks"][0]) >= {"id", "title", "agent", "needs", "writes", "locks", "estimate", "start", "finish"}
    assert set(told["matrix"][0]) >= {"path", "owner", "access"}
    assert set(told["certificate"]) >= {"holds", "guarded", "open"}


def test_why_tells_the_owner_the_write_set_and_the_waiting() -> None:
    plan = plan_of(document(task("T1", writes=["a"], line=3), task("T2", writes=["a"], needs=[], line=4)), count=2)

    told = "\n".join(explain(plan, plan.tasks[1].task.id))

    assert "declared in prd.md:4" in told
    assert "waits for T1: both lock a" in told


def test_agents_that_tasks_name_do_not_keep_others_from_the_rest() -> None:
    tasks = (task("T1", agents=["agent-2-db"]), task("T2"), task("T3"))

    assert [seat.id for seat in plan_of(document(*tasks)).agents] == ["agent-1", "agent-2-db", "agent-3"]
    assert [seat.id for seat in plan_of(document(*tasks), count=1).agents] == ["agent-2-db"]
    assert [seat.id for seat in plan_of(document(tasks[0])).agents] == ["agent-2-db"]
    assert [seat.id for seat in plan_of(document(*tasks, areas=["DB", "UI"])).agents] == ["agent-1-ui", "agent-2-db"]


def test_a_team_that_a_pattern_names_is_proposed_for_what_the_pattern_speaks_of() -> None:
    text = "* @org/all\n/docs/api/ @org/api\n/docs/* @org/writers\n"
    tasks = [task("T1", writes=["docs/a.md"]), task("T2", writes=["docs/api/b.md"]), task("T3", writes=["docs/deep/c.md"])]

    plan = plan_of(document(*tasks), codeowners=text)

    assert [seat.id for seat in plan.agents] == ["agent-1-writers", "agent-2-api"]
    assert (owners(plan)["T1"], owners(plan)["T2"]) == ("agent-1-writers", "agent-2-api")


def test_where_the_document_names_no_areas_the_teams_of_codeowners_are_proposed() -> None:
    text = "* @org/all\n/web/ @org/ui-team\n/srv/ @org/api-team\n/docs/ @org/writers\n"
    tasks = (
        task("T1", writes=["srv/a"]),
        task("T2", writes=["web/b"]),
        task("T3", writes=["setup.py"]),
        task("T4", writes=["web/c"]),
    )

    plan = plan_of(document(*tasks), codeowners=text)

    assert [seat.id for seat in plan.agents] == ["agent-1-api", "agent-2-ui"]
    assert (owners(plan)["T1"], owners(plan)["T2"], owners(plan)["T4"]) == ("agent-1-api", "agent-2-ui", "agent-2-ui")
    assert [(row.path, row.owners) for row in plan.matrix] == [("srv/", ("agent-1-api",)), ("web/", ("agent-2-ui",))]
    alone = plan_of(document(tasks[1], tasks[3]), codeowners=text)
    assert [seat.id for seat in alone.agents] == ["agent-1", "agent-2"], "one team alone parts no work"
