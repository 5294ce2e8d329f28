"""Proposed tasks as strangers' data: every fault with its place, nothing that starts a program, nothing lost of the document."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import canonical
from orchestrator.prd import proposal, read

PRD = """\
# Dashboard

Some words.

## Requirements
1. Charts on a page
2. An API for metrics
   - with paging
   - with filters

## Goals
- Be fast
"""
LINES = PRD.count("\n")


def faults(body: Any, *, lines: int = LINES) -> tuple[str, ...]:
    text = body if isinstance(body, str) else json.dumps(body, indent=1)
    return proposal.faults(text, name="p.json", claim=canonical, lines=lines)


def tasks(*rows: Any) -> dict[str, Any]:
    return {"tasks": list(rows)}


def one(**more: Any) -> dict[str, Any]:
    return tasks({"id": "T1", "title": "a", **more})


def uncovered(*covered: int, document: str = PRD) -> list[int]:
    return [line for line, _ in proposal.uncovered(document, covered)]


def test_a_proposal_as_it_should_be_has_no_faults() -> None:
    first = {"id": "T1", "title": "a", "writes": ["src/"], "locks": ["op:install"], "estimate": "20m", "source": [6, 7]}

    assert faults(tasks(first, {"id": "T2", "title": "b", "needs": ["T1"], "area": "docs", "text": "x", "source": []})) == ()


@pytest.mark.parametrize("key", ["command", "checks"])
def test_what_would_start_a_program_is_refused_with_its_place(key: str) -> None:
    assert faults(one(**{key: ["rm -rf /"]})) == (
        f"p.json:6:4: the key {key!r} is refused: what squad starts comes from people, never from a proposal",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "p.json:1:1: this is no JSON: "),
        ("tasks:\n  - {id: T1, title: a}\n", "p.json:1:1: this is no JSON: "),
        ("```json\n{}\n```", "p.json:1:1: this is no JSON: "),
        ("[" * 100_000, "p.json: this is no JSON: "),
        ('{"tasks": [{"id": "T1", "id": "T2", "title": "a"}]}', "p.json:1:"),
        ("[]", "p.json:1:1: expected a mapping"),
        ("{}", "p.json:1:1: no task"),
        ({"tasks": []}, "p.json:2:2: no task"),
        ({"tasks": ["T1"]}, "p.json:3:3: expected a mapping"),
        ({"tasks": [{"id": f"T{number}", "title": "a"} for number in range(501)]}, "501 tasks are too many: at most 500"),
        (one(title="  "), "a task without title"),
        (one(id="../T1"), "'../T1' is no id"),
        (one(writes=["../x"]), "'../x' leaves the project"),
        (one(needs=["T2"]), "task T1 needs T2, which does not exist"),
        (one(needs=["T1"]), "the tasks form a cycle: T1"),
        (one(estimate="20"), "20"),
        (one(source=["six"]), "'six' is no line"),
        (one(source=[0]), "'0' is no line"),
        (one(source=[LINES + 1]), f"the document has no line {LINES + 1}: it ends with {LINES}"),
        (one(surprise=1), "unknown key 'surprise' (known keys: id, title, text, area, needs, writes, locks, agents, skills, "),
    ],
)
def test_each_fault_is_told_with_its_place_and_reason(body: Any, said: str) -> None:
    [fault] = faults(body)

    assert said in fault
    assert fault.startswith("p.json") or "cycle" in fault


def test_all_faults_are_told_at_once_since_its_author_is_asked_only_once_more() -> None:
    found = faults(
        tasks(
            {"id": "T1", "title": "a", "needs": ["T9"], "writes": ["../x"], "checks": ["true"], "estimate": "soon"},
            {"id": "T2", "title": ""},
            {"id": "T2", "title": "c", "bogus": 1, "source": [99]},
        )
    )

    for part in ("'checks'", "no line 99", "'../x'", "soon", "without title", "'bogus'", "needs T9", "'T2' stands twice"):
        assert len([one for one in found if part in one]) == 1, part
    assert len(found) == 8


def test_a_flood_of_faults_is_cut() -> None:
    found = faults(tasks(*({"id": f"T{number}", "title": ""} for number in range(100))))

    assert len(found) == 21
    assert found[-1] == "and 80 more"


def test_the_tasks_file_says_what_it_was_made_from_and_is_read_like_any_other() -> None:
    body = json.dumps(tasks({"title": "b", "id": "T1", "source": [7], "gate": True, "text": "ü"}, {"id": "T2", "title": "c"}))

    made = proposal.tasks_file(body, name="p.json", title='The "title"', source="docs/prd.md", digest="d1")

    document = read(made, name="x.tasks.json")
    assert (document.title, [task.id for task in document.tasks]) == ('The "title"', ["T1", "T2"])
    assert document.tasks[0].gate
    assert document.tasks[0].text == "ü"
    assert json.loads(made)["tasks"] == [
        {"id": "T1", "title": "b", "text": "ü", "gate": True, "source": [7]},
        {"id": "T2", "title": "c"},
    ]
    assert proposal.origin(made.decode(), name="x") == ("docs/prd.md", "d1")
    assert proposal.origin('{"tasks": []}', name="x") == ("", "")


@given(st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=5))
def test_whatever_a_title_holds_a_proposal_without_faults_becomes_a_tasks_file(titles: list[str]) -> None:
    body = json.dumps(tasks(*({"id": f"T{number}", "title": title} for number, title in enumerate(titles))))
    if faults(body):
        return

    made = proposal.tasks_file(body, name="p.json", title="x", source="prd.md", digest="d1")

    assert len(read(made, name="x.json").tasks) == len(titles)


@given(st.text(max_size=200) | st.recursive(st.none() | st.text(max_size=5) | st.integers(), st.lists).map(json.dumps))
def test_no_text_makes_the_reading_fail(text: str) -> None:
    assert all(isinstance(one, str) for one in faults(text))


def test_requirements_that_no_task_comes_from_are_found() -> None:
    assert uncovered() == [6, 8, 9]
    assert uncovered(6, 8) == [9]
    assert uncovered(6, 7) == [], "whoever covers the words above covers what stands below"
    assert uncovered(1, 6, 12) == [8, 9]


def test_without_a_heading_that_says_so_all_items_are_requirements_and_without_items_what_must_be() -> None:
    assert uncovered(document="# X\n\n- one\n- two\n\n## Risks\n- three\n") == [3, 4]
    assert uncovered(document="# X\n\nIt must be fast.\nReally.\n\nNice words.\n\nUsers should see it.\n") == [3, 8]
    assert uncovered(4, document="# X\n\nIt must be fast.\nReally.\n") == []
    assert uncovered(document="---\ntitle: x\n---\n# X\n- one\n") == [5]


def test_remarks_name_the_lines_and_say_when_nothing_can_be_told() -> None:
    told = {"name": "p.json", "document": PRD, "shown": "prd.md"}

    assert proposal.remarks(json.dumps(one(source=[6, 8])), **told) == ("prd.md:9: no task comes from this: with filters",)
    [untold] = proposal.remarks(json.dumps(one()), **told)
    assert "do not say which lines of prd.md" in untold
