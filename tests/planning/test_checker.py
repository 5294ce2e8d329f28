"""The certificate: accepted for every plan of the planner, refused once what a pair depended on is taken away."""

import copy
import json
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.claims import any_meets
from orchestrator.errors import PlanError
from orchestrator.model import Document
from orchestrator.planning.checker import problems
from orchestrator.planning.document import plan_document
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from tests.planning.drawn import documents, surroundings
from tests.support.builders import task

Json = dict[str, Any]


def made(document: Document, around: Surroundings) -> Json:
    """Give the plan's document, or draw again where the document cannot be planned."""
    try:
        plan = make_plan(document, around, source_digest="0" * 64)
    except PlanError:
        assume(False)
        raise
    decoded: Json = json.loads(plan_document(plan))
    return decoded


def unordered_meeting_pairs(plan: Json) -> list[tuple[Json, Json]]:
    before: dict[str, set[str]] = {}
    rows = {row["id"]: row for row in plan["tasks"]}

    def reach(name: str) -> set[str]:
        if name not in before:
            before[name] = set().union(*({need} | reach(need) for need in rows[name]["needs"]))
        return before[name]

    return [
        (one, other)
        for one, other in combinations(plan["tasks"], 2)
        if one["id"] not in reach(other["id"]) and other["id"] not in reach(one["id"])
        if one["writes"] is not None and other["writes"] is not None and any_meets(one["writes"], other["writes"])
    ]


def promises_are_kept(document: Document, around: Surroundings) -> None:
    plan = made(document, around)
    assert problems(plan) == ()
    assert plan["certificate"]["holds"]
    for one, other in unordered_meeting_pairs(plan):
        assert set(one["locks"]) & set(other["locks"]), f"{one['id']} and {other['id']} have no key in common"


@given(documents(6), surroundings())
def test_every_plan_of_the_planner_is_accepted(document: Document, around: Surroundings) -> None:
    promises_are_kept(document, around)


@given(documents(6), surroundings(), st.randoms(use_true_random=False))
def test_a_plan_is_refused_once_the_common_locks_of_a_pair_are_taken_from_one(
    document: Document, around: Surroundings, random: Any
) -> None:
    plan = made(document, around)
    pairs = unordered_meeting_pairs(plan)
    assume(pairs)
    one, other = random.choice(pairs)
    one["locks"] = [lock for lock in one["locks"] if lock not in other["locks"]]

    assert problems(plan)


@given(documents(6), surroundings(), st.randoms(use_true_random=False))
def test_a_plan_is_refused_once_a_need_that_ordered_a_pair_is_taken_away(
    document: Document, around: Surroundings, random: Any
) -> None:
    plan = made(document, around)
    by_needs = [row for row in plan["certificate"]["guarded"] if row["by"] == "needs"]
    assume(by_needs)
    pair = random.choice(by_needs)
    rows = {row["id"]: row for row in plan["tasks"]}
    for name in (pair["a"], pair["b"]):
        rows[name]["needs"] = []

    assert problems(plan)


@given(documents(6), surroundings(), st.randoms(use_true_random=False))
def test_a_plan_is_refused_once_an_owner_is_taken_away(document: Document, around: Surroundings, random: Any) -> None:
    plan = made(document, around)
    gone = random.choice(plan["tasks"])["agent"]
    plan["agents"] = [row for row in plan["agents"] if row["id"] != gone]

    assert problems(plan)


def test_a_lock_of_an_operation_that_the_words_of_a_task_mean_cannot_be_taken_away() -> None:
    tasks = (task("T1", title="Run npm install", writes=["a"]), task("T2", text="then npm install", writes=["b"]))
    around = Surroundings(count=2, never_parallel={"op:install": ("npm install",)})
    plan = made(Document(title="Two", format="todo", path="prd.md", tasks=tasks), around)
    assert problems(plan) == ()

    plan["tasks"][1]["locks"].remove("op:install")

    assert problems(plan) == ("T2 uses op:install and does not lock it",)


def test_an_operation_with_room_for_two_keeps_nobody_apart_and_is_never_held_by_three() -> None:
    tasks = tuple(task(f"T{n}", writes=["a" if n < 2 else f"{n}"], locks=["op:build"]) for n in range(5))
    plan = made(
        Document(title="Five", format="todo", path="prd.md", tasks=tasks), Surroundings(count=5, capacity={"op:build": 2})
    )
    assert problems(plan) == ()
    assert plan["makespan"] == 1800.0

    for row in plan["tasks"]:
        row.update(locks=["op:build"], start=0.0, finish=600.0)

    found = "\n".join(problems(plan))
    assert "T0 and T1 may run together and both write a" in found
    assert "beside 2 others" in found


MUTATIONS: dict[str, Callable[[Any], object]] = {
    "a task writes what another writes": lambda plan: plan["tasks"][0].update(writes=["b.py"]),
    "a task writes outside the project": lambda plan: plan["tasks"][0]["writes"].append("../b.py"),
    "an id stands twice": lambda plan: plan["tasks"][1].update(id="T1"),
    "an id would leave its folder": lambda plan: plan["tasks"][2].update(id="../T3"),
    "an agent is called what no agent is called": lambda plan: plan["agents"][0].update(id="x/../y"),
    "it says itself that it does not hold": lambda plan: plan["certificate"].update(holds=False),
    "holds is no answer": lambda plan: plan["certificate"].update(holds="yes"),
    "a guarded row speaks of strangers": lambda plan: plan["certificate"]["guarded"][0].update(a="T9"),
    "a guarded row names another key": lambda plan: plan["certificate"]["guarded"][0].update(key="nothing"),
    "a guarded row claims needs": lambda plan: plan["certificate"]["guarded"][0].update(by="needs"),
    "a guarded row claims magic": lambda plan: plan["certificate"]["guarded"][0].update(by="magic"),
    "a guarded row is gone": lambda plan: plan["certificate"]["guarded"].pop(),
    "a need is unknown": lambda plan: plan["tasks"][0].update(needs=["T9"]),
    "needs form a circle": lambda plan: [
        row.update(needs=[need]) for row, need in zip(plan["tasks"], ["T2", "T1"], strict=False)
    ],
    "a write set is forgotten": lambda plan: plan["tasks"][0].update(writes=None),
    "a start is no number": lambda plan: plan["tasks"][0].update(start=float("nan")),
    "a finish is for ever": lambda plan: plan["tasks"][0].update(finish=float("inf")),
    "two tasks hold a lock at once": lambda plan: plan["tasks"][1].update(start=0.0, finish=5.0),
    "a write set is smaller than what was declared": lambda plan: plan["tasks"][0].update(writes=[], locks=[]),
    "a write set is narrower than what was declared": lambda plan: plan["tasks"][0].update(writes=["a.py/x"], locks=["a.py/x"]),
    "a task of unknown write set is said to write nothing": lambda plan: plan["tasks"][2].update(declared=None, writes=[]),
    "a write set is narrower than the area it was given": lambda plan: plan["tasks"][2].update(declared=None),
    "a task is given to an agent that it does not list": lambda plan: plan["tasks"][0].update(agents=["agent-7"]),
    "a path has room for two": lambda plan: plan.update(capacity={"a.py": 2}),
    "the key of a pair has room for two": lambda plan: plan.update(capacity={"files:1": 2}),
    "room is no number": lambda plan: plan.update(capacity={"op:build": "2"}),
    "what both write is left open": lambda plan: plan["certificate"].update(open=[{"a": "T1", "b": "T2", "why": "x"}]),
    "what nobody plans is left open": lambda plan: plan["certificate"].update(open=[{"a": "T1", "b": "T9", "why": "x"}]),
    "a key that several may hold is said to guard": lambda plan: [
        plan.update(capacity={"op:build": 2}),
        [row["locks"].append("op:build") for row in plan["tasks"]],
        plan["certificate"]["guarded"][0].update(key="op:build"),
    ],
    "the isolation is none": lambda plan: plan.update(isolation="none"),
    "an estimate is no number": lambda plan: plan["tasks"][0].update(estimate=float("nan")),
    "a tail is no number": lambda plan: plan["tasks"][0].update(tail="long"),
    "the makespan is below nothing": lambda plan: plan.update(makespan=-1.0),
    "a start is below nothing": lambda plan: plan["tasks"][0].update(start=-600.0, finish=0.0),
    "the version is another": lambda plan: plan.update(schema_version=2),
}


def small_plan() -> Json:
    tasks = (task("T1", writes=["a.py"]), task("T2", writes=["a.py"]), task("T3", writes=["b.py"]))
    document = Document(title="Small", format="todo", path="prd.md", tasks=tasks)
    decoded: Json = json.loads(plan_document(make_plan(document, Surroundings(count=2), source_digest="0" * 64)))
    return decoded


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_plan_is_refused_when(mutation: str) -> None:
    plan = small_plan()
    assert problems(plan) == ()

    MUTATIONS[mutation](plan)

    assert problems(plan)


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(title="Another", warnings=["said so"], remark=1),
        lambda plan: plan["tasks"][0].update(title="Another", remark="mine"),
        lambda plan: plan["tasks"].reverse(),
        lambda plan: plan["tasks"][0]["locks"].append("op:install"),
        lambda plan: plan["tasks"][2]["needs"].append("T1") or plan["tasks"][2].update(start=2000.0, finish=2600.0),
        lambda plan: plan["agents"].append({"id": "agent-9", "role": "general", "owns": []}),
        lambda plan: plan["tasks"][2].update(writes=["b.py", "c/"], locks=["b.py", "c"]),
        lambda plan: plan["tasks"][0].update(agents=["general"], tail=1.0),
        lambda plan: plan["certificate"]["guarded"].append({"a": "T2", "b": "T1", "by": "lock", "key": "a.py"}),
        lambda plan: plan.update(capacity={"op:build": 2}),
    ],
)
def test_harmless_edits_are_accepted(edit: Any) -> None:
    plan = small_plan()

    edit(plan)

    assert problems(plan) == ()


def test_names_that_a_file_system_could_take_for_one_are_one() -> None:
    plan = small_plan()
    for row, name in ((plan["tasks"][0], "caf\u00e9.py"), (plan["tasks"][2], "CAFE\u0301.py")):
        row.update(writes=[name], declared=[name], locks=[name])

    assert any("T1 and T3 may run together" in one for one in problems(plan))


def test_a_hostile_claim_does_not_blow_up_the_checker() -> None:
    plan = small_plan()
    for row, claim in ((plan["tasks"][0], "**/" * 300 + "x"), (plan["tasks"][2], "**/a/" * 300 + "y")):
        row.update(writes=[claim], declared=[claim], locks=[claim])

    assert isinstance(problems(plan), tuple)


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_long_chain_of_tasks_that_share_files_is_planned_and_checked(count: int) -> None:
    tasks = tuple(task(f"T{n}", writes=[f"src/{n % 50}.py"], needs=[f"T{n - 1}"] if n else [], line=n + 1) for n in range(count))
    document = Document(title="Chain", format="todo", path="prd.md", tasks=tasks)

    body = plan_document(make_plan(document, Surroundings(), source_digest="0" * 64))

    assert problems(json.loads(body)) == ()
    assert len(body) < 10_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_answered(document: object) -> None:
    assert problems(document)


@given(st.data(), JSON)
def test_any_value_anywhere_in_a_plan_is_answered(data: st.DataObject, value: object) -> None:
    plan: Any = small_plan()
    here = plan
    while True:
        where = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        inner = here[where]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            here[where] = copy.deepcopy(value)
            break
        here = inner

    assert isinstance(problems(plan), tuple)


PROOF = ("checker", "consistency", "overlap")


def test_the_checker_shares_no_code_with_the_planner() -> None:
    program = "import orchestrator.planning.checker, sys; print(*sorted(name for name in sys.modules if 'orchestrator' in name))"

    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = [name for name in done.stdout.split() if name.startswith("orchestrator")]
    assert loaded == ["orchestrator", "orchestrator.planning", *(f"orchestrator.planning.{name}" for name in PROOF)]
    for file in Path(str(sys.modules[problems.__module__].__file__)).parent.glob("*.py"):
        proves = re.search(rf"planning\.(?:{'|'.join(PROOF)})\b|planning import.*\b(?:{'|'.join(PROOF)})\b", file.read_text())
        assert file.stem in PROOF or not proves, f"{file.name} uses what shall prove it"
