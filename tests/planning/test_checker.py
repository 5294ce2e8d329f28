"""The certificate: accepted for every plan of the planner, refused once what a pair depended on is taken away."""

import copy
import json
import sys
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from random import Random
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
from tests.planning.drawn import documents, random_document, random_surroundings, surroundings
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


def is_refused(plan: Json, spoil: Callable[[Json], None]) -> bool:
    spoilt = copy.deepcopy(plan)
    spoil(spoilt)
    return bool(problems(spoilt))


def row_of(plan: Json, name: str) -> Json:
    return next(row for row in plan["tasks"] if row["id"] == name)


def spoilings(plan: Json, random: Random) -> dict[str, Callable[[Json], None]]:
    """Give, by kind, one way to take away what a pair of this plan depends on."""
    found: dict[str, Callable[[Json], None]] = {}
    several = plan["capacity"].keys()
    if pairs := unordered_meeting_pairs(plan):
        one, other = (row["id"] for row in random.sample(random.choice(pairs), 2))
        common = set(row_of(plan, other)["locks"]) - several
        found["lock"] = lambda of: row_of(of, one).update(locks=[key for key in row_of(of, one)["locks"] if key not in common])
    if rows := [row for row in plan["certificate"]["guarded"] if row["by"] == "needs"]:
        pair = random.choice(rows)
        found["need"] = lambda of: of.update(
            tasks=[{**row, "needs": []} if row["id"] in pair.values() else row for row in of["tasks"]]
        )
    if users := [(row["id"], key) for row in plan["tasks"] for key in row["locks"] if key.startswith("op:")]:
        name, operation = random.choice(users)
        found["operation"] = lambda of: row_of(of, name)["locks"].remove(operation)
    gone = random.choice(plan["tasks"])["agent"]
    found["owner"] = lambda of: of.update(agents=[row for row in of["agents"] if row["id"] != gone])
    return found


def edit_harmlessly(plan: Json, random: Random) -> None:
    row = random.choice(plan["tasks"])
    row["title"] += " soon"
    row["locks"].append("op:nobody-else")
    random.shuffle(plan["tasks"])
    plan["agents"].append({"id": "agent-99", "role": "general", "owns": []})
    plan["warnings"].append("edited")


@pytest.mark.parametrize(
    ("drawn", "least", "most"),
    [
        (40, 2, 12),
        (2, 30, 60),
        pytest.param(100_000, 2, 12, marks=pytest.mark.soak),
        pytest.param(2_000, 2, 60, marks=pytest.mark.soak),
        pytest.param(50, 200, 200, marks=pytest.mark.soak),
    ],
)
def test_plans_are_accepted_and_refused_once_what_a_pair_depended_on_is_gone(drawn: int, least: int, most: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(drawn):
        random = Random(seed)
        document = random_document(random, random.randint(least, most))
        plan = json.loads(plan_document(make_plan(document, random_surroundings(random), source_digest="0" * 64)))
        assert problems(plan) == (), seed
        for kind, spoil in spoilings(plan, random).items():
            assert is_refused(plan, spoil), f"{seed}: {kind}"
            told[kind] += 1
        edit_harmlessly(plan, random)
        assert problems(plan) == (), seed

    print(f"{drawn} plans of {least} to {most} tasks drawn and accepted; refused without a {dict(told)}")
    assert set(told) == {"lock", "need", "operation", "owner"}


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
    ],
)
def test_harmless_edits_are_accepted(edit: Any) -> None:
    plan = small_plan()

    edit(plan)

    assert problems(plan) == ()


def test_names_that_a_file_system_could_take_for_one_are_one() -> None:
    plan = small_plan()
    plan["tasks"][0].update(writes=["caf\u00e9.py"], locks=["caf\u00e9.py"])
    plan["tasks"][2].update(writes=["CAFE\u0301.py"], locks=["CAFE\u0301.py"])

    assert any("T1 and T3 may run together" in one for one in problems(plan))


def test_a_hostile_claim_does_not_blow_up_the_checker() -> None:
    plan = small_plan()
    plan["tasks"][0].update(writes=["**/" * 300 + "x"], locks=["**/" * 300 + "x"])
    plan["tasks"][2].update(writes=["**/a/" * 300 + "y"], locks=["**/a/" * 300 + "y"])

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


def test_the_checker_shares_no_code_with_the_planner() -> None:
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('checker', sys.argv[1])\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
        "assert not [name for name in sys.modules if name.startswith('orchestrator')]\n"
    )
    file = sys.modules[problems.__module__].__file__

    done = run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
