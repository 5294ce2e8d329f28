import pytest
from msgspec.structs import replace

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.views.locks import standing
from orchestrator.views.status import render_status, status_json, ways_on
from tests.support.builders import (
    ONE,
    PAIR,
    TWO,
    ended,
    granted,
    plan,
    planned,
    prepared,
    run_started,
    started,
    state_after,
    task,
)


def shown(*history: Event, supervised: bool = True) -> dict[str, object]:
    return status_json(PAIR, state_after(PAIR, *history), supervised=supervised)


def test_the_document_has_the_keys_that_other_programs_read() -> None:
    report = ev.AgentReported(agent=ONE, task="T1", done=3, total=5)

    made = shown(run_started(), prepared(), started(), report)

    silent = {"message": "", "leaving": False, "limited": [], "refused": 0}
    assert made["run"] == {
        "id": "demo-1",
        "title": "Demo",
        "state": "running",
        "outcome": "",
        "held": None,
        "started_at": "1970-01-01T00:00:01Z",
        "branch": "squad/demo-1",
        "supervised": True,
    }
    assert made["agents"] == [
        {
            "id": "agent-1",
            "state": "working",
            "task": "T1",
            "pid": 1000,
            "progress": {"done": 3, "total": 5},
            **silent,
            "level": "detect",
        },
        {
            "id": "agent-2",
            "state": "idle",
            "task": None,
            "pid": None,
            "progress": {"done": None, "total": None},
            **silent,
            "level": None,
        },
    ]
    assert made["tasks"] == [
        {"id": "T1", "state": "running", "agent": "agent-1", "attempts": 1, "reason": "", "level": "detect"},
        {"id": "T2", "state": "waiting", "agent": "agent-2", "attempts": 0, "reason": "", "level": None},
    ]
    assert made["needs_you"] == []


def test_the_level_of_each_agent_that_was_started_is_shown() -> None:
    state = state_after(PAIR, run_started(), prepared(), started(level="deny"), ended())
    assert "\n  enforcement: deny (agent-1)\n" in render_status(PAIR, state, supervised=True, now=1.0)

    begun = (prepared("T2.1", agent=TWO), started("T2.1", agent=TWO))
    state = state_after(PAIR, run_started(), prepared(), started(level="deny"), *begun)
    assert "\n  enforcement: deny (agent-1), detect (agent-2)\n" in render_status(PAIR, state, supervised=True, now=1.0)


def test_before_an_agent_was_started_no_level_is_shown() -> None:
    assert "enforcement" not in render_status(PAIR, state_after(PAIR, run_started()), supervised=True, now=1.0)


def test_who_waits_for_something_inside_a_held_folder_waits_for_its_lock() -> None:
    waits = [ev.LockRequested(path="src/a.py", holder=TWO), ev.LockRequested(path="docs", holder=TWO)]

    made = shown(run_started(), granted("src"), granted("docs2", fence=2), *waits)

    locks = made["locks"]
    assert isinstance(locks, list)
    assert [(lock["path"], lock["holder"], lock["waiting"]) for lock in locks] == [("src", ONE, [TWO]), ("docs2", ONE, [])]
    assert locks[0]["since"] == "1970-01-01T00:00:02Z"


def test_which_command_of_a_persons_holds_a_lock_is_told_with_its_process() -> None:
    granting = ev.LockGranted(path="a.md", holder="you", fence=1, waited_s=0.0, purpose="npm", declared=False)
    asked = ev.LockLent(path="a.md", holder="you", fence=1, pid=40, born=1.0, boot="b", node="n")
    history = (run_started(), granting, asked, replace(asked, pid=41, starter=40))

    locks = shown(*history)["locks"]

    assert isinstance(locks, list)
    assert [(lock["holder"], lock["purpose"], lock["process"]) for lock in locks] == [("you", "npm", 41)]
    text = render_status(PAIR, state_after(PAIR, *history), supervised=True, now=1.0)
    assert "you (npm, process 41) since" in text


@pytest.mark.parametrize(
    ("history", "supervised", "state"),
    [
        ([], True, "planning"),
        ([run_started()], True, "running"),
        ([run_started()], False, "paused"),
        ([run_started(), ev.StopRequested(reason="stopped")], True, "ending"),
        ([run_started(), ev.StopRequested(reason="stopped")], False, "paused"),
        ([run_started(), ev.StopRequested(reason="stopped"), ev.RunPaused(reason="stopped")], False, "paused"),
        ([run_started(), ev.RunPaused(reason="stopped"), ev.RunResumed(reason="stopped")], True, "running"),
        ([run_started(), ev.RunEnded(outcome="done")], False, "ended"),
    ],
)
def test_a_run_is_planning_running_ending_paused_or_ended(history: list[Event], *, supervised: bool, state: str) -> None:
    run = shown(*history, supervised=supervised)["run"]

    assert isinstance(run, dict)
    assert run["state"] == state


@pytest.mark.parametrize(
    ("history", "supervised", "expected"),
    [
        ([run_started()], False, [("no supervisor", "squad resume demo-1")]),
        ([run_started(), ev.RunPaused(reason="stopped")], False, [("paused", "squad resume demo-1")]),
        ([run_started(), ev.TaskParked(task="T1", reason="x")], True, [("parked", "squad resume demo-1")]),
        ([run_started(), ev.RunEnded(outcome="done")], False, []),
    ],
)
def test_what_needs_a_person_names_the_command_that_helps(
    history: list[Event],
    *,
    supervised: bool,
    expected: list[tuple[str, str]],
) -> None:
    needs = shown(*history, supervised=supervised)["needs_you"]

    assert isinstance(needs, list)
    assert [(one["what"], one["command"]) for one in needs] == expected


def test_a_step_for_a_person_is_not_said_to_be_done_by_resuming() -> None:
    of = plan(planned(task("T1", gate=True)))
    state = state_after(of, run_started(), ev.TaskParked(task="T1", reason="a step for a person"))

    told = status_json(of, state, supervised=True)["needs_you"]

    assert told == [{"what": "parked", "task": "T1", "reason": "a step for a person", "command": "squad run prd.md --new"}]


def test_without_a_supervisor_no_agent_works() -> None:
    made = shown(run_started(), prepared(), started(), supervised=False)

    agents = made["agents"]
    assert isinstance(agents, list)
    assert [(agent["state"], agent["pid"]) for agent in agents] == [("stopped", None)] * 2


def test_an_agent_whose_tasks_all_wait_for_a_person_is_parked() -> None:
    agents = shown(run_started(), ev.TaskParked(task="T1", reason="x"))["agents"]

    assert isinstance(agents, list)
    assert [agent["state"] for agent in agents] == ["parked", "idle"]


def test_an_agent_is_checking_while_its_result_is_looked_at() -> None:
    agents = shown(run_started(), prepared(), started(), ended())["agents"]

    assert isinstance(agents, list)
    assert agents[0]["state"] == "checking"


def test_the_text_names_the_held_locks_and_the_way_to_go_on() -> None:
    state = state_after(PAIR, run_started(), granted("src/a.py"))

    living = render_status(PAIR, state, supervised=True, now=100.0)
    dead = render_status(PAIR, standing(state, supervised=False), supervised=False, now=100.0)

    assert "src/a.py" in living.partition("locks\n")[2]
    assert "its supervisor is gone: squad resume demo-1" in dead
    assert "locks\n" not in dead, "who is dead holds nothing"


@pytest.mark.parametrize(
    ("history", "way"),
    [
        ([ev.RunReopened(reason="changed by squad retry")], "squad resume demo-1"),
        ([ev.RunPaused(reason="needs-you"), ev.TaskParked(task="T1", reason="x")], "squad resume demo-1"),
        ([ev.TaskParked(task="T3", reason="a step"), ev.RunPaused(reason="needs-you")], "squad run prd.md --new"),
        ([ev.TaskParked(task="T3", reason="a step"), ev.RunPaused(reason="stopped")], "squad resume demo-1"),
    ],
)
def test_a_run_that_stands_still_says_how_it_goes_on(history: list[Event], way: str) -> None:
    of = plan(planned(task("T1")), planned(task("T3", gate=True)))

    text = render_status(of, state_after(of, run_started(), *history), supervised=False, now=9.0)

    assert ways_on(of, state_after(of, run_started(), *history)) == (way,)
    assert text.count("go on: ") == 1
    assert f"  go on: {way}\n" in text


def test_who_has_left_and_who_is_leaving_is_said_below_the_table() -> None:
    history = (run_started(), prepared(), started(), ev.RunScaled(agents=1, leaving=[ONE, TWO]), ev.AgentLeft(agent=TWO))

    text = render_status(PAIR, state_after(PAIR, *history), supervised=True, now=9.0)

    assert "  left: agent-2\n  agent-1 leaves when T1 is over\n" in text
    agents = shown(*history)["agents"]
    assert isinstance(agents, list)
    assert [one["leaving"] for one in agents] == [True, False]
