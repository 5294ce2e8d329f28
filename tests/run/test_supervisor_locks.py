"""What the supervisor does for locks that nobody asks about: life, and the lack of it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from orchestrator import events as ev
from orchestrator.config import Config
from orchestrator.desk.personal import Command
from orchestrator.fold import fold
from orchestrator.granted import granted_event
from orchestrator.locks import Grant
from orchestrator.model import PERSON
from orchestrator.run.supervisor import Supervisor
from orchestrator.scheduling.liveness import Pulse, Sign
from orchestrator.scheduling.scheduler import Rules
from orchestrator.state import State
from tests.support.builders import ONE, TWO, entries, granted, plan, planned, prepared, run_started, state_after, task
from tests.support.desks import Office, office
from tests.support.waiting import NEVER

HOUR = 3600.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


def supervisor(of: Office) -> Supervisor:
    stage = SimpleNamespace(project=SimpleNamespace(root=of.folder), workspaces=None, config=Config())
    return Supervisor(of.recorder, cast("Any", stage), cast("Any", None), Rules())


def at_work(of: Supervisor, *, silent: float) -> None:
    """Let agent-1 be at work, with its last sign of life so many seconds ago."""
    now = anyio.current_time()
    pulse = Pulse(started=now - 10 * HOUR)
    pulse.beat(Sign.OUTPUT, now - silent)
    of._attempts[ONE] = cast("Any", SimpleNamespace(at_work=SimpleNamespace(pulse=pulse)))


def notices(of: Office) -> list[str]:
    return [event.text for event in of.events(ev.Noticed) if isinstance(event, ev.Noticed)]


async def test_what_an_agent_prints_keeps_its_locks_fresh(desk: Office) -> None:
    desk.sit(ONE)
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])
    at_work(squad, silent=60)
    desk.time[0] += 2 * HOUR

    squad.renew()

    [grant] = squad.table.grants()
    assert grant.expires == pytest.approx(desk.time[0] - 60 + 1800, abs=5)


async def test_the_locks_of_a_silent_agent_grow_stale(desk: Office) -> None:
    desk.sit(ONE)
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])
    at_work(squad, silent=HOUR)
    desk.time[0] += HOUR

    squad.renew()

    assert [grant.path for grant in squad.table.stale(desk.time[0])] == ["a"]


async def test_the_locks_of_a_result_that_is_checked_stay_fresh(desk: Office) -> None:
    desk.sit(ONE)
    desk.recorder.record(ev.AttemptEnded(task="T1", agent=ONE, attempt="T1.1", outcome="done", exit=0, signal=None, reason=""))
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])
    at_work(squad, silent=HOUR)
    desk.time[0] += HOUR

    squad.renew()

    assert squad.table.stale(desk.time[0]) == ()


async def test_a_lock_whose_holder_is_silent_for_ten_minutes_is_told_of_once(desk: Office) -> None:
    desk.sit(ONE)
    squad = supervisor(desk)
    squad.table.acquire_all(ONE, ["src/a.py", "src/b.py"], now=desk.time[0])
    at_work(squad, silent=599)
    desk.time[0] += 599

    squad._suspect()
    assert notices(desk) == []
    desk.time[0] += 1
    at_work(squad, silent=600)
    squad._suspect()
    squad._suspect()

    assert notices(desk) == ["agent-1 holds src/a.py, src/b.py and has shown no life for 10m"]
    assert squad.table.next_suspicion() is None


async def test_an_agent_that_lives_by_other_signs_is_not_suspected(desk: Office) -> None:
    desk.sit(ONE)
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])
    at_work(squad, silent=30)
    desk.time[0] += 700

    squad._suspect()

    assert notices(desk) == []
    due = squad.table.next_suspicion()
    assert due is not None
    assert due > desk.time[0] + 500


async def test_the_supervisor_wakes_to_look_at_a_lock_and_not_all_the_time(desk: Office) -> None:
    desk.sit(ONE)
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])

    with anyio.move_on_after(0.05) as scope:
        await squad._next_change(desk.time[0])
    assert scope.cancelled_caught
    desk.time[0] += 599.99
    with anyio.fail_after(NEVER):
        await squad._next_change(desk.time[0])


async def test_a_back_off_that_ends_while_squad_decides_is_not_slept_through(desk: Office) -> None:
    """The wake-up was looked for from a later moment than the decision, and a run stood still for ever."""
    desk.sit(ONE)
    desk.recorder.record(ev.AttemptEnded(task="T1", agent=ONE, attempt="T1.1", outcome="failed", exit=1, signal=None, reason="x"))
    squad = supervisor(desk)
    decided = desk.time[0]
    desk.time[0] += HOUR

    with anyio.fail_after(NEVER):
        await squad._next_change(decided)


# what the journal says after a death


def after(*events: ev.Event) -> State:
    return state_after(plan(planned(task("T1"))), run_started(), prepared(), *events)


def test_nobody_waits_any_more_when_a_new_supervisor_goes_on() -> None:
    state = after(
        granted("a", TWO), ev.LockRequested(path="a", holder=ONE, ticket=1), ev.RunResumed(reason="its supervisor was gone")
    )

    assert state.waiting == []
    assert [lock.path for lock in state.locks.values()] == ["a"]


def test_an_agent_that_asks_before_its_start_is_noted_waits_all_the_same() -> None:
    state = after(ev.LockRequested(path="a", holder=ONE, ticket=1))
    [entry] = entries(
        ev.AttemptStarted(
            task="T1",
            agent=ONE,
            attempt="T1.1",
            node="n",
            boot="b",
            pid=1,
            born=1.0,
            leash=2,
            workspace="/w",
            level="detect",
            adapter="command",
            log="/l",
        )
    )

    fold(state, entry)

    assert state.agents[ONE].state == "waiting"


def test_a_refusal_at_once_ends_no_waiting() -> None:
    state = after(
        ev.LockRequested(path="a", holder=ONE, ticket=1),
        ev.LockRequested(path="b", holder=ONE, ticket=2),
        ev.LockRefused(path="a", holder=ONE, reason="held"),
        ev.LockRefused(path="b", holder=ONE, reason="too long", ticket=2),
    )

    assert [(wait.path, wait.ticket) for wait in state.waiting] == [("a", 1)]


async def test_when_a_lock_counts_as_left_behind_is_for_the_configuration_to_say(desk: Office) -> None:
    config = Config.model_validate({"locks": {"warn_after": "1m", "stale_after": "2m"}})
    stage = SimpleNamespace(project=SimpleNamespace(root=desk.folder), workspaces=None, config=config)

    table = Supervisor(desk.recorder, cast("Any", stage), cast("Any", None), Rules()).table

    assert (table.warn_after, table.stale_after) == (60.0, 120.0)


def test_what_a_person_took_away_from_an_attempt_is_no_more_what_it_may_have_written() -> None:
    of = plan(planned(task("T1"), locks=("own",)))
    forced = ev.LockReleased(path="a", holder=ONE, fence=2, reason="forced")
    history = (run_started(), prepared(), granted("a", fence=2), forced)

    taken = state_after(of, *history).attempts["T1.1"]
    again = state_after(of, *history, granted("a", fence=3)).attempts["T1.1"]

    assert ("a" in taken.locked, taken.revoked) == (False, ["a"])
    assert ("a" in again.locked, again.revoked) == (True, [])


@pytest.mark.parametrize(("survivors", "holder"), [((), None), ((77,), ONE)])
async def test_the_locks_of_an_agent_that_cannot_be_killed_stay(
    desk: Office, survivors: tuple[int, ...], holder: str | None
) -> None:
    squad = supervisor(desk)
    squad.table.request(ONE, "a", now=desk.time[0])
    piece = SimpleNamespace(planned=SimpleNamespace(task=SimpleNamespace(id="T1")))
    squad._attempts[ONE] = cast("Any", SimpleNamespace(piece=piece, survivors=survivors))

    squad._release(ONE)

    assert squad.table.holder_of("a") == holder


async def test_the_locks_of_a_persons_commands_never_grow_stale(desk: Office) -> None:
    squad = supervisor(desk)
    squad.desk.locks.commands.begin(Command(holder=PERSON, purpose="", starter=None))
    squad.table.request(PERSON, "a", now=desk.time[0])
    desk.time[0] += 2 * HOUR

    squad.renew()

    assert squad.table.stale(desk.time[0]) == ()


@pytest.mark.parametrize(("is_over", "kept"), [(True, []), (False, ["you a"])])
async def test_a_persons_command_holds_nothing_at_the_end_of_a_run_but_over_a_stop(
    desk: Office, *, is_over: bool, kept: list[str]
) -> None:
    squad = supervisor(desk)
    grant = squad.table.request(PERSON, "a", now=desk.time[0])
    assert isinstance(grant, Grant)
    desk.recorder.record(granted_event(grant))
    if is_over:
        desk.recorder.record(*(ev.TaskSkipped(task=name, reason="why") for name in desk.recorder.state.tasks))

    squad._conclude()

    assert list(desk.replayed().locks) == kept
    assert squad.table.grants() == ()
