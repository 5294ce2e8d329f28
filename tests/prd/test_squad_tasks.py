"""squad's own tasks file: every key, and every mistake with its place."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.model import Document, Mark, Simulation, Task
from orchestrator.prd import read

FULL = """\
version: 1
tasks:
  - id: T1
    title: Create shared metric types
    needs: []
    writes: [shared/types/metrics.ts]     # files, folders, globs
    locks: [op:install]
    agents: [agent-2-backend]
    skills: [backend]
    estimate: 10m
    checks: ["npm test"]
    command: ["make", "types"]
    simulate: {work: 2s, write: [shared/types/metrics.ts], lock: [./a.ts, op:install], then: [hang, done]}
  - {id: 002, title: b, needs: [T1], writes: []}
  - {id: 1.10, title: on}
  - {id: 0755, title: "no"}
"""


def told(text: str, name: str = "tasks.yaml") -> Document:
    return read(text.encode(), name=name)


def one(text: str) -> Task:
    return told(f"tasks:\n  - {{id: T1, title: x, {text}}}\n").tasks[0]


def test_every_key_is_read_and_ids_stay_as_they_are_written() -> None:
    document = told(FULL)
    first, *others = document.tasks

    assert (document.format, document.title) == ("squad-tasks", "tasks")
    assert [(task.id, task.title, task.source.line) for task in others] == [
        ("002", "b", 14),
        ("1.10", "on", 15),
        ("0755", "no", 16),
    ]
    assert first.writes == ("shared/types/metrics.ts",)
    assert (first.locks, first.agents, first.skills) == (("op:install",), ("agent-2-backend",), ("backend",))
    assert (first.estimate, first.checks, first.command) == (600.0, ("npm test",), ("make", "types"))
    assert first.simulate == Simulation(
        work=2.0, write=("shared/types/metrics.ts",), lock=("a.ts", "op:install"), then=("hang", "done")
    )
    assert (others[0].needs, others[0].writes) == (("T1",), ())
    assert (others[1].writes, others[1].checks, others[1].simulate) == (None, None, None)


def test_json_says_the_same() -> None:
    task = {
        "id": "T1",
        "title": "\U0001f600 x",
        "writes": ["a/", "b*"],
        "estimate": "1h30m",
        "gate": True,
        "checks": [],
        "simulate": None,
    }

    (read_back,) = told(json.dumps({"version": 1, "tasks": [task]}, indent=1), "tasks.json").tasks

    assert (read_back.title, read_back.writes, read_back.estimate) == ("\U0001f600 x", ("a/", "b*"), 5400.0)
    assert (read_back.gate, read_back.checks) == (True, ())


def test_a_task_that_is_done_says_so() -> None:
    tasks = told(
        "tasks:\n  - {id: a, title: b, state: done}\n  - {id: c, title: d, state: In Progress}\n  - {id: e, title: f}\n"
    ).tasks

    assert [task.state for task in tasks] == [Mark.DONE, Mark.IN_PROGRESS, Mark.OPEN]


def test_the_version_may_be_left_out_but_not_be_another() -> None:
    assert told("tasks:\n  - {id: a, title: b}\n").tasks
    with pytest.raises(InputError, match="expected version: 1"):
        told("version: 2\ntasks:\n  - {id: a, title: b}\n")


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("tasks:\n  - {id: a, titel: b}\n", "2:13", "unknown key 'titel'"),
        ("tasks:\n  - {id: a, titel: b}\n", "2:13", "did you mean 'title'"),
        ("task:\n  - {id: a}\n", "1:1", "did you mean 'tasks'"),
        ("tasks:\n  - {id: a}\n", "2:5", "a task without title"),
        ("tasks:\n  - {title: a}\n", "2:5", "a task without id"),
        ("tasks: []\n", "1:1", "no task"),
        ("tasks: {a: b}\n", "1:1", "no task"),
        ("- a\n", "1:1", "expected a mapping"),
        ("tasks:\n  - {id: a, title: b, needs: T1}\n", "2:23", "write [T1]"),
        ("tasks:\n  - {id: a, title: [b]}\n", "2:13", "expected a text, found a list"),
        ("tasks:\n  - {id: a, title: b}\n  - {id: build, title: c, needs: [a, biuld]}\n", "3:38", "did you mean 'build'"),
        ("tasks:\n  - {id: a, title: b}\n  - {id: a, title: c}\n", "3:6", "the id 'a' stands twice: first in line 2"),
        ("tasks:\n  - {id: a, id: b, title: c}\n", "2:13", "the key 'id' stands twice"),
        ("tasks:\n  - {id: a, title: b, estimate: 10}\n", "2:23", "write 10s, 10m, 10h or 10d"),
        ("tasks:\n  - {id: a, title: b, estimate: 9999d}\n", "2:23", "longer than a year"),
        ("tasks:\n  - {id: a, title: b, gate: maybe}\n", "2:23", "expected true or false"),
        ("tasks:\n  - {id: a, title: b, state: dome}\n", "2:23", "did you mean 'done'"),
        ("tasks:\n  - {id: a, title: b, simulate: {then: [hung]}}\n", "2:41", "did you mean 'hang'"),
        ("tasks:\n  - {id: a, title: b, simulate: {word: 2s}}\n", "2:34", "did you mean 'work'"),
        ("tasks:\n  - {id: a, title: b, writes: [x, ../y]}\n", "2:35", "'../y' leaves the project"),
        ("tasks:\n  - {id: a, title: b, writes: [/../y]}\n", "2:32", "leaves the project"),
        ("tasks:\n  - {id: a, title: b, locks: [../y]}\n", "2:31", "leaves the project"),
        ("tasks:\n  - {id: a, title: b, simulate: {lock: [../y]}}\n", "2:41", "leaves the project"),
        ("tasks:\n  - {id: ../../x, title: b}\n", "2:6", "is no id"),
        ("tasks:\n  - {id: a b, title: b}\n", "2:6", "is no id"),
        ("tasks:\n  - {id: '', title: b}\n", "2:5", "a task without id"),
        ("tasks:\n\t- x\n", "2:1", "a tab stands where only spaces"),
        ("tasks:\n  - &a {id: a, title: b, needs: [*a]}\n", "2:13", "nested too deeply"),
    ],
)
def test_a_mistake_is_told_with_file_line_column_and_what_helps(text: str, place: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        told(text)

    assert str(caught.value).startswith(f"tasks.yaml:{place}: ")
    assert says in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_mistake_shows_the_line_with_a_caret_below_it() -> None:
    with pytest.raises(InputError) as caught:
        told("tasks:\n  - {id: a, titel: b}\n")

    assert "\n    - {id: a, titel: b}\n              ^\n" in str(caught.value)


def test_a_circle_is_named_with_its_lines() -> None:
    with pytest.raises(InputError, match=r"cycle: a \(tasks\.yaml:2\) -> b \(tasks\.yaml:3\) -> a \(tasks\.yaml:2\)"):
        told("tasks:\n  - {id: a, title: x, needs: [b]}\n  - {id: b, title: x, needs: [a]}\n")
    with pytest.raises(InputError, match=r"cycle: a \(tasks\.yaml:2\) -> a"):
        told("tasks:\n  - {id: a, title: x, needs: [a]}\n")


def test_a_few_aliases_that_stand_for_billions_of_values_are_refused() -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))

    with pytest.raises(InputError, match="aliases multiply"):
        told(f"a0: &a0 [x]\n{laughs}")


@pytest.mark.parametrize("value", ["false", "null", "~", "[]"])
def test_what_says_nothing_is_as_if_left_out(value: str) -> None:
    key = "gate" if value == "false" else "needs"

    assert one(f"{key}: {value}") == one("needs: []")


@given(st.sampled_from([FULL, json.dumps({"tasks": [{"id": "T1", "title": "x"}]})]), st.data())
def test_no_change_and_no_prefix_of_a_tasks_file_crashes_the_reader(text: str, data: st.DataObject) -> None:
    body = bytearray(text.encode())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        read(bytes(body[: data.draw(st.integers(0, len(body)))]), name=data.draw(st.sampled_from(["t.yaml", "t.json"])))
    except InputError as error:
        _ = str(error)


@given(st.text(alphabet=st.sampled_from("{}[]&*!|>'\"%@`,?:-#\n \\uUx0aT1~"), max_size=60))
def test_no_yaml_crashes_the_reader(text: str) -> None:
    try:
        read(f"tasks:\n  - {text}".encode(), name="t.yaml")
    except InputError as error:
        _ = str(error)


def test_how_many_may_hold_an_operation_is_read() -> None:
    assert told("capacity: {op:build: 2}\ntasks: [{id: T1, title: x}]\n").capacity == {"op:build": 2}
    assert told("tasks: [{id: T1, title: x}]\n").capacity == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{build: 2}", "'build' is no operation"),
        ("{op:build: 0}", "'0': expected how many may hold it at once"),
        ("{op:build: two}", "'two': expected how many may hold it at once"),
        ("2", "expected a mapping such as {op:build: 2}"),
    ],
)
def test_a_capacity_that_is_none_is_refused_with_its_place(written: str, expected: str) -> None:
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        told(f"capacity: {written}\ntasks: [{{id: T1, title: x}}]\n")

    assert "tasks.yaml:1:" in str(caught.value)
