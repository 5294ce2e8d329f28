"""Carries out what a person changes of the work of a living run.

What is decided is recorded in the same step, and only then is anything stopped: an order that was answered outlives the
supervisor.
"""

from collections.abc import Callable, Mapping, Sequence

from orchestrator import shaping
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.errors import Refused
from orchestrator.events import Event
from orchestrator.model import AgentId
from orchestrator.recorder import Recorder
from orchestrator.requests import Order
from orchestrator.shaping import Shaped

#: Stops what an agent is at, uncounted and with its work kept; the second is the reason.
Recall = Callable[[AgentId, str], None]
Params = Mapping[str, object]
_LONGEST = 500  #: characters of a reason


class Shaper:
    """Takes orders that change tasks."""

    def __init__(self, recorder: Recorder, recall: Recall) -> None:
        """Change the run of the recorder."""
        self._recorder = recorder
        self._recall = recall

    @property
    def orders(self) -> Mapping[str, Order]:
        """Give what can be ordered, by the name of the request."""
        return {name: self._ordering(name) for name in DECISIONS}

    def _ordering(self, name: str) -> Order:
        def carry_out(params: Params) -> object:
            try:
                shaped = decide(self._recorder, name, params)
            except Refused as refused:
                raise Rejected(str(refused)) from refused
            for status in self._recorder.state.tasks.values():
                if status.wish is not None:
                    self._recall(AgentId(status.agent), status.wish.reason)
            return answer(shaped)

        return carry_out


def decide(recorder: Recorder, name: str, params: Params, *, before: Sequence[Event] = ()) -> Shaped:
    """Decide an order and record what it comes to, behind what has to be said first.

    Raises:
        Refused: It cannot be carried out.
        Rejected: It makes no sense.
    """
    shaped = DECISIONS[name](recorder, params)
    if shaped.events:
        recorder.record(*before, *shaped.events)
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
    return shaping.reassign(recorder.plan, recorder.state, _text(params, "task"), _text(params, "to"))


def _skip(recorder: Recorder, params: Params) -> Shaped:
    reason = params.get("reason", "")
    if not isinstance(reason, str):
        raise Rejected("expected reason as a text", code=INVALID_PARAMS)
    name, reason, agreed = _text(params, "task"), " ".join(reason.split())[:_LONGEST], params.get("agreed") is True
    return shaping.skip(recorder.plan, recorder.state, name, reason=reason, agreed=agreed)


def _text(params: Params, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise Rejected(f"expected {name}", code=INVALID_PARAMS)
    return value


DECISIONS: Mapping[str, Callable[[Recorder, Params], Shaped]] = {"retry": _retry, "reassign": _reassign, "skip": _skip}
