"""An agent at work: its process, and whether it lives.

Whoever is at work owns the leash: leaving `run` means that no process of it is left. What the agent says is read from the
raw log by the offsets that the leash tells, never from a pipe.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.adapters import Conversing
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.scope import Opening, opening
from orchestrator.events import AgentStalled, AttemptStarted, Noticed, RungClimbed
from orchestrator.exchange import questions
from orchestrator.hearing.dialogue import Dialogue, Inquire, Line, Permit
from orchestrator.hearing.heard import conclude
from orchestrator.hearing.listening import Assignment, Take, listener
from orchestrator.journal.recorder import Recorder
from orchestrator.leash import Beside, Ending, Full, Gone, Holder, Leashed, LeashSpec, Lost, Output, Room, StartFailed, start
from orchestrator.model import AgentState, Outcome
from orchestrator.platform import asleep, identity, is_frozen, newest_write, tree_cpu
from orchestrator.scheduling.liveness import Pulse, Sign
from orchestrator.scheduling.outcomes import Ended

#: Seconds that an agent may linger, silent, after its claim before its process is ended.
LINGER = 10.0
#: The same of one whose stdin is closed and that keeps a server of tools alive: Gemini never leaves by itself then.
PARTING = 3.0
#: Seconds that a turn may take to end when it is interrupted because the attempt is to end.
LAST_TURN = 2.0
_NUDGE = "squad hears nothing from you: go on, or say what you wait for"
_ANOTHER_WAY = "Go on with your task another way, or say what you wait for."
_GO_ON = f"squad interrupted you, because it saw no sign of life. {_ANOTHER_WAY}"


class AtWork:
    """An agent at work on a task."""

    def __init__(
        self,
        recorder: Recorder,
        take: Take,
        assignment: Assignment,
        *,
        permit: Permit | None = None,
        inquire: Inquire | None = None,
        hear_out: Callable[[], None] = lambda: None,
        gone: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the assignment; nothing happens before `run`."""
        self.assignment = assignment
        self.pulse = Pulse(started=anyio.current_time())
        self._recorder = recorder
        self._permit = permit
        self._inquire = inquire
        self._hear_out = hear_out
        self._gone = gone  #: called when no process is left of an agent whose work nobody will take
        self._listener = listener(recorder, take, assignment, log=0, status=0)
        self._dialogue = self._listener.dialogue
        self._leashed: Leashed | None = None
        self._claimed = anyio.Event()
        self._doors: dict[Path, Opening] = {}  #: by what was locked
        self._over = anyio.Event()  #: no process of it is left
        self._interrupted = anyio.Event()  #: its last turn
        self._grace = assignment.grace
        self._has_interrupted = False
        self._refused = 0  #: how often the same, when it was last told of
        self._gentle = self._gentle_rungs()
        self._is_full = False  #: its log cannot be written, so that it waits and cannot show life

    async def run(self) -> tuple[Ended, Ending | None]:
        """Carry the attempt out until its whole process tree is gone."""
        try:
            async with start(self._spec()) as leashed:
                ended, ending = await self._attend(leashed)
        except StartFailed as error:
            return Ended(outcome=Outcome.ENVIRONMENT, reason=error.message), None
        finally:
            self._leashed = None  # nothing is left that could be stopped
            self._over.set()
            self._listener.close()
        return ended, ending

    async def _attend(self, leashed: Leashed) -> tuple[Ended, Ending | None]:
        """Be with the agent until nothing is left of it; gives how it ended."""
        async with anyio.create_task_group() as group:
            self._leashed = leashed
            self._recorder.record(self._started(leashed))
            if self._listener.heard.ended_by is not None:
                leashed.stop(self._grace)
            if self._dialogue is not None and self._permit is not None:
                agent, permit, inquire = self.assignment.agent, self._permit, self._inquire
                line = Line(leashed=leashed, group=group, agent=agent, permit=permit, inquire=inquire)
                self._dialogue.begin(replace(line, has_tools=self.assignment.has_tools))
                group.start_soon(self._end_after_turn, leashed, self._dialogue)
            group.start_soon(self._watch)
            group.start_soon(self._linger)
            ending = await self._follow(leashed)
            ended = self._ended(ending)
            group.cancel_scope.cancel()
        return ended, ending

    def _ended(self, ending: Ending | None) -> Ended:
        """Take in the last that it said, and judge; nothing is waited for, since others wait for its locks."""
        self._listener.finish()
        self._hear_out()
        ended = self._concluded(ending)
        if ending is not None and not ending.survivors and ended.outcome is not Outcome.DONE:
            self._gone()  # before its leash is buried and its workspace looked at
        return ended

    def _concluded(self, ending: Ending | None) -> Ended:
        asked = questions.left_with(self._recorder.state, self.assignment.task)
        return conclude(self._listener.heard, ending, exit_claims=self.assignment.invocation.exit_claims, asked=asked)

    def end(self, outcome: Outcome, why: str, *, grace: float | None = None) -> None:
        """End the agent for a reason of squad's, also one that is only being started; the first reason holds."""
        heard = self._listener.heard
        if heard.ended_by is None:
            heard.ended_by, heard.why = outcome, why
        self._grace = self.assignment.grace if grace is None else grace
        if self._leashed is None:
            return
        if self._dialogue is not None and self._dialogue.interrupt():
            self._interrupted.set()
        else:
            self._leashed.stop(self._grace)

    def overhear(self, read: Callable[[bytes], None]) -> None:
        """Let somebody read what the agent prints, besides what is understood of it."""
        self._listener.overhear = read

    def tell(self, text: str) -> bool:
        """Say something to the agent; tell whether it can hear it."""
        adapter, leashed = self.assignment.adapter, self._leashed
        if self._dialogue is not None:
            return self._dialogue.tell(text)
        if leashed is None or isinstance(adapter, Conversing) or not (told := adapter.tell(text)):
            return False
        leashed.send(told)
        return True

    @property
    def means(self) -> Means | None:
        """Give what confines it."""
        return self.assignment.confinement.means if self.assignment.confinement else None

    @property
    def workspace(self) -> Path:
        """Give where it works."""
        return self.assignment.workspace

    async def open(self, path: Path) -> str | None:
        """Let it write a path from now on; gives the reason if it cannot be."""
        if self._leashed is None:
            return "the agent is gone"
        if path in self._doors:
            return None
        door = self._doors[path] = opening(path)
        return await self._leashed.open(door.path, folder=door.is_folder, wanted=door.wanted, beside=door.beside)

    async def close(self, path: Path) -> tuple[Holder, ...]:
        """Let it write a path no longer; gives who still can."""
        door = self._doors.pop(path, None)
        if self._leashed is None or door is None:
            return ()
        return await self._leashed.close(door.path, wanted=door.wanted)

    async def beside(self, command: Beside) -> Mapping[str, object]:
        """Run a command that may write more than it does, to its end."""
        return {"reason": "the agent is gone"} if self._leashed is None else await self._leashed.beside(command)

    async def expel(self, why: str) -> None:
        """End it, and wait until nothing is left of it."""
        self.end(Outcome.FAILED, why)
        await self._over.wait()

    def beat(self, sign: Sign) -> None:
        """Note a sign of life that did not come through the pipes."""
        self.pulse.beat(sign, time.monotonic())  # what anyio goes by, which asks each time which loop it is

    def heed(self) -> None:
        """Take up a claim, whichever way the agent made it, and that it asks in vain again and again."""
        status = self._recorder.state.attempts[self.assignment.attempt]
        self._heed_refusals(status.refused)
        if status.claim is not None:
            self._listener.heard.claim, self._listener.heard.note = status.claim, status.note
        if self._has_said_all():
            self._claimed.set()

    def _heed_refusals(self, refused: Mapping[str, int]) -> None:
        """Climb a rung with each refusal of one kind from the one on that makes a verdict."""
        times = max(refused.values(), default=0)
        if times < self.assignment.same_failure or times == self._refused or self._listener.heard.ended_by is not None:
            return
        evidence = f"refused {times} times: {self._recorder.state.attempts[self.assignment.attempt].denied}"
        if not self._refused:
            self._stalled("refused", evidence)
        self._refused = times
        rung, leashed = next(self._gentle, None), self._leashed
        if rung is None or leashed is None:
            self.end(Outcome.STALLED, evidence)
            return
        self._has_interrupted = self._has_interrupted or rung == "interrupt"
        self._recorder.record(self._climbed(rung, evidence))
        self._rouse(rung, leashed, f"squad has refused you the same thing {times} times. {_ANOTHER_WAY}")

    def _gentle_rungs(self) -> Iterator[str]:
        """Give the rungs that speak to the agent, one after the other, as far as it has them."""
        for rung in self.assignment.ladder:
            has_not_been = rung == "interrupt" and not self._has_interrupted and self.assignment.adapter.interrupts
            if has_not_been or (rung == "nudge" and self.assignment.adapter.nudges):
                yield rung

    def _has_said_all(self) -> bool:
        """Tell whether nothing but its end is to be expected; what is claimed in mid-turn is gone on with."""
        if self._dialogue is not None and not self.assignment.invocation.exit_claims:
            return self._dialogue.over.is_set()
        return self._listener.heard.claim is not None

    def _spec(self) -> LeashSpec:
        assignment, invocation = self.assignment, self.assignment.invocation
        return LeashSpec(
            argv=invocation.argv,
            cwd=str(assignment.workspace),
            environment=assignment.environment,
            log=assignment.log,
            socket=assignment.socket,
            stdin=invocation.stdin,
            keep_stdin=invocation.keep_stdin,
            grace=assignment.grace,
            mark=assignment.mark,
            confinement=assignment.confinement,
        )

    def _started(self, leashed: Leashed) -> AttemptStarted:
        who = identity(leashed.pid)
        assignment = self.assignment
        return AttemptStarted(
            task=assignment.task,
            agent=assignment.agent,
            attempt=assignment.attempt,
            node=who.node,
            boot=who.boot,
            pid=leashed.pid,
            born=leashed.born,
            leash=leashed.leash_pid,
            workspace=str(assignment.workspace),
            level=assignment.level,
            adapter=assignment.adapter.name,
            log=str(assignment.log),
        )

    async def _follow(self, leashed: Leashed) -> Ending | None:
        """Read what the leash tells until everything is gone; None if the leash itself was killed."""
        async for notice in leashed.notices():
            match notice:
                case Output(log=log, status=status):
                    self.beat(Sign.OUTPUT)
                    await self._listener.read(log=log, status=status)
                    self.heed()
                case Gone(ending=ending):
                    await self._listener.read(log=ending.log, status=ending.status)
                    return ending
                case Lost():
                    await self._listener.read_all()
                    return None
                case Full(reason=reason):
                    self._is_full = True
                    self._recorder.record(Noticed(text=f"{self.assignment.agent} waits: its log cannot be written: {reason}"))
                case Room():
                    self._is_full = False
                    self._recorder.record(Noticed(text=f"{self.assignment.agent} goes on: its log can be written again"))
                case _:
                    pass
        return None

    async def _watch(self) -> None:
        """Wait for silence, climb the gentle rungs, and end the attempt when none of them brings life."""
        while True:
            await self._silence()
            if self._claimed.is_set():
                return  # it has said its last word; how long it may linger is another question
            if self._listener.heard.claim is not None:
                break
            if not await self._comes_to_life():
                break
        if self._listener.heard.claim is None:
            self._verdict()
        else:
            self._settle()

    async def _comes_to_life(self) -> bool:
        for rung in ("nudge", "interrupt"):
            if rung in self.assignment.ladder and await self._try_rung(rung):
                return True
        return False

    async def _silence(self) -> None:
        """Return when no sign of life of any kind was seen for `stall_after`."""
        while not self.pulse.is_silent(self.assignment.stall_after, anyio.current_time()):
            await self._sleep_until(self.pulse.next_look(self.assignment.stall_after))
            await self._look()

    async def _sleep_until(self, moment: float) -> None:
        """Sleep; a suspend of the machine meanwhile is no silence of the agent."""
        before = asleep()
        await anyio.sleep_until(moment)
        self.pulse.woke(moment, anyio.current_time(), slept=asleep() - before)

    async def _look(self) -> None:
        """Gather the evidence that nobody tells of: CPU time always, file writes only when all else is silent."""
        leashed = self._leashed
        if leashed is None:
            return
        if self._is_full or self._is_waiting():
            self.beat(Sign.REQUEST)
        if self._listener.is_behind:
            self.beat(Sign.OUTPUT)  # it is squad that is slow
        # from the leash on, which adopts what the agent left behind to work for it
        self.pulse.look(tree_cpu(leashed.leash_pid), anyio.current_time())
        if self.pulse.is_silent(self.assignment.stall_after, anyio.current_time()):
            age = await anyio.to_thread.run_sync(newest_write, self.assignment.workspace, self.assignment.stall_after)
            if age is not None:
                self.pulse.beat(Sign.WRITE, anyio.current_time() - age)

    def _is_waiting(self) -> bool:
        """Tell whether it waits for others: for a lock, or for a person's answer, also one that it did not stay to wait for."""
        state, assignment = self._recorder.state, self.assignment
        return state.agents[assignment.agent].state is AgentState.WAITING or bool(questions.open_of(state, assignment.task))

    async def _try_rung(self, rung: str) -> bool:
        """Climb a gentle rung if the agent has it; tell whether it showed life afterwards."""
        leashed, adapter = self._leashed, self.assignment.adapter
        if leashed is None:
            return False
        frozen = is_frozen(leashed.pid)
        if rung == "nudge" and not (adapter.nudges or frozen):
            return False
        if rung == "interrupt" and (self._has_interrupted or not adapter.interrupts):
            return False  # the answer to an interrupt looks like life, and would keep a dead turn up for ever
        self._has_interrupted = self._has_interrupted or rung == "interrupt"
        self._recorder.record(self._climbed(rung, self.pulse.evidence(anyio.current_time())))
        since = anyio.current_time()
        if frozen:
            leashed.resume()
        else:
            self._rouse(rung, leashed, _NUDGE if rung == "nudge" else _GO_ON)
        await self._sleep_until(since + min(self.assignment.stall_after, 60.0))
        await self._look()
        return self.pulse.silent_since() > since

    def _rouse(self, rung: str, leashed: Leashed, text: str) -> None:
        adapter = self.assignment.adapter
        if self._dialogue is not None and rung == "nudge":
            self._dialogue.tell(text)
        elif self._dialogue is not None:
            self._dialogue.interrupt(then=text)
        elif rung == "nudge" and not isinstance(adapter, Conversing):
            leashed.send(adapter.tell(text))
        else:
            leashed.interrupt()

    def _climbed(self, rung: str, evidence: str) -> RungClimbed:
        assignment = self.assignment
        return RungClimbed(agent=assignment.agent, task=assignment.task, attempt=assignment.attempt, rung=rung, reason=evidence)

    def _stalled(self, verdict: str, evidence: str) -> None:
        who = self.assignment
        stalled = AgentStalled(agent=who.agent, task=who.task, attempt=who.attempt, verdict=verdict, evidence=evidence)
        self._recorder.record(stalled)

    def _verdict(self) -> None:
        self._stalled("silent", self.pulse.evidence(anyio.current_time()))
        self.end(Outcome.STALLED, f"no sign of life for {self.assignment.stall_after:g} s")

    async def _linger(self) -> None:
        """End an agent that has claimed something, has nothing more to say, and does not leave."""
        await self._claimed.wait()
        patience = PARTING if self.assignment.has_tools else LINGER
        until = anyio.current_time() + patience
        while until > anyio.current_time():
            await anyio.sleep_until(until)
            until = self.pulse.last.get(Sign.OUTPUT, 0.0) + patience
        self._settle()

    def _settle(self) -> None:
        """End an agent whose claim holds as it is."""
        self._listener.heard.settled = True
        if self._leashed is not None:
            self._leashed.stop(self.assignment.grace)

    async def _end_after_turn(self, leashed: Leashed, dialogue: Dialogue) -> None:
        """End an agent by force that was interrupted for good, once its turn has ended or takes too long to."""
        await self._interrupted.wait()
        with anyio.move_on_after(min(self._grace, LAST_TURN)):
            await dialogue.over.wait()
        leashed.stop(self._grace)
