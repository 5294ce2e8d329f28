"""What a run keeps true while it goes on: its files, its log, and what the terminal shows."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.commands import Squad
from tests.support.here import Said
from tests.support.repositories import Repository
from tests.support.terminals import Terminal
from tests.support.waiting import NEVER, until


def tasks(repository: Repository, *rows: str) -> None:
    text = "version: 1\ntasks:\n" + "".join(f"  - {{{row}}}\n" for row in rows)
    repository.write({"tasks.yaml": text})


def shell(name: str, script: str, writes: str) -> str:
    return f"id: {name}, title: Do {name}, writes: [{writes}], command: [sh, -c, {json.dumps(script)}]"


def run(squad: Squad, *more: str) -> Said:
    return squad.here("run", "tasks.yaml", "--agent", "command", "-n", "2", "-y", *more)


def comm(repository: Repository, agent: str = "agent-1") -> Path:
    return repository.root / ".squad" / "comms" / f"{agent}-comm.md"


def statuses(repository: Repository) -> list[str]:
    files = sorted((repository.root / ".squad" / "comms").glob("agent-*-comm.md"))
    return [line for file in files for line in file.read_text(errors="replace").splitlines() if "Status:" in line]


def test_what_an_agent_appends_just_before_its_end_is_heard(squad: Squad, repository: Repository) -> None:
    handoff = "## Handoff Request\\nTO: agent-2\\nFILE: a.txt\\nNOTES: last words"
    tasks(repository, shell("T1", f"echo x > a.txt; printf '{handoff}' >> $AGENT_COMM", "a.txt"))

    assert run(squad).code == 0

    assert [(row["from"], row["to"], row["file"]) for row in squad.events("HandoffRequested")] == [
        ("agent-1", "agent-2", "a.txt")
    ]


def test_a_failure_that_an_agent_only_writes_into_its_comm_file_is_a_failure(squad: Squad, repository: Repository) -> None:
    repository.write({"squad.yaml": "run: {attempts: 1}\n"})
    tasks(repository, shell("T1", "echo x > a.txt; echo 'Status: FAILED' >> $AGENT_COMM", "a.txt"))

    assert run(squad).code == 1

    assert [row["outcome"] for row in squad.events("AttemptEnded")] == ["failed"]
    assert statuses(repository) == ["Status: FAILED", "Status: COMPLETE"]


def test_each_comm_file_ends_complete_and_no_lock_file_is_left(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"), shell("T2", "echo x > b.txt", "b.txt"))

    assert run(squad).code == 0

    assert statuses(repository) == ["Status: COMPLETE"] * 2
    assert list((repository.root / ".squad" / "locks").iterdir()) == []


def test_a_lock_file_removed_by_hand_is_put_back_with_the_reason(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "until test -e ../../../go; do sleep 0.05; done; echo x > a.txt", "a.txt"))
    process = squad.start("run", "tasks.yaml", "--agent", "command", "-n", "1", "-y")
    file = repository.root / ".squad" / "locks" / "a.txt.lock"
    until(file.exists, "the lock file")

    file.unlink()
    refused = squad.wait_for_event("LockRefused")
    until(file.exists, "the lock file again")

    assert refused["path"] == "a.txt"
    assert "showed life" in refused["reason"]
    until(lambda: "put back" in comm(repository).read_text(), "the reason in the comm file")
    (repository.root / ".squad" / "go").touch()
    assert process.wait(NEVER) == 0


def test_a_run_survives_the_loss_of_its_folder(squad: Squad, repository: Repository) -> None:
    repository.write({"squad.yaml": f"isolation: {{place: {repository.root.parent}/worktrees}}\n"})
    go, up = repository.root.parent / "go", repository.root.parent / "up"
    tasks(repository, shell("T1", f"touch {up}; until test -e {go}; do sleep 0.05; done; echo x > a.txt", "a.txt"))
    process = squad.start("run", "tasks.yaml", "--agent", "command", "-n", "1", "-y")
    until(up.exists, "the agent")

    lost = (repository.root / ".squad").rename(repository.root.parent / "lost")  # at once, or squad restores what is half gone
    shutil.rmtree(lost, ignore_errors=True)
    until(lambda: comm(repository).exists() and (repository.root / ".squad" / "squad.json").exists(), "the folder again")

    go.touch()
    assert process.wait(NEVER) == 0
    assert statuses(repository) == ["Status: COMPLETE"]


def test_a_log_that_cannot_be_written_is_told_and_ends_nothing(squad: Squad, repository: Repository) -> None:
    repository.write({"squad.yaml": "log: {folder: own-logs}\n"})
    (repository.root / "own-logs").mkdir()
    (repository.root / "own-logs" / "squad.log").symlink_to("/dev/full")
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"))

    done = run(squad)

    assert done.code == 0
    assert "squad's own log cannot be written" in done.out


def test_the_structured_log_holds_a_line_for_each_event(squad: Squad, repository: Repository) -> None:
    repository.write({"squad.yaml": "log: {folder: own/logs}\n"})
    tasks(repository, shell("T1", "printf 'Current Task: \\377\\033[31m\\n'; echo x > a.txt", "a.txt"))

    assert run(squad).code == 0

    rows = [json.loads(line) for line in (repository.root / "own/logs/squad.log").read_text().splitlines()]
    assert [row["seq"] for row in rows] == [row["seq"] for row in squad.events()][-len(rows) :]
    assert rows[-1]["event"] == "RunEnded"


def test_the_first_line_says_what_run_this_is_and_each_later_one_what_changed(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"))

    lines = run(squad).out.splitlines()

    assert lines[:4] == [
        "run tasks-1: tasks, 1 task, 2 agents",
        "T1 started by agent-1: Do T1",
        "T1 done (unchecked)",
        "tasks-1: 1 of 1 tasks done (1 unchecked), ended",
    ]


def test_a_reader_that_leaves_ends_only_what_is_shown(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt; false", "a.txt"), shell("T2", "sleep 0.2; echo x > b.txt", "b.txt"))
    repository.write({"squad.yaml": "run: {attempts: 1}\n"})
    command = f"{sys.executable} -m orchestrator run tasks.yaml --agent command -n 2 -y"

    done = subprocess.run(
        ["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"],
        cwd=repository.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
        timeout=NEVER,
    )

    assert done.returncode == 1
    assert squad.events("RunEnded")


def test_a_reader_that_does_not_read_holds_nothing_up(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b"x" * 65536):
            pass
    os.set_blocking(writer, True)
    arguments = [sys.executable, "-m", "orchestrator", "run", "tasks.yaml", "--agent", "command", "-n", "1", "-y"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(arguments, cwd=repository.root, env=environment, stdout=writer, stderr=subprocess.DEVNULL) as process:
        os.close(writer)
        try:
            squad.wait_for_event("RunEnded")
        finally:
            with os.fdopen(reader, "rb") as rest:
                rest.read()
        assert process.wait(NEVER) == 0


def test_on_a_terminal_the_last_table_stays_between_what_went_wrong_and_the_ending(repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"), shell("T2", "exit 3", "b.txt"))
    command = ("run", "tasks.yaml", "--agent", "command", "-n", "1", "-y")

    with Terminal(repository.root, *command, SQUAD_CONFIG_RUN__ATTEMPTS="1") as terminal:
        assert terminal.finish() == 1

    before, _, last_table = terminal.text.rpartition(b"ended (failed)")
    assert before.count(b"\x1b[JT2 not done by agent-1: failed, exit 3") == 1
    assert b"T1 started" not in before
    assert b"1 of 2 done" in last_table
    assert last_table.index(b"1 of 2 done") < last_table.index(b"result on branch squad/tasks-1")
    assert terminal.text.count(b"\x1b[?7l") == terminal.text.count(b"\x1b[?7h")
    assert b"\x1b[?25l" not in terminal.text


def test_on_a_terminal_too_it_is_told_what_is_done_already(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"))
    squad.ok("run", "tasks.yaml", "--agent", "command", "-n", "1", "-y")
    squad.ok("merge")
    tasks(repository, shell("T1", "echo x > a.txt", "a.txt"), shell("T2", "echo x > b.txt", "b.txt"))

    with Terminal(repository.root, "run", "tasks.yaml", "--agent", "command", "-n", "1", "-y") as terminal:
        assert terminal.finish() == 0

    assert b"done already by tasks-1: T1\r\n" in terminal.text


def test_an_interrupt_is_told_in_place_of_the_table_and_the_run_is_paused(squad: Squad, repository: Repository) -> None:
    tasks(repository, shell("T1", "echo up; exec sleep 1000", "a.txt"))
    with Terminal(repository.root, "run", "tasks.yaml", "--agent", "command", "-n", "1", "-y") as terminal:
        squad.wait_for_event("AttemptStarted")
        os.kill(terminal.pid, signal.SIGINT)
        assert terminal.finish() == 130

    assert b"\x1b[Jstopping: agents get 10 s" in terminal.text
    assert b"Ctrl-C ends them now" in terminal.text
    assert squad.json("status")["run"]["state"] == "paused"
    assert [row["reason"] for row in squad.events("StopRequested")] == ["interrupted"]
