"""Runs that once hung, ended too early, or could not be resumed: real supervisors, simulated agents."""

from pathlib import Path

import pytest

from orchestrator import events as ev
from orchestrator.journal import Journal
from orchestrator.model import RunId
from tests.support.builders import ended
from tests.support.commands import Squad
from tests.support.repositories import Repository

CONFIG = """\
version: 1
agents:
  agent-1: {use: simulated, role: backend}
  agent-2: {use: simulated, role: frontend}
run:
  attempts: 9
  stall: {same_failure: 2}
  restart: {backoff: 1ms..2ms}
"""


def begin(repository: Repository, tasks: str) -> None:
    repository.write({"squad.yaml": CONFIG, "tasks.yaml": f"version: 1\ntasks:\n{tasks}"})


def run(squad: Squad) -> int:
    return squad.here("run", "tasks.yaml", "-y").code


def killed_while_hanging(squad: Squad) -> str:
    """Start the run, kill its supervisor when T1 has started, and give the run's id."""
    process = squad.start("run", "tasks.yaml", "-y")
    row = squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T1")
    squad.kill(process)
    run: str = row["run"]
    return run


def append(repository: Repository, run: str, *events: ev.Event) -> None:
    """Write what a supervisor wrote before it was killed."""
    with Journal.open(Path(repository.root) / ".git" / "squad") as journal:
        journal.append_all(RunId(run), events, at=1e9)


def test_a_task_whose_agents_are_named_by_role_is_done_and_does_not_hang(repository: Repository, squad: Squad) -> None:
    begin(repository, "  - {id: T1, title: One, agents: [frontend], writes: [a.txt], simulate: {work: 10ms}}\n")

    assert run(squad) == 0
    assert [row["agent"] for row in squad.events("AttemptStarted")] == ["agent-2"]


def test_a_gate_that_nothing_stands_before_is_parked_and_told(repository: Repository, squad: Squad) -> None:
    begin(
        repository,
        "  - {id: T1, title: Approve, gate: true}\n  - {id: T2, title: Two, needs: [T1], writes: [a.txt]}\n",
    )

    assert run(squad) == 6
    assert [row["task"] for row in squad.events("TaskParked")] == ["T1"]
    assert squad.json("status")["needs_you"]


def test_a_gate_behind_work_is_parked_when_the_work_is_done(repository: Repository, squad: Squad) -> None:
    begin(
        repository,
        "  - {id: T1, title: One, writes: [a.txt], simulate: {work: 10ms}}\n  - {id: T2, title: Go, gate: true, needs: [T1]}\n",
    )

    assert run(squad) == 6
    assert [row["task"] for row in squad.events("TaskDone", "TaskParked")] == ["T1", "T2"]


def test_a_step_of_a_persons_is_told_as_done_in_the_tasks_file_and_the_next_run_goes_on_behind_it(
    repository: Repository, squad: Squad
) -> None:
    one = "  - {id: T1, title: One, writes: [a.txt], simulate: {work: 10ms}}\n"
    gate = "  - {id: T2, title: Go, gate: true, needs: [T1]STATE}\n"
    last = "  - {id: T3, title: Three, writes: [b.txt], needs: [T2], simulate: {work: 10ms}}\n"
    begin(repository, one + gate.replace("STATE", "") + last)

    assert run(squad) == 6
    way_out = "do it, mark it done in tasks.yaml (state: done), then: squad merge, squad run tasks.yaml --new"
    assert way_out in squad.here("report").out

    squad.here.ok("merge")
    file = repository.root / "tasks.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("needs: [T1]}", "needs: [T1], state: done}"), encoding="utf-8")
    assert squad.here("run", "tasks.yaml", "--new", "-y").code == 0
    assert [row["task"] for row in squad.events("TaskDone")] == ["T3"]


def test_failing_the_same_way_again_and_again_is_a_verdict_with_evidence(repository: Repository, squad: Squad) -> None:
    begin(repository, "  - {id: T1, title: One, writes: [a.txt], simulate: {work: 10ms, then: [fail, fail, done]}}\n")

    assert run(squad) == 0
    (verdict,) = squad.events("AgentStalled")
    assert (verdict["task"], verdict["verdict"]) == ("T1", "same-failure")
    assert verdict["evidence"].startswith("2 times in a row: failed")
    assert [row["rung"] for row in squad.events("RungClimbed")] == ["restart"]
    assert squad.json("status")["tasks"][0]["attempts"] == 3


@pytest.mark.parametrize("needs", ["[T1]", "[]"])
def test_a_run_whose_supervisor_died_between_a_failure_and_what_follows_from_it_is_resumed_to_its_end(
    repository: Repository, squad: Squad, needs: str
) -> None:
    begin(
        repository,
        "  - {id: T1, title: One, agents: [agent-1], writes: [a.txt], simulate: {then: [hang]}}\n"
        f"  - {{id: T2, title: Two, agents: [agent-2], needs: {needs}, writes: [a.txt], simulate: {{work: 10ms}}}}\n",
    )
    run = killed_while_hanging(squad)
    # neither the release of its lock nor the skip of what needs it were written any more
    append(repository, run, ended("T1.1", "failed", reason="x"), ev.TaskFailed(task="T1", reason="x"))

    assert squad.here("resume", "-y").code == 1
    assert [row["task"] for row in squad.events("TaskSkipped")] == (["T2"] if needs == "[T1]" else [])
    assert [row["task"] for row in squad.events("TaskDone")] == ([] if needs == "[T1]" else ["T2"])
    assert squad.events("RunEnded")[-1]["outcome"] == "failed"
    held = {(row["path"], row["fence"]) for row in squad.events("LockGranted")}
    assert held == {(row["path"], row["fence"]) for row in squad.events("LockReleased")}


def test_tasks_without_write_sets_that_wrote_one_file_are_done_again_one_after_another(
    repository: Repository, squad: Squad
) -> None:
    names = ["T1", "T2", "T3", "T4"]
    rows = [f"  - {{id: {name}, title: Note it, simulate: {{work: 300ms, write: [notes.md]}}}}\n" for name in names]
    repository.write({"tasks.yaml": "version: 1\ntasks:\n" + "".join(rows)})

    assert squad.here("run", "tasks.yaml", "-y", "-n", "4", "--agent", "simulated").code == 0
    assert sorted(task["attempts"] for task in squad.json("status")["tasks"]) == [1, 2, 2, 2]
    run = squad.events("RunStarted")[0]["run"]
    lines = repository.show(f"squad/{run}", "notes.md").splitlines()
    assert sorted(line.split(".")[0] for line in lines) == names
