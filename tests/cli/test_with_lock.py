"""`squad with-lock` as a person calls it."""

import threading
from pathlib import Path

import pytest

from orchestrator.control.client import call
from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.lock_clients import at_work, sleeping_agents, sleeping_run
from tests.support.waiting import until


def test_outside_of_a_run_there_is_nobody_to_hold_off(here: Here, tmp_path: Path) -> None:
    said = here("with-lock", "a.md", "--", "touch", str(tmp_path / "ran"))

    assert said.code == 3
    assert said.err == (
        f"squad: no run is under way in {here.folder}: there is no agent to hold off\n"
        "run the command by itself, or begin a run: squad run FILE, or go on with one: squad resume\n"
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a.md"], "a command is missing: squad with-lock PATH -- CMD"),
        (["a.md", "--"], "a command is missing"),
        (["--wait", "0", "--", "true"], "is missing: squad with-lock PATH -- CMD"),
        (["--wait", "soon", "a.md", "--", "true"], "--wait wants a duration"),
        (["a.md", "--wiat", "1s", "--", "true"], "with-lock does not know '--wiat'"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_so(here: Here, words: list[str], told: str) -> None:
    said = here("with-lock", *words)

    assert (said.code, said.out) == (2, "")
    assert told in said.err


def test_a_person_holds_off_agents_while_a_command_runs_and_is_seen(squad: Squad) -> None:
    sleeping_agents(squad, 1)
    (squad.folder / "deep").mkdir()

    seen = squad("with-lock", "x.md", "op:deploy", "--", *squad.argv("status"), cwd=squad.folder / "deep")
    failed = squad("with-lock", "x.md", "--", "sh", "-c", "exit 9")
    refused = squad("with-lock", "--wait", "0", "own-1.md", "--", "echo", "ran")
    in_vain = squad("with-lock", "--wait", "10ms", "own-1.md", "--", "echo", "ran")

    assert seen.returncode == 0
    rows = [line.split()[:2] for line in seen.stdout.splitlines()]
    assert ["deep/x.md", "you"] in rows
    assert ["op:deploy", "you"] in rows
    assert failed.returncode == 9
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        1,
        "",
        "squad: own-1.md is held by agent-1 until its task T1 has ended\nsee: squad locks\n",
    )
    assert in_vain.returncode == 1
    assert in_vain.stderr.endswith("held by agent-1 until its task T1 has ended\nsee: squad locks\n"), "no call of agents"
    assert [row["path"] for row in squad.json("status")["locks"]] == ["own-1.md"]
    outlived = squad("with-lock", "x.md", "--", *squad.argv("stop", "--now"))
    assert outlived.returncode == 0
    assert outlived.stderr.endswith(
        "squad: the supervisor ended while the command ran; nobody else in its run was granted the lock\n"
    )
    assert squad("with-lock", "x.md", "--", "true").returncode == 3


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_command_that_outlives_its_supervisor_keeps_its_lock_over_resume(squad: Squad, end: str) -> None:
    """It had lost it once, and was told so at its end: others wrote meanwhile what it had locked."""
    supervisor = sleeping_run(squad, 1)
    at_work(squad, 1)
    beside = squad.folder.parent
    script = f"touch {beside}/runs && while [ ! -e {beside}/end ]; do sleep 0.02; done"
    command = squad.start("with-lock", "x.md", "--", "sh", "-c", script)
    until((beside / "runs").exists, "the command")
    if end == "killed":
        squad.kill(supervisor)
    else:
        squad.ok("stop", "--now")
        assert not (squad.folder / ".squad" / "locks" / "x.md.lock").exists()
    squad.start("resume", "-y", "-q")
    [(agent, socket, token, _)] = at_work(squad, 1, since=1)

    granted: list[object] = []
    params = {"path": "x.md", "wait": 60, "token": token}
    asker = threading.Thread(target=lambda: granted.append(call(socket, "lock", params, timeout=60)))
    asker.start()
    squad.wait_for_event("LockRequested", lambda row: row["holder"] == agent)

    assert {(row["path"], row["holder"]) for row in squad.json("status")["locks"]} >= {("x.md", "you")}
    assert "LOCKED_BY: you" in (squad.folder / ".squad" / "locks" / "x.md.lock").read_text(encoding="utf-8")
    assert not granted
    (beside / "end").touch()
    assert command.wait(60) == 0
    asker.join(60)
    assert granted
    assert "squad: the supervisor ended while the command ran; the lock was kept for it by the next one\n" in squad.output()
    assert [row["path"] for row in squad.json("locks")["locks"] if row["holder"] == "you"] == []
