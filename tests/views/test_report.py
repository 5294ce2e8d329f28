import json
import re

import pytest

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.model import Plan
from orchestrator.views.report import make_report, render_ending, render_report, report_json
from tests.support.builders import (
    ONE,
    TWO,
    asks,
    ended,
    entries,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    state_after,
    task,
)

OF = plan(planned(task("T1", title="First")), planned(task("T2"), agent=TWO))
DONE: list[tuple[float, Event]] = [
    (0.0, run_started()),
    (0.0, prepared()),
    (1.0, started()),
    (11.0, ended(paths=["a.py"])),
    (12.0, ev.Integrated(task="T1", attempt="T1.1", commit="m1")),
    (12.0, ev.TaskDone(task="T1", attempt="T1.1", checked=False)),
]
FAILED: list[tuple[float, Event]] = [
    (12.0, prepared("T2.1", agent=TWO)),
    (12.0, started("T2.1", agent=TWO, level="agree")),
    (13.0, ended("T2.1", "crashed", agent=TWO, reason="its leash was killed; output still in the pipe may be lost")),
    (14.0, ev.TaskFailed(task="T2", reason="it crashed")),
    (14.0, ev.RunEnded(outcome="failed")),
]


def document(*history: tuple[float, Event], of: Plan = OF, now: float = 20.0, supervised: bool = True) -> dict[str, object]:
    made = make_report(entries(*history), of, state_after(of, *history), now=now, supervised=supervised)
    return dict(json.loads(json.dumps(report_json(made))))


def cells(shown: str) -> str:
    """Give a text with a stroke between the cells of its tables."""
    return re.sub(r" {2,}", " | ", shown)


def text(*history: tuple[float, Event], of: Plan = OF, now: float = 20.0, supervised: bool = True) -> str:
    made = make_report(entries(*history), of, state_after(of, *history), now=now, supervised=supervised)
    return render_report(made, width=300)


def test_the_document_has_the_keys_that_other_programs_read() -> None:
    made = document(*DONE, *FAILED)

    assert {"schema_version", "tasks", "agents", "figures", "idle", "usage", "attention"} <= set(made)
    figures, idle = made["figures"], made["idle"]
    assert isinstance(figures, dict)
    assert isinstance(idle, dict)
    assert {
        "wall_s",
        "work_s",
        "speed_up",
        "efficiency",
        "bound_s",
        "lock_wait_mean_s",
        "conflicts_per_h",
        "tasks_per_h_per_agent",
    } <= set(figures)
    assert set(idle) == {"needs_s", "lock_s", "limit_s", "stall_s", "check_s", "integration_s", "answer_s"}
    assert sum(idle.values()) + figures["work_s"] == pytest.approx(figures["wall_s"] * 2, abs=0.01)


def test_the_level_of_each_attempt_is_named() -> None:
    tasks = document(*DONE, *FAILED)["tasks"]

    assert isinstance(tasks, list)
    assert [(row["id"], [(one["id"], one["level"], one["outcome"]) for one in row["history"]]) for row in tasks] == [
        ("T1", [("T1.1", "detect", "done")]),
        ("T2", [("T2.1", "agree", "crashed")]),
    ]
    shown = cells(text(*DONE, *FAILED))
    assert "T2.1 | agent-2 | simulated | agree | 12s | 13s | 1s | - | crashed | its leash was killed" in shown
    assert "detect | exit 0 | unchecked; changed 1 path; merged as m1" in shown


def test_what_needs_a_person_comes_first_with_the_command_that_helps() -> None:
    foreign = ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=["x.py"], ref="refs/kept")
    asked = asks(refused="nobody is there")

    lines = text(*DONE[:3], (2.0, foreign), (3.0, asked), *DONE[3:], *FAILED).splitlines()

    assert lines[2:7] == [
        "Needs you:",
        "  T2 failed: it crashed (look: squad logs T2; again: squad retry T2)",
        "  Q1 agent-1 asked: which colour? (it was told to decide by itself: nobody is there; look: squad logs T1)",
        "  agent-1 changed x.py without the right to, kept in refs/kept (look: squad diff --foreign T1)",
        "  T2.1: its leash was killed, so up to 64 KiB of its output may be missing (look: squad logs T2.1)",
    ]


def test_a_parked_task_and_a_step_for_a_person_are_told_apart() -> None:
    of = plan(planned(task("T1")), planned(task("T2", title="Sign it", gate=True)))
    parked: list[tuple[float, Event]] = [
        (0.0, run_started()),
        (1.0, ev.TaskParked(task="T1", reason="it failed with two agents")),
        (1.0, ev.TaskParked(task="T2", reason="a step for a person")),
        (1.0, ev.RunPaused(reason="needs-you")),
    ]

    shown = text(*parked, of=of)

    assert "T1 is parked: it failed with two agents (look: squad logs T1; again: squad resume demo-1)" in shown
    assert "T2 is a step for a person: Sign it (do it, mark it done in prd.md, then: squad run prd.md --new)" in shown


def test_a_run_whose_supervisor_was_killed_stands_where_its_last_event_left_it() -> None:
    made = document(*DONE[:3], now=99999.0, supervised=False)

    assert made["state"] == "paused"
    assert isinstance(made["figures"], dict)
    assert made["figures"]["wall_s"] == 1.0
    assert made["attention"] == ["its supervisor is gone (go on: squad resume demo-1)"]


def test_no_speed_up_is_claimed_that_was_not_measured() -> None:
    alone = plan(planned(task("T1")), seats=[seat(ONE)])
    over = (13.0, ev.RunEnded(outcome="done"))

    assert "speed-up | not measured" in cells(text(*DONE))
    assert "speed-up | none: one agent" in cells(text(*DONE, over, of=alone))
    made = make_report(entries(*DONE, over), alone, state_after(alone, *DONE, over), now=20.0)
    assert "speed-up" not in render_ending(made)


def test_a_run_whose_tasks_were_only_to_look_has_nothing_to_take() -> None:
    of = plan(planned(task("T1", writes=[])), seats=[seat(ONE)])
    looked: list[tuple[float, Event]] = [(0.0, run_started()), (1.0, prepared("T1.1")), (1.0, started("T1.1"))]
    looked += [(2.0, ended("T1.1")), (2.0, ev.TaskDone(task="T1", attempt="T1.1", checked=False))]

    assert "  nothing was changed, so there is nothing to take\n" in text(*looked, (3.0, ev.RunEnded(outcome="done")), of=of)


def test_one_agent_that_worked_while_others_had_nothing_to_do_sped_nothing_up() -> None:
    of = plan(planned(task("T1")), seats=[seat(ONE), seat(TWO)])
    over = (13.0, ev.RunEnded(outcome="done"))
    made = make_report(entries(*DONE, over), of, state_after(of, *DONE, over), now=20.0)

    assert "speed-up | none: one agent worked" in cells(text(*DONE, over, of=of))
    assert "time saved | not measured" in cells(text(*DONE, over, of=of))
    assert "speed-up" not in render_ending(made)


def test_a_result_that_was_refused_is_not_called_done() -> None:
    refused = ev.ResultRefused(task="T1", agent=ONE, attempt="T1.1", cause="check", reason="check failed", counted=True)

    assert "exit 0 | being checked" in cells(text(*DONE[:4]))
    assert "exit 0 | not accepted; check failed" in cells(text(*DONE[:4], (12.0, refused)))
    assert "1s | 11s | 10s | - | not accepted | check failed" in cells(text(*DONE[:4], (12.0, refused)))


def test_usage_is_what_agents_told_or_unknown() -> None:
    told = ev.UsageReported(agent=ONE, task="T1", attempt="T1.1", fresh=10, cached=2, output=3, money=0.0)

    assert "unknown: no agent told" in text(*DONE)
    shown = cells(text(*DONE[:3], (2.0, told), *DONE[3:]))
    assert "agent-1 | 10 | 2 | 3 | 0\n" in shown
    assert "agent-2 | unknown | unknown | unknown | unknown\n" in shown
    assert "all | 10 | 2 | 3 | 0\n" in shown


def test_nothing_that_an_agent_tells_of_its_usage_makes_the_sum_less() -> None:
    told = ev.UsageReported(agent=ONE, task="T1", attempt="T1.1", fresh=10, money=1.0)
    less = ev.UsageReported(agent=TWO, task="T2", attempt="T2.1", fresh=-10, money=float("-inf"))

    usage = document(*DONE[:3], (2.0, told), (2.0, less), *DONE[3:])["usage"]

    assert usage == {"known": True, "fresh": 10, "cached": 0, "output": 0, "money": 1.0, "unpriced": [TWO]}


def test_money_that_some_agents_do_not_tell_of_is_said_to_be_missing() -> None:
    priced = ev.UsageReported(agent=ONE, task="T1", attempt="T1.1", fresh=10, money=0.5)
    unpriced = ev.UsageReported(agent=TWO, task="T2", attempt="T2.1", fresh=10)

    shown = text(*DONE[:3], (2.0, priced), (2.0, unpriced), *DONE[3:])

    assert f"all | 20 | 0 | 0 | 0.5 without {TWO}, which does not tell it" in cells(shown)


def test_nothing_that_an_agent_wrote_reaches_the_terminal_raw() -> None:
    nasty = "x\x1b[2J\x9b\x00\u202e\ud800"
    of = plan(planned(task("T1", title=nasty)), planned(task("T2"), agent=TWO))
    asked = asks(text=nasty, refused=nasty)

    shown = text(*DONE[:3], (2.0, asked), *DONE[3:], *FAILED, of=of)

    assert all(line.isprintable() for line in shown.splitlines())


def test_what_moved_to_another_agent_is_told_with_its_reason() -> None:
    moved = ev.TaskReassigned(task="T2", from_=TWO, to=ONE, reason="agent-1 is idle, agent-2 is not")
    history: list[tuple[float, Event]] = [*DONE, (12.0, moved)]

    assert document(*history)["moves"] == [
        {"task": "T2", "from": "agent-2", "to": "agent-1", "why": "agent-1 is idle, agent-2 is not"}
    ]
    assert "T2 from agent-2 to agent-1: agent-1 is idle, agent-2 is not" in text(*history)
    assert document(*DONE)["moves"] == []
    assert "Work that moved" not in text(*DONE)


def test_where_nothing_was_merged_no_result_is_promised() -> None:
    failed: list[tuple[float, Event]] = [
        *DONE[:3],
        (11.0, ended("T1.1", "failed")),
        (11.0, ev.TaskFailed(task="T1", reason="x")),
        (11.0, ev.RunEnded(outcome="failed")),
    ]

    assert "git for-each-ref refs/squad/kept/demo-1/" in text(*failed)
    assert "squad merge" not in text(*failed)
    assert "take it: squad merge" in text(*DONE, *FAILED)
