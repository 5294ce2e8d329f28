"""Complexity: a plain task is worth exactly one, what is counted and told beyond it, never less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.claims import Claim
from orchestrator.model import Task
from orchestrator.planning.complexity import complexity
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd import read
from orchestrator.sections import ComplexitySettings
from tests.support.builders import task

WEIGHTS = ComplexitySettings()
NAMES = st.sampled_from(["a.py", "b.py", "c.py", "src/d.py", "tests/test_a.py", "tests/test_b.py", "docs/", "op:install"])


def factor(one: Task, *, files: tuple[str, ...] = ()) -> float:
    return complexity(one, weights=WEIGHTS, files=files).factor


@pytest.mark.parametrize(
    "one",
    [
        task("T1"),
        task("T1", writes=[]),
        task("T1", writes=["a.py", "b.py", "tests/test_a.py"]),
        replace(
            task("T1"), criteria=("it works", "it is fast", "it is told"), text="Part of: P\none\ntwo\nthree " + "word " * 90
        ),
    ],
)
def test_a_task_with_nothing_special_is_worth_exactly_one(one: Task) -> None:
    assert complexity(one, weights=WEIGHTS, files=["a.py", "b.py", "tests/test_a.py"]).factor == 1.0
    assert complexity(one, weights=WEIGHTS).told == ""


def test_what_goes_beyond_the_ordinary_is_counted_and_told() -> None:
    one = replace(
        task("T1", writes=["a", "b", "c", "test_d", "test_e", "test_f", "test_g"]),
        criteria=("1", "2", "3", "4"),
        text="\n".join(f"step {n}" for n in range(5)) + " word" * 300,
    )

    found = complexity(one, weights=WEIGHTS, files=["a", "b", "c", "test_d"])

    assert found.told == (
        "1 + 4 more files x 0.1 + 1 more existing files x 0.05 + 1 more tests x 0.05 + 1 more criteria x 0.1"
        " + 2 more steps x 0.05 + 2 more hundred words x 0.1 = 1.9"
    )
    assert found.factor == 1.9


def test_the_steps_that_a_document_lists_below_a_task_are_counted() -> None:
    document = read(b"# X\n- [ ] Build it\n" + b"".join(b"  - step %d\n" % number for number in range(7)), name="todo.md")

    assert complexity(document.tasks[0], weights=WEIGHTS).told == "1 + 4 more steps x 0.05 = 1.2"


def test_no_task_is_worth_more_than_the_bound() -> None:
    assert factor(task("T1", writes=[f"{n}.py" for n in range(100)])) == 4.0


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True), st.text(max_size=300), NAMES)
def test_it_is_never_below_one_and_grows_with_what_is_there(writes: list[str], files: list[str], text: str, more: str) -> None:
    one = replace(task("T1", writes=writes), text=text)

    assert 1.0 <= factor(one, files=tuple(files)) <= WEIGHTS.most
    assert factor(one, files=tuple(files)) <= factor(replace(one, criteria=("a", "b", "c", "d")), files=tuple(files))
    assert factor(one) <= factor(replace(one, writes=tuple(dict.fromkeys([*(one.writes or ()), Claim(more)]))))


def test_it_lengthens_the_default_and_neither_what_the_document_says_nor_a_plain_task() -> None:
    files = ", ".join(f"{letter}.py" for letter in "abcde")
    text = f"version: 1\ntasks:\n- {{id: A, title: Plain}}\n- {{id: B, title: Large, writes: [{files}]}}\n"
    text += f"- {{id: C, title: Said, writes: [{files}], estimate: 1m}}\n- {{id: D, title: Played, simulate: {{work: 2s}}}}\n"

    plan = make_plan(read(text.encode(), name="tasks.yaml"), Surroundings(), source_digest="")

    assert [one.estimate for one in plan.tasks] == [600.0, 720.0, 60.0, 2.0]
    assert plan.tasks[0].why[-1] == "takes about 10m, the default"
    assert plan.tasks[1].why[-1].endswith("(1 + 2 more files x 0.1 = 1.2)")
    assert plan.tasks[2].why[-1] == "is estimated at 1m in tasks.yaml:5"
