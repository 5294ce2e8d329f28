"""A small journal whose figures are worked out by hand, here and in docs/report.md."""

import re
from pathlib import Path

import pytest

from orchestrator import events as ev
from orchestrator.events import Entry, Event
from orchestrator.fold import fold
from orchestrator.state import initial
from orchestrator.views.report import Aside, make_report, render_ending, report_json
from orchestrator.views.report.model import Report
from orchestrator.views.report.parts import parts
from orchestrator.workspaces.written import Lines
from tests.support.builders import (
    RUN,
    TWO,
    consumed,
    ended,
    entries,
    granted,
    plan,
    planned,
    prepared,
    run_started,
    started,
    task,
)

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
OF = plan(planned(task("T1")), planned(task("T2"), agent=TWO), planned(task("T3", needs=["T2"])))


def checked(task: str, at: float, *, ok: bool = True) -> tuple[float, Event]:
    check = ev.CheckEnded(task=task, attempt=f"{task}.1", command="make", ok=ok, where="attempt", log="l", exit=0, seconds=2.0)
    return at, check


def result(attempt: str, at: float, *, checked: bool = False) -> list[tuple[float, Event]]:
    name = attempt.partition(".")[0]
    merge = ev.Integrated(task=name, attempt=attempt, commit="0123456789abcdef")
    return [(at, merge), (at, ev.TaskDone(task=name, attempt=attempt, checked=checked))]


HISTORY: list[tuple[float, Event]] = [
    (0.0, run_started()),
    (0.0, prepared("T1.1")),
    (0.0, prepared("T2.1", agent=TWO)),
    (1.0, started("T2.1", agent=TWO)),
    (2.0, started("T1.1")),
    (5.0, ev.LockRequested(path="x", holder=TWO, ticket=1)),
    (8.0, granted("x", TWO, waited=3.0)),
    (11.0, ended("T2.1", "crashed", agent=TWO, reason="ended by SIGKILL", paths=["b.py"])),
    (11.0, ev.LockReleased(path="x", holder=TWO, fence=1, reason="ended")),
    (12.0, ended("T1.1", paths=["a.py", "logo.png"])),
    checked("T1", 14.0),
    (14.0, prepared("T2.2", agent=TWO)),
    (14.0, started("T2.2", agent=TWO)),
    *result("T1.1", 15.0, checked=True),
    (20.0, ended("T2.2", agent=TWO, paths=["b.py", "gone.py"])),
    *result("T2.2", 21.0),
    (21.0, prepared("T3.1")),
    (21.0, started("T3.1")),
    (22.0, consumed("T3.1", tokens=1000, money=0.25)),
    (25.0, ended("T3.1", paths=["a.py"])),
    *result("T3.1", 26.0),
    (27.0, ev.RunEnded(outcome="done")),
]
WRITTEN = {
    "T1.1": {"a.py": Lines(10, 0), "logo.png": Lines(None, None)},
    "T2.1": {"b.py": Lines(3, 0)},
    "T2.2": {"b.py": Lines(5, 1)},  # of gone.py git knows nothing any more
    "T3.1": {"a.py": Lines(2, 4)},
}


@pytest.fixture
def report() -> Report:
    rows: list[Entry] = entries(*HISTORY)
    state = initial(RUN, OF)
    for entry in rows:
        fold(state, entry)
    return make_report(rows, OF, state, now=99.0, aside=Aside(written=WRITTEN))


def table(report: Report, title: str) -> list[tuple[str, ...]]:
    [part] = [part for part in parts(report) if part.title.startswith(title)]
    assert part.table is not None
    return list(part.table.rows)


def test_the_figures_are_those_that_were_worked_out_by_hand(report: Report) -> None:
    figures = report_json(report)["figures"]

    assert isinstance(figures, dict)
    assert figures["wall_s"] == 26.0  # from 0 to the merge of T3
    assert figures["work_s"] == 27.0  # T1.1 10, T2.1 10 without the 3 of its wait, T2.2 6, T3.1 4
    assert figures["no_result_s"] == 7.0  # T2.1
    assert figures["speed_up"] == 1.038  # 27 / 26
    assert figures["efficiency"] == 0.519  # of two agents
    assert figures["bound_s"] == 17.0  # T2 7 + 6, then T3 4; the work of two agents would take 13.5
    assert figures["tasks_per_h_per_agent"] == 207.692  # 3 / 26 s / 2 agents
    assert (figures["lock_wait_mean_s"], figures["lock_hold_mean_s"]) == (3.0, 3.0)  # asked at 5, held from 8 to 11
    assert report_json(report)["time_saved"] == {"share": 0.037, "beside": None, "measured": False}  # 1 - 26 / 27


def test_each_second_of_each_agent_is_told_with_its_cause(report: Report) -> None:
    # agent-1: workspace 0-2, work 2-12, check 12-14, merge 14-15, T3 needs T2 15-21, work 21-25, merge 25-26
    # agent-2: workspace 0-1, work 1-5, lock 5-8, work 8-11, T2 may not begin again 11-14, work 14-20, merge 20-21, nothing 21-26
    assert table(report, "Where") == [
        # work, needs, lock, limit, stall, check, integration, answer
        ("agent-1", "14s", "6s", "-", "-", "-", "2s", "4s", "-"),
        ("agent-2", "13s", "5s", "3s", "-", "3s", "-", "2s", "-"),
        ("all", "27s", "11s", "3s", "-", "3s", "2s", "6s", "-"),
    ]


def test_what_each_agent_wrote_is_told_by_the_last_attempt_at_each_task_that_changed_a_path(report: Report) -> None:
    assert table(report, "What each agent wrote") == [
        ("agent-1", "a.py", "+12", "-4", ""),  # 10 by T1, 2 by T3
        ("agent-1", "logo.png", "no text", "", ""),
        ("agent-2", "b.py", "+5", "-1", ""),  # T2.2 went on with what T2.1 left
        ("agent-2", "gone.py", "unknown", "unknown", ""),
    ]
    assert [(row[0], row[5]) for row in table(report, "Agents")] == [
        ("agent-1", "2 paths +12 -4"),
        ("agent-2", "2 paths +5 -1"),
    ]


def test_claims_stand_beside_evidence(report: Report) -> None:
    assert [(row[0], row[6], row[7]) for row in table(report, "Tasks")] == [
        ("T1", "exit 0", "checks passed (1); changed 2 paths +10 -0; merged as 0123456789"),
        ("T2", "exit 0", "unchecked; changed 2 paths +5 -1; merged as 0123456789"),
        ("T3", "exit 0", "unchecked; changed 1 path +2 -4; merged as 0123456789"),
    ]


def test_attempts_are_told_with_their_level_their_times_and_their_ends(report: Report) -> None:
    assert table(report, "Attempts") == [
        ("T1.1", "agent-1", "simulated", "detect", "2s", "12s", "10s", "-", "done", ""),
        ("T2.1", "agent-2", "simulated", "detect", "1s", "11s", "7s", "3s", "crashed", "ended by SIGKILL"),
        ("T2.2", "agent-2", "simulated", "detect", "14s", "20s", "6s", "-", "done", ""),
        ("T3.1", "agent-1", "simulated", "detect", "21s", "25s", "4s", "-", "done", ""),
    ]


def test_locks_and_usage_are_told_by_key_and_agent(report: Report) -> None:
    assert table(report, "Locks") == [("x", "1", "1", "3s", "0", "3s")]
    assert table(report, "Tokens") == [
        ("agent-1", "1k", "0", "0", "0.25"),
        ("agent-2", "unknown", "unknown", "unknown", "unknown"),
        ("all", "1k", "0", "0", "0.25"),
    ]


def test_the_last_words_tell_the_same(report: Report) -> None:
    assert render_ending(report).splitlines()[:2] == [
        "demo-1: 3 of 3 tasks done (2 unchecked), ended",
        "  27s of work in 26s: speed-up 1.04 (measured)",
    ]


def test_the_page_about_the_report_shows_these_figures(report: Report) -> None:
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in re.findall(r"^\|.*\|$", PAGE, re.MULTILINE)]
    figures = {name: value for name, value, _ in table(report, "Figures")}
    hours = {row[0]: row for row in table(report, "Where")}

    shown = [row for row in rows if row[0] in figures]
    assert {name for name, _, value in shown if figures[name] != value} == set()
    assert len(shown) >= 10
    assert [hours[row[0]] for row in rows if row[0] in hours] == [row for row in rows if row[0] in hours]
    assert sum(row[0] in hours for row in rows) == 3
