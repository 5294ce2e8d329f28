"""A document that is changed and run again: only what no run has done, or the base does not hold, is planned."""

import json

import pytest

from tests.support.here import Here
from tests.support.repositories import Repository

PRD = "# Feature: Dash\n## Tasks\n"
RUN = ("run", "prd.md", "--agent", "simulated", "-y")


def write(repository: Repository, *tasks: str) -> None:
    repository.write({"prd.md": PRD + "".join(f"- {task}\n" for task in tasks)})


def planned(here: Here, *more: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Give the titles that a run would carry out, and what it would not, each with the run that has done it."""
    plan = here.json(*RUN, "--dry-run", *more)
    return [task["title"] for task in plan["tasks"]], [(row["title"], row["run"]) for row in plan["done_already"]]


@pytest.fixture
def ran(here: Here, repository: Repository) -> Here:
    """Give a project in which a run has done two tasks, whose result nobody has taken yet."""
    write(repository, "Create a in a.md", "Create b in b.md")
    here.ok(*RUN)
    return here


def test_what_is_in_the_base_is_done_already_and_the_rest_is_done(ran: Here, repository: Repository) -> None:
    ran.ok("merge")
    write(repository, "Create z in z.md", "Create a in a.md", "Create b anew in b.md")

    rehearsed = ran.ok(*RUN, "--dry-run")
    told = ran(*RUN)

    assert "2 tasks for" in rehearsed
    assert "done already by dash-1: T2" in rehearsed
    assert told.code == 0
    assert "1 done already" in told.out
    status, report = ran.json("status"), ran.json("report")
    assert status["done_already"] == report["done_already"] == [{"id": "T2", "title": "Create a in a.md", "run": "dash-1"}]
    assert [task["id"] for task in status["tasks"]] == ["T1", "T3"]
    assert "done already by dash-1: T2" in ran.ok("status")
    assert "done already by dash-1: T2" in ran.ok("report")
    assert [run["id"] for run in ran.json("ls")["runs"]] == ["dash-1", "dash-2"]


def test_over_several_runs_each_task_is_done_once(ran: Here, repository: Repository) -> None:
    ran.ok("merge")
    write(repository, "Create a in a.md", "Create b in b.md", "Create c in c.md")
    ran.ok(*RUN)
    ran.ok("merge")
    write(repository, "Create d in d.md", "Create a in a.md", "Create b in b.md", "Create c in c.md")

    todo, before = planned(ran)
    assert todo == ["Create d in d.md"]
    assert before == [("Create a in a.md", "dash-1"), ("Create b in b.md", "dash-1"), ("Create c in c.md", "dash-2")]


def test_nothing_left_is_said_and_starts_nothing(ran: Here) -> None:
    ran.ok("merge")

    told = ran(*RUN)

    assert told.code == 0
    assert "every task is done already, by dash-1" in told.err
    assert "squad run prd.md --all" in told.err
    assert [row["id"] for row in ran.json(*RUN)["done_already"]] == ["T1", "T2"]
    assert len(ran.json("ls")["runs"]) == 1
    assert "0 tasks for 0 agents, 2 done already" in ran.ok("plan", "prd.md")


def test_a_run_that_stood_at_a_persons_step_ends_when_nothing_is_left(here: Here, repository: Repository) -> None:
    first: dict[str, object] = {"id": "T1", "title": "a", "writes": ["a.md"]}
    sign: dict[str, object] = {"id": "T2", "title": "Sign it", "gate": True, "needs": ["T1"]}
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [first, sign]})})
    run = ("run", "tasks.json", "--agent", "simulated", "-y")
    assert here(*run).code == 6
    here.ok("merge")
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [first, {**sign, "state": "done"}]})})

    here.ok(*run, "--new")

    assert [(row["state"], row["outcome"]) for row in here.json("ls")["runs"]] == [("ended", "done")]


def test_all_does_everything_again(ran: Here) -> None:
    ran.ok("merge")

    assert planned(ran, "--all") == (["Create a in a.md", "Create b in b.md"], [])
    assert len(ran.json("plan", "prd.md", "--all")["tasks"]) == 2
    assert ran(*RUN, "--all").code == 0
    assert [run["id"] for run in ran.json("ls")["runs"]] == ["dash-1", "dash-2"]


def test_what_was_not_taken_is_done_again_and_told(ran: Here) -> None:
    told = ran(*RUN, "--dry-run")

    assert "done by dash-1, but the result is not in the base" in told.err
    assert "squad merge --run dash-1" in told.err
    assert planned(ran) == (["Create a in a.md", "Create b in b.md"], [])


def test_what_was_squashed_is_done_already(ran: Here, repository: Repository) -> None:
    repository.git("merge", "--quiet", "--squash", "squad/dash-1")
    repository.git("commit", "--quiet", "-m", "All at once")

    assert planned(ran)[0] == []


def test_what_was_taken_back_is_done_again(ran: Here, repository: Repository) -> None:
    ran.ok("merge")
    repository.commit({"other.md": "beside\n"})
    repository.git("rm", "--quiet", "a.md")
    repository.git("commit", "--quiet", "-m", "No a")

    assert planned(ran) == (["Create a in a.md"], [("Create b in b.md", "dash-1")])


def test_on_a_branch_that_does_not_have_it_it_is_done_again(ran: Here, repository: Repository) -> None:
    repository.git("branch", "older")
    ran.ok("merge")
    repository.git("checkout", "--quiet", "older")

    assert planned(ran)[1] == []


def test_a_dropped_run_has_done_nothing(ran: Here) -> None:
    ran.ok("discard", "-y")

    assert planned(ran)[1] == []


def test_a_task_without_a_change_is_done_where_what_it_came_after_is(here: Here, repository: Repository) -> None:
    rows = [
        {"id": "A", "title": "Write a", "writes": ["a.md"], "simulate": {"work": "10ms"}},
        {"id": "B", "title": "Look at it", "needs": ["A"], "writes": [], "simulate": {"work": "10ms", "then": ["done"]}},
    ]
    repository.write({"prd.json": json.dumps({"version": 1, "tasks": rows})})
    run = ("run", "prd.json", "--agent", "simulated", "-y")
    here.ok(*run)
    assert [row["id"] for row in here.json(*run, "--dry-run")["done_already"]] == []

    here.ok("merge")
    assert [row["id"] for row in here.json(*run, "--dry-run")["done_already"]] == ["A", "B"]


def test_in_a_shared_tree_what_still_lies_there_is_done_already(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "isolation: {mode: shared}\n"})
    write(repository, "Create a in a.md", "Create b in b.md")
    here.ok(*RUN)
    assert planned(here)[0] == []

    (repository.root / "a.md").unlink()
    assert planned(here) == (["Create a in a.md"], [("Create b in b.md", "dash-1")])


def test_check_compares_with_the_saved_plan_and_not_with_what_its_run_has_done_since(ran: Here, repository: Repository) -> None:
    ran.ok("merge")
    assert ran("plan", "prd.md", "--check").code == 0

    write(repository, "Create a in a.md", "Create c in c.md")
    assert ran("plan", "prd.md", "--check").code == 10


def test_an_unfinished_run_is_named_before_anything_is_asked(here: Here, repository: Repository) -> None:
    rows = [{"id": "A", "title": "Fail", "writes": ["a.md"], "simulate": {"work": "10ms", "then": ["fail"]}}]
    repository.write({"t.json": json.dumps({"version": 1, "tasks": rows})})
    repository.write({"squad.yaml": "run: {stall: {same_failure: 1, ladder: [park]}}\n"})
    run = ("run", "t.json", "--agent", "simulated", "--no-input")
    assert here(*run).code == 6
    repository.write({"squad.yaml": 'run: {checks: ["true"]}\n'})

    refused = here(*run)

    assert refused.code == 6
    assert "the run t-1 of t.json is unfinished" in refused.err
    assert "squad resume t-1" in refused.err
    assert "--new" in refused.err
