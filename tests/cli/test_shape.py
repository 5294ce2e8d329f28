"""`squad retry`, `reassign` and `skip` in whole runs: on a living one, after a kill, and after the end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE, shell, simulated
from tests.support.waiting import NEVER, until

HANGS = ("hang", "done")


def write(squad: Squad, *tasks: dict[str, Any], **run: Any) -> None:
    agents = {f"agent-{number}": {"use": "simulated"} for number in (1, 2)}
    (squad.folder / "squad.yaml").write_text(json.dumps({"agents": agents, "run": {**AT_ONCE, **run}}))
    (squad.folder / "tasks.yaml").write_text(json.dumps({"version": 1, "tasks": tasks}))


@contextmanager
def going(squad: Squad, code: int = 0) -> Iterator[None]:
    """Carry a run out in the background, and see how it ends."""
    process = squad.start("run", "tasks.yaml", "-y")
    yield
    assert process.wait(NEVER) == code, squad.output()


def states(squad: Squad) -> dict[str, str]:
    return {row["id"]: row["state"] for row in squad.json("status")["tasks"]}


def shaped(squad: Squad, *arguments: str) -> dict[str, Any]:
    done = squad.here(*arguments, "--json")
    assert done.code == 0, done.err
    result: dict[str, Any] = json.loads(done.out)["result"]
    return result


def test_a_living_run_takes_back_what_failed_gives_away_what_hangs_and_leaves_out_what_is_not_wanted(
    repository: Repository, squad: Squad
) -> None:
    write(
        squad,
        simulated("T1", "fail", "done", writes=["a.txt"], agents=["agent-1"]),
        simulated("T2", writes=["b.txt"], needs=["T1"]),
        simulated("T3", *HANGS, writes=["c.txt"]),
        simulated("T4", *HANGS, writes=["d.txt"], needs=["T3"]),
        attempts=1,
    )
    with going(squad, code=1):
        squad.wait_for_event("TaskSkipped", lambda row: row["task"] == "T2")
        squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T3")
        at = next(row["agent"] for row in squad.json("status")["tasks"] if row["id"] == "T3")
        other = "agent-2" if at == "agent-1" else "agent-1"

        retried = shaped(squad, "retry", "--failed")
        assert (retried["tasks"], retried["undo"]) == (["T1", "T2"], "squad skip T1 -y")
        squad.wait_for_event("TaskDone", lambda row: row["task"] == "T2")

        given = shaped(squad, "reassign", "T3", "--to", other)
        assert (given["changed"], given["undo"]) == (True, f"squad reassign T3 --to {at}")
        squad.wait_for_event("TaskDone", lambda row: row["task"] == "T3")
        assert shaped(squad, "retry", "--failed")["changed"] is False

        squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T4")
        skipped = squad.here("skip", "T4", "--reason", "later")
        assert (skipped.code, skipped.out) == (0, "T4 is skipped\nundo: squad retry T4\n")

    assert states(squad) == {"T1": "done", "T2": "done", "T3": "done", "T4": "skipped"}
    [moved] = [row for row in squad.events("TaskReassigned") if row["by"]]
    assert (moved["task"], moved["from"], moved["to"]) == ("T3", at, other)
    stopped = [row["task"] for row in squad.events("AttemptEnded") if row["outcome"] == "stopped"]
    assert stopped == ["T3", "T4"]


def test_who_gets_a_task_goes_on_with_the_work_that_was_kept_in_a_workspace_of_its_own(
    repository: Repository, squad: Squad
) -> None:
    work = "if [ -s a.txt ]; then echo second >> a.txt; else echo first > a.txt; sleep 600; fi"
    write(squad, {**shell("T1", work, writes=["a.txt"]), "agents": ["agent-1", "agent-2"]})
    settings = json.loads((squad.folder / "squad.yaml").read_text())
    settings["agents"] = {name: {"use": "command", "command": ["true"]} for name in settings["agents"]}
    (squad.folder / "squad.yaml").write_text(json.dumps(settings))

    with going(squad):
        first = squad.wait_for_event("AttemptStarted")
        until(lambda: (Path(first["workspace"]) / "a.txt").read_bytes() == b"first\n", "the first words")
        squad.here("reassign", "T1", "--to", "agent-2" if first["agent"] == "agent-1" else "agent-1")

    [one, two] = squad.events("AttemptStarted")
    assert one["workspace"] != two["workspace"]
    assert repository.show("squad/tasks-1", "a.txt") == "first\nsecond"


def test_orders_after_a_kill_are_recorded_and_carried_out_by_the_next_supervisor(repository: Repository, squad: Squad) -> None:
    write(
        squad,
        simulated("T1", *HANGS, writes=["a.txt"]),
        simulated("T2", *HANGS, writes=["b.txt"]),
        simulated("T3", writes=["c.txt"], needs=["T2"]),
    )
    process = squad.start("run", "tasks.yaml", "-y")
    squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T1")
    squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T2")
    squad.kill(process)
    at = next(row["agent"] for row in squad.json("status")["tasks"] if row["id"] == "T1")
    other = "agent-2" if at == "agent-1" else "agent-1"

    given = squad.here("reassign", "T1", "--to", other)
    assert (given.code, given.out.splitlines()[-1]) == (0, "go on: squad resume tasks-1")
    refused = squad.here("skip", "T2")
    assert (refused.code, "T3 needs T2 and would be skipped too" in refused.err) == (6, True)
    assert squad.here("skip", "T2", "-y").code == 0
    assert "is skipped already" in squad.here("skip", "T2").out

    assert squad.here("resume", "-y").code == 1
    assert states(squad) == {"T1": "done", "T2": "skipped", "T3": "skipped"}
    assert [row["agent"] for row in squad.events("AttemptStarted") if row["task"] == "T1"] == [at, other]


def test_a_run_that_ended_with_failures_is_taken_up_again_by_retry_and_resume(repository: Repository, squad: Squad) -> None:
    write(squad, simulated("T1", "fail", "done", writes=["a.txt"]), simulated("T2", writes=["b.txt"], needs=["T1"]), attempts=1)
    assert squad.here("run", "tasks.yaml", "-y").code == 1
    assert squad.here("resume").code == 1

    retried = squad.here("retry", "T1")
    assert retried.out == "T1 is tried again\nwith it: T2\nundo: squad skip T1 -y\ngo on: squad resume tasks-1\n"
    assert squad.here("retry", "T1").out == "T1 waits already\n"
    assert squad.here("-q", "skip", "T2").out == ""
    assert squad.here("retry", "T2").out.startswith("T2 is tried again\n")
    assert squad.json("status")["run"]["state"] == "paused"
    assert squad.here("run", "tasks.yaml", "-y").code == 6, "the run is unfinished again"

    assert squad.here("resume", "-y").code == 0
    assert states(squad) == {"T1": "done", "T2": "done"}
    report = squad.json("report")
    assert report["figures"]["wall_s"] < 60


def test_what_cannot_be_done_is_refused_with_the_way_out(repository: Repository, squad: Squad) -> None:
    commands = (["retry", "T1"], ["reassign", "T1", "--to", "agent-1"], ["skip", "T1"])
    for command in commands:
        nothing = squad.here(*command)
        told = f"squad: no run yet in {squad.folder}\nstart one: squad run feature-prd.md\n"
        assert (nothing.code, nothing.err) == (3, told)
    assert squad.here("retry").code == 2

    write(squad, simulated("T1", writes=["a.txt"]), simulated("T2", "fail", writes=["b.txt"]), attempts=1)
    assert squad.here("run", "tasks.yaml", "-y").code == 1
    before = squad.events()
    for command in commands:
        done = squad.here(*command)
        assert (done.code, done.err.startswith("squad: T1 is done")) == (1, True)
        unknown = squad.here(command[0], "Task9", *command[2:])
        assert (unknown.code, unknown.err) == (2, "squad: there is no task 'Task9'\nknown: T1, T2\n")
        assert squad.here(*command, "--run", "other").code == 3
    assert squad.events() == before, "what was refused leaves nothing in the journal"

    assert squad.here("retry", "T2").code == 0
    assert squad.here("discard", "-y").code == 0
    for command in commands:
        over = squad.here(*command)
        assert (over.code, "the run tasks-1 has ended: discarded" in over.err) == (1, True)


MORE = {"version": 1, "tasks": [simulated("M1", writes=["src/a.txt"]), simulated("M2", writes=["m.txt"], needs=["M1", "T1"])]}


REFUSED = (
    (["--title", "x", "--needs", "M9"], 2, "there is no task 'M9'"),
    (["--title", "x", "--needs", "M"], 2, "'M' may be any of M1, M2"),
    (["--title", "x", "--id", "T1"], 1, "the run has another task T1 already"),
    (["--title", "x", "--writes", "../x"], 2, "squad: '../x' leaves the project\nname a path"),
    (["--title", "x", "--agents", "agent-9"], 2, "there is no agent 'agent-9'"),
    (["--title", "x", "--estimate", "5x"], 2, "--estimate: '5x' is no duration"),
    (["wrong.json"], 3, "wrong.json:1:63: task W1 needs nothing-so, which does not exist"),
)


def test_tasks_join_a_living_run_in_a_plan_that_holds_and_are_done(repository: Repository, squad: Squad) -> None:
    write(squad, simulated("T1", *HANGS, writes=["src/"]), simulated("T2", writes=["b.txt"]))
    (squad.folder / "more.json").write_text(json.dumps(MORE))
    wrong = {"version": 1, "tasks": [{"id": "W1", "title": "w", "needs": ["nothing-so"]}]}
    (squad.folder / "wrong.json").write_text(json.dumps(wrong))
    with going(squad):
        squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T1")
        added = shaped(squad, "add", "more.json")
        assert (added["tasks"], added["undo"]) == (["M1", "M2"], "squad skip M2; squad skip M1")
        assert shaped(squad, "add", "more.json")["changed"] is False
        assert shaped(squad, "add", "--title", "One more", "--writes", "c.txt", "--needs", "M2")["tasks"] == ["T3"]
        again = shaped(squad, "add", "--title", "One more", "--writes", "c.txt", "--needs", "M2")
        assert (again["changed"], again["said"][0].startswith("T3 is that task already")) == (False, True)
        for words, code, why in REFUSED:
            refused = squad.here("add", *words)
            assert (refused.code, why in refused.err) == (code, True), refused.err
        at = next(row["agent"] for row in squad.json("status")["tasks"] if row["id"] == "T1")
        squad.here("reassign", "T1", "--to", "agent-2" if at == "agent-1" else "agent-1")

    assert set(states(squad).values()) == {"done"}
    assert squad.here("verify", ".squad/plan.json").code == 0
    assert [row["task"] for row in squad.events("TaskAdded")] == ["M1", "M2", "T3"]
    both = [row["attempt"] for row in squad.events("AttemptStarted", "AttemptEnded") if row["task"] in {"T1", "M1"}]
    assert both[::2] == both[1::2], "both write in src: what has begun ends before the other begins"
    assert repository.git("show", "--format=", "--name-only", "squad/tasks-1:").count("c.txt") == 1


def test_a_task_joins_a_run_that_is_paused_and_not_one_that_is_done(repository: Repository, squad: Squad) -> None:
    write(squad, simulated("T1", "fail", writes=["a.txt"]), attempts=1)
    assert squad.here("add", "--title", "x").code == 3
    assert squad.here("run", "tasks.yaml", "-y").code == 1

    assert squad.here("add", "--title", "Another", "--writes", "b.txt").out.endswith("go on: squad resume tasks-1\n")
    assert squad.here("add", "--title", "Behind", "--needs", "T1").code == 1
    assert squad.here("resume", "-y").code == 1
    assert states(squad) == {"T1": "failed", "T2": "done"}

    assert squad.here("skip", "T1").code == 1
    assert squad.here("add", "more.txt").code == 3
    assert squad.here("add").code == 2


def test_agents_join_a_living_run_and_leave_it(repository: Repository, squad: Squad) -> None:
    write(squad, *(simulated(f"T{number}", *HANGS, writes=[f"{number}.txt"]) for number in (1, 2, 3)))
    with going(squad):
        squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T2")
        assert shaped(squad, "scale", "+1") == {
            "changed": True,
            "said": ["agent-3 joins the run"],
            "tasks": [],
            "agents": ["agent-3"],
            "undo": "squad scale 2",
        }
        assert shaped(squad, "scale", "3")["changed"] is False
        squad.wait_for_event("AttemptStarted", lambda row: row["agent"] == "agent-3")
        assert (repository.root / ".squad" / "parallel-plans" / "agent-3-plan.md").is_file()
        assert [squad.here("scale", wanted).code for wanted in ("0", "-9", "many")] == [1, 1, 2]
        adapters = [row["adapter"] for row in squad.events("AttemptPrepared") if row["agent"] == "agent-3"]
        assert adapters == ["simulated"], "what holds its account up holds it up too"

        assert shaped(squad, "scale", "-2", "--now")["agents"] == ["agent-3", "agent-2"]
        until(lambda: len(squad.events("AgentLeft")) == 2, "two agents leaving")
        assert [row["state"] for row in squad.json("status")["agents"]][1:] == ["stopped", "stopped"]
        squad.here("scale", "2")
        [hangs] = [row["id"] for row in squad.json("status")["tasks"] if row["state"] == "running"]
        assert squad.here("reassign", hangs, "--to", "agent-2").code == 0

    assert set(states(squad).values()) == {"done"}
    assert {row["outcome"] for row in squad.events("AttemptEnded")} == {"stopped", "done"}
    assert squad.here("verify", ".squad/plan.json").code == 0


def test_a_paused_run_is_resumed_with_the_agents_it_was_given(repository: Repository, squad: Squad) -> None:
    write(squad, simulated("T1", "fail", "done", writes=["a.txt"]), attempts=1)
    assert squad.here("run", "tasks.yaml", "-y").code == 1
    assert squad.here("scale", "3").code == 0
    assert squad.here("retry", "T1").code == 0
    assert squad.here("reassign", "T1", "--to", "agent-3").code == 0

    assert squad.here("resume", "-y").code == 0
    assert [row["agent"] for row in squad.events("AttemptStarted")][1:] == ["agent-3"]


def test_where_fewer_may_work_than_there_are_the_number_is_changed_and_nobody_leaves(
    repository: Repository, squad: Squad
) -> None:
    write(squad, simulated("T1", "fail", writes=["a.txt"]), attempts=1, agents=1)
    assert squad.here("run", "tasks.yaml", "-y").code == 1

    more, fewer = shaped(squad, "scale", "2"), shaped(squad, "scale", "1")

    assert (more["said"], more["undo"]) == (["at most 2 agents at once"], "squad scale 1")
    assert (fewer["said"], fewer["undo"]) == (["at most 1 agent at once"], "squad scale 2")
    assert shaped(squad, "scale", "1", "--now")["changed"] is False


def test_in_a_shared_tree_what_is_added_waits_for_work_of_which_nobody_knows_what_it_writes(
    repository: Repository, squad: Squad
) -> None:
    write(squad, simulated("T1", *HANGS))
    settings = json.loads((squad.folder / "squad.yaml").read_text())
    (squad.folder / "squad.yaml").write_text(json.dumps({**settings, "isolation": {"mode": "shared"}}))
    with going(squad):
        first = squad.wait_for_event("AttemptStarted")
        assert squad.here("add", "--title", "x", "--writes", "x.txt").code == 0
        squad.wait_for_event("LockGranted", lambda row: row["path"] == "files:1" and row["holder"] == first["agent"])
        squad.here("reassign", "T1", "--to", "agent-2" if first["agent"] == "agent-1" else "agent-1")

    told = [(row["type"], row["task"]) for row in squad.events("AttemptStarted", "AttemptEnded")]
    assert told[:2] == [("AttemptStarted", "T1"), ("AttemptEnded", "T1")]
    assert [kind for kind, _ in told] == ["AttemptStarted", "AttemptEnded"] * 3, "never two at once"


def test_what_is_added_while_nobody_supervises_waits_for_a_result_that_is_still_to_be_checked(
    repository: Repository, squad: Squad
) -> None:
    go = squad.folder.parent / "go"
    write(squad, simulated("T1", writes=["src/"]), checks=[f"until test -e {go}; do sleep 0.1; done"])
    process = squad.start("run", "tasks.yaml", "-y")
    squad.wait_for_event("AttemptEnded", lambda row: row["task"] == "T1")
    squad.kill(process)
    assert squad.here("add", "--title", "x", "--id", "N", "--writes", "src/a.txt").code == 0
    assert squad.here("verify", ".squad/plan.json").out.startswith(".squad/plan.json holds: 1 pair")

    process = squad.start("resume", "-y")
    squad.wait_for_event("LockGranted", lambda row: row["path"] == "files:1" and row["holder"] == "agent-1")
    go.touch()
    assert process.wait(NEVER) == 0, squad.output()

    order = [(row["type"], row["task"]) for row in squad.events("AttemptStarted", "TaskDone")]
    assert order.index(("TaskDone", "T1")) < order.index(("AttemptStarted", "N"))
