"""What counts as shown in a demo: the fault, and what squad made of it, by the journal alone."""

from collections.abc import Sequence

import pytest

from orchestrator import events as ev
from orchestrator.adapters.simulated_agent import STRAY
from orchestrator.events import Entry, Event
from orchestrator.views.demo import WIDTH, Narration, count_lines, happened
from tests.support.builders import ONE, TWO, ended, granted, plan, planned, started, task

ASKED = ev.LockRequested(path="shared/a.md", holder=ONE, purpose="", ticket=1)
GRANTED = granted("shared/a.md", waited=1.5)
STALLED = ev.AgentStalled(agent=ONE, task="T1", attempt="T1.1", verdict="silent", evidence="")
RESTARTED = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.1", rung="restart", reason="")
CRASHED = ended("T1.2", "crashed", reason="ended by SIGKILL")
REASSIGNED = ev.RungClimbed(agent=ONE, task="T1", attempt="T1.2", rung="reassign", reason="")
MOVED = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="")
BY_OTHER = started("T1.3", agent=TWO)
REFUSED = ended("T2.1", "failed", reason=f"{STRAY} was refused: Read-only file system")
FOUND = ev.ForeignChangeFound(task="T2", agent=ONE, attempt="T2.1", paths=[STRAY], ref="refs/squad/kept/x")

CLIMB: tuple[Event, ...] = (started(), STALLED, ended("T1.1", "stalled"), RESTARTED, started("T1.2"), CRASHED)
ALL: tuple[Event, ...] = (*CLIMB, REASSIGNED, MOVED, BY_OTHER, ASKED, GRANTED, started("T2.1", level="deny"), REFUSED)
MISSING: tuple[tuple[Event, str], ...] = (
    (ASKED, "lock wait"),
    (GRANTED, "lock wait"),
    (STALLED, "stall that was restarted"),
    (RESTARTED, "stall that was restarted"),
    (CRASHED, "crash that was reassigned"),
    (REASSIGNED, "crash that was reassigned"),
    (BY_OTHER, "crash that was reassigned"),
    (REFUSED, "foreign write that was refused"),
)


def entries(events: Sequence[Event]) -> list[Entry]:
    return [Entry(seq=number, at=1000.0 + number, run="demo-1", event=event) for number, event in enumerate(events, start=1)]


def test_all_four_are_counted() -> None:
    shown = happened(entries(ALL))

    assert shown.missing == ()
    assert (shown.lock_waits, shown.stalls_restarted, shown.crashes_reassigned, shown.foreign_writes_refused) == (1, 1, 1, 1)
    assert shown.refused_by == ("kernel",)
    assert "  1 foreign write that was refused by the kernel" in count_lines(shown)


@pytest.mark.parametrize(("without", "missing"), MISSING)
def test_whatever_did_not_happen_is_told(without: Event, missing: str) -> None:
    shown = happened(entries([event for event in ALL if event is not without]))

    assert shown.missing == (missing,)
    assert count_lines(shown)[-1] == f"NOT SHOWN: there was no {missing}"


def test_a_foreign_write_that_was_found_afterwards_counts_too() -> None:
    found = (started("T2.1"), FOUND, ended("T2.1", "foreign"))

    assert happened(entries(found)).refused_by == ("detect",)
    assert happened(entries([started("T2.1"), ended("T2.1", "foreign")])).foreign_writes_refused == 0
    assert happened(entries([FOUND, started("T2.1"), ended("T2.1")])).foreign_writes_refused == 0


@pytest.mark.parametrize(
    "events",
    [
        (started("T2.1", level="detect"), REFUSED),
        (started("T2.1", level="deny"), ended("T2.1", "failed", reason=REFUSED.reason, paths=[STRAY])),
        (started("T2.1", level="deny"), ended("T2.1", "failed", reason="exit 1")),
    ],
)
def test_the_kernel_has_refused_only_what_is_not_there(events: Sequence[Event]) -> None:
    assert happened(entries(events)).foreign_writes_refused == 0


def test_a_restart_by_another_agent_is_no_restart_and_a_reassignment_to_the_same_none() -> None:
    stalled = (started(), STALLED, ended("T1.1", "stalled"), RESTARTED, started("T1.2", agent=TWO))
    crashed = (started("T1.2"), CRASHED, REASSIGNED, started("T1.3"))

    assert happened(entries(stalled)).stalls_restarted == 0
    assert happened(entries(crashed)).crashes_reassigned == 0


def test_a_lock_that_was_had_at_once_or_by_declaration_is_no_wait() -> None:
    assert happened(entries([ASKED, granted("shared/a.md")])).lock_waits == 0
    assert happened(entries([granted("shared/a.md", waited=2.0)])).lock_waits == 0


def test_each_is_told_in_one_line() -> None:
    of = plan(planned(task("T1", title="Build " + "it " * 60)), planned(task("T2"), agent=TWO))
    narration = Narration(of)
    held = granted("shared", TWO, declared=True)

    lines = [line for entry in entries([held, *ALL, FOUND]) if (line := narration.line(entry))]

    assert all(len(line) <= WIDTH for line in lines)
    assert [line.partition("s  ")[2] for line in lines][1:] == [
        f"T1 stalled: {ONE} shows no sign of life",
        "T1 restarted, with a handover",
        f"T1 started by {ONE}, attempt 2",
        f"T1 crashed: {ONE} was ended by SIGKILL",
        f"T1 reassigned from {ONE} to {TWO}",
        f"T1 started by {TWO}, attempt 3",
        f"{ONE} waits for shared/a.md ({TWO} has it)",
        f"{ONE} gets shared/a.md after 1.5s",
        f"T2 started by {ONE}: Do T2",
        f"T2: the kernel refused {ONE} a foreign write: {STRAY}",
        f"T2: {ONE} wrote {STRAY}, not its own: found and refused",
    ]
