"""Locks that last as long as a command: real processes that end, are killed, or leave others behind."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from msgspec import structs

from orchestrator.claims import Claim
from orchestrator.control.client import ask, ask_again, call
from orchestrator.control.protocol import Rejected, request
from orchestrator.control.server import Caller, Line
from orchestrator.enforcement.confinement import Means
from orchestrator.events import LockGranted, LockReleased
from orchestrator.granted import granted_event
from orchestrator.leash import Beside
from orchestrator.locks import Grant
from orchestrator.model import PERSON, Access, AgentId, Area
from orchestrator.platform import identity
from orchestrator.run.doors import Gates, Inmate
from orchestrator.state import Borrower
from tests.support.builders import ONE, TWO
from tests.support.counter import Counter, counter
from tests.support.desks import office
from tests.support.waiting import NEVER, soon

WITH = "exec squad with-lock"


@pytest.fixture
async def at(tmp_path: Path, runtime: Path) -> AsyncIterator[Counter]:
    matrix = (Area(path=Claim("front/"), owners=(ONE,), access=Access.EXCLUSIVE, why="a row"),)
    with office(tmp_path, matrix=matrix) as desk:
        async with counter(desk, runtime) as opened:
            yield opened


async def person(at: Counter, method: str, **params: object) -> object:
    path = str(at.sockets / "control.sock")
    return await anyio.to_thread.run_sync(lambda: call(path, method, params))


async def test_a_command_runs_under_its_lock_which_ends_with_it(at: Counter) -> None:
    done = await at.run(ONE, "sh", "-c", f"{WITH} shared.md op:install --purpose why -- sh -c 'echo ran; exit 3'")

    assert (done.code, done.out) == (3, "ran\n")
    assert at.held() == []
    granted = [event for event in at.desk.events(LockGranted) if isinstance(event, LockGranted) and not event.declared]
    assert [(event.path, event.holder, event.purpose) for event in granted] == [
        ("op:install", ONE, "why"),
        ("shared.md", ONE, "why"),
    ]


async def test_the_lock_is_free_as_soon_as_the_caller_hears_of_the_end(at: Counter) -> None:
    await at.run(ONE, "sh", "-c", f"{WITH} shared.md -- true")

    assert (await at.desk.ask(TWO, "lock", path="shared.md"))["path"] == "shared.md"


@pytest.mark.parametrize(("script", "code"), [("kill -TERM $$", 143), ("kill -KILL $$", 137)])
async def test_a_command_that_a_signal_ends_is_told_as_a_shell_tells_it(at: Counter, script: str, code: int) -> None:
    assert (await at.run(ONE, "sh", "-c", f"{WITH} a.md -- sh -c '{script}'")).code == code


async def test_what_cannot_be_run_is_told_as_a_shell_tells_it(at: Counter) -> None:
    (at.desk.folder / "plain").write_text("exit 5\n", encoding="utf-8")
    missing = await at.run(ONE, "sh", "-c", f"{WITH} a.md -- nosuch")
    forbidden = await at.run(ONE, "sh", "-c", f"{WITH} a.md -- ./plain")
    (at.desk.folder / "plain").chmod(0o755)
    bare = await at.run(ONE, "sh", "-c", f"{WITH} a.md -- ./plain")

    assert (missing.code, missing.err) == (127, "nosuch: command not found\n")
    assert (forbidden.code, forbidden.err) == (126, "./plain: Permission denied\n")
    assert bare.code == 5
    assert at.held() == []


async def test_what_is_refused_is_not_run(at: Counter) -> None:
    ran = at.desk.folder / "ran"

    refused = await at.run(TWO, "sh", "-c", f"{WITH} front/a.ts -- touch {ran}")

    assert refused.code == 1
    assert "front/a.ts belongs to agent-1" in refused.err
    assert not ran.exists()


async def test_of_several_locks_none_is_kept_when_one_is_refused(at: Counter) -> None:
    refused = await at.run(TWO, "sh", "-c", f"{WITH} a.md front/a.ts -- true")

    assert refused.code == 1
    assert at.held() == []


async def test_whoever_waits_reads_for_whom(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="shared.md")
    waiting = at.start(TWO, "sh", "-c", f"{WITH} shared.md -- echo ran")
    assert waiting.stderr is not None
    told = await anyio.to_thread.run_sync(waiting.stderr.readline)
    await at.desk.ask(ONE, "unlock", path="shared.md")

    assert told == f"squad: shared.md is held by {ONE}; waiting for it, at most 600 s\n"
    assert (await at.ended(waiting)).out == "ran\n"


async def test_who_does_not_want_to_wait_is_told_at_once(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="shared.md")

    done = await at.run(TWO, "sh", "-c", f"{WITH} --wait 0 shared.md -- echo ran")

    assert (done.code, done.out) == (1, "")
    assert f"shared.md is held by {ONE}" in done.err


async def test_a_command_within_a_command_does_not_wait_for_itself(at: Counter) -> None:
    done = await at.run(ONE, "sh", "-c", f"{WITH} a/ -- sh -c 'squad with-lock a/b.md -- echo inner; echo outer'")

    assert (done.code, done.out) == (0, "inner\nouter\n")
    assert at.held() == []


async def test_killed_between_the_two_the_lock_lives_as_long_as_the_command(at: Counter) -> None:
    (at.desk.folder / "go").touch()
    outer = at.start(ONE, "sh", "-c", f"{WITH} a.md -- sh -c 'echo $$; while test -e go; do sleep 0.02; done'")
    assert outer.stdout is not None
    await anyio.to_thread.run_sync(outer.stdout.readline)
    outer.kill()
    await anyio.to_thread.run_sync(outer.wait)

    with pytest.raises(Rejected):
        await at.desk.ask(TWO, "lock", path="a.md")
    (at.desk.folder / "go").unlink()
    await soon(lambda: at.held() == [], "the end of the lock")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_reaches_the_command(at: Counter, number: signal.Signals) -> None:
    script = f'trap "exit 9" {number.value}; echo ready; while :; do sleep 0.02; done'
    mine = signal.signal(number, signal.SIG_DFL)  # what is started deaf to it, as under nohup, stays so
    process = at.start(ONE, "sh", "-c", f"{WITH} a.md -- sh -c '{script}'")
    signal.signal(number, mine)
    assert process.stdout is not None
    await anyio.to_thread.run_sync(process.stdout.readline)
    os.kill(process.pid, number)

    assert (await at.ended(process)).code == 9


async def test_what_a_command_leaves_behind_does_not_keep_its_lock(at: Counter) -> None:
    done = await at.run(ONE, "sh", "-c", f"{WITH} a.md -- sh -c 'sleep 60 >/dev/null 2>&1 & echo $!'")

    assert at.held() == []
    os.kill(int(done.out), signal.SIGKILL)


async def test_what_was_locked_before_stays_locked_after_the_command(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="a.md")

    await at.run(ONE, "sh", "-c", f"{WITH} a.md -- true")

    assert at.held() == [("a.md", ONE)]


async def test_what_is_locked_while_a_command_runs_stays_locked_after_it(at: Counter) -> None:
    inner = "squad agent lock a.md"

    await at.run(ONE, "sh", "-c", f"{WITH} a.md -- sh -c '{inner}'")

    assert at.held() == [("a.md", ONE)]


async def test_the_lock_of_a_command_that_runs_is_not_given_back(at: Counter) -> None:
    done = await at.run(ONE, "sh", "-c", f"{WITH} a.md -- sh -c 'squad agent unlock a.md'")

    assert done.code == 1
    assert "it is free when that has ended" in done.err
    assert at.held() == []


async def test_two_commands_of_one_agent_share_a_lock_until_the_last_has_ended(at: Counter) -> None:
    path, params = str(at.sockets / ONE), {"paths": ["a.md"], "token": f"token-{ONE}"}
    first, _ = await anyio.to_thread.run_sync(lambda: ask(path, "hold", params, timeout=30))
    second, _ = await anyio.to_thread.run_sync(lambda: ask(path, "hold", params, timeout=30))
    await at.run(ONE, "sh", "-c", f"{WITH} a.md -- true")
    first.close()
    await at.desk.ask(ONE, "me")
    assert at.held() == [("a.md", ONE)]

    second.close()
    await soon(lambda: at.desk.events(LockReleased), "the end of the lock")
    assert at.held() == []
    released = [event for event in at.desk.events(LockReleased) if isinstance(event, LockReleased)]
    assert [(event.path, event.reason) for event in released] == [("a.md", "ended")]


async def test_two_that_wait_together_share_what_they_are_handed(at: Counter) -> None:
    """The second once counted as if it had been locked before, and stood without a lock when the first had ended."""
    path, params = str(at.sockets / TWO), {"paths": ["a.md"], "wait": 60, "token": f"token-{TWO}"}
    await at.desk.ask(ONE, "lock", path="a.md")
    held = []

    async def hold() -> None:
        held.append(await anyio.to_thread.run_sync(lambda: ask(path, "hold", params, timeout=30)))

    async with anyio.create_task_group() as group:
        group.start_soon(hold)
        group.start_soon(hold)
        await soon(lambda: len(at.desk.table.waiting()) == 2, "two that wait")
        await at.desk.ask(ONE, "unlock", path="a.md")
    for connection, _ in held:
        assert at.held() == [("a.md", TWO)]
        connection.close()
        await anyio.lowlevel.checkpoint()
        await at.desk.ask(ONE, "me")

    await soon(lambda: at.held() == [], "the end of the lock")


async def test_whoever_hangs_up_while_waiting_leaves_the_line(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="a.md")
    waiting = at.start(TWO, "sh", "-c", f"{WITH} a.md -- echo ran")
    await soon(at.desk.table.waiting, "a request that waits")
    waiting.kill()

    await soon(lambda: not at.desk.table.waiting(), "the end of the wait")
    await at.desk.ask(ONE, "unlock", path="a.md")
    assert at.held() == []


async def test_a_person_locks_what_belongs_to_an_agent_and_waits_for_what_it_holds(at: Counter) -> None:
    path = str(at.sockets / "control.sock")
    connection, _ = await anyio.to_thread.run_sync(lambda: ask(path, "hold", {"paths": ["front/a.ts"]}, timeout=30))

    with pytest.raises(Rejected, match="held by a person until their command has ended"):
        await at.desk.ask(ONE, "lock", path="front/a.ts")
    assert (await at.desk.ask(ONE, "owns", path="front/a.ts"))["holder"] == PERSON
    with pytest.raises(Rejected, match=f"held by {ONE}"):
        await person(at, "hold", paths=[f"own-{ONE}.md"], wait=0)
    connection.close()
    await soon(lambda: at.held() == [], "the end of the lock")


async def test_an_agent_does_not_lock_as_a_person(at: Counter) -> None:
    at.desk.lead.pids.add(os.getpid())

    with pytest.raises(Rejected, match="through its own socket"):
        await person(at, "hold", paths=["front/a.ts"])


async def test_without_a_connection_nothing_is_lent(at: Counter) -> None:
    with pytest.raises(Rejected, match="connection"):
        at.desk.desk.answer(Caller(ONE), "hold", {"paths": ["a.md"]})


@pytest.mark.parametrize("paths", [None, [], "a.md", [""], ["a"] * 65])
async def test_a_request_that_makes_no_sense_is_refused(at: Counter, paths: object) -> None:
    with pytest.raises(Rejected):
        await person(at, "hold", paths=paths)


async def test_only_an_operation_is_given_back_before_the_end_of_the_task_that_declares_it(at: Counter) -> None:
    grants = at.desk.table.acquire_all(ONE, ["op:install", "src/a.py"], now=at.desk.time[0])
    assert isinstance(grants, tuple)
    at.desk.recorder.record(*map(granted_event, grants))
    kept = await at.run(ONE, "sh", "-c", "squad agent unlock src/a.py --done")
    without = await at.run(ONE, "sh", "-c", "squad agent unlock op:install")
    done = await at.run(ONE, "sh", "-c", "squad agent unlock op:install --done")

    assert (kept.code, without.code) == (1, 1)
    assert "squad agent unlock op:install --done" in without.err
    assert (done.code, done.out) == (0, "unlocked op:install\n")
    assert (await at.desk.ask(TWO, "lock", path="op:install"))["path"] == "op:install"


@dataclass
class Narrow:
    """Agents whose walls cannot be opened; what would run beside them is noted."""

    lent: list[Claim] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    until: anyio.Event | None = None  #: a command runs

    def is_narrow(self, _holder: AgentId, _places: Sequence[Claim]) -> bool:
        return True

    def lend(self, _holder: AgentId, places: Sequence[Claim]) -> Callable[[], None]:
        self.lent += places

        def take_back() -> None:
            for place in places:
                self.lent.remove(place)

        return take_back

    async def run(self, _holder: AgentId, places: Mapping[Claim, int], command: Beside) -> int:
        self.ran.append(f"{command.argv[0]} {' '.join(places)}")
        command.signals.append(self.killed.append)
        if self.until is not None:
            await self.until.wait()
        return 7


def said(path: Path, *requests: tuple[str, Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Say all of it at once over one connection; gives the answers in the order of the requests."""
    with closing(socket.socket(socket.AF_UNIX)) as line, line.makefile("rb") as answers:
        line.settimeout(NEVER)
        line.connect(str(path))
        line.sendall(b"".join(request(number, *one) for number, one in enumerate(requests)))
        found = [json.loads(answers.readline()) for _ in requests]
    return sorted(found, key=lambda one: int(one["id"]))


async def test_no_command_runs_beside_its_agent_under_a_lock_that_was_refused_or_is_still_waited_for(at: Counter) -> None:
    """It once ran, with the right to write what was refused."""
    narrow = at.desk.desk.loans.besides = Narrow()
    token = {"token": f"token-{TWO}"}
    run = ("run", {"command": ["true"], "line": 0, **token})
    hold: Callable[..., tuple[str, Mapping[str, object]]] = lambda *paths, wait=0: (  # noqa: E731
        "hold",
        {"paths": paths, "wait": wait, **token},
    )
    await at.desk.ask(ONE, "lock", path="a.md")

    for requests in ((hold("front/a.ts"), run), (hold("a.md", wait=0.3), run), (run, hold("front/a.ts"))):
        answers = await anyio.to_thread.run_sync(said, at.sockets / TWO, *requests)
        assert ["error" in one for one in answers] == [True, True], requests
    assert (narrow.ran, narrow.lent) == ([], [])
    held = await anyio.to_thread.run_sync(lambda: ask(str(at.sockets / TWO), *hold("b.md"), timeout=NEVER))
    other = await anyio.to_thread.run_sync(lambda: ask(str(at.sockets / TWO), *hold("c.md"), timeout=NEVER))
    answer = await anyio.to_thread.run_sync(lambda: ask_again(held[0], str(at.sockets / TWO), *run))
    held[0].close()
    other[0].close()
    assert (answer, narrow.ran) == ({"code": 7}, ["true b.md"])
    await soon(lambda: not narrow.lent, "the end of the loan")


async def test_a_lock_whose_connection_ends_is_free_when_its_command_beside_the_agent_was_killed(at: Counter) -> None:
    """It once was free at once, and the command wrote on."""
    narrow = at.desk.desk.loans.besides = Narrow(until=(until := anyio.Event()))
    path, token = str(at.sockets / TWO), {"token": f"token-{TWO}"}
    line, _ = await anyio.to_thread.run_sync(lambda: ask(path, "hold", {"paths": ["b.md"], **token}, timeout=NEVER))
    line.sendall(request(2, "run", {"command": ["true"], "line": 0, **token}))
    await soon(lambda: narrow.ran, "the command")

    line.close()
    await soon(lambda: narrow.killed, "its end")

    assert narrow.killed == [signal.SIGKILL]
    assert at.held() == [("b.md", TWO)]
    until.set()
    await soon(lambda: not at.held() and not narrow.lent, "the end of the lock")


class Confined:
    """An agent that Landlock confines; its commands run until they are killed."""

    means, workspace = Means.LANDLOCK, Path("/nowhere")

    def __init__(self) -> None:
        self.killed = anyio.Event()
        self.is_running = False

    async def beside(self, command: Beside) -> Mapping[str, object]:
        command.signals.append(lambda number: self.killed.set() if number == signal.SIGKILL else None)
        self.is_running = True
        await self.killed.wait()
        self.is_running = False
        return {"code": 137, "fault": ""}


async def test_a_lock_that_a_person_forces_is_free_when_the_command_under_it_was_killed(at: Counter) -> None:
    inmate = Confined()
    gates = Gates(at.desk.recorder, lambda _: cast("Inmate", inmate))
    grant = at.desk.table.request(TWO, "shared/", now=0.0, purpose="", wait=False)
    assert isinstance(grant, Grant)
    command = Beside(argv=("true",), pid=1, line=0, writable=())

    async with anyio.create_task_group() as group:
        group.start_soon(gates.run, TWO, {Claim("shared/one.txt"): grant.fence}, command)
        await soon(lambda: inmate.is_running, "the command")
        assert gates.close(structs.replace(grant, fence=grant.fence + 1)) is None
        closing_it = gates.close(grant)
        assert closing_it is not None
        await closing_it.come()
        assert not inmate.is_running


async def test_a_command_under_op_git_and_squads_own_git_take_turns(at: Counter) -> None:
    turn = at.desk.desk.loans.turn
    async with turn:
        waiting = at.start(ONE, "sh", "-c", f"{WITH} op:git -- echo ran")
        await soon(lambda: at.held() == [("op:git", ONE)], "the lock")
        assert waiting.poll() is None
    assert (await at.ended(waiting)).out == "ran\n"

    async with turn:
        assert at.held() == []


async def test_what_a_person_locked_is_kept_for_the_process_that_was_meant_and_for_no_other_of_its_number(at: Counter) -> None:
    """A supervisor that goes on with a run knows loans from the journal alone."""
    with sleeper() as command:
        lender = Borrowing(at, command.pid)
        other = AgentId("agent-9")
        mine, reused, rebooted = (lender.lent(path) for path in ("mine.md", "reused.md", "op:git"))
        kept = {
            mine: [lender.borrower(mine)],
            reused: [lender.borrower(reused, born=1.0)],
            rebooted: [lender.borrower(rebooted, boot="before")],
            lender.granted("theirs.md", other): [],
        }
        async with anyio.create_task_group() as group:
            idle = at.desk.desk.loans.take_over(kept, group)

            assert [grant.path for grant in idle] == ["reused.md", "op:git", "theirs.md"]
            assert "mine.md" in lender.held()
            command.kill()
            await soon(lambda: "mine.md" not in lender.held(), "the end of the loan")
    assert {"reused.md", "op:git", "theirs.md"} <= lender.held(), "which whoever took over frees"


async def test_commands_one_after_another_under_one_lock_leave_none_but_the_living_in_the_state(at: Counter) -> None:
    """A script that calls `with-lock` a thousand times under its own lock once left a thousand, and each copied them all."""
    loans = at.desk.desk.loans

    async def lent(pid: int) -> Line:
        line = Line(lambda _: None)
        later = loans.hold(Caller(None, line=line, pid=pid), {"paths": ["a.md"]})
        await later.come()
        return line

    for pid in (script := os.getppid(), own := os.getpid()):
        await lent(pid)
    for _ in range(5):
        for hung_up in (await lent(own)).at_end:
            hung_up()
    await lent(own)
    at.desk.recorder.settle()

    lock = at.desk.replayed().locks[f"{PERSON} a.md"]
    assert [one.pid for one in lock.lent] == [script, own, own]


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"])


@dataclass(frozen=True, slots=True)
class Borrowing:
    """Lends to a process as the supervisor before did; what the journal tells of that."""

    at: Counter
    pid: int

    def granted(self, path: str, holder: AgentId = PERSON) -> Grant:
        grant = self.at.desk.table.request(holder, path, now=0.0)
        assert isinstance(grant, Grant)
        self.at.desk.recorder.record(granted_event(grant))
        return grant

    def lent(self, path: str) -> Grant:
        grant = self.granted(path)
        self.at.desk.desk.locks.note_loan(grant, identity(self.pid))
        self.at.desk.recorder.settle()
        return grant

    def borrower(self, grant: Grant, **more: object) -> Borrower:
        [borrower] = self.at.desk.replayed().locks[f"{grant.holder} {grant.path}"].lent
        return structs.replace(borrower, **more)

    def held(self) -> set[str]:
        return {grant.path for grant in self.at.desk.table.grants()}
