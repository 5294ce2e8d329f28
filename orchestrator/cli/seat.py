"""`doctor AGENT`: one agent of the latest run's plan, from the journal; no program is started."""

import os
import time

from orchestrator.adapters.known import KNOWN
from orchestrator.cli.context import Context, out, out_json
from orchestrator.config import Config, load_dump
from orchestrator.doctor.examine import redactor
from orchestrator.doctor.redaction import HIDDEN, is_secret
from orchestrator.environment import passed
from orchestrator.errors import SquadError
from orchestrator.journal import Journal
from orchestrator.journal.replay import Replayed, replay
from orchestrator.model import Seat
from orchestrator.project import Project, plan_file
from orchestrator.supervised import supervisor_of
from orchestrator.text.spelling import NothingSo, meant
from orchestrator.views.locks import standing
from orchestrator.views.seat import Told, seat_json, seat_text


def examine_seat(options: Context, name: str) -> int | None:
    """Tell of an agent of the latest run; None if there is none of this name."""
    try:
        project = options.project()
        journal = Journal.read(project.state)
    except SquadError:
        return None  # whoever asks for a program is told of it elsewhere
    if journal is None:
        return None
    with journal:
        run = journal.latest()
        replayed = replay(journal, run) if run is not None else None
        if replayed is None or (seat := _seat(replayed, name)) is None:
            return None
        told = _told(project, replayed, seat, load_dump(journal.document(replayed.settings)))
        state = standing(replayed.state, supervised=told.supervised)
    if options.as_json:
        out_json(seat_json(replayed.plan, state, told))
    else:
        out(seat_text(replayed.plan, state, told))
    return 0


def seats_of(project: Project | None) -> list[str]:
    """Name the agents of the latest run.

    Raises:
        JournalError: It cannot be read.
    """
    journal = Journal.read(project.state) if project is not None else None
    if journal is None:
        return []
    with journal:
        run = journal.latest()
        return [str(one.id) for one in replay(journal, run).plan.agents] if run is not None else []


def _seat(replayed: Replayed, name: str) -> Seat | None:
    """Find an agent by its id, or the beginning of it; None if none begins so."""
    known = {str(one.id): one for one in replayed.plan.agents}
    try:
        return known[meant(name, list(known), what="agent")]
    except NothingSo:
        return None


def _told(project: Project, replayed: Replayed, seat: Seat, config: Config) -> Told:
    settings = config.agents.get(seat.id)
    attempts = [one for one in replayed.state.attempts.values() if one.agent == seat.id and one.adapter]
    use = settings.use if settings is not None else "auto"
    program = attempts[-1].adapter if attempts else use
    needs = KNOWN[program].needs if program in KNOWN else ()
    given = {**passed(os.environ, needs=needs), **(settings.environment if settings is not None else {})}
    redact = redactor(os.environ)
    return Told(
        seat=seat,
        program=program,
        environment={key: HIDDEN if is_secret(key) else redact(value) for key, value in given.items()},
        plan_file=f".squad/{plan_file(seat.id)}",
        supervised=supervisor_of(project) is not None,
        now=time.time(),
    )
