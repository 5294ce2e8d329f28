"""An agent at work: how its silence is judged, and when it is ended."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from orchestrator.adapters.base import AnyAdapter, Invocation
from orchestrator.adapters.command import CommandAdapter
from orchestrator.events import AgentStalled, AttemptStarted, ClaimMade, LockRefused, Noticed, RungClimbed
from orchestrator.hearing.listening import Assignment, Listener
from orchestrator.journal import Journal
from orchestrator.journal.recorder import Recorder
from orchestrator.messages import Done
from orchestrator.model import AttemptId, Level, Outcome, TaskId
from orchestrator.run import agent as agents
from orchestrator.run.agent import AtWork
from orchestrator.scheduling.liveness import Sign
from orchestrator.scheduling.outcomes import Ended
from orchestrator.state import initial
from tests.support.builders import ONE, RUN, plan, planned, prepared, run_started, task
from tests.support.leashing import python
from tests.support.waiting import until

HANG = "import signal\nwhile True: signal.pause()"


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    of = plan(planned(task("T1")))
    with Journal.open(tmp_path / "state") as journal:
        made = Recorder(journal, of, initial(RUN, of), clock=lambda: 1000.0)
        made.record(run_started(), prepared("T1.1"))
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Talked(CommandAdapter):
    """A program that can be spoken to."""

    @property
    def nudges(self) -> bool:
        return True

    def tell(self, text: str) -> bytes:
        return f"{text}\n".encode()


def at_work(
    recorder: Recorder, folder: Path, code: str, *, after: float = 20.0, grace: float = 0.2, adapter: AnyAdapter | None = None
) -> AtWork:
    def take(_agent: object, messages: object) -> list[ClaimMade]:
        return [ClaimMade(agent=ONE, task="T1", attempt="T1.1", done=m.ok, note=m.note) for m in messages if isinstance(m, Done)]  # type: ignore[attr-defined]  # a sequence

    (folder / "workspace").mkdir()
    return AtWork(
        recorder,
        take,  # type: ignore[arg-type]  # narrower than it must be
        Assignment(
            task=TaskId("T1"),
            agent=ONE,
            attempt=AttemptId("T1.1"),
            workspace=folder / "workspace",
            adapter=adapter or CommandAdapter(command=("agent",)),
            invocation=Invocation(argv=python(code), exit_claims=True, keep_stdin=adapter is not None),
            environment={"PATH": "/usr/bin:/bin"},
            mark=f"mark of {folder}",
            log=folder / "T1.1.log",
            socket=folder / "T1.1.sock",
            level=Level.DETECT,
            stall_after=after,
            ladder=("nudge", "interrupt", "restart", "park"),
            grace=grace,
        ),
    )


def seen(recorder: Recorder, kind: type) -> list[object]:
    return [entry.event for entry in recorder.journal.entries(run=RUN) if isinstance(entry.event, kind)]


async def test_exit_zero_of_a_command_claims_done(recorder: Recorder, tmp_path: Path) -> None:
    ended, ending = await at_work(recorder, tmp_path, "pass").run()

    assert ended == Ended(outcome=Outcome.DONE, reason="exit 0")
    assert ending is not None
    assert len(seen(recorder, AttemptStarted)) == 1


async def test_an_agent_that_claims_done_and_lingers_is_done_and_not_stalled(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its silence after the claim once counted as a stall."""
    monkeypatch.setattr(agents, "LINGER", 1.0)

    ended, _ = await at_work(recorder, tmp_path, f"print('Status: COMPLETE', flush=True)\n{HANG}", after=0.5).run()

    assert ended.outcome is Outcome.DONE
    assert seen(recorder, AgentStalled) == []


async def test_what_squad_has_not_read_yet_is_no_silence_of_the_agent(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood took longer to read than `stall.after`, and the agent was ended for it."""
    read = Listener.read

    async def slowly(self: Listener, *, log: int, status: int) -> None:
        await anyio.sleep(3.0 if log > self.output.offset else 0.0)
        await read(self, log=log, status=status)

    monkeypatch.setattr(Listener, "read", slowly)

    ended, _ = await at_work(recorder, tmp_path, "print('much')", after=1.0).run()

    assert ended.outcome is Outcome.DONE


async def test_a_silent_agent_is_stalled_with_its_evidence(recorder: Recorder, tmp_path: Path) -> None:
    ended, _ = await at_work(recorder, tmp_path, HANG, after=0.5).run()

    assert ended == Ended(outcome=Outcome.STALLED, reason="no sign of life for 0.5 s")
    assert "no output" in str(seen(recorder, AgentStalled))


async def test_an_agent_that_is_stopped_before_its_process_is_there_is_stopped(recorder: Recorder, tmp_path: Path) -> None:
    """The stop was once remembered as the reason, but never carried out."""
    working = at_work(recorder, tmp_path, HANG)
    working.end(Outcome.STOPPED, "the run was stopped", grace=0.1)

    ended, ending = await working.run()

    assert ended == Ended(outcome=Outcome.STOPPED, reason="the run was stopped")
    assert ending is not None
    assert ending.stopped == "asked"


async def test_a_suspend_of_the_machine_restarts_the_clocks(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = at_work(recorder, tmp_path, HANG)
    working.beat(Sign.OUTPUT)
    asleep = iter((0.0, 3600.0))
    monkeypatch.setattr(agents, "asleep", lambda: next(asleep))

    await working._sleep_until(anyio.current_time())

    assert Sign.OUTPUT not in working.pulse.last
    assert working.pulse.silent_since() <= anyio.current_time()


async def test_what_a_killed_leash_left_in_the_log_is_still_heard(recorder: Recorder, tmp_path: Path) -> None:
    code = f"import os\nos.write(1, b'Status: COMPLETE\\n')\n{HANG}"
    working = at_work(recorder, tmp_path, code)
    log = tmp_path / "T1.1.log"

    async def kill() -> None:
        await anyio.to_thread.run_sync(until, lambda: log.exists() and log.stat().st_size and working._leashed, "its first words")
        assert working._leashed is not None
        os.kill(working._leashed.leash_pid, signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        ended, ending = await working.run()

    assert ended.outcome is Outcome.CRASHED
    assert "leash was killed" in ended.reason
    assert ending is None
    assert len(seen(recorder, ClaimMade)) == 1
    assert seen(recorder, Noticed) == []


# refusals


def refuse(recorder: Recorder, agent: AtWork, path: str, *, row: str = "backend/") -> None:
    recorder.record(LockRefused(path=path, holder=ONE, reason=f"{path} belongs to agent-2\nask its owner", row=row))
    agent.heed()


async def refused(recorder: Recorder, agent: AtWork, paths: Sequence[str]) -> Ended:
    """Let an agent that would never end be refused paths, one after the other."""
    gone: list[Ended] = []

    async def run() -> None:
        gone.append((await agent.run())[0])

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        while not seen(recorder, AttemptStarted):
            await recorder.changed()
        for path in paths:
            refuse(recorder, agent, path)
        if not seen(recorder, AgentStalled):
            agent.end(Outcome.STOPPED, "never stalled")
    return gone[0]


async def test_the_third_refusal_of_one_kind_is_a_verdict_and_ends_an_agent_that_cannot_be_spoken_to(
    recorder: Recorder, tmp_path: Path
) -> None:
    ended = await refused(
        recorder, at_work(recorder, tmp_path, "import time; time.sleep(600)"), ["backend/a", "backend/b", "backend/c"]
    )

    evidence = "refused 3 times: backend/c belongs to agent-2"
    assert ended == Ended(outcome=Outcome.STALLED, reason=evidence)
    assert seen(recorder, AgentStalled) == [
        AgentStalled(agent=ONE, task="T1", attempt="T1.1", verdict="refused", evidence=evidence)
    ]
    assert seen(recorder, RungClimbed) == []


async def test_refusals_of_different_kinds_are_no_verdict(recorder: Recorder, tmp_path: Path) -> None:
    agent = at_work(recorder, tmp_path, "import time; time.sleep(600)")
    async with anyio.create_task_group() as group:
        group.start_soon(agent.run)
        while not seen(recorder, AttemptStarted):
            await recorder.changed()
        for row in ("a/", "b/", "a/", "b/"):
            refuse(recorder, agent, f"{row}x", row=row)
        refuse(recorder, agent, "c", row="")
        agent.end(Outcome.STOPPED, "enough")

    assert seen(recorder, AgentStalled) == []


async def test_an_agent_that_can_be_spoken_to_is_told_first_and_ended_when_it_asks_again(
    recorder: Recorder, tmp_path: Path
) -> None:
    code = "import sys; print(sys.stdin.readline(), flush=True); import time; time.sleep(600)"
    ended = await refused(recorder, at_work(recorder, tmp_path, code, adapter=Talked(command=("agent",))), ["backend/a"] * 4)

    assert ended.outcome is Outcome.STALLED
    assert [rung.rung for rung in seen(recorder, RungClimbed) if isinstance(rung, RungClimbed)] == ["nudge"]
    assert len(seen(recorder, AgentStalled)) == 1
