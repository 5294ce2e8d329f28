"""Which tasks count as done by a run before: those that ask for the same, under the same id where the document gives ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.model import Document, Mark, RunId, Task
from orchestrator.planning.again import Done, content, matched, remarks, without
from orchestrator.prd import read

RUN = RunId("x-1")


def document(text: str) -> Document:
    return read(text.encode(), name="prd.md")


def bullets(*titles: str) -> Document:
    return document("# Feature: X\n## Tasks\n" + "".join(f"- {title}\n" for title in titles))


def done(of: Document) -> list[Done]:
    return [Done(task=task, run=RUN) for task in of.tasks]


def names(now: Document, before: Document) -> dict[str, str]:
    return {name: one.task.id for name, one in matched(now, done(before)).items()}


def test_tasks_that_squad_counts_are_known_by_what_they_ask_for_wherever_they_stand() -> None:
    before = bullets("Write a.md", "Write b.md", "Write c.md")
    now = bullets("Write z.md", "Write a.md", "Write b.md anew", "Write c.md")

    assert names(now, before) == {"T2": "T1", "T4": "T3"}


def test_a_task_with_an_id_of_its_own_is_another_one_under_another_id() -> None:
    before = document("# X\n- [ ] AUTH-1 Write a.md\n- [ ] AUTH-2 Write b.md\n")
    now = document("# X\n- [ ] AUTH-7 Write a.md\n- [ ] AUTH-2 Write b.md\n")
    assert not any(task.numbered for task in now.tasks)

    assert names(now, before) == {"AUTH-2": "AUTH-2"}


def test_of_two_alike_one_is_left_if_one_was_done() -> None:
    assert names(bullets("Write a test", "Write a test"), bullets("Write a test")) == {"T1": "T1"}


def test_what_two_runs_did_counts_once() -> None:
    before = bullets("Write a test")
    twice = [*done(before), Done(task=before.tasks[0], run=RunId("x-2"))]

    found = matched(bullets("Write a test", "Write a test"), twice)
    assert [(name, one.run) for name, one in found.items()] == [("T1", RUN)]


def test_what_is_marked_done_is_not_matched_and_what_is_matched_counts_as_done() -> None:
    now = document("# X\n## Tasks\n- [x] Write a.md\n- [ ] Write b.md\n")
    found = matched(now, done(bullets("Write a.md", "Write b.md")))

    assert list(found) == ["T2"]
    assert {task.state for task in without(now, found).tasks} == {Mark.DONE}


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"text": "other words"},
        {"writes": ()},
        {"checks": ("true",)},
        {"command": ("false",)},
        {"criteria": ("it works",)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_task_asks_for_is_its_content(change: dict[str, object]) -> None:
    [task] = bullets("Write a.md").tasks

    assert content(replace(task, **change)) != content(task)


@pytest.mark.parametrize(
    "change",
    [
        {"estimate": 5.0},
        {"agents": ("agent-1",)},
        {"skills": ("go",)},
        {"area": "Backend"},
        {"needs": ("T9",)},
        {"state": Mark.IN_PROGRESS},
        {"priority": 1},
        {"title": "Write   a.md"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_who_does_it_when_and_how_it_is_written_is_not(change: dict[str, object]) -> None:
    [task] = bullets("Write a.md").tasks

    assert content(replace(task, **change)) == content(task)


def test_ticked_steps_of_a_task_change_nothing() -> None:
    [task] = bullets("Write a.md").tasks

    assert content(replace(task, text="- [x] one\n- [ ] two")) == content(replace(task, text="- [ ] one\n- [ ] two"))


def test_what_was_built_on_a_task_that_is_done_again_is_told() -> None:
    before = document("# X\n- [ ] AUTH-1 Write a.md\n- [ ] AUTH-2 Write b.md (depends on AUTH-1)\n")
    now = document("# X\n- [ ] AUTH-1 Write a.md anew\n- [ ] AUTH-2 Write b.md (depends on AUTH-1)\n")

    [told] = remarks(now.tasks, matched(now, done(before)))
    assert "AUTH-2 is done already, but AUTH-1, which it needs, is not" in told


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=6), st.lists(st.sampled_from(["a", "b", "c"]), max_size=6))
def test_as_many_are_done_as_were_and_no_more(now: list[str], before: list[str]) -> None:
    if not now or not before:
        return
    found = matched(bullets(*now), done(bullets(*before)))
    tasks: dict[str, Task] = {task.id: task for task in bullets(*now).tasks}

    assert all(content(tasks[name]) == content(one.task) for name, one in found.items())
    for title in set(now):
        counted = sum(tasks[name].title == title for name in found)
        assert counted == min(now.count(title), before.count(title))
