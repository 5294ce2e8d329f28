"""`squad report` and `squad compare` on real runs."""

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell, simulated

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
CHANGING = shell(
    "T1",
    "printf '1\\n2\\n' > new.txt; rm old.txt; printf 'x\\0y' > blob",
    writes=["new.txt", "old.txt", "blob"],
    checks=["true"],
)
FAILING = shell("T2", "echo x > c.txt", writes=["c.txt"], checks=["test ! -f c.txt"])
PAIR = (simulated("A", writes=["a.md"], work="50ms"), simulated("B", writes=["b.md"], work="50ms"))


@pytest.fixture
def runs(repository: Repository) -> Runs:
    repository.commit({"old.txt": "1\n2\n3\n"})
    return Runs(repository)


@pytest.mark.usefixtures("at_detect")
def test_a_report_holds_claims_beside_evidence_and_what_each_agent_wrote(runs: Runs, here: Here) -> None:
    assert runs(CHANGING, FAILING, run={"attempts": 1}).code == 1

    told = here.json("report")
    rows = {row["id"]: row for row in told["tasks"]}
    assert {(check["command"], check["ok"], check["where"]) for check in rows["T1"]["checks"]} == {
        ("true", True, "attempt"),
        ("true", True, "combined"),
    }
    files = {row["path"]: (row["added"], row["removed"], row["is_text"], row["is_result"]) for row in rows["T1"]["files"]}
    assert files == {"new.txt": (2, 0, True, True), "old.txt": (0, 3, True, True), "blob": (None, None, False, True)}
    assert [(check["ok"], check["where"]) for check in rows["T2"]["checks"]][:1] == [(False, "attempt")]
    assert (rows["T2"]["claim"], rows["T2"]["evidence"]) == ("exit 0", "not accepted")
    assert told["attention"] == [f"T2 failed: {rows['T2']['reason']} (look: squad logs T2; again: squad retry T2)"]
    assert told == json.loads((here.folder / ".squad" / "reports" / "tasks-1.json").read_text(encoding="utf-8")), (
        "the file tells the same"
    )


@pytest.mark.usefixtures("at_detect")
def test_the_numbers_stay_when_worktrees_and_branches_are_gone(runs: Runs, here: Here) -> None:
    runs(CHANGING)
    before = here.json("report")["agents"]

    shutil.rmtree(here.folder / ".squad" / "worktrees")
    here.ok("discard", "-y")

    assert here.json("report")["agents"] == before
    assert sum(row["added"] or 0 for row in before[0]["files"]) == 2


@pytest.mark.usefixtures("at_detect")
def test_in_a_shared_tree_lines_are_counted_too(runs: Runs, here: Here) -> None:
    runs(CHANGING, settings={"isolation": {"mode": "shared"}})

    [agent, *_] = [row for row in here.json("report")["agents"] if row["files"]]
    assert {row["path"]: (row["added"], row["removed"]) for row in agent["files"]} == {
        "new.txt": (2, 0),
        "old.txt": (0, 3),
        "blob": (None, None),
    }


def test_whenever_a_run_ends_or_pauses_its_report_is_written_and_the_former_one_is_kept(runs: Runs, here: Here) -> None:
    reports = here.folder / ".squad" / "reports"
    runs(*PAIR, agent="simulated", count=1, run={"limits": {"attempts": 1}})
    first = {path.suffix: path.read_text(encoding="utf-8") for path in reports.iterdir()}
    assert set(first) == {".md", ".html", ".json"}
    assert "paused: limit" in first[".md"]

    here("resume", "-y")
    runs.resume()

    assert sorted(path.name for path in reports.iterdir()) == ["former", "tasks-1.html", "tasks-1.json", "tasks-1.md"]
    former = sorted(path.name for path in (reports / "former").iterdir())
    assert former[:3] == ["tasks-1.1.html", "tasks-1.1.json", "tasks-1.1.md"]
    assert (reports / "former" / "tasks-1.1.md").read_text(encoding="utf-8") == first[".md"]
    ET.fromstring((reports / "tasks-1.html").read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>\n"))
    assert not [path.name for path in reports.rglob(".*")]


@pytest.fixture
def ended(runs: Runs, here: Here) -> Here:
    runs(shell("T1", "true", writes=[]))
    return here


def test_the_format_of_a_file_is_the_one_that_is_asked_for_or_that_its_name_says(ended: Here) -> None:
    for begins, *arguments in (
        ("<!DOCTYPE html>", "r.html"),
        ("# tasks: run tasks-1", "R.MD"),
        ('{\n  "schema_version": 1', "r.json"),
        ("tasks: run tasks-1, ", "r.txt"),
        ("tasks: run tasks-1, ", "noname"),
        ('{\n  "schema_version": 1', "noname", "--json"),
        ("# tasks: run tasks-1", "r.html", "--format", "md"),
    ):
        said = ended("report", "-o", *arguments)

        assert (said.code, said.out) == (0, "")
        assert (ended.folder / arguments[0]).read_text(encoding="utf-8").startswith(begins)


def test_a_file_that_stood_there_is_replaced_whole_and_a_pipe_is_written_to(ended: Here, squad: Squad) -> None:
    (ended.folder / "r.md").write_text("x" * 1_000_000)
    (ended.folder / "link.md").symlink_to("r.md")

    ended.ok("report", "-o", "link.md")

    assert (ended.folder / "link.md").is_symlink()
    assert (ended.folder / "r.md").read_text(encoding="utf-8") == ended.ok("report", "--format", "md")
    assert squad.ok("report", "--format", "md", "-o", "/dev/stdout") == ended.ok("report", "--format", "md")
    assert json.loads(ended.ok("report", "-o", "r.html", "--json")) == {
        "schema_version": 1,
        "run": "tasks-1",
        "format": "html",
        "file": "r.html",
    }


def test_a_file_that_cannot_be_written_is_named_with_the_reason(ended: Here) -> None:
    said = ended("report", "-o", "nowhere/r.md")

    assert (said.code, said.out) == (3, "")
    assert "cannot write" in said.err
    assert "nowhere/r.md: No such file or directory" in said.err
    assert ended("report", "--format", "pdf").code == 2


def test_a_run_by_several_agents_is_measured_beside_one_of_the_same_tasks_by_a_single_one(runs: Runs, here: Here) -> None:
    runs(*PAIR, agent="simulated", count=1)
    runs(*PAIR, agent="simulated", count=2)

    told = here.json("compare", "tasks-1", "tasks-2")
    walls = [run["figures"]["wall_s"] for run in told["runs"]]
    assert (told["measured"], told["sequential"]) == (True, "tasks-1")
    assert told["same"] == {"tasks": True, "agents": False, "adapters": True, "node": True}
    assert told["time_saved"] == pytest.approx(1 - walls[1] / walls[0], abs=0.002)
    assert [(row["id"], [one["state"] for one in row["runs"]]) for row in told["tasks"]] == [
        ("A", ["done", "done"]),
        ("B", ["done", "done"]),
    ]
    shown = here.ok("compare", "tasks-2", "tasks-1")
    assert "of the sequential run tasks-1 (measured)" in shown
    assert "measured beside" in here.ok("report", "--run", "tasks-2")
    assert here.json("report")["time_saved"]["share"] == pytest.approx(told["time_saved"], abs=0.002)
    assert (here.folder / ".squad" / "reports" / "tasks-2.md").read_text(encoding="utf-8").count("measured beside tasks-1") == 1


def test_runs_of_other_tasks_are_shown_and_nothing_is_called_measured(runs: Runs, here: Here) -> None:
    runs(PAIR[0], agent="simulated")
    runs({**PAIR[0], "title": "Something else"}, agent="simulated")

    told = here.json("compare", "tasks-1", "tasks-2")
    assert (told["measured"], told["time_saved"], told["same"]["tasks"]) == (False, None, False)
    assert told["not_measured_because"] == ["the tasks differ"]
    shown = here.ok("compare", "tasks-1", "tasks-2")
    assert "tasks only in tasks-1: A" in shown
    assert "tasks only in tasks-2: A" in shown
    assert "(measured)" not in shown
    assert "not measured against each other: the tasks differ" in shown

    assert here("compare", "tasks-1", "tasks-1").code == 2
    assert here("compare", "tasks-1", "tasks").code == 3, "two runs begin so"
    assert "there is no run 'other'" in here("compare", "tasks-1", "other").err
    assert here("compare", "tasks-1", "other").code == 3
    assert here("compare", "tasks-1").code == 2


def test_each_command_of_the_page_about_the_report_is_one(runs: Runs, here: Here) -> None:
    runs(PAIR[0], agent="simulated", count=1)
    runs(PAIR[0], agent="simulated", count=1)
    [block] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

    for line in block.splitlines():
        command = line.removeprefix("squad ").replace("demo-", "tasks-").split()
        assert here(*command).code == 0, line
