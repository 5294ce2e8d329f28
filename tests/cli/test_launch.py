"""Everything between a command line and a running run: what stands in the way is said before anything is started."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli.context import Context
from orchestrator.cli.launch import RunIsOver, UnfinishedRun, Wishes, launch, rehearse, relaunch
from orchestrator.cli.settings import Unconfirmed
from orchestrator.errors import FolderError, InputError, RepositoryError
from orchestrator.events import RunEnded, TaskDone
from orchestrator.journal import Journal
from orchestrator.journal.replay import NoRun
from orchestrator.project import find
from tests.support.fake_claude import FakeClaude
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

TASK = shell("T1", "echo one >> a.txt", writes=["a.txt"])
FAILS = shell("T1", 'test -e "$HOME/now"', writes=[])


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


def _nothing_was_started(repository: Repository) -> None:
    assert not (repository.root / ".squad").exists()
    assert not (repository.root / ".git" / "squad").exists()
    assert repository.git("for-each-ref", "--format=%(refname)", "refs/heads/squad/", "refs/squad/") == ""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (["branch", "squad"], "bars branches below squad/"),
        (["branch", "squad-work"], "bars branches below squad-work/"),
        (["checkout", "--quiet", "--orphan", "fresh"], "no commit yet"),
        (["bisect", "start"], "a bisect is in progress"),
    ],
)
def test_a_repository_that_cannot_be_worked_with_is_refused_before_anything_starts(
    run: Runs, spoil: list[str], said: str
) -> None:
    run.repository.git(*spoil)

    with pytest.raises(RepositoryError, match=said) as raised:
        run(TASK)
    assert raised.value.exit_code == 3
    assert raised.value.hint
    _nothing_was_started(run.repository)


def test_a_rehearsal_meets_what_would_stand_in_the_way_of_the_run(run: Runs) -> None:
    run.repository.git("branch", "squad")
    run.repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": [TASK]})})
    wishes = Wishes(file="tasks.yaml", count=None, agent=None, enforce=None, new=False)

    with pytest.raises(RepositoryError, match="bars branches"):
        rehearse(Context(folder=run.repository.root), wishes)


def test_what_the_plan_does_not_heed_is_told_at_the_start(run: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = "".join(f"- [ ] part {n} (depends on the moon {n})\n" for n in range(7))
    run.repository.write({"prd.md": f"# Tasks\n{boxes}", "squad.yaml": 'run: {checks: ["true"]}\n'})
    wishes = Wishes(file="prd.md", count=None, agent="simulated", enforce=None, new=False)

    with pytest.raises(Unconfirmed):
        launch(Context(folder=run.repository.root, no_input=True), wishes)
    said = capsys.readouterr().err
    assert "line 2: T1 depends on 'the moon 0': nothing of that name was found, so it orders nothing\n" in said
    assert (said.count("the moon"), "and 2 more: squad plan prd.md\n" in said) == (5, True)


def test_another_tools_folder_is_refused(run: Runs) -> None:
    run.repository.write({".squad/roster.json": "{}"})

    with pytest.raises(FolderError, match=r"roster\.json"):
        run(TASK)
    assert not (run.repository.root / ".git" / "squad").exists()


def test_a_read_only_folder_is_refused(run: Runs) -> None:
    root = run.repository.root
    run.repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": [TASK]})})
    if subprocess.run(["mount", "--bind", str(root), str(root)], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)
        wishes = Wishes(file="tasks.yaml", count=None, agent=None, enforce=None, new=False)
        with pytest.raises(InputError, match="cannot write"):
            launch(Context(folder=root, yes=True, quiet=True), wishes)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def test_a_run_lays_out_its_files_and_sets_those_of_the_former_run_aside(run: Runs) -> None:
    folder = run.repository.root / ".squad"
    run(TASK)
    first = (folder / "parallel-plans" / "agent-1-plan.md").read_bytes()
    assert (folder / "feature-prd.md").read_bytes() == (run.repository.root / "tasks.yaml").read_bytes()
    assert json.loads((folder / "plan.json").read_bytes())["certificate"]["holds"]

    run(shell("T9", "echo two > b.txt", writes=["b.txt"]))

    assert (folder / "runs" / "tasks-1" / "parallel-plans" / "agent-1-plan.md").read_bytes() == first
    assert (folder / "runs" / "tasks-1" / "comms" / "agent-1-comm.md").is_file()
    assert b"T9" in (folder / "parallel-plans" / "agent-1-plan.md").read_bytes()


def test_a_plan_made_before_is_run_and_is_not_passed_off_as_the_document(run: Runs) -> None:
    run(TASK)
    root = run.repository.root
    plan = root / "kept-plan.json"
    plan.write_bytes((root / ".squad" / "plan.json").read_bytes())
    document = (root / "tasks.yaml").read_bytes()
    wishes = Wishes(file="kept-plan.json", count=None, agent=None, enforce=None, new=False)

    assert launch(Context(folder=root, yes=True, quiet=True), wishes) == 0

    assert (root / ".squad" / "feature-prd.md").read_bytes() == document


def test_an_adapter_that_the_command_line_names_is_not_given_the_profile_model_or_command_of_another(
    run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude = FakeClaude(tmp_path / "bin")
    claude.play({"T1.1": [["write", "a.txt"]], "T2.1": [["write", "b.txt"]]})
    monkeypatch.setenv("PATH", f"{claude.folder}:/usr/bin:/bin")
    others = {
        "agent-1": {"use": "acp", "profile": "gemini", "model": "gemini-2.5-pro"},
        "agent-2": {"use": "command", "command": ["false"]},
    }
    tasks = [
        {"id": "T1", "title": "Write a", "writes": ["a.txt"], "agents": ["agent-1"]},
        {"id": "T2", "title": "Write b", "writes": ["b.txt"], "agents": ["agent-2"]},
    ]

    assert run(*tasks, agent="claude", settings={"agents": others}).code == 0
    assert "--model" not in claude.notes("T1.1", "argv")[0]


def test_an_unfinished_run_of_the_same_file_is_named_with_both_ways_on(run: Runs) -> None:
    assert run(FAILS, run={"stall": {"same_failure": 1, "ladder": ["park"]}}).code == 6

    with pytest.raises(UnfinishedRun) as raised:
        run(FAILS)
    assert raised.value.exit_code == 6
    assert "squad resume tasks-1" in str(raised.value)
    assert "--new" in str(raised.value)


def test_starting_anew_ends_the_unfinished_run_and_keeps_its_work(run: Runs) -> None:
    run(FAILS, run={"stall": {"same_failure": 1, "ladder": ["park"]}})
    Path("~/now").expanduser().touch()
    wishes = Wishes(file="tasks.yaml", count=None, agent=None, enforce=None, new=True)

    assert launch(Context(folder=run.repository.root, yes=True, quiet=True), wishes) == 0

    with Journal.open(find(run.repository.root).state) as journal:
        ends = [(entry.run, entry.event.outcome) for entry in journal.entries() if isinstance(entry.event, RunEnded)]
    assert ends == [("tasks-1", "discarded"), ("tasks-2", "done")]
    assert "squad/tasks-1" in run.repository.git("branch", "--format=%(refname:short)").split()


def test_resume_means_the_unfinished_run_also_when_a_later_one_has_ended(run: Runs) -> None:
    run(FAILS, run={"stall": {"same_failure": 1, "ladder": ["park"]}})
    root = run.repository.root
    run.repository.write({"other.yaml": json.dumps({"version": 1, "tasks": [shell("T5", "echo x > x.txt", writes=["x.txt"])]})})
    wishes = Wishes(file="other.yaml", count=None, agent=None, enforce=None, new=False)
    assert launch(Context(folder=root, yes=True, quiet=True), wishes) == 0
    Path("~/now").expanduser().touch()

    ran = run.resume()

    assert ran.code == 0
    assert ran.order(TaskDone) == ["T5", "T1"]


def test_a_run_that_is_gone_on_with_has_its_own_plans_and_comm_files_again(run: Runs) -> None:
    folder = run.repository.root / ".squad"
    run(FAILS, run={"stall": {"same_failure": 1, "ladder": ["park"]}})
    with (folder / "comms" / "agent-1-comm.md").open("a", encoding="utf-8") as comm:
        comm.write("\na line of the first run\n")
    run.repository.write({"other.yaml": json.dumps({"version": 1, "tasks": [shell("T5", "echo x > x.txt", writes=["x.txt"])]})})
    wishes = Wishes(file="other.yaml", count=None, agent=None, enforce=None, new=False)
    assert launch(Context(folder=run.repository.root, yes=True, quiet=True), wishes) == 0
    assert "a line of the first run" in (folder / "runs" / "tasks-1" / "comms" / "agent-1-comm.md").read_text(encoding="utf-8")
    assert b"T1" in (folder / "runs" / "tasks-1" / "plan.json").read_bytes()
    Path("~/now").expanduser().touch()

    assert run.resume().code == 0

    assert "a line of the first run" in (folder / "comms" / "agent-1-comm.md").read_text(encoding="utf-8")
    assert "T5" in (folder / "runs" / "other-1" / "parallel-plans" / "agent-1-plan.md").read_text(encoding="utf-8")
    assert "T1" in (folder / "parallel-plans" / "agent-1-plan.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("tasks", r"2 runs begin with 'tasks': tasks-1, tasks-2\nname one of them, such as tasks-2"),
        ("taks-1", "there is no run 'taks-1'\ndid you mean 'tasks-1'"),
    ],
)
def test_a_run_that_is_named_by_half_or_wrongly_is_not_guessed(run: Runs, named: str, said: str) -> None:
    run(TASK)
    run(TASK)
    here = Here(run.repository.root)

    for command in ("status", "logs", "events", "locks", "report", "inbox", "diff", "wait"):
        told = here(command, "--run", named)
        assert told.code == 3
        assert re.search(said, told.err), told.err
    assert here.json("status", "--run", "tasks-1")["run"]["id"] == "tasks-1"


def test_a_run_that_has_ended_is_not_resumed(run: Runs) -> None:
    run(TASK)

    with pytest.raises(RunIsOver) as raised:
        relaunch(Context(folder=run.repository.root, quiet=True), None)
    assert raised.value.exit_code == 1
    with pytest.raises(NoRun, match="no run 'nothing-7'"):
        relaunch(Context(folder=run.repository.root, quiet=True), "nothing-7")


def test_without_a_run_there_is_nothing_to_resume_and_nothing_is_made(repository: Repository) -> None:
    with pytest.raises(NoRun, match="no run yet"):
        relaunch(Context(folder=repository.root), None)
    _nothing_was_started(repository)
