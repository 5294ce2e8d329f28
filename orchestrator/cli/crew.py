"""What it takes to change the number of agents: seats in the plan, programs in the settings, sockets and words on the stage."""

import secrets
from dataclasses import replace
from functools import partial

from orchestrator.cli.programs import accounts_of
from orchestrator.cli.start import checked
from orchestrator.cli.telling import words_of
from orchestrator.config import Config, dump, load_dump
from orchestrator.errors import Refused, SquadError
from orchestrator.events import AgentAdded, RunScaled, RunStarted
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId, Plan, RunId, Seat
from orchestrator.planning.document import plan_document
from orchestrator.project import Project
from orchestrator.run.stage import Stage
from orchestrator.run.supervisor import Supervisor
from orchestrator.scheduling import scaling, scheduler
from orchestrator.scheduling.shaping import Shaped, listed
from orchestrator.views.text import counted


def scaled(recorder: Recorder, wanted: str, *, now: bool) -> Shaped:
    """Have so many agents, or some more or fewer.

    Raises:
        Refused: It is no number, nobody would be left who can do what is left, or a new one could not be started.
    """
    plan, state = recorder.plan, recorder.state
    config = settings_of(recorder)
    number = scaling.number_of(plan, state, at_once=config.run.agents)
    target = scaling.target(wanted, number)
    undo = f"squad scale {number}"
    if target == number:
        hastened = scaling.hasten(plan, state, target) if now else None
        return hastened or Shaped(said=(f"{counted(number, 'agent')} already",))
    if target < number and not now and _is_capped(recorder, config):
        beyond = "; who is at work beyond that ends its task first" if scheduler.working(state) > target else ""
        said = (f"at most {counted(target, 'agent')} at once{beyond}",)
        return Shaped(said=said, events=(RunScaled(agents=target),), undo=undo)
    if target < number:
        return replace(scaling.fewer(plan, state, target, now=now), undo=undo)
    back, new = scaling.joining(plan, state, target)
    scale = RunScaled(agents=target)
    returned = tuple(AgentAdded(agent=name, role=_seat(plan, name).role) for name in back)
    if not new:
        said = (
            (f"{listed(back)} come back" if len(back) > 1 else f"{back[0]} comes back",)
            if back
            else (f"at most {counted(target, 'agent')} at once",)
        )
        return Shaped(said=said, events=(scale, *returned), agents=tuple(back), undo=undo)
    like = scaling.busiest(plan, state).id
    scaling.require_work(plan, state, new)
    joined, settings = _with(plan, config, new, like)
    document, body = recorder.journal.save_document(plan_document(joined)), recorder.journal.save_document(dump(settings))
    added = tuple(AgentAdded(agent=one.id, role=one.role, like=like, plan=document, settings=body) for one in new)
    names = (*back, *(one.id for one in new))
    said = (f"{listed(names)} {'joins' if len(names) == 1 else 'join'} the run",)
    return Shaped(said=said, events=(scale, *returned, *added), agents=names, undo=undo, plan=joined)


def settings_of(recorder: Recorder) -> Config:
    """Give the settings that the run has now."""
    return load_dump(recorder.journal.document(recorder.state.settings))


def _is_capped(recorder: Recorder, config: Config) -> bool:
    """Tell whether the run began with more agents than may work at once: then nobody need leave for still fewer."""
    entries = recorder.journal.entries(run=RunId(recorder.state.run))
    began = next((len(entry.event.agents) for entry in entries if isinstance(entry.event, RunStarted)), 0)
    return config.run.agents is not None and config.run.agents < began


def _with(plan: Plan, config: Config, new: list[Seat], like: AgentId) -> tuple[Plan, Config]:
    """Give plan and settings with new agents, if they can be started."""
    agents = {**config.agents, **{one.id: config.agents[like] for one in new if like in config.agents}}
    settings = config.model_copy(update={"agents": agents})
    joined = replace(plan, agents=(*plan.agents, *new))
    try:
        accounts_of(joined, settings)
        return checked(joined, "squad scale"), settings
    except SquadError as error:
        raise Refused(error.message, hint=error.hint) from error


def take_in(project: Project, supervisor: Supervisor) -> None:
    """Give agents that joined what every agent has: a program, words, a token, a socket."""
    recorder, stage = supervisor.recorder, supervisor.stage
    if len(stage.sockets) == len(recorder.plan.agents):
        return
    config = settings_of(recorder)
    supervisor.stage = _widened(project, recorder, stage, config)
    supervisor.rules = replace(supervisor.rules, ways=supervisor.stage.accounts.ways())


def _widened(project: Project, recorder: Recorder, stage: Stage, config: Config) -> Stage:
    accounts = accounts_of(recorder.plan, config)
    programs = {agent: adapter.name for agent, adapter in accounts.own.items()}
    agents = [seat.id for seat in recorder.plan.agents]
    token = partial(secrets.token_hex, 16)
    return replace(
        stage,
        config=config,
        accounts=accounts,
        words=words_of(project, config, recorder.plan, programs=programs, base=recorder.state.base),
        tokens={agent: stage.tokens.get(agent) or token() for agent in agents},
        sockets={agent: project.socket(agent) for agent in agents},
    )


def _seat(plan: Plan, name: AgentId) -> Seat:
    return next(seat for seat in plan.agents if seat.id == name)
