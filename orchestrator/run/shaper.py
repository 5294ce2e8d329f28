"""Carries out what a person changes of the work of a living run.

What is decided is recorded in the same step, and only then is anything stopped: an order that was answered outlives the
supervisor.
"""

from collections.abc import Callable, Mapping, Sequence

from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.desk.steering import Order
from orchestrator.errors import SquadError
from orchestrator.events import Event
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId
from orchestrator.scheduling import shaping
from orchestrator.scheduling.shaping import Shaped

#: Stops what an agent is at, uncounted and with its work kept; the second is the reason.
Recall = Callable[[AgentId, str], None]
Params = Mapping[str, object]
#: Says what an order comes to; raises SquadError or Rejected, and records nothing.
Decision = Callable[[Recorder, Params], Shaped]
ENDING = "the supervisor is just ending: ask again"  #: what is recorded from here on is the next one's
_LONGEST = 500  #: characters of a reason


class Shaper:
    """Takes orders that change tasks."""

    def __init__(
        self, recorder: Recorder, recall: Recall, decisions: Mapping[str, Decision], *, take_in: Callable[[], None]
    ) -> None:
        """Change the run of the recorder, by these decisions; `take_in` gives who joins what an agent has."""
        self._recorder = recorder
        self._take_in = take_in
        self._recall = recall
        self._decisions = decisions

    @property
    def orders(self) -> Mapping[str, Order]:
        """Give what can be ordered, by the name of the request."""
        return {name: self._ordering(name) for name in self._decisions}

    def _ordering(self, name: str) -> Order:
        def carry_out(params: Params) -> object:
            if self._recorder.state.split:
                raise Rejected("an agent only splits a document into tasks here: there is no work to change")
            if self._recorder.state.phase in {"paused", "ended"}:
                raise Rejected(ENDING)
            try:
                shaped = decide(self._recorder, self._decisions[name], params)
            except SquadError as refused:
                raise Rejected(str(refused), data={"exit_code": refused.exit_code}) from refused
            self._take_in()
            for status in self._recorder.state.tasks.values():
                if status.wish is not None:
                    self._recall(AgentId(status.agent), status.wish.reason)
            return answer(shaped)

        return carry_out


def decide(recorder: Recorder, decision: Decision, params: Params, *, before: Sequence[Event] = ()) -> Shaped:
    """Decide an order and record what it comes to, behind what has to be said first.

    Raises:
        SquadError: It cannot be carried out, or speaks of what does not exist.
        Rejected: It makes no sense.
    """
    shaped = decision(recorder, params)
    if shaped.events:
        recorder.amend(shaped.plan or recorder.plan, *before, *shaped.events)
    return shaped


def answer(shaped: Shaped) -> dict[str, object]:
    """Give the answer that a command shows."""
    return {
        "changed": bool(shaped.events),
        "said": list(shaped.said),
        "tasks": list(shaped.tasks),
        "agents": list(shaped.agents),
        "undo": shaped.undo or None,
        "asks": shaped.asks or None,
    }


def _retry(recorder: Recorder, params: Params) -> Shaped:
    names = params.get("tasks", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Rejected("expected tasks as a list of names", code=INVALID_PARAMS)
    return shaping.retry(recorder.plan, recorder.state, names, failed=params.get("failed") is True)


def _reassign(recorder: Recorder, params: Params) -> Shaped:
    return shaping.reassign(recorder.plan, recorder.state, text_of(params, "task"), text_of(params, "to"))


def _skip(recorder: Recorder, params: Params) -> Shaped:
    reason = params.get("reason", "")
    if not isinstance(reason, str):
        raise Rejected("expected reason as a text", code=INVALID_PARAMS)
    name, reason, agreed = text_of(params, "task"), " ".join(reason.split())[:_LONGEST], params.get("agreed") is True
    return shaping.skip(recorder.plan, recorder.state, name, reason=reason, agreed=agreed)


def text_of(params: Params, name: str) -> str:
    """Give a text that an order must have.

    Raises:
        Rejected: It has not.
    """
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise Rejected(f"expected {name}", code=INVALID_PARAMS)
    return value


DECISIONS: Mapping[str, Decision] = {"retry": _retry, "reassign": _reassign, "skip": _skip}
