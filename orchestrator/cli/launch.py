"""Starting a supervisor: everything between a command line and a running run."""

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from orchestrator import git
from orchestrator import project as projects
from orchestrator.adapters import NAMES, Adapter, AgentMissing, make_adapter
from orchestrator.attempt import Stage
from orchestrator.claims import is_operation
from orchestrator.cli import settings
from orchestrator.cli.conduct import Conduct, conduct
from orchestrator.cli.context import Context, say
from orchestrator.cli.start import plan_with
from orchestrator.config import AgentSettings, Config, dump, load_dump
from orchestrator.enforcement import choose
from orchestrator.environment import passed
from orchestrator.errors import JournalError, NeedsYou, Refused, UsageError
from orchestrator.events import RunEnded, RunResumed, RunStarted, TaskRevived
from orchestrator.integration import Integration
from orchestrator.journal import Journal
from orchestrator.model import AgentId, AttemptId, Isolation, Plan, RunId, TaskId, TaskState
from orchestrator.places import Plain, nearest
from orchestrator.planning import plan_document
from orchestrator.project import Project
from orchestrator.recorder import Recorder
from orchestrator.replay import NoRun, find_run, replay
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for."""

    file: str
    count: int | None
    agent: str | None
    enforce: str | None
    new: bool
    unattended: bool


def rehearse(options: Context, wishes: Wishes) -> str:
    """Give the plan's text without starting anything.

    Raises:
        SquadError: Something stands in the way that would also stand in the way of the run.
    """
    project = options.project()
    config = settings.load(options, project, _flags(wishes))
    choose(config.enforce)
    _start_of(project)
    plan = plan_with(options, wishes.file, project, config, count=wishes.count)
    _adapters(plan, _with_adapter(config, plan, wishes.agent))
    return render_plan(plan)


def launch(options: Context, wishes: Wishes) -> int:
    """Plan and carry out; gives the exit code.

    Raises:
        SquadError: Nothing was started.
    """
    project = options.project()
    config = settings.load(options, project, _flags(wishes))
    choose(config.enforce)
    base = _start_of(project)
    plan = plan_with(options, wishes.file, project, config, count=wishes.count)
    config = _with_adapter(config, plan, wishes.agent)
    _adapters(plan, config)
    settings.confirm(config, options, project)
    document = (options.folder / wishes.file).read_bytes()
    _announce(options, project, projects.prepare(project, now=time.time()))
    with projects.hold(project), Journal.open(project.state) as journal:
        _require_finished(journal, plan, wishes)
        _set_former_aside(project, journal.latest())
        recorder = _begin(project, journal, config, plan, base=base, document=document)
        _lay_out(project, recorder)
        return _carry_out(options, project, config, recorder)


def relaunch(options: Context, name: str | None) -> int:
    """Go on with a run; gives the exit code.

    Raises:
        SquadError: There is no such run, it is over, or something stands in the way.
    """
    project = options.project()
    if not (project.state / "state.db").is_file():
        raise NoRun(name)
    projects.prepare(project, now=time.time())
    with projects.hold(project), Journal.open(project.state) as journal:
        unfinished = journal.unfinished()
        replayed = replay(journal, unfinished[-1] if name is None and unfinished else find_run(journal, name))
        if replayed.state.phase == "ended":
            raise RunIsOver(replayed.run, replayed.state.outcome)
        config = load_dump(journal.document(replayed.settings))
        _adapters(replayed.plan, config)
        recorder = Recorder(journal, replayed.plan, replayed.state, clock=time.time)
        _revive(recorder, replayed.state)
        _lay_out(project, recorder)
        return _carry_out(options, project, config, recorder)


def _carry_out(options: Context, project: Project, config: Config, recorder: Recorder) -> int:
    """Build the supervisor and run it in the foreground."""
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
    return anyio.run(conduct, Conduct(options=options, project=project, config=config, supervisor=supervisor))


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


def _adapters(plan: Plan, config: Config) -> dict[AgentId, Adapter]:
    """Give each agent its adapter.

    Raises:
        AgentMissing: A program is not installed.
        NoAgent: None that squad knows is.
    """
    path = passed(os.environ)["PATH"]
    own_commands = all(planned.task.command for planned in plan.tasks)
    adapters: dict[AgentId, Adapter] = {}
    for seat in plan.agents:
        wanted = config.agents.get(seat.id, AgentSettings())
        use = "command" if wanted.use == "auto" and own_commands else wanted.use
        adapter = make_adapter(use, command=wanted.command, speaks_squad=wanted.speaks == "squad", path=path)
        reason = adapter.missing(path) if not own_commands else None
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
        flags["enforce"] = wishes.enforce
    return flags


def _announce(options: Context, project: Project, said: str) -> None:
    """Say what a person should know before the start."""
    if options.quiet:
        return
    if said:
        say(said)
    if project.repository and (count := git.uncommitted(project.root)):
        say(f"{count} uncommitted files: agents start from the last commit and will not see them")


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
