"""A plan that more tasks join: it holds by the independent checker, and nothing of what stood in it is moved."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.errors import PlanError
from orchestrator.model import Document, Isolation, Plan, Task, TaskId
from orchestrator.planning.amending import with_tasks
from orchestrator.planning.checker import problems
from orchestrator.planning.document import plan_document
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from tests.support.builders import task

WRITES: tuple[list[str] | None, ...] = (None, [], ["a"], ["a/"], ["a/b.py"], ["*.py"], ["a/b.py", "c.md"], ["c.md"])


def made(*tasks: Task, isolation: Isolation = Isolation.WORKTREE, count: int = 2) -> Plan:
    document = Document(title="Demo", format="squad-tasks", path="tasks.yaml", tasks=tasks)
    return make_plan(document, Surroundings(count=count, isolation=isolation), source_digest="0" * 64)


def amended(plan: Plan, *tasks: Task) -> Plan:
    return with_tasks(plan, tasks, Surroundings(isolation=plan.isolation), seats=plan.agents)


@st.composite
def tasks(draw: st.DrawFn, prefix: str, known: tuple[str, ...] = ()) -> list[Task]:
    found: list[Task] = []
    for number in range(draw(st.integers(1, 5))):
        earlier = [*known, *(one.id for one in found)]
        needs = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        found.append(
            task(f"{prefix}{number}", needs=needs, writes=draw(st.sampled_from(WRITES)), estimate=draw(st.integers(0, 9)))
        )
    return found


@given(st.data())
def test_whatever_joins_the_plan_holds_and_what_stood_in_it_stays(data: st.DataObject) -> None:
    isolation = data.draw(st.sampled_from(Isolation))
    plan = made(*data.draw(tasks("T")), isolation=isolation, count=data.draw(st.integers(1, 3)))

    for prefix in ("A", "B"):
        known = tuple(str(one.task.id) for one in plan.tasks)
        new = amended(plan, *data.draw(tasks(prefix, known)))

        assert problems(json.loads(plan_document(new))) == ()
        assert new.certificate.holds
        before, after = plan.tasks, new.tasks[: len(plan.tasks)]
        assert [(one.task, one.agent, one.needs, one.writes) for one in after] == [
            (one.task, one.agent, one.needs, one.writes) for one in before
        ]
        assert all(set(old.locks) <= set(one.locks) for old, one in zip(before, after, strict=True))
        plan = new


def test_two_that_write_the_same_get_a_key_of_their_own_and_nobody_else_waits_for_it() -> None:
    plan = made(task("T1", writes=["src/"]), task("T2", writes=["docs/x.md"]))

    new = amended(plan, task("N", writes=["src/a.py"]))

    locks = {str(one.task.id): set(one.locks) for one in new.tasks}
    assert locks["T1"] & locks["N"] == {"files:1"}
    assert locks["T2"] == {"docs/x.md"}


def test_what_was_done_before_the_run_is_a_need_that_is_met() -> None:
    plan = made(task("T1"))
    before = Plan(**{**{name: getattr(plan, name) for name in plan.__slots__}, "done": (TaskId("T0"),)})

    assert amended(before, task("N", needs=["T0", "T1"])).tasks[-1].needs == ("T1",)


def test_a_task_for_an_agent_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PlanError):
        amended(made(task("T1")), task("N", agents=["agent-9"], writes=[Claim("a")]))
