"""`pause`, `resume`, `restart` and `tell` in whole runs: real agents, another terminal, and deaths in between."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE, shell
from tests.support.waiting import marked, until

#: Keeps its prompt under its name; the first attempt at a task waits until it is let go, or is stopped.
PATIENT = """
attempt=${SQUAD_ATTEMPT_MARK##*/}
cat > "$SIDE/$attempt"
case $attempt in *.1) while [ ! -e "$SIDE/go-$SQUAD_TASK" ]; do sleep 0.02; done;; esac
echo x > $SQUAD_TASK.txt
"""
SPEAKS = """
read -r task
read -r told
printf '%s' "$told" > T1.txt
echo 'Status: COMPLETE'
"""


@pytest.fixture
def side(tmp_path: Path) -> Path:
    folder = tmp_path / "side"
    folder.mkdir()
    return folder


def tasks(repository: Repository, side: Path, *names: str, needs: dict[str, list[str]] | None = None, **settings: Any) -> None:
    """Commit tasks of patient agents that say so on stdin, one agent for each."""
    rows = [
        {"id": name, "title": f"Do {name}", "writes": [f"{name}.txt"], "needs": (needs or {}).get(name, [])} for name in names
    ]
    command = ["sh", "-ec", PATIENT]
    agents = {f"agent-{number}": {"use": "command", "command": command, "environment": {"SIDE": str(side)}} for number in (1, 2)}
    run = {**AT_ONCE, **settings}
    configuration = {"agents": agents, "run": run, "enforce": "detect"}
    files = {"squad.yaml": json.dumps(configuration), "tasks.yaml": json.dumps({"version": 1, "tasks": rows})}
    repository.commit(files)


def begin(squad: Squad, count: int) -> subprocess.Popen[str]:
    process = squad.start("run", "tasks.yaml", "-y")
    until(lambda: len(squad.events("AttemptStarted")) >= count, "the first attempts")
    return process


def go(side: Path, name: str) -> None:
    (side / f"go-{name}").touch()


def prompts(side: Path) -> set[str]:
    return {path.name for path in side.iterdir() if not path.name.startswith("go-")}


def test_a_run_that_is_paused_lets_its_attempts_end_starts_nothing_and_goes_on(
    squad: Squad, here: Here, repository: Repository, side: Path
) -> None:
    tasks(repository, side, "T1", "T2", needs={"T2": ["T1"]})
    process = begin(squad, 1)

    assert here.ok("pause") == "tasks-1 is paused: T1 under way, to the end\nundo: squad resume\n"
    assert here.ok("pause") == "tasks-1 is paused already: T1 under way, to the end\nundo: squad resume\n"
    assert here("wait", "--for", "idle", "--timeout", "0").code == 124
    go(side, "T1")
    assert here("wait", "--for", "idle").code == 0
    assert_is_paused(here)
    assert here("run", "tasks.yaml").code == 7
    refused = here("resume", "--unattended", "--json")
    assert (refused.code, refused.error["hint"]) == (1, "squad stop, then: squad resume tasks-1 --unattended")
    told = {"schema_version": 1, "run": "tasks-1", "already": False, "undo": "squad pause"}
    assert here.json("resume", "tas") == told
    assert here.json("resume") == {**told, "already": True}
    go(side, "T2")
    assert process.wait(LONGEST) == 0
    assert [row["now"] for row in squad.events("WorkPaused")] == [False]
    assert len(squad.events("WorkResumed")) == 1
    assert "paused: nothing more is started; go on: squad resume" in squad.output()


def assert_is_paused(here: Here) -> None:
    status = here.json("status")
    assert (status["run"]["state"], status["run"]["held"], status["run"]["supervised"]) == ("paused", "safe", True)
    assert {agent["state"] for agent in status["agents"]} == {"idle"}
    assert [(task["id"], task["state"], task["attempts"]) for task in status["tasks"]] == [
        ("T1", "done", 1),
        ("T2", "waiting", 0),
    ]
    assert status["needs_you"] == [{"what": "paused", "task": "", "reason": "by a person", "command": "squad resume tasks-1"}]
    assert here("wait", "--for", "needs-you").code == 0
    assert "paused by a person: squad resume tasks-1" in here.ok("status")
    assert " paused " in here.ok("ls")


def test_a_pause_now_stops_attempts_that_do_not_count_and_resume_goes_on_with_them(
    squad: Squad, here: Here, repository: Repository, side: Path
) -> None:
    tasks(repository, side, "T1", "T2", attempts=1)
    process = begin(squad, 2)

    assert here.ok("pause", "--now").startswith("tasks-1 is paused: T1, T2 stopped, and done again")
    assert here("wait", "--for", "idle").code == 0
    assert not marked(f"{squad.folder}/.squad/worktrees/")
    assert [row["outcome"] for row in squad.events("AttemptEnded")] == ["stopped", "stopped"]
    assert here.ok("resume") == "tasks-1 goes on\nundo: squad pause\n"
    assert process.wait(LONGEST) == 0
    assert prompts(side) == {"T1.1", "T2.1", "T1.2", "T2.2"}
    first, second = (row["workspace"] for row in squad.events("AttemptStarted") if row["task"] == "T1")
    assert first == second
    assert "was stopped in the middle of its work" in (side / "T1.2").read_text()


def test_a_result_whose_check_a_pause_broke_off_is_checked_again_and_stands(
    squad: Squad, here: Here, repository: Repository, side: Path
) -> None:
    check = f'test -e "{side}/go-check" || {{ touch "{side}/go-begun"; sleep 31741; }}'
    tasks(repository, side, "T1", checks=[check])
    go(side, "T1")
    process = squad.start("run", "tasks.yaml", "-y")
    until((side / "go-begun").exists, "the check")

    here.ok("pause", "--now")
    until(lambda: not marked("sleep\x0031741"), "the end of the check")
    go(side, "check")
    assert here.json("status")["tasks"][0]["state"] == "checking"
    here.ok("resume")

    assert process.wait(LONGEST) == 0
    assert prompts(side) == {"T1.1"}
    assert len(squad.events("TaskDone")) == 1


def test_who_resumes_a_paused_run_whose_supervisor_was_killed_lets_it_go_on(
    squad: Squad, here: Here, repository: Repository, side: Path
) -> None:
    tasks(repository, side, "T1", "T2", needs={"T2": ["T1"]})
    process = begin(squad, 1)
    here.ok("pause")
    squad.kill(process)
    until(lambda: not marked(f"{squad.folder}/.squad/"), "the end of everything the supervisor had started")

    dead = here("pause", "--json")
    assert (dead.code, dead.error["hint"]) == (1, "go on with it: squad resume tasks-1")
    assert here.json("status")["run"]["state"] == "paused"
    go(side, "T2")
    assert here("resume", "-q").code == 0
    assert [row["task"] for row in squad.events("TaskDone")] == ["T1", "T2"]


def test_a_restart_is_a_new_attempt_that_does_not_count_and_reads_what_a_person_told_the_one_before(
    squad: Squad, here: Here, repository: Repository, side: Path
) -> None:
    tasks(repository, side, "T1", attempts=1)
    process = begin(squad, 1)

    told = here.json("tell", "agent-1", "Use", "the new endpoint;\nkeep both lines")
    assert (told["id"], told["task"], told["told"], told["already"]) == ("R1", "T1", None, False)
    assert here.ok("tell", "T1", "Use the new endpoint;\nkeep both lines").startswith("R1 pending already: it stands in")
    assert here.json("status")["remarks"][0]["told"] is None
    assert "R1 is not heard yet by agent-1" in here.ok("status")
    assert here.ok("restart", "T") == (
        "restarted T1: T1.2 by agent-1 goes on from the work of T1.1\nundo: nothing to undo, no work is lost\n"
    )

    assert process.wait(LONGEST) == 0
    first, second = squad.events("AttemptStarted")
    assert (first["agent"], first["workspace"]) == (second["agent"], second["workspace"])
    assert [row["attempt"] for row in squad.events("RestartOrdered")] == ["T1.1"]
    assert [row["attempt"] for row in squad.events("RemarkTold")] == ["T1.2"]
    prompt, comm = (side / "T1.2").read_text(), (squad.folder / ".squad/comms/agent-1-comm.md").read_text()
    assert "## Handover" in prompt
    assert "## From a person\n- Use the new endpoint;\nkeep both lines\n" in prompt
    assert "R1 you tell T1: Use the new endpoint; keep both lines" in comm


def test_an_agent_orders_nothing(squad: Squad, here: Here, repository: Repository) -> None:
    orders = " ".join(f"squad {order} 2>> refused.txt || true;" for order in ("pause", "restart T1", "tell T1 x"))
    row = shell("T1", f"unset AGENT_ID SQUAD_SOCKET; {orders}", writes=["refused.txt"])
    repository.commit({"tasks.yaml": json.dumps({"version": 1, "tasks": [row]})})

    assert squad("run", "tasks.yaml", "--agent", "command", "--enforce", "detect", "-y", "-q").returncode == 0
    refused = repository.git("show", "squad/tasks-1:refused.txt")
    assert refused.count("only a person may") == 3, refused
    assert squad.events("WorkPaused", "RestartOrdered", "RemarkMade") == []


NAMES = {
    "agnt-1": "there is no agent or task 'agnt-1'\ndid you mean 'agent-1'?",
    "T": "'T' may be any of T1, T2\nname one of them",
    "agent": "'agent' may be any of agent-1, agent-2",
    "": "there is no agent or task ''",
}


def test_without_a_run_after_its_end_and_of_nobody_an_order_says_what_to_do(
    here: Here, repository: Repository, side: Path
) -> None:
    orders = (("pause",), ("pause", "--now"), ("restart", "T1"), ("tell", "T1", "x"), ("stop",))
    for order in orders:
        none = here(*order, "--json")
        assert (none.code, none.error["hint"]) == (3, "start one: squad run feature-prd.md")
    tasks(repository, side, "T1", "T2")
    go(side, "T1")
    go(side, "T2")
    assert here("run", "tasks.yaml", "-y", "-q").code == 0

    for order in orders:
        over = here(*order, "--json")
        assert (over.code, over.error["message"], over.error["hint"]) == (
            1,
            "the run tasks-1 has ended: done",
            "look: squad report",
        )
    for name, said in NAMES.items():
        for command in (("restart", name), ("tell", name, "x")):
            refused = here(*command)
            assert (refused.code, said in refused.err) == (2, True), refused.err


def test_an_agent_that_listens_is_told_at_once(squad: Squad, here: Here, repository: Repository) -> None:
    agents = {"agent-1": {"use": "command", "command": ["sh", "-ec", SPEAKS], "speaks": "squad"}}
    row = {"id": "T1", "title": "Listen", "writes": ["T1.txt"]}
    settings = {"agents": agents, "enforce": "detect"}
    repository.commit({"squad.yaml": json.dumps(settings), "tasks.yaml": json.dumps({"version": 1, "tasks": [row]})})
    process = begin(squad, 1)

    undo = "undo: nothing to undo, what is told stays told; say what holds instead: squad tell T1 TEXT"
    assert here.ok("tell", "T1", "hello") == f"R1 delivered: agent-1 was told (T1.1)\n{undo}\n"

    assert process.wait(LONGEST) == 0
    assert "A person tells you: hello" in repository.git("show", "squad/tasks-1:T1.txt")


STEPS: dict[str, tuple[str, ...]] = {
    "pause": ("pause",),
    "pause now": ("pause", "--now"),
    "resume": ("resume",),
    "tell": ("tell", "T2", "go on"),
    "restart": ("restart", "T1"),
    "restart the other": ("restart", "agent-2"),
    "stop": ("stop", "--now"),
}
SEQUENCES = st.lists(st.sampled_from([*STEPS, "kill"]), min_size=1, max_size=5)


def resumes_to_done(squad: Squad, side: Path, steps: list[str]) -> None:
    """Carry out a sequence of orders on a run, whatever comes of each, and then bring the run to its end."""
    here, process = squad.here, begin(squad, 2)
    for step in steps:
        if step == "kill":
            squad.kill(process)
            until(lambda: not marked(f"{squad.folder}/.squad/"), "the end of what it had started")
        elif STEPS[step][0] != "resume" or process.poll() is None:
            assert here(*STEPS[step]).code in {0, 1, 7}, step
        if step == "stop":
            process.wait(LONGEST)  # or a resume that follows would carry the run out here, and wait for what is not let go yet
    for name in ("T1", "T2", "T3"):
        go(side, name)
    if process.poll() is None:
        assert here("resume").code in {0, 1, 7}  # it may have come to its end meanwhile
        process.wait(LONGEST)
    code = here("resume", "-q").code if here.json("status")["run"]["state"] == "paused" else 0
    status = here.json("status")
    assert (code, {task["state"] for task in status["tasks"]}) == (0, {"done"}), (steps, status)


@pytest.mark.soak
@settings(max_examples=40)
@given(SEQUENCES)
def test_any_sequence_of_orders_leaves_a_run_that_resumes_to_done(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    _tried(tmp_path_factory.mktemp("orders"), steps)


def test_a_sequence_of_orders_leaves_a_run_that_resumes_to_done(tmp_path: Path) -> None:
    _tried(tmp_path, ["pause", "restart", "tell", "resume", "pause now", "kill"])


def _tried(folder: Path, steps: list[str]) -> None:
    repository = Repository.init(folder / "project")
    side = folder / "side"
    side.mkdir()
    tasks(repository, side, "T1", "T2", "T3", needs={"T3": ["T1"]}, attempts=1)
    with Squad(repository.root) as squad:
        resumes_to_done(squad, side, steps)
