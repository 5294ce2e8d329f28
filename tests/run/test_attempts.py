"""Attempts as users have them: every ending of the simulated agent, and agents that wreck their workspace."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.runs import simulated
from tests.support.waiting import NEVER, marked, until

QUICK = """
version: 1
agents: {agent-1: {use: %s}}
run:
  attempts: 2
  stall: {after: %s, ladder: %s}
  restart: {backoff: 10ms..20ms, per_agent: 50/1m, fleet: 50/1m}
  on_quota: {margin: 0s}
"""


def configure(squad: Squad, *, use: str = "simulated", after: str = "20s", ladder: str = "[restart, park]") -> None:
    (squad.folder / "squad.yaml").write_text(QUICK % (use, after, ladder))


def write_tasks(squad: Squad, *tasks: dict[str, Any]) -> None:
    rows = [{"title": f"Do {task['id']}", "writes": [f"src/{task['id']}.txt"], **task} for task in tasks]
    (squad.folder / "tasks.json").write_text(json.dumps({"version": 1, "tasks": rows}))


def outcomes(squad: Squad) -> list[tuple[str, str]]:
    return [(row["attempt"], row["outcome"]) for row in squad.events("AttemptEnded")]


def nothing_is_left(squad: Squad) -> None:
    until(lambda: not marked(f"{squad.folder}/"), "the end of every process of the run")


def log_of(squad: Squad, attempt: str) -> bytes:
    return next((squad.folder / ".git" / "squad" / "logs").glob(f"*/{attempt}.log")).read_bytes()


def test_endings_that_do_the_task(squad: Squad, repository: Repository) -> None:
    configure(squad)
    names = ["done", "orphan", "garbage", "ask"]
    write_tasks(squad, *(simulated(name, name) for name in names))

    assert squad.here("-y", "run", "tasks.json", "--no-input").code == 0

    assert sorted(outcomes(squad)) == sorted((f"{name}.1", "done") for name in names)
    assert set(repository.files("squad/tasks-1")) >= {f"src/{name}.txt" for name in names}
    assert b"\xff\xfe\0" in log_of(squad, "garbage.1")
    assert [row["text"] for row in squad.events("QuestionAsked")] == ["May I go on with ask?"]
    assert [row["how"] for row in squad.events("QuestionClosed")] == ["moot"]
    nothing_is_left(squad)


def test_endings_that_print_very_much_lose_nothing(squad: Squad) -> None:
    configure(squad)
    write_tasks(squad, simulated("flood", "flood"), simulated("longline", "longline"))

    assert squad.here("-y", "run", "tasks.json").code == 0

    assert len(log_of(squad, "flood.1")) > 64 << 20
    assert b"x" * 100_000_000 in log_of(squad, "longline.1")


def test_endings_that_fail_at_first(squad: Squad) -> None:
    configure(squad)
    write_tasks(
        squad,
        simulated("fail", "fail", "done"),
        simulated("crash", "crash", "done"),
        simulated("lie", "lie", "done"),
        simulated("quota", "quota", "done"),
    )

    assert squad.here("-y", "run", "tasks.json").code == 0

    ends = {row["attempt"]: row for row in squad.events("AttemptEnded")}
    assert {name: end["outcome"] for name, end in ends.items() if name.endswith(".1")} == {
        "fail.1": "failed",
        "crash.1": "crashed",
        "lie.1": "unchanged",
        "quota.1": "limit",
    }
    assert ends["crash.1"]["signal"] == "SIGKILL"
    assert ends["fail.1"]["exit"] == 1
    assert {end["outcome"] for name, end in ends.items() if name.endswith(".2")} == {"done"}
    limits = squad.events("LimitReached")
    assert [row["limit"] for row in limits] == ["usage"]


@pytest.mark.usefixtures("at_detect")
def test_a_stray_file_is_foreign_and_kept_under_a_ref(squad: Squad, repository: Repository) -> None:
    configure(squad)
    write_tasks(squad, simulated("T1", "stray", "done"))

    assert squad.here("-y", "run", "tasks.json").code == 0

    assert outcomes(squad) == [("T1.1", "foreign"), ("T1.2", "done")]
    found = squad.events("ForeignChangeFound")[0]
    assert found["paths"] == ["squad-stray.txt"]
    assert "squad-stray.txt" in repository.files(found["ref"])
    assert "squad-stray.txt" not in repository.files("squad/tasks-1")


@pytest.mark.usefixtures("at_detect")
def test_what_git_cannot_take_in_is_named_and_is_neither_done_nor_hidden(squad: Squad, repository: Repository) -> None:
    """The harvest of all the rest once stopped there: nothing was kept, and no foreign change was found."""
    (squad.folder / "squad.yaml").write_text("version: 1\nagents: {agent-1: {use: command, command: [sh]}}\nrun: {attempts: 1}\n")
    own = "mkdir -p own/.GIT; echo x > own/.GIT/x; echo y > own/y"
    stray = "mkdir -p other/.GIT; echo x > other/.GIT/x; mkdir work; echo y > work/y"
    write_tasks(
        squad,
        {"id": "T1", "writes": ["own"], "command": ["sh", "-c", own]},
        {"id": "T2", "writes": ["work"], "command": ["sh", "-c", stray]},
    )

    assert squad.here("-y", "run", "tasks.json").code == 1

    assert outcomes(squad) == [("T1.1", "failed"), ("T2.1", "foreign")]
    why = "(git takes nothing of that name)"
    reasons = [row["reason"] for row in squad.events("AttemptEnded")]
    assert reasons == [f"squad cannot take in what it wrote: own/.GIT/x {why}", "changed what it may not write: other/.GIT/x"]
    [found] = squad.events("ForeignChangeFound")
    assert found["paths"] == ["other/.GIT/x"]
    assert "work/y" in repository.files(found["ref"])
    assert "own/y" in repository.files("refs/squad/kept/tasks-1/T1.1")
    told = [row["text"] for row in squad.events("Noticed") if "cannot take in" in row["text"]]
    assert [text.partition(";")[0] for text in told] == [
        f"T1.1 left what squad cannot take in: own/.GIT/x {why}",
        f"T2.1 left what squad cannot take in: other/.GIT/x {why}",
    ]
    dropped = squad.here("-y", "discard")
    assert (dropped.code, dropped.err.count("was moved aside: it holds what git cannot take in")) == (0, 2)


@pytest.mark.parametrize("ending", ["hang", "stopped"])
def test_a_silent_agent_is_stalled_with_evidence_and_done_again(squad: Squad, ending: str) -> None:
    configure(squad, after="1s", ladder="[nudge, interrupt, restart, park]")
    write_tasks(squad, simulated("T1", ending, "done"))

    assert squad.here("-y", "run", "tasks.json").code == 0

    assert outcomes(squad) == [("T1.1", "stalled"), ("T1.2", "done")]
    stalled = squad.events("AgentStalled")[0]
    assert (stalled["agent"], stalled["verdict"]) == ("agent-1", "silent")
    assert "output" in stalled["evidence"]
    rungs = [row["rung"] for row in squad.events("RungClimbed")]
    assert rungs == (["nudge", "restart"] if ending == "stopped" else ["restart"]), "a frozen agent is thawed once"


@pytest.mark.soak
def test_a_deaf_agent_is_killed_after_the_grace_and_done_again(squad: Squad) -> None:
    configure(squad, after="1s")
    write_tasks(squad, simulated("T1", "deaf", "done"))

    assert squad.here("-y", "run", "tasks.json").code == 0

    assert outcomes(squad) == [("T1.1", "stalled"), ("T1.2", "done")]
    assert squad.events("AttemptEnded")[0]["signal"] == "SIGKILL"


def test_an_agent_that_burns_cpu_without_a_word_is_at_work_until_somebody_ends_it(squad: Squad) -> None:
    """CPU time is a sign of life; only a budget could end it, or a person."""
    configure(squad, after="1s")
    write_tasks(squad, simulated("T1", "spin"), simulated("T2", "done", agents=["agent-1"]))
    run = squad.start("-y", "run", "tasks.json")
    started = squad.wait_for_event("AttemptStarted")
    clock = os.sysconf("SC_CLK_TCK")
    until(lambda: _cpu(started["pid"]) > clock, "more CPU time than the time for a verdict")

    assert squad.events("AgentStalled") == []
    squad.ok("stop")
    run.wait()
    assert outcomes(squad) == [("T1.1", "stopped")]
    nothing_is_left(squad)


def _cpu(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.usefixtures("at_detect")
@pytest.mark.parametrize(
    ("wreck", "outcome"),
    [
        ("rm .git", "done"),
        ("rm .git && mkdir .git", "done"),
        ("rm .git; git init -q . && echo x > src.txt", "foreign"),
        ('printf garbage > "$(git rev-parse --git-dir)/index"', "done"),
        ('printf garbage > "$(git rev-parse --git-dir)/HEAD"', "done"),
        ('rm -rf "$(git rev-parse --git-dir)"', "failed"),
        ('rm -rf "$PWD"', "unchanged"),
    ],
)
def test_an_agent_that_wrecks_its_workspace_is_judged_by_what_can_be_saved_and_the_run_goes_on(
    squad: Squad, wreck: str, outcome: str
) -> None:
    """A workspace that could not be harvested once ended the whole run."""
    configure(squad, use="command")
    good = {"id": "T2", "command": ["sh", "-c", "mkdir -p src && echo good > src/T2.txt"]}
    write_tasks(squad, {"id": "T1", "command": ["sh", "-c", f"mkdir -p src; echo x > src/T1.txt; {wreck}"]}, good)

    said = squad.here("-y", "run", "tasks.json")

    is_done = outcome == "done"
    assert said.code == (0 if is_done else 1), said.out
    first = next(row for row in squad.events("AttemptEnded") if row["task"] == "T1")
    assert first["outcome"] == outcome
    assert first["reason"] or is_done
    assert [row["task"] for row in squad.events("TaskDone")] == ["T1"] * is_done + ["T2"]
    assert [row["task"] for row in squad.events("TaskFailed")] == ["T1"] * (not is_done)


def test_an_agent_that_is_stopped_while_it_starts_is_stopped(squad: Squad) -> None:
    """A stop that came before the process once had no effect on it."""
    configure(squad, after="10m")
    write_tasks(squad, simulated("T1", "hang"))
    run = squad.start("-y", "run", "tasks.json")
    squad.wait_for_event("AttemptPrepared")
    run.send_signal(signal.SIGINT)

    assert run.wait(NEVER) == 130
    nothing_is_left(squad)


def test_a_program_that_does_not_exist_is_named_before_anything_starts(squad: Squad) -> None:
    (squad.folder / "squad.yaml").write_text("version: 1\nagents: {agent-1: {use: command, command: [no-such-agent]}}\n")
    write_tasks(squad, {"id": "T1"})

    done = squad.here("-y", "run", "tasks.json")

    assert done.code == 4
    assert "no-such-agent" in done.err
    assert squad.events() == []


def test_without_any_agent_program_the_exit_code_says_so_and_what_helps(squad: Squad, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").symlink_to("/usr/bin/git")
    write_tasks(squad, {"id": "T1"})
    squad.environment["PATH"] = str(tools)

    done = squad("-y", "run", "tasks.json")

    assert done.returncode == 4
    assert "npm install -g" in done.stderr
    assert "--agent simulated" in done.stderr


def test_a_setup_command_that_fails_ends_the_attempt_with_its_reason(squad: Squad) -> None:
    configure(squad)
    with (squad.folder / "squad.yaml").open("a") as file:
        file.write("isolation: {setup: ['echo once > setup.txt', 'exit 9']}\n")
    write_tasks(squad, simulated("T1", "done"))

    assert squad.here("-y", "run", "tasks.json").code == 6

    first = squad.events("AttemptEnded")[0]
    assert first["outcome"] == "environment"
    assert "setup `exit 9` ended with exit 9" in first["reason"]
    assert squad.events("AttemptStarted") == [], "a workspace that is not set up is not worked in, also not the second time"


def test_copied_and_linked_files_are_there_and_never_committed(squad: Squad, repository: Repository) -> None:
    repository.write({".env.example": "KEY=1\n", "modules/a.txt": "a\n"})
    configure(squad, use="command")
    with (squad.folder / "squad.yaml").open("a") as file:
        file.write("isolation: {copy: [.env.example], symlink: [modules]}\n")
    write_tasks(squad, {"id": "T1", "command": ["sh", "-c", "mkdir -p src && cat .env.example modules/a.txt > src/T1.txt"]})

    assert squad.here("-y", "run", "tasks.json").code == 0

    assert repository.show("squad/tasks-1", "src/T1.txt") == "KEY=1\na"
    assert repository.files("squad/tasks-1") == ["README.md", "src/T1.txt"]
