"""Commands of a person under locks: real processes that keep each other out, wait, nest, are killed and outlive."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread
import pytest

from orchestrator.control.client import ask, ask_again
from orchestrator.control.protocol import Rejected
from orchestrator.desk.loans import Loans
from orchestrator.desk.personal import Command, Commands
from orchestrator.events import LockReleased
from orchestrator.granted import kept_grant
from orchestrator.model import AgentId
from orchestrator.platform import identity
from tests.support.counter import ROOT, Counter, Ended, counter
from tests.support.desks import office
from tests.support.waiting import NEVER, soon

CALL = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from orchestrator.cli.underlock import *; "
CALL += "sys.exit(carry_out(Door({socket!r}, {{}}), read(sys.argv[1:])))"
REFUSE = CALL.replace("sys.exit", "\ntry: sys.exit").replace("[1:])))", "[1:])))\nexcept Rejected as no: sys.exit(str(no))")
WAITS = "while test -e go; do sleep 0.02; done"


@dataclass(frozen=True, slots=True)
class Person:
    """Calls `with-lock` at terminals of their own."""

    at: Counter

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["mine", *words],
            cwd=self.at.desk.folder,
            env={"PATH": f"{self.at.programs}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.at.started.append(process)
        return process

    async def begun(self, *words: str) -> tuple[subprocess.Popen[str], int]:
        """Start a command that lasts until `go` is gone, and wait until it runs and is known; gives its process too."""
        (self.at.desk.folder / "go").touch()
        command = () if "--" in words else ("--", "sh", "-c", f"echo $$; {WAITS}")
        process = self.start(*words, *command)
        assert process.stdout is not None
        pid = int(await anyio.to_thread.run_sync(process.stdout.readline))
        await soon(lambda: pid in self.known(), "the command to be known")
        return process, pid

    def known(self) -> set[int]:
        """Give the processes for which the journal says that locks are held."""
        return {one.pid for lock in self.at.desk.recorder.state.locks.values() for one in lock.lent}

    async def run(self, *words: str) -> Ended:
        return await self.at.ended(self.start(*words))

    def let_end(self) -> None:
        (self.at.desk.folder / "go").unlink()


@pytest.fixture
async def at(tmp_path: Path, runtime: Path) -> AsyncIterator[Counter]:
    with office(tmp_path, capacities={"op:port/1": 2}) as desk:
        async with counter(desk, runtime) as opened:
            yield opened


@pytest.fixture
def me(at: Counter) -> Iterator[Person]:
    call = REFUSE.format(socket=str(at.sockets / "control.sock"))
    (at.programs / "call.py").write_text(call, encoding="utf-8")
    at.program("mine", f'exec {sys.executable} -S {at.programs / "call.py"} "$@"')
    yield Person(at)
    (at.desk.folder / "go").unlink(missing_ok=True)  # commands outlive their `with-lock`: that is what is tried here


async def test_two_commands_of_a_person_keep_each_other_out_and_the_second_reads_which_the_first_is(
    at: Counter, me: Person
) -> None:
    """The second once went in at once beside the first."""
    first, pid = await me.begun("src/")

    refused = await me.run("--wait", "0", "src/a.py", "--", "echo", "ran")
    in_vain = await me.run("--wait", "10ms", "src/a.py", "--", "echo", "ran")

    held = f"held by a command of yours (sh, process {pid}) until it has ended\n"
    assert (refused.code, refused.out, refused.err) == (1, "", f"src/a.py is {held}")
    assert (in_vain.out, in_vain.err.splitlines(keepends=True)[0]) == ("", f"src/a.py was not free within 0.01 s: {held}")
    assert at.held() == [("src", "you")]
    me.let_end()
    await at.ended(first)


async def test_the_second_command_of_a_person_waits_for_the_first_and_says_so(at: Counter, me: Person) -> None:
    _, pid = await me.begun("a.md")
    second = me.start("a.md", "--", "echo", "ran")
    assert second.stderr is not None
    told = await anyio.to_thread.run_sync(second.stderr.readline)
    assert [ticket.holder for ticket in at.desk.table.waiting()] == ["you-2"]
    me.let_end()

    assert told == f"squad: a.md is held by a command of yours (sh, process {pid}); waiting for it, at most 600 s\n"
    assert (await at.ended(second)).out == "ran\n"
    assert at.held() == []


async def test_a_command_within_a_persons_command_does_not_wait_for_itself(at: Counter, me: Person) -> None:
    inner = "(mine --wait 0 a/b.md op:port/1 -- echo inner); echo outer"

    done = await me.run("a/", "op:port/1", "--", "sh", "-c", inner)

    assert (done.code, done.out) == (0, "inner\nouter\n")
    assert at.held() == []


async def test_of_an_operation_for_two_a_third_command_of_a_person_is_refused(at: Counter, me: Person) -> None:
    await me.begun("op:port/1")
    await me.begun("op:port/1")

    refused = await me.run("--wait", "0", "op:port/1", "--", "echo", "ran")

    assert (refused.code, refused.out) == (1, "")
    assert at.held() == [("op:port/1", "you"), ("op:port/1", "you-2")]
    assert set(at.desk.replayed().locks) >= {"you op:port/1", "you-2 op:port/1"}


async def test_the_lock_stays_with_the_command_when_with_lock_is_killed_although_the_connection_ends(
    at: Counter, me: Person
) -> None:
    """A command that closes what it inherits, as `sudo` and `ssh` do, once lost its lock with the one that had started it."""
    closes = f"import os; os.closerange(3, 256); os.execvp('sh', ['sh', '-c', {f'echo $$; {WAITS}'!r}])"
    outer, pid = await me.begun("a.md", "--", sys.executable, "-S", "-c", closes)
    outer.kill()
    await anyio.to_thread.run_sync(outer.wait)

    refused = await me.run("--wait", "0", "a.md", "--", "true")

    assert f"held by a command of yours ({Path(sys.executable).name}, process {pid})" in refused.err
    me.let_end()
    await soon(lambda: at.held() == [], "the end of the lock")


async def test_whoever_goes_on_with_a_run_follows_a_command_whose_with_lock_was_killed(at: Counter, me: Person) -> None:
    """It was once freed: only the process that had asked stood in the journal."""
    first, pid = await me.begun("a.md", "b/")
    first.kill()
    await anyio.to_thread.run_sync(first.wait)
    locks = {name: lock for name, lock in at.desk.replayed().locks.items() if lock.holder == "you"}
    kept = {kept_grant(lock, expires=2000.0): lock.lent for lock in locks.values()}
    loans = Loans(at.desk.desk.locks)

    async with anyio.create_task_group() as group:
        idle = loans.take_over(kept, group)

        assert (sorted(grant.path for grant in kept), idle) == (["a.md", "b"], [])
        assert at.desk.desk.locks.commands.told(AgentId("you")) == f"a command of yours (sh, process {pid})"
        assert {(one.pid, one.starter) for one in locks["you b"].lent} == {(first.pid, 0), (pid, first.pid)}
        me.let_end()
        await soon(lambda: at.held() == [], "the end of the lock")


async def test_nobody_names_a_process_as_a_command_that_it_did_not_start(at: Counter, me: Person) -> None:
    path = str(at.sockets / "control.sock")
    held, _ = await anyio.to_thread.run_sync(lambda: ask(path, "hold", {"paths": ["a.md"]}, timeout=NEVER))
    for stranger in (1, 0, 2**22):
        with pytest.raises(Rejected, match=f"{stranger} is no process of a command"):
            await anyio.to_thread.run_sync(partial(ask_again, held, path, "running", {"pid": stranger}))
    held.close()
    other, _ = await anyio.to_thread.run_sync(lambda: ask(path, "ping", {}, timeout=NEVER))
    with pytest.raises(Rejected, match="nothing is lent"):
        await anyio.to_thread.run_sync(lambda: ask_again(other, path, "running", {"pid": os.getpid()}))
    other.close()


async def test_a_supervisor_that_ends_keeps_for_people_in_the_journal_what_it_frees_in_memory(at: Counter, me: Person) -> None:
    """An orderly stop once gave it back while the command ran, and the next supervisor granted it to somebody else."""
    first, _ = await me.begun("a.md")
    second = me.start("a.md", "--", "echo", "ran")
    await soon(at.desk.table.waiting, "the second")
    at.desk.desk.loans.let_go()
    at.desk.desk.locks.leave_people(is_over=False)
    assert (at.held(), at.desk.table.waiting()) == ([], ())
    refused = await me.run("b.md", "--", "echo", "ran")
    me.let_end()
    second.kill()
    await at.ended(first)
    at.desk.recorder.settle()

    assert refused.err == "the run ends: nothing is lent\n"
    assert "you a.md" in at.desk.replayed().locks
    assert [event for event in at.desk.events(LockReleased) if isinstance(event, LockReleased)] == []


def test_what_was_started_under_a_command_has_its_locks_and_nobody_else_does() -> None:
    commands, own = Commands(), identity(os.getpid())
    first = commands.begin(Command(holder=commands.name(), purpose="make", starter=own))
    with subprocess.Popen(["sleep", "1000"]) as child:
        assert (first.holder, commands.name()) == ("you", "you-2")
        assert commands.around(child.pid) == commands.around(own.pid) == (first,)
        assert commands.around(os.getppid()) == commands.around(None) == ()
        inner = Command(holder=commands.name(), purpose="", starter=identity(child.pid), around=commands.around(child.pid))
        commands.begin(inner)
        assert commands.around(child.pid) == (inner, first)
        child.kill()
    assert commands.around(child.pid) == (), "whose process is gone"
    assert commands.lenders(inner) == ("you",)

    commands.end(first)

    assert commands.lenders(inner) == (), "also if another command is called so by now"
    assert commands.name() == "you"
    commands.begin(Command(holder=AgentId("you"), purpose="", starter=None, process=identity(1)))
    assert commands.told(AgentId("you")) == "a command of yours (process 1)"


async def test_two_commands_under_one_keep_each_other_out_of_what_that_one_does_not_hold(at: Counter, me: Person) -> None:
    (at.desk.folder / "go").touch()
    beside = f"mine x.md -- sh -c 'echo; {WAITS}' | (read line; mine --wait 0 x.md -- true; rm go)"

    siblings = await me.run("outer/", "--", "sh", "-c", beside)

    assert siblings.err.startswith("x.md is held by a command of yours (sh, process ")
    assert at.held() == []


async def test_of_two_commands_that_lock_within_a_lock_what_the_other_has_one_is_refused(at: Counter, me: Person) -> None:
    first, _ = await me.begun("a.md", "--", "sh", "-c", f"echo $$; {WAITS}; mine b.md -- true")
    second, _ = await me.begun("b.md", "--", "sh", "-c", f"echo $$; {WAITS}; mine a.md -- true")
    me.let_end()

    ended = sorted([await at.ended(first), await at.ended(second)], key=lambda one: one.code)

    assert [one.code for one in ended] == [0, 1]
    assert "waiting would close a circle" in ended[1].err


async def test_a_command_has_what_those_around_it_hold_and_is_told_at_once_what_it_can_never_have(
    at: Counter, me: Person
) -> None:
    inner = "mine --wait 0 y.md wide/a.md -- echo in; mine wide/ -- true"

    nested = await me.run("wide/a.md", "--", "sh", "-c", f'mine x.md -- sh -c "mine --wait 0 x.md -- true && {inner}"')

    assert nested.out == "in\n"
    assert nested.err.startswith("the command around this one has locked a part of wide: lock all of it there")
    assert at.held() == []
