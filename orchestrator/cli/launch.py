"""Starting a supervisor: everything between a command line and a running run."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from orchestrator import git
from orchestrator import project as projects
from orchestrator.adapters import NAMES, AgentMissing, AnyAdapter, make_adapter
from orchestrator.attempt import Stage
from orchestrator.claims import is_operation
from orchestrator.cli import settings
from orchestrator.cli.conduct import Conduct, conduct
from orchestrator.cli.context import Context
from orchestrator.cli.start import plan_with
from orchestrator.config import AgentSettings, Config, dump, level_names, load_dump
from orchestrator.enforcement import choose
from orchestrator.environment import passed
from orchestrator.errors import ConfigError, JournalError, NeedsYou, Refused, UsageError
from orchestrator.events import RunEnded, RunResumed, RunStarted, TaskRevived
from orchestrator.integration import Integration
from orchestrator.journal import Journal
from orchestrator.model import AgentId, AttemptId, Isolation, Plan, RunId, TaskId, TaskState
from orchestrator.places import Plain, nearest
from orchestrator.planning import plan_document
from orchestrator.project import Project
from orchestrator.recorder import Recorder
from orchestrator.replay import NoRun, Replayed, find_run, replay
from orchestrator.runlog import RunLog, open_log
from orchestrator.scheduler import Rules
from orchestrator.state import State, initial
from orchestrator.supervisor import Supervisor
from orchestrator.views.agent_plan import render_agent_plan
from orchestrator.views.plan_table import render_plan
from orchestrator.workspaces import Workspaces
from orchestrator.workspaces.branch import IntegrationBranch
from orchestrator.workspaces.shared import SharedTree
from orchestrator.workspaces.worktree import Worktrees


class UnfinishedRun(NeedsYou):
    """A run of the same file is not at its end."""

    def __init__(self, run: RunId, file: str) -> None:
        hint = f"go on with it: squad resume {run}\nor start anew: squad run {file} --new"
        super().__init__(f"the run {run} of {file} is unfinished", hint=hint)
        self.run = run


class RunIsOver(Refused):
    """A run that ended cannot be resumed."""

    def __init__(self, run: RunId, outcome: str) -> None:
        super().__init__(f"the run {run} has ended: {outcome}", hint="start anew: squad run FILE")


class NoCommand(ConfigError):
    """An agent of the kind `command` has none, and neither have the tasks."""

    def __init__(self, agent: AgentId) -> None:
        hint = f'write it in squad.yaml: agents: {{{agent}: {{use: command, command: ["my-agent", "{{prompt_file}}"]}}}}'
        super().__init__(f"{agent} is to run a command, and none is configured", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for."""

    file: str
    count: int | None
    agent: str | None
    enforce: str | None
    new: bool


def rehearse(options: Context, wishes: Wishes) -> str:
    """Give the plan's text without starting anything.

    Raises:
        SquadError: Something stands in the way that would also stand in the way of the run.
    """
    project = options.project()
    config = settings.load(options, project, _flags(wishes))
    choose(config.enforce)
    _start_of(project)
    plan, _ = plan_with(options, wishes.file, project, config, count=wishes.count)
    _adapters(plan, _with_adapter(config, plan, wishes.agent))
    return plan_document(plan).decode() if options.as_json else render_plan(plan)


def launch(options: Context, wishes: Wishes) -> int:
    """Plan and carry out; gives the exit code.

    Raises:
        SquadError: Nothing was started.
    """
    project = options.project()
    projects.require_free(project)
    config = settings.load(options, project, _flags(wishes))
    choose(config.enforce)
    base = _start_of(project)
    plan, document = plan_with(options, wishes.file, project, config, count=wishes.count)
    config = _with_adapter(config, plan, wishes.agent)
    _adapters(plan, config)
    settings.confirm(config, options, project)
    options.note(projects.prepare(project, now=time.time()))
    with _held(project, config) as (journal, log):
        _require_finished(journal, plan, wishes)
        _announce(options, project)
        _set_former_aside(project, journal.latest())
        since = journal.last()
        recorder = _begin(project, journal, config, plan, base=base, document=document)
        _lay_out(project, recorder)
        return _carry_out(_conduct(options, project, config, recorder, log=log, since=since))


def relaunch(options: Context, name: str | None) -> int:
    """Go on with a run; gives the exit code.

    Raises:
        SquadError: There is no such run, it is over, or something stands in the way.
    """
    project = options.project()
    projects.require_free(project)
    replayed, config = _resumable(project, name)
    options.note(projects.prepare(project, now=time.time()))
    with _held(project, config) as (journal, log):
        replayed = replay(journal, replayed.run)
        since = journal.last()
        recorder = Recorder(journal, replayed.plan, replayed.state, clock=time.time)
        _revive(recorder, replayed.state)
        _lay_out(project, recorder)
        return _carry_out(_conduct(options, project, config, recorder, log=log, since=since))


def _resumable(project: Project, name: str | None) -> tuple[Replayed, Config]:
    """Give a run that is not over, and its settings, before anything is touched."""
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(name)
    with journal:
        unfinished = journal.unfinished()
        replayed = replay(journal, unfinished[-1] if name is None and unfinished else find_run(journal, name))
        if replayed.state.phase == "ended":
            raise RunIsOver(replayed.run, replayed.state.outcome)
        config = load_dump(journal.document(replayed.settings))
    _adapters(replayed.plan, config)
    return replayed, config


@contextmanager
def _held(project: Project, config: Config) -> Iterator[tuple[Journal, RunLog]]:
    """Hold what a supervisor needs for itself: the project, its journal, squad's own log."""
    with projects.hold(project), Journal.open(project.state) as journal, open_log(project, config.log.folder) as log:
        yield journal, log


def _carry_out(run: Conduct) -> int:
    return anyio.run(conduct, run)


def _conduct(options: Context, project: Project, config: Config, recorder: Recorder, *, log: RunLog, since: int) -> Conduct:
    """Build the supervisor."""
    branch = _branch(project, config, recorder.state)
    if branch is not None and recorder.state.tip is not None:
        branch.create(recorder.state.tip)
    stage = _stage(project, config, recorder)
    supervisor = Supervisor(
        recorder,
        stage,
        Integration(
            recorder,
            branch,
            stage.workspaces,
            checks=config.run.checks,
            logs=project.logs / recorder.state.run,
            environment=passed(os.environ),
            silence=config.run.stall.after,
        ),
        _rules(config),
    )
    return Conduct(options=options, project=project, supervisor=supervisor, log=log, since=since)


def _start_of(project: Project) -> str | None:
    """Give the commit that a run can start from; None without git."""
    if project.repository:
        return git.require_workable(project.root)
    git.require_installed()
    return None


def _begin(project: Project, journal: Journal, config: Config, plan: Plan, *, base: str | None, document: bytes) -> Recorder:
    """Record the start of a new run, its document, plan and settings with it."""
    run = journal.next_run_id(plan.title, is_taken=partial(_is_taken, project))
    journal.save_document(document)
    recorder = Recorder(journal, plan, initial(run, plan), clock=time.time)
    isolated = plan.isolation is Isolation.WORKTREE
    recorder.record(
        RunStarted(
            title=plan.title,
            source=plan.source,
            source_digest=plan.source_digest,
            plan=journal.save_document(plan_document(plan)),
            settings=journal.save_document(dump(config)),
            isolation=plan.isolation,
            base=base if isolated else None,
            branch=f"squad/{run}" if isolated else None,
            agents=[seat.id for seat in plan.agents],
        )
    )
    return recorder


def _is_taken(project: Project, run: RunId) -> bool:
    """Tell whether a run of that id left something, though the journal knows nothing of it any more."""
    if (project.logs / run).exists() or (project.folder / "worktrees" / run).exists():
        return True
    names = (f"refs/heads/squad/{run}", f"refs/heads/squad-work/{run}", f"refs/squad/kept/{run}")
    return project.repository and bool(git.Git(project.root).run("for-each-ref", "--count=1", *names))


def _revive(recorder: Recorder, state: State) -> None:
    """Record that a supervisor goes on; what was parked gets another chance."""
    parked = [task for task, status in state.tasks.items() if status.state is TaskState.PARKED]
    gates = {planned.task.id for planned in recorder.plan.tasks if planned.task.gate}
    recorder.record(
        RunResumed(reason=state.outcome or "its supervisor was gone"),
        *(TaskRevived(task=task, reason="resumed by a person") for task in parked if task not in gates),
    )


def _stage(project: Project, config: Config, recorder: Recorder) -> Stage:
    run = RunId(recorder.state.run)
    agents = [seat.id for seat in recorder.plan.agents]
    return Stage(
        project=project,
        run=run,
        config=config,
        level=choose(config.enforce),
        workspaces=_workspaces(project, config, recorder),
        adapters=_adapters(recorder.plan, config),
        tokens={agent: secrets.token_hex(16) for agent in agents},
        sockets={agent: project.socket(agent) for agent in agents},
        surroundings=os.environ,
        git=anyio.Lock(),
    )


def _workspaces(project: Project, config: Config, recorder: Recorder) -> Workspaces:
    run = RunId(recorder.state.run)
    if recorder.plan.isolation is Isolation.SHARED:
        return SharedTree(project=project, run=run, others=partial(_others, recorder))
    isolation = config.isolation
    return Worktrees(
        project=project, run=run, place=_place(project, config), copy=isolation.copy_files, symlink=isolation.symlink
    )


def _others(recorder: Recorder, attempt: AttemptId) -> tuple[str, ...]:
    """Give what the other tasks under way may write, and what the other agents have locked."""
    me = recorder.state.attempts[attempt]
    by_id = {planned.task.id: planned for planned in recorder.plan.tasks}
    under_way = [TaskId(agent.task) for name, agent in recorder.state.agents.items() if agent.task and name != me.agent]
    claims = [claim for task in under_way for claim in by_id[task].writes or ()]
    return (*claims, *(lock.path for lock in recorder.state.locks if lock.holder != me.agent and not is_operation(lock.path)))


def _branch(project: Project, config: Config, state: State) -> IntegrationBranch | None:
    if state.branch is None:
        return None
    return IntegrationBranch(project=project, run=RunId(state.run), place=_place(project, config))


def _place(project: Project, config: Config) -> Path:
    place = config.isolation.place
    return project.root / Path(place).expanduser() if place else project.folder / "worktrees"


def _rules(config: Config) -> Rules:
    run = config.run
    return Rules(
        attempts=run.attempts,
        same_failure=run.stall.same_failure,
        ladder=run.stall.ladder,
        backoff=run.restart.backoff,
        per_agent=run.restart.per_agent,
        fleet=run.restart.fleet,
        agents=run.agents,
    )


def _adapters(plan: Plan, config: Config) -> dict[AgentId, AnyAdapter]:
    """Give each agent its adapter.

    Raises:
        AgentMissing: A program is not installed.
        NoCommand: It is to run a command and has none.
        NoAgent: None that squad knows is.
    """
    path = passed(os.environ)["PATH"]
    adapters: dict[AgentId, AnyAdapter] = {}
    for seat in plan.agents:
        wanted = config.agents.get(seat.id, AgentSettings())
        mine = [planned.task for planned in plan.tasks if not planned.task.agents or seat.id in planned.task.agents]
        own_commands = all(task.command for task in mine)
        use = "command" if wanted.use == "auto" and own_commands else wanted.use
        if use == "command" and not wanted.command and not own_commands:
            raise NoCommand(seat.id)
        adapter = make_adapter(use, command=wanted.command, speaks_squad=wanted.speaks == "squad", path=path)
        reason = adapter.missing(wanted.environment.get("PATH", path)) if not own_commands else None
        if reason is not None:
            raise AgentMissing(seat.id, reason)
        adapters[seat.id] = adapter
    return adapters


def _with_adapter(config: Config, plan: Plan, use: str | None) -> Config:
    """Give every agent the adapter that the command line names.

    Raises:
        UsageError: There is no such adapter.
    """
    if use is None:
        return config
    if use not in NAMES:
        raise UsageError(f"--agent {use}: no such adapter", hint=nearest(use, NAMES) or f"adapters: {', '.join(NAMES)}")
    known = {seat.id: config.agents.get(seat.id, AgentSettings()) for seat in plan.agents}
    agents = {name: agent.model_copy(update={"use": use}) for name, agent in {**config.agents, **known}.items()}
    return config.model_copy(update={"agents": agents})


def _flags(wishes: Wishes) -> dict[str, Plain]:
    flags: dict[str, Plain] = {}
    if wishes.count is not None:
        flags["run.agents"] = str(wishes.count)
    if wishes.enforce is not None:
        levels = level_names()
        if wishes.enforce not in levels:
            hint = nearest(wishes.enforce, levels) or f"levels: {', '.join(levels)}"
            raise UsageError(f"--enforce {wishes.enforce}: no such level", hint=hint)
        flags["enforce"] = wishes.enforce
    return flags


def _announce(options: Context, project: Project) -> None:
    """Say what a person should know before the start."""
    if options.verbose:
        options.note(f"journal and logs: {project.state}\nconfiguration: {settings.sources(options, project)}")
    if project.repository and (count := git.uncommitted(project.root)):
        options.note(f"{count} uncommitted files: agents start from the last commit and will not see them")


def _require_finished(journal: Journal, plan: Plan, wishes: Wishes) -> None:
    for run in reversed(journal.unfinished()):
        if replay(journal, run).state.source == plan.source:
            if not wishes.new:
                raise UnfinishedRun(run, wishes.file)
            journal.append(run, RunEnded(outcome="discarded"), at=time.time())


def _set_former_aside(project: Project, former: RunId | None) -> None:
    """Move the plans and comm files of the former run to its own folder."""
    aside = project.folder / "runs" / (former or "before")
    for name in ("parallel-plans", "comms"):
        for path in sorted((project.folder / name).glob("*.md")):
            (aside / name).mkdir(parents=True, exist_ok=True)
            path.replace(aside / name / path.name)


def _lay_out(project: Project, recorder: Recorder) -> None:
    """Put the PRD, the plan and the agents' plans where people look for them."""
    plan = recorder.plan
    with contextlib.suppress(JournalError):  # a run of a plan that was made elsewhere has no document here
        (project.folder / "feature-prd.md").write_bytes(recorder.journal.document(plan.source_digest))
    (project.folder / "plan.json").write_bytes(plan_document(plan))
    for seat in plan.agents:
        path = project.folder / "parallel-plans" / f"agent-{seat.id.split('-')[1]}-plan.md"
        path.write_text(render_agent_plan(plan, seat.id), encoding="utf-8")
