"""Locks at the desk: numbers that have ended, doors that open and close, and one step of the journal for many."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from orchestrator import events as ev
from orchestrator.claims import Claim
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Caller, Later
from orchestrator.locks import Grant
from orchestrator.model import Operation
from orchestrator.rights import Allow, Wait
from tests.support.builders import ONE, THREE, TWO
from tests.support.desks import AGENTS, Office, office

HOUR = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    """A desk at which everybody is seated."""
    with office(tmp_path) as opened:
        for agent in AGENTS:
            opened.sit(agent, declares=[f"own-{agent}.md"])
        yield opened


@dataclass(slots=True)
class Doors:
    """Doors that take time, and note what happens at them."""

    moved: list[str] = field(default_factory=list)
    stuck: anyio.Event = field(default_factory=anyio.Event)
    broken: bool = False

    def open(self, grant: Grant) -> Later | None:
        return Later(lambda: self._move(f"open {grant.path} for {grant.holder}"))

    def close(self, grant: Grant) -> Later | None:
        return Later(lambda: self._move(f"close {grant.path} of {grant.holder}"))

    async def _move(self, what: str) -> None:
        self.moved.append(f"begin to {what}")
        await self.stuck.wait()
        if self.broken and what.startswith("open"):
            raise Rejected("the door does not open")
        self.moved.append(what)


def with_doors(desk: Office) -> Doors:
    doors = Doors()
    desk.desk.locks._doors = doors
    return doors


async def settle() -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def refusal(desk: Office, agent: str, method: str, **params: object) -> str:
    with pytest.raises(Rejected) as caught:
        await desk.ask(AGENTS[int(agent[-1]) - 1], method, **params)
    return caught.value.reason


# numbers of grants


async def test_a_request_under_the_number_of_a_living_grant_is_taken(desk: Office) -> None:
    fence = (await desk.ask(ONE, "lock", path="a.txt", wait=0))["fence"]

    assert (await desk.ask(ONE, "lock", path="a.txt", wait=0, fence=fence))["fence"] == fence
    assert await desk.ask(ONE, "unlock", path="a.txt", fence=fence) == {"released": ["a.txt"]}


async def test_what_comes_late_under_an_old_number_is_refused_and_says_who_holds_the_path(desk: Office) -> None:
    fence = (await desk.ask(ONE, "lock", path="a.txt", wait=0))["fence"]
    desk.time[0] += HOUR
    await desk.ask(None, "unlock", path="a.txt")
    await desk.ask(TWO, "lock", path="a.txt", wait=0)

    said = f"the lock {fence} of agent-1 on a.txt has ended; agent-2 holds it now: lock it again and look at what is there"
    assert await refusal(desk, ONE, "lock", path="a.txt", wait=0, fence=fence) == said
    assert await refusal(desk, ONE, "unlock", path="a.txt", fence=fence) == said
    assert [event.reason for event in desk.events(ev.LockRefused) if isinstance(event, ev.LockRefused)] == [said, said]


async def test_the_number_of_another_agents_grant_is_worth_nothing(desk: Office) -> None:
    fence = (await desk.ask(TWO, "lock", path="a.txt", wait=0))["fence"]

    assert "has ended; agent-2 holds it now" in await refusal(desk, ONE, "lock", path="a.txt", wait=0, fence=fence)


@pytest.mark.parametrize("fence", [0, -1, True, "7", 1.5, [1]])
async def test_a_number_that_is_none_is_refused(desk: Office, fence: object) -> None:
    assert "expected fence as the number of a grant" in await refusal(desk, ONE, "lock", path="a.txt", fence=fence)


async def test_a_path_taken_away_is_not_given_back_by_the_tasks_own_write_set(desk: Office) -> None:
    desk.rights.begin(ONE, (Claim("own-agent-1.md"),))
    assert isinstance(desk.rights.may(ONE, Claim("own-agent-1.md"), Operation.WRITE), Allow)
    desk.time[0] += HOUR

    await desk.ask(None, "unlock", path="own-agent-1.md")
    await desk.ask(TWO, "lock", path="own-agent-1.md", wait=0)

    assert desk.rights.may(ONE, Claim("own-agent-1.md"), Operation.WRITE) == Wait(
        holder=TWO, reason="own-agent-1.md is locked by agent-2"
    )
    await desk.ask(TWO, "unlock", path="own-agent-1.md")
    await desk.ask(ONE, "lock", path="own-agent-1.md", wait=0)
    assert isinstance(desk.rights.may(ONE, Claim("own-agent-1.md"), Operation.WRITE), Allow)


async def test_the_journal_tells_how_long_a_lock_was_held(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a.txt", wait=0)
    desk.time[0] += 7.5
    await desk.ask(ONE, "unlock", path="a.txt")

    [released] = desk.events(ev.LockReleased)
    assert isinstance(released, ev.LockReleased)
    assert released.held_s == 7.5


# one step for many


async def test_what_is_decided_in_one_turn_is_one_step_of_the_journal(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    append_all = desk.journal.append_all

    def noted(run: object, events: object, *, at: float) -> object:
        steps.append(len(events))  # type: ignore[arg-type] # a sequence
        return append_all(run, events, at=at)  # type: ignore[arg-type] # handed through

    monkeypatch.setattr(desk.journal, "append_all", noted)
    for agent in AGENTS:
        desk.desk.answer(Caller(agent), "lock", {"path": f"{agent}.txt"})
    told: list[int] = []

    desk.recorder.settle(lambda: told.append(desk.journal.last()))

    assert steps == [3]
    assert told == [desk.journal.last()]
    assert len(desk.recorder.state.locks) == 6


async def test_what_was_decided_stands_before_what_is_recorded_after_it(desk: Office) -> None:
    desk.desk.answer(Caller(ONE), "lock", {"path": "a.txt"})
    desk.recorder.record(ev.Noticed(text="later"))

    assert [type(event).__name__ for event in desk.events(ev.LockGranted, ev.Noticed)][-2:] == ["LockGranted", "Noticed"]


# doors


async def test_without_doors_a_free_path_is_answered_without_a_task(desk: Office) -> None:
    answer = desk.desk.answer(Caller(ONE), "lock", {"path": "a.txt"})

    assert answer == {"path": "a.txt", "fence": 4, "waited_s": 0.0}
    assert desk.desk.answer(Caller(ONE), "unlock", {"path": "a.txt"}) == {"released": ["a.txt"]}


async def test_what_a_task_declared_stays_with_it_when_who_asked_for_more_of_it_is_gone(desk: Office) -> None:
    """It was given back as withdrawn, although the task could write it from its start: two could."""
    with_doors(desk)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: desk.ask(ONE, "lock", path="own-agent-1.md", wait=0))
        await settle()
        group.cancel_scope.cancel()

    assert desk.table.holder_of("own-agent-1.md") == ONE
    assert not desk.events(ev.LockReleased)


async def test_an_agent_is_told_of_a_grant_when_its_door_is_open(desk: Office) -> None:
    doors, told = with_doors(desk), []

    async def ask() -> None:
        told.append((await desk.ask(ONE, "lock", path="a.txt", wait=0))["path"])

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)  # the same path once more: it waits for the same door
        await settle()
        assert (doors.moved, told) == (["begin to open a.txt for agent-1"], [])
        doors.stuck.set()

    assert (doors.moved[1:], told) == (["open a.txt for agent-1"], ["a.txt", "a.txt"])


async def test_the_next_one_is_told_when_the_last_ones_door_is_closed_and_its_own_is_open(desk: Office) -> None:
    doors = with_doors(desk)
    doors.stuck.set()
    await desk.ask(ONE, "lock", path="a.txt", wait=0)
    doors.stuck = anyio.Event()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: desk.ask(TWO, "lock", path="a.txt", wait=60))
        group.start_soon(lambda: desk.ask(ONE, "unlock", path="a.txt"))
        await settle()
        assert doors.moved[2:] == ["begin to close a.txt of agent-1"]
        assert desk.table.holder_of("a.txt") == ONE
        assert "just given back" in await refusal(desk, ONE, "lock", path="a.txt", wait=0)
        doors.stuck.set()

    assert doors.moved[3:] == ["close a.txt of agent-1", "begin to open a.txt for agent-2", "open a.txt for agent-2"]


async def test_a_path_whose_door_stays_closed_is_given_back(desk: Office) -> None:
    doors = with_doors(desk)
    doors.broken = True
    doors.stuck.set()

    assert await refusal(desk, ONE, "lock", path="a.txt", wait=0) == "the door does not open"
    assert desk.table.holder_of("a.txt") is None
    assert desk.replayed().locks == desk.recorder.state.locks


async def test_one_who_is_gone_before_its_door_is_open_holds_nothing(desk: Office) -> None:
    doors = with_doors(desk)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: desk.ask(ONE, "lock", path="a.txt", wait=0))
        await settle()
        group.cancel_scope.cancel()
        doors.stuck.set()

    assert desk.table.holder_of("a.txt") is None


async def test_a_person_frees_a_stale_path_once_its_door_is_closed(desk: Office) -> None:
    doors = with_doors(desk)
    doors.stuck.set()
    await desk.ask(THREE, "lock", path="a.txt", wait=0)
    desk.time[0] += HOUR

    assert await desk.ask(None, "unlock", path="a.txt") == {"released": ["a.txt"]}
    assert doors.moved[-1] == "close a.txt of agent-3"
