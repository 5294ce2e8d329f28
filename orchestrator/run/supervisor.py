"""The one owner of a run: decide, start, wait for one change, decide again.

Everything of a run happens in one task group here, and everything that changes goes through one recorder. Deciding
reserves: locks, the agent and the attempt's number are taken in one step, without waiting in between.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import anyio
import anyio.abc

from orchestrator import events as ev
from orchestrator.claims import any_meets
from orchestrator.desk.inbox import Inbox
from orchestrator.desk.requests import Desk
from orchestrator.desk.seats import Seated
from orchestrator.desk.steering import Order, Steering
from orchestrator.exchange import questions
from orchestrator.fold.steering import NOW
from orchestrator.granted import granted_event, kept_grant
from orchestrator.journal.recorder import Recorder
from orchestrator.locks import Blocked, Grant, LockTable
from orchestrator.messages import Message
from orchestrator.model import (
    AgentId,
    AgentState,
    AttemptId,
    Haste,
    Isolation,
    Outcome,
    Plan,
    PlannedTask,
    Seat,
    TaskId,
    TaskState,
)
from orchestrator.platform import descends
from orchestrator.rights import Rights
from orchestrator.run import preparing
from orchestrator.run.agent import AtWork
from orchestrator.run.attempt import Attempt
from orchestrator.run.doors import Gates
from orchestrator.run.integration import Integration, Restore, nothing_to_restore
from orchestrator.run.stage import Stage
from orchestrator.run.verdicts import effects, limit_event
from orchestrator.run.witness import witnessed
from orchestrator.scheduling import limits, scaling, scheduler, shaping
from orchestrator.scheduling.front import Front
from orchestrator.scheduling.liveness import Sign
from orchestrator.state import FINAL, JUDGED, UNDER_WAY
from orchestrator.text.quantities import format_duration, format_moment
from orchestrator.workspaces import Work

_HASTE = 0.5  #: seconds between TERM and KILL when a run is to end now


class Supervisor:
    """Carries a plan out."""

    def __init__(self, recorder: Recorder, stage: Stage, integration: Integration, rules: scheduler.Rules) -> None:
        """Own a run from the state its journal adds up to; nothing happens before `run`."""
        self.recorder = recorder
        locks = stage.config.locks.model_dump()
        self.table = LockTable(capacities=self.plan.capacity, fence=recorder.state.fence, **locks)
        self.rights = Rights(self.plan.matrix, self.table)
        self.inbox = Inbox(recorder, wait=stage.config.run.questions.wait, tell=self._tell)
        self.desk = Desk(
            recorder,
            self.table,
            self.rights,
            root=stage.project.root,
            lead=self,
            inbox=self.inbox,
            limited=self._limited,
            doors=witnessed(gates := Gates(recorder, self._at_work), stage.workspaces, recorder),
        )
        self.desk.loans.besides = gates
        self.stage = stage
        self._steering = Steering(recorder, halt=self._halt, tell=self._tell)
        #: what a person may order of the run besides ending it, by the name of the request
        self.orders: Mapping[str, Order] = {**self._steering.orders}
        #: takes in what an agent left in its comm file, when its processes are gone and before its attempt is judged
        self.hear_out: Callable[[AgentId], None] = lambda _: None
        self._integration = integration
        self.rules = rules
        self._heed_plan()
        self._attempts: dict[AgentId, Attempt] = {}
        self._gone_from: dict[AgentId, tuple[str, ...]] = {}  #: keys of the tasks of those that are gone, up to their end
        self._under_way = 0
        self._integrating: set[anyio.CancelScope] = set()
        self._left: list[tuple[PlannedTask, AgentId]] = []  #: results whose checks or merge a pause has broken off
        self._stopping = ""
        self.haste = 0  #: how firmly it is ended, if it is
        self._out_of_time = False
        self._told_reset = 0.0

    @property
    def plan(self) -> Plan:
        """Give the plan as it stands."""
        return self.recorder.plan

    def _heed_plan(self) -> None:
        """Go by a plan that a person has amended."""
        self._front = Front(self.plan, touched=self.recorder.touched)
        self._tasks: Mapping[TaskId, PlannedTask] = {planned.task.id: planned for planned in self.plan.tasks}
        self._seats: Mapping[AgentId, Seat] = {seat.id: seat for seat in self.plan.agents}

    async def run(self) -> None:
        """Carry the plan out until it is settled, a person is needed, or someone ends it; record which."""
        async with anyio.create_task_group() as group:
            self._take_over(group)
            now = self.recorder.clock()
            while not self._decide(group, now):
                await self._next_change(now)
                now = self.recorder.clock()
            self._conclude()

    def stop(self, *, now: bool, kill: bool = False, reason: str = "stopped") -> None:
        """End the supervisor, not the run: what is under way is stopped and will be done again."""
        self.haste = max(self.haste, Haste.KILLED if kill else Haste.NOW if now else Haste.ORDERLY)
        if not self._stopping:
            self._stopping = reason
            self.recorder.record(ev.StopRequested(reason=reason))
        self._halt(f"the run was {reason}", grace=0.0 if kill else _HASTE if now else None)
        self.recorder.wake()

    def _halt(self, why: str, only: AgentId | None = None, *, grace: float | None = None) -> None:
        """Stop what is under way, or one agent: it does not count, and is gone on with later."""
        for agent, attempt in self._attempts.items():
            if only in {None, agent}:
                attempt.stop(Outcome.STOPPED, why, grace=grace)
        for scope in self._integrating if only is None else ():
            scope.cancel()

    def hear(self, agent: AgentId, messages: Sequence[Message]) -> None:
        """Take in what an agent said by a way that no attempt reads, such as its comm file."""
        if events := self.desk.take(agent, messages):
            self.recorder.record(*events)
            self.heard(agent)
            self.heed(agent)

    def heard(self, agent: AgentId) -> None:
        """Note that an agent showed life."""
        if self.table.renew(agent, now=self.recorder.clock()):
            self.recorder.wake()  # the next silence is to be told of too
        if (at_work := self._at_work(agent)) is not None:
            at_work.beat(Sign.REQUEST)

    def heed(self, agent: AgentId) -> None:
        """Take up what an agent has claimed, and that it asks in vain."""
        if (at_work := self._at_work(agent)) is not None:
            at_work.heed()

    def is_agents(self, pid: int | None) -> bool:
        """Tell whether a process belongs to an agent: it was started below a leash."""
        return pid is not None and descends(pid, {leash for one in self._attempts.values() if (leash := one.status.leash)})

    def _at_work(self, agent: AgentId) -> AtWork | None:
        attempt = self._attempts.get(agent)
        return attempt.at_work if attempt is not None else None

    def _tell(self, agent: AgentId, text: str) -> bool:
        """Say something to an agent; tell whether it can hear it."""
        return (at_work := self._at_work(agent)) is not None and at_work.tell(text)

    def recall(self, agent: AgentId, why: str) -> None:
        """Stop what an agent is at, because a person takes its task away; that is not counted, and its work is kept."""
        if (attempt := self._attempts.get(agent)) is not None:
            attempt.stop(Outcome.STOPPED, why)

    def renew(self) -> None:
        """Put off the expiry of locks by every sign of life that was seen of their holders; squad's own work is one."""
        now = self.recorder.clock()
        for person in self.desk.locks.commands.holders():
            self.table.renew(person, now=now)  # whose locks end with the commands that need them
        for agent, attempt in self._attempts.items():
            is_own = attempt.at_work is None or self.recorder.state.agents[agent].state is not AgentState.WORKING
            silent = 0.0 if is_own or attempt.at_work is None else anyio.current_time() - attempt.at_work.pulse.silent_since()
            self.table.renew(agent, now=now - silent)

    def _suspect(self) -> None:
        """Tell, once, of locks whose holders show no life."""
        now = self.recorder.clock()
        if (due := self.table.next_suspicion()) is None or due > now:
            return
        self.renew()
        silent: dict[AgentId, list[str]] = {}
        for grant in self.table.suspects(now):
            silent.setdefault(grant.holder, []).append(grant.path)
        for agent, paths in silent.items():
            text = f"{agent} holds {', '.join(paths)} and has shown no life for {format_duration(self.table.warn_after)}"
            self.recorder.record(ev.Noticed(text=text))

    def _decide(self, group: anyio.abc.TaskGroup, now: float) -> bool:
        """Take every decision that can be taken now; tell whether nothing is left that could lead to another."""
        if self._front.plan is not self.plan:
            self._heed_plan()
            self._hold_added(now)
        if not self._stopping:
            self.inbox.settle()
            self._steering.settle()
            self._settle()
            self.inbox.settle()  # what has just failed for good needs no answer any more
            self._heed_limits(now)
            if not self.recorder.state.held:
                self._take_up(group)
                self._start(group, now)
        return self._is_over(now)

    def _hold_added(self, now: float) -> None:
        """Take for what is under way the keys that keep it apart from tasks that were added since."""
        for agent, attempt in self._attempts.items():
            planned = self._tasks[attempt.piece.planned.task.id]
            held = {grant.path for grant in self.table.held_by(agent)}
            keys = [key for key in planned.locks if key.startswith("files:") and key not in held]
            grants = self.table.acquire_all(agent, keys, now=now, purpose=planned.task.title)
            if grants and not isinstance(grants, Blocked):
                self.recorder.record(*map(granted_event, grants))

    def _settle(self) -> None:
        """Carry verdicts out until there are none; each may be the reason for another."""
        state = self.recorder.state
        while True:
            doubtful = self._front.doubtful(state)
            verdicts = scheduler.verdicts(self.plan, state, self.rules, among=doubtful)
            due = [*scaling.departures(self.plan, state), *shaping.due(self.plan, state, doubtful)]
            if not (events := due or [event for one in verdicts for event in effects(state, one)]):
                return
            self.recorder.record(*events)

    def _heed_limits(self, now: float) -> None:
        """Tell, once, of a limit of the run that is reached with work left; when the time is up, end what still runs."""
        state, allowed = self.recorder.state, self.rules.limits
        if (reached := limits.reached(state, allowed, now=now)) is None:
            return
        is_up = limits.time_is_up(state, allowed, now=now) and not self._out_of_time
        working = [one for one in self._attempts.values() if state.tasks[one.piece.planned.task.id].state is TaskState.RUNNING]
        is_left = scheduler.is_work_left(self.plan, state) or (is_up and working)
        if is_left and all(one.limit != reached.limit for one in state.reached):
            self.recorder.record(limit_event(reached))
        if is_up:
            self._out_of_time = True
            for attempt in working:
                attempt.stop(Outcome.STOPPED, f"the time limit of {format_duration(reached.allowed)} is reached")

    def _limited(self, attempt: AttemptId, until: float | None) -> list[ev.LimitReached]:
        return self.stage.accounts.limited(self.recorder.state, attempt, until, now=self.recorder.clock())

    def _tell_wait(self, now: float) -> None:
        """Tell, once for each, of a reset that the whole run waits for."""
        if self._under_way or self._stopping or self.recorder.state.held:
            return
        reset = scheduler.reset_at(self.plan, self.recorder.state, self.rules, now=now)
        if reset is not None and reset != self._told_reset:
            self._told_reset = reset
            text = f"nothing can go on before {format_moment(reset)}: every agent that could is at its usage limit"
            self.recorder.record(ev.Noticed(text=text))

    def _start(self, group: anyio.abc.TaskGroup, now: float) -> None:
        """Start what can start, best first; a start whose locks are not to be had is passed over."""
        self.table.is_declared_for = False
        front = self._steering.first(self._front.ready(self.recorder.state))
        for start in scheduler.starts(self.plan, self.recorder.state, self.rules, now=now, among=front, names=self._front.able):
            planned = self._tasks[start.task]
            keys = scheduler.keys_of(self.recorder.state, planned)
            if any(any_meets(keys, left) for left in self._gone_from.values()):
                continue  # an attempt there has no process and no lock any more, but has not ended in the journal
            grants = self.table.acquire_all(start.agent, keys, now=now, purpose=planned.task.title)
            if not isinstance(grants, Blocked):
                self._reserve(start, planned, grants)
                group.start_soon(self._pursue, self._attempt(planned, start.agent))

    def _reserve(self, start: scheduler.Start, planned: PlannedTask, grants: Sequence[Grant]) -> None:
        state = self.recorder.state
        status = state.tasks[start.task]
        moved = ev.TaskReassigned(task=start.task, from_=status.agent, to=start.agent, reason=start.why)
        prepared = preparing.prepared(state, planned, start, self.stage.workspaces)
        told = preparing.told(state, prepared, state.attempts.get(status.attempt or ""))
        self.recorder.record(*([moved] if start.moved else []), *map(granted_event, grants), prepared, *told)

    def _attempt(self, planned: PlannedTask, agent: AgentId) -> Attempt:
        """Seat the agent at the attempt that was just prepared, or is taken over."""
        piece = preparing.piece_of(self.recorder.state, planned, self._seats[agent], root=self.stage.project.root)
        own, desk, hear_out = (self.recorder, self.stage, self.rights, piece), self.desk, partial(self.hear_out, agent)
        attempt = Attempt(*own, take=desk.take, permit=desk.permit, inquire=desk.inquire, hear_out=hear_out)
        attempt.gone = partial(self._gone, agent)
        attempt.watch = partial(self._integration.watch, piece.attempt)
        self._attempts[agent] = attempt
        self.rights.begin(agent, planned.writes)
        self.desk.seat(agent, Seated(task=planned.task.id, attempt=piece.attempt, workspace=Path(attempt.status.workspace)))
        self._under_way += 1
        return attempt

    async def _pursue(self, attempt: Attempt) -> None:
        """See an attempt through to a result or back to the waiting tasks."""
        await self._finish(attempt, await attempt.run())

    async def _finish(self, attempt: Attempt, work: Work, *, restore: Restore = nothing_to_restore) -> None:
        piece = attempt.piece
        if self.recorder.state.tasks[piece.planned.task.id].state in JUDGED:
            await self._integrate(attempt, work, restore)
        self._release(piece.seat.id)

    async def _integrate(self, attempt: Attempt, work: Work, restore: Restore) -> None:
        """Have a result checked and merged; if the run is stopped meanwhile, `resume` takes it up again."""
        with anyio.CancelScope() as scope:
            self._integrating.add(scope)
            if self._stopping or self.recorder.state.held == NOW:
                scope.cancel()
            await self._integration.integrate(preparing.result_of(attempt.piece, attempt.status, work), restore=restore)
        self._integrating.discard(scope)

    def _release(self, agent: AgentId) -> None:
        """Free the agent's seat and locks; its whole process tree is gone."""
        attempt = self._attempts.pop(agent)
        self._gone_from.pop(agent, None)
        self.desk.leave(agent)
        self.rights.end(agent)
        if self.recorder.state.tasks[attempt.piece.planned.task.id].state in UNDER_WAY:
            self._left.append((attempt.piece.planned, agent))
        elif not attempt.survivors:
            self._free(agent)
        self._under_way -= 1
        self.recorder.wake()

    def _gone(self, agent: AgentId) -> None:
        """Free the locks of an agent that has left nothing to integrate; in a shared tree only once that was looked at."""
        if self.recorder.state.isolation == Isolation.WORKTREE:
            self._gone_from[agent] = self._attempts[agent].piece.planned.locks
            self._free(agent)

    def _free(self, agent: AgentId) -> None:
        self.desk.locks.freed(self.table.release_all(agent, now=self.recorder.clock()), reason="ended")
        self.recorder.settle()

    def _take_over(self, group: anyio.abc.TaskGroup) -> None:
        """Go on with what a supervisor that died had under way."""
        state, now = self.recorder.state, self.recorder.clock()
        kept = {kept_grant(lock, expires=now + self.table.stale_after): lock.lent for lock in state.locks.values()}
        self.table.restore(tuple(kept))
        for planned in self.plan.tasks:
            status = state.tasks[planned.task.id]
            if status.state in UNDER_WAY:
                going_on = self._resume_attempt if status.state is TaskState.RUNNING else self._resume_result
                group.start_soon(going_on, self._attempt(planned, AgentId(status.agent)))
        # the dead supervisor had recorded the end of a task, but not yet of its locks, or a person's command has ended
        idle = self.desk.loans.take_over({one: lent for one, lent in kept.items() if one.holder not in self._attempts}, group)
        self.desk.locks.freed(self.table.end(idle, now=now), reason="ended")
        self.recorder.settle()
        self._hold_added(now)

    def _take_up(self, group: anyio.abc.TaskGroup) -> None:
        while self._left:
            group.start_soon(self._resume_result, self._attempt(*self._left.pop()))

    async def _resume_attempt(self, attempt: Attempt) -> None:
        await self._finish(attempt, await attempt.take_over())

    async def _resume_result(self, attempt: Attempt) -> None:
        status = attempt.status
        work = Work(commit=status.commit, paths=tuple(status.paths))
        await self._finish(attempt, work, restore=attempt.restore)

    def _is_over(self, now: float) -> bool:
        if self._under_way:
            return False
        if self._stopping or self._steering.is_held:
            return bool(self._stopping)
        if scheduler.stuck(self.plan, self.recorder.state) and not questions.waits_for_answer(self.recorder.state):
            return True
        return scheduler.halted(self.plan, self.recorder.state, self.rules, now=now)

    async def _next_change(self, decided: float) -> None:
        """Wait until something changed since the last decision, can start that could not then, or is to be suspected."""
        self._suspect()
        self._tell_wait(decided)
        state = self.recorder.state
        started = scheduler.next_wake(state, self.rules, now=decided, among=self._front.tried(state))
        wakes = (started, self.table.next_suspicion(), self.inbox.next_closing())
        wake = min((wake for wake in wakes if wake is not None), default=None)
        with anyio.move_on_after(None if wake is None else max(0.0, wake - self.recorder.clock())):
            await self.recorder.changed()

    def _conclude(self) -> None:
        states = {status.state for status in self.recorder.state.tasks.values()}
        self.desk.loans.let_go()
        self.desk.locks.leave_people(is_over=states <= FINAL)  # there is nobody left to hold off
        if states <= FINAL:
            failed = states - {TaskState.DONE}
            self.recorder.record(ev.RunEnded(outcome="failed" if failed else "done"))
            return
        held_up = "needs-you" if scheduler.stuck(self.plan, self.recorder.state) else "limit"
        self.recorder.record(ev.RunPaused(reason=self._stopping or held_up))
