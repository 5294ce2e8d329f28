"""How a command asks the living supervisor of a project, and what it says where there is none."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.project import Project

_PAUSE = 0.05  #: seconds before a supervisor that only just starts is asked again
_PATIENCE = 30.0  #: seconds in which a living supervisor must answer
#: What each request is about, for agents that may not ask it.
_PERSONS = {
    "answer": "answer questions",
    "stop": "stop a run",
    "unlock": "free what others hold",
    "tell": "speak for a person",
}
#: Where a person sees why a request was refused.
_LOOK = {"answer": "inbox", "unlock": "locks", "hold": "locks"}


def ask(project: "Project", method: str, params: dict[str, object], *, unless_gone: bool = False) -> object:
    """Ask the living supervisor; one that only just starts, or ends, is asked again until it answers or is gone.

    Raises:
        Refused: It refuses, or there is none; with `unless_gone` one that went away meanwhile is no refusal.
        NoRun: There is not even a run.
    """
    from orchestrator.control.client import Unreachable, call
    from orchestrator.control.protocol import Rejected
    from orchestrator.errors import Refused
    from orchestrator.supervised import is_in_sight, supervisor_of

    lived = False
    patience = time.monotonic() + _PATIENCE
    while (owner := supervisor_of(project)) is not None:
        lived = True
        try:
            return call(str(project.sockets / "control.sock"), method, params)
        except Rejected as refusal:
            raise refused(refusal.reason, method) from refusal
        except Unreachable as error:
            if time.monotonic() > patience:
                raise Refused(f"the supervisor (process {owner}) does not answer", hint=f"end it: kill {owner}") from error
            time.sleep(_PAUSE)
            if not is_in_sight(owner) and supervisor_of(project) == owner:  # it did not end meanwhile
                raise _walled_off(method, owner) from error
    if lived and unless_gone:
        return None
    raise _gone(project)


def refused(reason: str, method: str) -> Exception:
    """Give a refusal of the supervisor's as an error: what it says, and what helps."""
    from orchestrator.errors import Refused

    message, newline, way_out = reason.rpartition("\n")
    if not newline:
        message, way_out = reason, f"see: squad {_LOOK.get(method, 'status')}"
    return Refused(message, hint=way_out)


def _walled_off(method: str, owner: int) -> Exception:
    """Say that whoever neither reaches nor sees the living supervisor is in the sandbox of an agent, or as far away."""
    from orchestrator.errors import Refused

    hint = f"the supervisor (process {owner}) cannot be seen from here: this is an agent's sandbox, or a container beside it"
    return Refused(f"an agent may not {_PERSONS.get(method, f'order {method}')}: only a person may", hint=hint)


def _gone(project: "Project") -> Exception:
    """Say why nobody takes a request: no run yet, one that has ended, or one whose supervisor is gone."""
    from orchestrator.errors import Refused
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import NoRun, find_run, replay

    journal = Journal.read(project.state)
    if journal is None:
        return NoRun(root=project.root)
    with journal:
        last = replay(journal, find_run(journal, None))
    if last.state.phase == "ended":
        return Refused(f"the run {last.run} has ended: {last.state.outcome}", hint="look: squad report")
    gone = "its supervisor was ended" if last.state.phase == "paused" else "its supervisor is gone"
    return Refused(f"nobody works on {last.run} in {project.root}: {gone}", hint=f"go on with it: squad resume {last.run}")
