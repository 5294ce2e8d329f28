"""What is locked for as long as a command runs.

A loan ends with the command and with nothing else: with its process where the system tells of that, else with the
connection that it keeps open. Nobody has to give it back, so nobody can forget to, also not one that is killed. What
its holder had locked before stays locked after it. A person's command may outlive the supervisor, and also the
`with-lock` that started it: its loan follows its own process, and whoever goes on with the run goes on with the loan.
"""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import anyio
import anyio.abc

from orchestrator.claims import Claim
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.control.server import Caller, Later, Line
from orchestrator.desk.asked import path_of, seconds
from orchestrator.desk.lockdesk import LockDesk
from orchestrator.desk.personal import Command
from orchestrator.gitturn import GitTurn
from orchestrator.granted import answered
from orchestrator.leash import Beside
from orchestrator.locks.grants import Grant
from orchestrator.model import AgentId
from orchestrator.platform import Identity, below, children, descends, identity
from orchestrator.platform.ending import when_gone
from orchestrator.state import Borrower

_GIT = "op:git"
_MOST_PATHS = 64  #: of one command


@dataclass(slots=True, eq=False)
class _Loan:
    """What one command has locked."""

    line: Line
    holder: AgentId
    places: Sequence[Claim]
    grants: list[Grant] = field(default_factory=list)  #: those that end when no loan needs them any more
    unwatch: Callable[[], None] | None = None  #: there is one: it ends with its process, and not with its connection
    git: AgentId | None = None  #: as whose command it has its turn in git
    command: Command | None = None  #: a person's, of which whoever goes on with the run is told, once it is granted
    fences: dict[Claim, int] = field(default_factory=dict)  #: of what holds each place, also what was held before
    is_asking: bool = True  #: it is not decided yet whether all of it is granted
    is_granted: bool = False  #: all of it
    is_over: bool = False
    is_beside: bool = False  #: its command runs beside the agent, whose walls cannot be opened
    is_running: bool = False  #: that command, which must end before anything is given back
    take_back: Callable[[], None] | None = None  #: lets what is lent be written by no command beside the agent any more
    signals: list[Callable[[int], None]] = field(default_factory=list)  #: hands one on to a command beside its agent


class Besides(Protocol):
    """Runs commands beside agents whose walls cannot be opened for a lock."""

    def is_narrow(self, holder: AgentId, places: Sequence[Claim]) -> bool:
        """Tell whether a command would have to run beside its agent to write these."""

    def lend(self, holder: AgentId, places: Sequence[Claim]) -> Callable[[], None]:
        """Grant places for a command beside an agent, which stays as narrow as it is; gives what takes them back."""

    async def run(self, holder: AgentId, places: Mapping[Claim, int], command: Beside) -> int:
        """Run a command beside an agent, which may write these places too, by the fences of their locks; gives its exit code.

        Raises:
            Rejected: It cannot be run.
        """


class Loans:
    """The loans of one run."""

    def __init__(self, desk: LockDesk) -> None:
        """Lend what the desk of locks grants."""
        self.besides: Besides | None = None  #: runs what an agent's own processes could not write
        self._beside: dict[Line, _Loan] = {}  #: loans of commands that are to run beside their agent
        self.turn = GitTurn()  #: shared with whoever works in git for squad
        self._desk = desk
        self._is_over = False  #: the supervisor ends
        self._of_people: dict[Line, _Loan] = {}
        self._unwatch: list[Callable[[], None]] = []  #: call off the watch over processes
        self._lent: dict[int, int] = {}  #: fence -> loans that need it; nobody else has asked for it
        self._ended: dict[int, list[int]] = {}  #: fence -> processes of loans that need it no more, of which nothing was told yet

    def hold(self, caller: Caller, params: Mapping[str, object]) -> Later:
        """Lock paths for a command of whoever asks; with `process` as long as the process that asks lives."""
        if caller.line is None or self._is_over:
            raise Rejected("the run ends: nothing is lent" if self._is_over else "only over a connection that stays open")
        holder = AgentId(caller.agent) if caller.agent is not None else self._desk.commands.name()
        places = sorted({self._desk.asked_path(holder, path) for path in _paths(params.get("paths"))})
        wait, purpose = seconds(params.get("wait", 0)), str(params.get("purpose") or "")
        loan = _Loan(line=caller.line, holder=holder, places=places)
        caller.line.at_end.append(partial(self._hung_up, loan))
        pid = caller.pid if params.get("process") is True else None
        if pid is None and self.besides is not None and self.besides.is_narrow(holder, places):
            if caller.line in self._beside:
                raise Rejected("one lock at a time over a connection: this one is lent to a command already")
            self._begin_beside(loan, self.besides)
        if caller.agent is None:
            process = identity(caller.pid) if caller.pid is not None else None
            starter = process if process is not None and process.born else None
            around = self._desk.commands.around(caller.pid)
            command = Command(holder=holder, purpose=purpose, starter=starter, around=around)
            loan.command = self._desk.commands.begin(command)
            self._of_people[caller.line] = loan
        return Later(partial(self._lend, loan, wait=wait, purpose=purpose, pid=pid))

    def take_over(self, kept: Mapping[Grant, Sequence[Borrower]], group: anyio.abc.TaskGroup) -> list[Grant]:
        """Go on with the loans of a supervisor that is gone, as far as their processes live; gives what nobody needs."""
        for grant, lent in kept.items():
            living = {(one.pid, one.starter): process for one in lent if identity(one.pid) == (process := _process(one))}
            for (pid, starter), process in living.items():
                command = Command(holder=grant.holder, purpose=grant.purpose, starter=None if starter else process)
                if not starter:
                    command.process = next((one for (_, by), one in living.items() if by == pid), None)
                elif (starter, 0) not in living:  # whoever asked was killed: else that one ends with its command
                    command.process = process
                else:
                    continue
                self._go_on(grant, command, Line(partial(_start, group)))
        return [grant for grant in kept if grant.fence not in self._lent]

    def _go_on(self, grant: Grant, command: Command, line: Line) -> None:
        """Lend until the processes of a command have ended; where the system does not tell of that, not at all."""
        places = [Claim(grant.path)]
        loan = _Loan(line=line, holder=grant.holder, places=places, grants=[grant], is_granted=True, is_asking=False)
        loan.command = self._desk.commands.begin(command)
        self._lent[grant.fence] = self._lent.get(grant.fence, 0) + 1
        if loan.places == [_GIT]:
            loan.git = loan.holder
            self.turn.go_on(loan.holder)
        if command.starter is not None:
            self._follow(loan, [command.starter.pid, *children(command.starter.pid)])
        elif command.process is not None:
            self._follow(loan, below([command.process.pid]))

    def _follow(self, loan: _Loan, pids: Sequence[int]) -> None:
        """End a loan when all these processes have ended."""
        living = set(pids)

        def gone(pid: int) -> None:
            living.discard(pid)
            if not living:
                self._end(loan)

        watches = {pid: off for pid in pids if (off := when_gone(pid, partial(gone, pid))) is not None}
        living.intersection_update(watches)
        self._unwatch += watches.values()
        if not watches or not any(identity(one.pid) == one for one in (loan.command.processes() if loan.command else ())):
            self._end(loan)

    def running(self, caller: Caller, params: Mapping[str, object]) -> object:
        """Note which process a person's command is, once it is started: its lock lasts as long, whoever else is killed."""
        pid = _number(params, "pid")
        loan = self._of_people.get(caller.line) if caller.line is not None else None
        process = identity(pid)
        if loan is None or loan.command is None or not loan.is_granted or caller.pid is None:
            raise Rejected("nothing is lent over this connection")
        if not process.born or not descends(pid, {caller.pid}):
            raise Rejected(f"{pid} is no process of a command that was started over this connection")
        loan.command.process = process
        for grant in loan.grants:
            self._desk.note_loan(grant, process, starter=caller.pid)
        return {"accepted": True}

    def let_go(self) -> None:
        """Lend no more, and watch no more over what is lent: whoever goes on with the run does."""
        self._is_over = True
        for call_off in self._unwatch:
            call_off()
        self._unwatch.clear()

    def lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Lock a path until it is given back: what was only lent before stays when the command ends."""
        answer = self._desk.lock(agent, params)
        if isinstance(answer, Later):
            return Later(partial(self._kept_later, answer))
        return self._kept(answer) if self._lent else answer

    def unlock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Take back what an agent asked for; what a command of it needs ends with that command."""
        return self._desk.unlock(agent, params, lent=self._lent)

    async def _lend(self, loan: _Loan, *, wait: float, purpose: str, pid: int | None) -> object:
        """Lock one after another; what is refused ends all of it."""
        told, until, left, in_git = [], anyio.current_time() + wait, wait, loan.holder
        try:
            for place in loan.places:
                lenders = self._desk.commands.lenders(loan.command) if loan.command is not None else ()
                grant, is_own = await self._desk.borrow(loan.holder, place, wait=left, purpose=purpose, lenders=lenders)
                loan.fences[place] = grant.fence
                in_git = grant.holder if place == _GIT else in_git
                if is_own or grant.fence in self._lent:
                    self._lent[grant.fence] = self._lent.get(grant.fence, 0) + 1
                    loan.grants.append(grant)
                told.append(answered(grant))
                left = round(max(0.0, until - anyio.current_time()), 3)
            if _GIT in loan.places:
                await self.turn.begin(in_git)
                loan.git = in_git
        except BaseException:
            loan.is_over, loan.is_asking = True, False
            self._return_all(loan)
            raise
        loan.is_asking = False
        if loan.is_over:
            self._return_all(loan)
            raise Rejected("the connection ended")
        if pid is not None:
            loan.unwatch = when_gone(pid, partial(self._end, loan))
        if loan.command is not None and loan.command.starter is not None:
            for grant in loan.grants:
                self._desk.note_loan(grant, loan.command.starter, ended=self._ended.pop(grant.fence, ()))
        loan.is_granted = True
        beside = {"beside": True} if loan.is_beside else {}
        ends = "connection" if loan.unwatch is None else "process"
        kept = loan.command is not None and loan.command.starter is not None  # also by whoever goes on with the run
        return {"locks": told, "until": ends, "holder": loan.holder, "kept": kept, **beside}

    def run(self, caller: Caller, method: str, params: Mapping[str, object]) -> object:
        """Run the command for which something was lent over this connection beside its agent, or hand a signal on to it."""
        loan = self._beside.get(caller.line) if caller.line is not None else None
        if loan is None or self.besides is None or not loan.is_granted or loan.is_over:
            raise Rejected("nothing is lent over this connection to a command that runs beside its agent")
        if method == "signal":
            for hand_on in loan.signals:
                hand_on(_number(params, "number"))
            return {"accepted": True}
        argv, line = params.get("command"), _number(params, "line")
        if not isinstance(argv, list) or not argv or not all(isinstance(one, str) for one in argv):
            raise Rejected("expected command as a list of texts", code=INVALID_PARAMS)
        if caller.pid is None:
            raise Rejected("the system does not tell which process asks")
        command = Beside(argv=tuple(argv), pid=caller.pid, line=line, writable=(), signals=loan.signals)
        return Later(partial(self._run, self.besides, loan, command))

    async def _run(self, besides: Besides, loan: _Loan, command: Beside) -> object:
        if loan.is_over or loan.is_running:
            raise Rejected("its lock has ended" if loan.is_over else "a command runs under this lock already")
        loan.is_running = True
        try:
            with anyio.CancelScope(shield=True):  # also of one that nobody waits for: it can write until it has ended
                code = await besides.run(loan.holder, loan.fences, command)
        finally:
            loan.is_running = False
            loan.signals.clear()
            if loan.is_over:
                self._return_all(loan)
        return {"code": code}

    def _begin_beside(self, loan: _Loan, besides: Besides) -> None:
        """Let what is lent be written by a command beside the agent, until the loan ends."""
        loan.is_beside = True
        self._beside[loan.line] = loan
        loan.take_back = besides.lend(loan.holder, loan.places)

    def _hung_up(self, loan: _Loan) -> None:
        if loan.unwatch is not None or (self._is_over and loan.is_granted):
            return
        process = loan.command.process if loan.command is not None else None
        if process is not None and identity(process.pid) == process:
            self._follow(loan, below([process.pid]))  # whoever started it was killed, and it has no part in the connection
        else:
            self._end(loan)

    def _end(self, loan: _Loan) -> None:
        if not loan.is_over:
            loan.is_over = True
            for kill in loan.signals if loan.is_running else ():
                kill(signal.SIGKILL)
            if not loan.is_running:
                self._return_all(loan)

    def _return_all(self, loan: _Loan) -> None:
        if loan.take_back is not None:
            del self._beside[loan.line]
            loan.take_back()
            loan.take_back = None
        if loan.git is not None:
            self.turn.end(loan.git)
            loan.git = None
        if loan.command is not None and not loan.is_asking:  # nobody is called so before its request has left the queue
            self._desk.commands.end(loan.command)
            self._of_people.pop(loan.line, None)
        grants, loan.grants = loan.grants, []
        for grant in grants:
            left = self._lent.get(grant.fence, 0) - 1
            if left > 0:
                self._lent[grant.fence] = left
                if loan.is_granted and loan.command is not None:
                    self._ended.setdefault(grant.fence, []).extend(one.pid for one in loan.command.processes())
                continue
            self._ended.pop(grant.fence, None)
            if self._lent.pop(grant.fence, None) is not None:
                back = self._desk.give_back(grant)
                loan.line.start(back.come if isinstance(back, Later) else self._desk.settled)

    async def _kept_later(self, answer: Later) -> object:
        return self._kept(await answer.come())

    def _kept(self, answer: object) -> object:
        if isinstance(answer, dict):
            self._lent.pop(answer["fence"], None)
        return answer


def _start(group: anyio.abc.TaskGroup, work: Callable[[], Awaitable[object]]) -> None:
    async def done() -> None:
        await work()

    group.start_soon(done)


def _process(one: Borrower) -> Identity:
    return Identity(node=one.node, boot=one.boot, pid=one.pid, born=one.born)


def _number(params: Mapping[str, object], name: str) -> int:
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Rejected(f"expected {name} as a number, 0 or more, not {value!r}", code=INVALID_PARAMS)
    return value


def _paths(asked: object) -> list[str]:
    if not isinstance(asked, list) or not 0 < len(asked) <= _MOST_PATHS:
        raise Rejected(f"expected paths as a list of 1 to {_MOST_PATHS}", code=INVALID_PARAMS)
    return [path_of(one) for one in asked]
