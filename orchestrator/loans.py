"""What is locked for as long as a command runs.

A loan ends with the command and with nothing else: with its process where the system tells of that, else with the
connection that it keeps open. Nobody has to give it back, so nobody can forget to, also not one that is killed. What
its holder had locked before stays locked after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio

from orchestrator.asked import path_of, seconds
from orchestrator.claims import Claim
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.control.server import Caller, Later, Line
from orchestrator.gitturn import GitTurn
from orchestrator.grants import Grant
from orchestrator.lockdesk import LockDesk
from orchestrator.model import PERSON, AgentId
from orchestrator.platform.ending import when_gone

_GIT = "op:git"
_MOST_PATHS = 64  #: of one command


@dataclass(slots=True, eq=False)
class _Loan:
    """What one command has locked."""

    line: Line
    holder: AgentId
    grants: list[Grant] = field(default_factory=list)  #: those that end when no loan needs them any more
    unwatch: Callable[[], None] | None = None  #: there is one: it ends with its process, and not with its connection
    is_git: bool = False  #: it has its turn in git
    is_over: bool = False


class Loans:
    """The loans of one run."""

    def __init__(self, desk: LockDesk) -> None:
        """Lend what the desk of locks grants."""
        self.turn = GitTurn()  #: shared with whoever works in git for squad
        self._desk = desk
        self._lent: dict[int, int] = {}  #: fence -> loans that need it; nobody else has asked for it

    def hold(self, caller: Caller, params: Mapping[str, object]) -> Later:
        """Lock paths for a command of whoever asks; with `process` as long as the process that asks lives."""
        if caller.line is None:
            raise Rejected("only over a connection that stays open")
        holder = AgentId(caller.agent) if caller.agent is not None else PERSON
        places = sorted({self._desk.asked_path(holder, path) for path in _paths(params.get("paths"))})
        wait, purpose = seconds(params.get("wait", 0)), str(params.get("purpose") or "")
        loan = _Loan(line=caller.line, holder=holder)
        caller.line.at_end.append(partial(self._hung_up, loan))
        pid = caller.pid if params.get("process") is True else None
        return Later(partial(self._lend, loan, places, wait=wait, purpose=purpose, pid=pid))

    def lock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Lock a path until it is given back: what was only lent before stays when the command ends."""
        answer = self._desk.lock(agent, params)
        return Later(partial(self._kept_later, answer)) if isinstance(answer, Later) else self._kept(answer)

    def unlock(self, agent: AgentId, params: Mapping[str, object]) -> object:
        """Take back what an agent asked for; what a command of it needs ends with that command."""
        return self._desk.unlock(agent, params, lent=self._lent)

    async def _lend(self, loan: _Loan, places: list[Claim], *, wait: float, purpose: str, pid: int | None) -> object:
        """Lock one after another; what is refused ends all of it."""
        told, until, left = [], anyio.current_time() + wait, wait
        try:
            for place in places:
                grant, is_own = await self._desk.borrow(loan.holder, place, wait=left, purpose=purpose)
                if is_own or grant.fence in self._lent:
                    self._lent[grant.fence] = self._lent.get(grant.fence, 0) + 1
                    loan.grants.append(grant)
                told.append({"path": grant.path, "fence": grant.fence, "waited_s": round(grant.waited, 3)})
                left = round(max(0.0, until - anyio.current_time()), 3)
            if _GIT in places:
                await self.turn.begin(loan.holder)
                loan.is_git = True
        except BaseException:
            loan.is_over = True
            self._return_all(loan)
            raise
        if loan.is_over:
            self._return_all(loan)
            raise Rejected("the connection ended")
        if pid is not None:
            loan.unwatch = when_gone(pid, partial(self._end, loan))
        return {"locks": told, "until": "connection" if loan.unwatch is None else "process"}

    def _hung_up(self, loan: _Loan) -> None:
        if loan.unwatch is None:
            self._end(loan)

    def _end(self, loan: _Loan) -> None:
        if not loan.is_over:
            loan.is_over = True
            self._return_all(loan)

    def _return_all(self, loan: _Loan) -> None:
        if loan.is_git:
            loan.is_git = False
            self.turn.end(loan.holder)
        grants, loan.grants = loan.grants, []
        for grant in grants:
            left = self._lent.get(grant.fence, 0) - 1
            if left > 0:
                self._lent[grant.fence] = left
            elif self._lent.pop(grant.fence, None) is not None:
                back = self._desk.give_back(grant)
                loan.line.start(back.come if isinstance(back, Later) else self._desk.settled)

    async def _kept_later(self, answer: Later) -> object:
        return self._kept(await answer.come())

    def _kept(self, answer: object) -> object:
        if isinstance(answer, dict):
            self._lent.pop(answer["fence"], None)
        return answer


def _paths(asked: object) -> list[str]:
    if not isinstance(asked, list) or not 0 < len(asked) <= _MOST_PATHS:
        raise Rejected(f"expected paths as a list of 1 to {_MOST_PATHS}", code=INVALID_PARAMS)
    return [path_of(one) for one in asked]
