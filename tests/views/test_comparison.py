"""Two runs beside each other: what is the same, and what may be called measured."""

from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.fold import fold
from orchestrator.model import AgentId, Plan, RunId, Task
from orchestrator.state import initial
from orchestrator.views.compared import comparison_json, render_comparison
from orchestrator.views.comparison import Comparison, Told, compare, same_tasks
from orchestrator.views.report import make_report
from tests.support.builders import ONE, TWO, ended, entries, plan, planned, prepared, run_started, seat, started, task

TASKS = (task("T1", text="words", writes=["a"]), task("T2", needs=["T1"]))


def ran(
    name: str,
    seconds: float,
    *,
    tasks: Sequence[Task] = TASKS,
    agents: Sequence[AgentId] = (ONE,),
    adapter: str = "claude",
    node: str = "here",
    outcome: str = "done",
) -> Told:
    """Give a run of tasks one after another, each as long."""
    of: Plan = plan(*(planned(one, agent=agents[0]) for one in tasks), seats=[seat(agent) for agent in agents])
    history: list[tuple[float, Event]] = [(0.0, run_started())]
    for number, one in enumerate(tasks):
        begin, end, attempt = number * seconds, (number + 1) * seconds, f"{one.id}.1"
        history += [(begin, prepared(attempt, agent=agents[0]))]
        history += [(begin, msgspec.structs.replace(started(attempt, agent=agents[0], adapter=adapter), node=node))]
        history += [(end, ended(attempt, outcome, agent=agents[0]))]
        done = ev.TaskDone(task=one.id, attempt=attempt, checked=True)
        history += [(end, done if outcome == "done" else ev.TaskFailed(task=one.id, reason="x"))]
    history += [(len(tasks) * seconds, ev.RunEnded(outcome=outcome))]
    rows = entries(*history)
    state = initial(RunId(name), of)
    for entry in rows:
        fold(state, entry)
    return Told(plan=of, report=make_report(rows, of, state, now=9999.0))


def test_the_time_saved_is_measured_beside_a_sequential_run_whichever_is_named_first() -> None:
    sequential, parallel = ran("slow-1", 50.0), ran("fast-1", 20.0, agents=(ONE, TWO))

    for comparison in (compare(sequential, parallel), compare(parallel, sequential)):
        assert comparison.obstacles == ()
        assert comparison.saved == pytest.approx(0.6)  # 1 - 40 / 100
        shown = render_comparison(comparison)
        assert "time saved: 60 % of the sequential run slow-1 (measured)" in shown
        assert "slow-1 took 2.50 times as long as fast-1 (measured)" in shown


def test_two_runs_by_the_same_agents_are_measured_and_save_nothing_against_each_other() -> None:
    comparison = compare(ran("a-1", 50.0, agents=(ONE, TWO)), ran("a-2", 25.0, agents=(ONE, TWO)))

    assert (comparison.obstacles, comparison.saved) == ((), None)
    assert all(comparison.same.values())
    assert "a-1 took 2.00 times as long as a-2 (measured)" in render_comparison(comparison)


@pytest.mark.parametrize(
    ("other", "obstacle", "difference"),
    [
        (ran("b-1", 1.0, tasks=TASKS[:1]), "the tasks differ", "tasks only in a-1: T2"),
        (ran("b-1", 1.0, adapter="codex"), "the adapters differ", "adapters: claude against codex"),
        (ran("b-1", 1.0, node="there"), "the node differs", "node: here against there"),
        (ran("b-1", 1.0, outcome="failed"), "b-1 did not bring every task to its end", ""),
    ],
    ids=["tasks", "adapters", "node", "unfinished"],
)
def test_nothing_is_called_measured_where_something_else_differs(other: Told, obstacle: str, difference: str) -> None:
    comparison = compare(ran("a-1", 50.0), other)

    assert comparison.obstacles == (obstacle,)
    assert comparison.saved is None
    assert difference in " ".join(comparison.differences)
    assert "(measured)" not in render_comparison(comparison)
    assert comparison_json(comparison)["measured"] is False


def test_several_agents_against_several_others_is_not_measured() -> None:
    three = (ONE, TWO, AgentId("agent-3"))

    comparison = compare(ran("a-1", 1.0, agents=(ONE, TWO)), ran("b-1", 1.0, agents=three))

    assert comparison.obstacles == ("the agents differ, and none of the runs is sequential",)


@pytest.mark.parametrize(
    "other",
    [
        replace(TASKS[0], title="another"),
        replace(TASKS[0], text="other words"),
        replace(TASKS[0], needs=(TASKS[1].id,)),
        replace(TASKS[0], writes=None),
        replace(TASKS[0], checks=("true",)),
        replace(TASKS[0], command=("true",)),
        replace(TASKS[0], locks=("op:install",)),
    ],
)
def test_a_task_is_the_same_by_what_it_asks_for(other: Task) -> None:
    moved = replace(TASKS[0], source=replace(TASKS[0].source, line=99), estimate=5.0, agents=(TWO,))

    assert same_tasks(plan(planned(TASKS[0])), plan(planned(moved, agent=TWO)))
    assert not same_tasks(plan(planned(TASKS[0])), plan(planned(other)))
    assert not same_tasks(plan(planned(TASKS[0])), plan(planned(TASKS[0]), planned(TASKS[0])))


def test_one_id_with_another_content_is_another_task() -> None:
    other: Comparison = compare(ran("a-1", 1.0), ran("b-1", 1.0, tasks=(replace(TASKS[0], title="another"), TASKS[1])))

    rows = comparison_json(other)["tasks"]

    assert isinstance(rows, list)
    assert [(row["id"], [one is not None for one in row["runs"]]) for row in rows] == [
        ("T1", [True, False]),
        ("T2", [True, True]),
        ("T1", [False, True]),
    ]
