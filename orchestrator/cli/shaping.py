"""How an order that changes a run reaches its journal: through the living supervisor, else by being its only writer for a moment.

Either way it is decided by the same functions on what the journal adds up to, so a run that is paused takes the same orders
as one under way; `squad resume` carries them out.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.cli.context import Context, out, out_json

if TYPE_CHECKING:
    from orchestrator.errors import Refused, SquadError
    from orchestrator.journal.replay import Replayed
    from orchestrator.project import Project

_GO_ON = "squad resume"
_PAUSE = 0.05  #: seconds before a supervisor that ends is looked at again


def order(options: Context, name: str, params: dict[str, object], *, run: str | None) -> Mapping[str, object]:
    """Carry an order out; gives the answer.

    Raises:
        SquadError: It cannot be done, and the run stays as it was.
        NoRun: There is no such run.
        Supervised: A supervisor works on another run.
    """
    from orchestrator.supervised import Supervised, supervisor_of

    project = options.project()
    _require_run(project, run)
    while True:
        if supervisor_of(project) is not None:
            _require_living(project, run)
            if (answered := _asked(project, name, params)) is not None:
                return answered
            time.sleep(_PAUSE)  # it is just ending
            continue
        with contextlib.suppress(Supervised):  # one has begun meanwhile: it takes the order
            return _by_hand(project, name, params, run)


def tell(options: Context, answered: Mapping[str, object]) -> None:
    """Say what was done, how it is undone, and how it goes on."""
    if options.quiet and not options.as_json:
        return
    if options.as_json:
        out_json({"schema_version": 1, "result": {key: value for key, value in answered.items() if key != "asks"}})
        return
    said = answered["said"]
    lines = [str(line) for line in said] if isinstance(said, list) else []
    undo = answered["undo"] or ("nothing to undo, no work is lost" if answered["changed"] else None)
    ways = (("undo", undo), ("go on", answered.get("go_on")))
    out("\n".join([*lines, *(f"{label}: {way}" for label, way in ways if way)]))


def agreed(options: Context, question: str, *, command: str) -> None:
    """Go on if the person agrees.

    Raises:
        NeedsYou: They do not, or nobody can be asked.
    """
    from orchestrator.errors import NeedsYou

    if not options.confirms(question):
        raise NeedsYou(
            f"not confirmed, so nothing was changed: {question.rpartition(':')[0] or question}", hint=f"agree: {command}"
        )


def _asked(project: "Project", name: str, params: dict[str, object]) -> Mapping[str, object] | None:
    """Have the living supervisor do it; None if it is just ending, or gone."""
    from orchestrator.cli.asking import ask
    from orchestrator.errors import Refused
    from orchestrator.run.shaper import ENDING

    try:
        told = ask(project, name, params, unless_gone=True)
    except Refused as refusal:
        if refusal.message == ENDING:
            return None
        raise _as_refused(refusal) from refusal
    return told if isinstance(told, dict) else None


def _as_refused(refusal: "Refused") -> "SquadError":
    """Give what the supervisor refused as it would have been raised here."""
    from orchestrator.control.protocol import Rejected
    from orchestrator.errors import InputError, Refused, UsageError

    cause = refusal.__cause__
    data = cause.data if isinstance(cause, Rejected) and isinstance(cause.data, dict) else {}
    kind = {UsageError.exit_code: UsageError, InputError.exit_code: InputError}.get(data.get("exit_code", 1), Refused)
    message, newline, hint = refusal.message.rpartition("\n")
    return kind(message, hint=hint) if newline else kind(refusal.message, hint=refusal.hint)


def _by_hand(project: "Project", name: str, params: dict[str, object], run: str | None) -> Mapping[str, object]:
    """Record it in the place of a supervisor that is gone."""
    from orchestrator.cli.adding import decisions
    from orchestrator.cli.beginning import lay_out
    from orchestrator.control.protocol import Rejected
    from orchestrator.errors import Refused
    from orchestrator.events import RunReopened
    from orchestrator.holding import hold
    from orchestrator.journal import Journal
    from orchestrator.journal.recorder import Recorder
    from orchestrator.journal.replay import find_run, replay
    from orchestrator.project import MARK
    from orchestrator.run.shaper import answer, decide

    with hold(project), Journal.open(project.state) as journal:
        replayed = replay(journal, find_run(journal, run))
        _require_open(replayed)
        recorder = Recorder(journal, replayed.plan, replayed.state, clock=time.time)
        first = () if replayed.state.phase == "paused" else (RunReopened(reason=f"changed by squad {name}"),)
        try:
            shaped = decide(recorder, decisions(project)[name], params, before=first)
        except Rejected as refused:
            raise Refused(refused.reason) from refused
        if shaped.plan is not None and (project.folder / MARK).is_file() and journal.last_begun(splits=False) == replayed.run:
            lay_out(project, recorder)
    return {**answer(shaped), "go_on": f"{_GO_ON} {replayed.run}" if shaped.events else None}


def _require_run(project: "Project", run: str | None) -> None:
    """See to it that there is a run before anything is made or held."""
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import NoRun, find_run

    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(run, root=project.root)
    with journal:
        find_run(journal, run)


def _require_living(project: "Project", run: str | None) -> None:
    """See to it that the run that is meant is the one that is carried out."""
    from orchestrator.journal import Journal
    from orchestrator.journal.replay import find_run
    from orchestrator.supervised import Supervised, supervisor_of

    journal = Journal.read(project.state)
    if run is None or journal is None:
        return
    with journal:
        if find_run(journal, run) != journal.last_begun():
            raise Supervised(project, str(supervisor_of(project) or ""))


def _require_open(replayed: "Replayed") -> None:
    """See to it that the run can be gone on with: it is no split, and neither done nor dropped."""
    from orchestrator.errors import Refused

    state = replayed.state
    if state.split:
        raise Refused(f"{replayed.run} only split {state.source} into tasks", hint=f"ask again: squad plan {state.source}")
    if state.phase == "ended" and state.outcome != "failed":
        hint = f"look: squad report   change the document and carry it out anew: squad run {state.source}"
        raise Refused(f"the run {replayed.run} has ended: {state.outcome}", hint=hint)
