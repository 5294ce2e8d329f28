"""Work that moves at run time to an idle agent: the certificate still holds, and the report says what moved."""

import json
from itertools import combinations
from pathlib import Path

from orchestrator.claims import meets
from orchestrator.events import AttemptEnded, AttemptStarted, Integrated, RunStarted, TaskReassigned
from orchestrator.journal import Journal
from orchestrator.planning.checker import problems
from orchestrator.planning.document import load_plan
from orchestrator.project import find
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs, shell


def planned(repository: Repository, ran: Ran) -> bytes:
    """Give the document of the plan that was carried out."""
    journal = Journal.read(find(repository.root).state)
    assert journal is not None
    with journal:
        return journal.document(ran.all(RunStarted)[0].plan)


def spans(ran: Ran) -> dict[str, tuple[int, int]]:
    """Give for each task between which events it was under way, its integration included."""
    begun = {entry.event.task: entry.seq for entry in ran.entries if isinstance(entry.event, AttemptStarted)}
    done = {entry.event.task: entry.seq for entry in ran.entries if isinstance(entry.event, Integrated | AttemptEnded)}
    return {task: (begun[task], done[task]) for task in begun}


def test_a_task_of_a_stream_moves_to_who_is_idle_and_what_shares_a_file_is_still_kept_apart(
    repository: Repository, here: Here, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    wait = f"for n in $(seq 600); do [ -e {moved} ] && break; sleep 0.1; done; [ -e {moved} ]"

    ran = Runs(repository)(
        shell("A", f"{wait}; echo A >> x", writes=["x"], estimate="10m"),
        shell("B", "echo B >> x; echo B >> y", writes=["x", "y"], estimate="10m"),
        shell("D", f"echo D >> y; touch {moved}", writes=["y"], estimate="10m"),
        shell("C", "echo C >> z", writes=["z"], estimate="30m"),
        count=2,
    )

    plan = load_plan(planned(repository, ran), name="plan.json")
    owner = {str(one.task.id): one.agent for one in plan.tasks}
    assert owner["A"] == owner["B"] == owner["D"] != owner["C"], "one stream, and somebody who has something else"
    assert ran.code == 0, "A waits for D, which was planned behind it"
    assert next((one.task, one.from_, one.to) for one in ran.all(TaskReassigned)) == ("D", owner["D"], owner["C"])
    assert problems(json.loads(planned(repository, ran))) == ()
    under_way = spans(ran)
    for one, other in combinations(plan.tasks, 2):
        if any(meets(mine, theirs) for mine in one.writes or () for theirs in other.writes or ()):
            first, second = sorted((under_way[one.task.id], under_way[other.task.id]))
            assert first[1] < second[0], f"{one.task.id} and {other.task.id} were under way together"
    told = here.ok("report")
    assert "Work that moved to another agent:" in told
    assert f"  D from {owner['D']} to {owner['C']}: " in told


def test_a_task_that_lists_its_agent_does_not_move(repository: Repository, tmp_path: Path) -> None:
    free = tmp_path / "free"
    wait = f"for n in $(seq 600); do [ -e {free} ] && break; sleep 0.1; done"

    ran = Runs(repository)(
        shell("A", f"{wait}; echo A >> a", writes=["a"], agents=["agent-1"]),
        shell("B", "echo B >> b", writes=["b"], agents=["agent-1"]),
        shell("C", f"echo C >> c; touch {free}", writes=["c"], agents=["agent-2"]),
        settings={
            "agents": {"agent-1": {"use": "command", "command": ["true"]}, "agent-2": {"use": "command", "command": ["true"]}}
        },
    )

    assert ran.code == 0
    assert ran.all(TaskReassigned) == []
    assert {one.task: one.agent for one in ran.all(AttemptStarted)} == {"A": "agent-1", "B": "agent-1", "C": "agent-2"}
