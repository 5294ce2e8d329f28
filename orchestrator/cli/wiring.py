"""A supervisor and all that it works with, put together from a plan, its settings and what is known of its run."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrator.adapters.known import KNOWN
from orchestrator.cli.adding import decisions
from orchestrator.cli.beginning import views_of
from orchestrator.cli.crew import take_in
from orchestrator.cli.limiting import limits_of
from orchestrator.cli.programs import accounts_of
from orchestrator.cli.telling import words_of
from orchestrator.config import Config
from orchestrator.confinement.leveling import Levels
from orchestrator.confinement.walled import Walled
from orchestrator.environment import passed
from orchestrator.events import Noticed
from orchestrator.gitturn import GitTurn
from orchestrator.granted import late_in_git
from orchestrator.journal.recorder import Recorder
from orchestrator.leash import read_ending
from orchestrator.model import Isolation, Plan, RunId
from orchestrator.parties import Party, Scene, parties_of
from orchestrator.platform import boot_id, boot_time
from orchestrator.project import Project
from orchestrator.run.integration import Examine, Integration
from orchestrator.run.shaper import Shaper
from orchestrator.run.stage import Stage
from orchestrator.run.supervisor import Supervisor
from orchestrator.scheduling.scheduler import Rules
from orchestrator.standins import make, signs_of
from orchestrator.state import AttemptStatus, State
from orchestrator.workspaces import Workspaces
from orchestrator.workspaces.branch import IntegrationBranch
from orchestrator.workspaces.outside import Outside
from orchestrator.workspaces.shared import SharedTree
from orchestrator.workspaces.worktree import Worktrees


def supervisor_for(project: Project, config: Config, recorder: Recorder, *, examine: Examine | None = None) -> Supervisor:
    """Build the supervisor of a run; its integration branch stands where the run left it."""
    branch = _branch(project, config, recorder.state)
    if branch is not None and recorder.state.tip is not None:
        branch.create(recorder.state.tip)
    stage = _stage(project, config, recorder)
    integration = Integration(
        recorder,
        branch,
        stage.workspaces,
        checks=config.run.checks,
        walled=stage.walled,
        logs=project.logs / recorder.state.run,
        examine=examine,
    )
    supervisor = Supervisor(recorder, stage, integration, _rules(config, stage))
    supervisor.desk.loans.turn = integration.git = stage.git
    shaper = Shaper(recorder, supervisor.recall, decisions(project), take_in=partial(take_in, project, supervisor))
    supervisor.orders = {**supervisor.orders, **shaper.orders}
    return supervisor


def _stage(project: Project, config: Config, recorder: Recorder) -> Stage:
    run = RunId(recorder.state.run)
    agents = [seat.id for seat in recorder.plan.agents]
    accounts = accounts_of(recorder.plan, config)
    programs = {agent: adapter.name for agent, adapter in accounts.own.items()}
    levels = Levels(config.enforce)
    return Stage(
        project=project,
        views=views_of(project, recorder.state),
        run=run,
        config=config,
        levels=levels,
        walled=_walled(project, config, recorder, levels),
        workspaces=_workspaces(project, config, recorder),
        outside=_outside(project, config, recorder),
        accounts=accounts,
        words=words_of(project, config, recorder.plan, programs=programs, base=recorder.state.base),
        tokens={agent: secrets.token_hex(16) for agent in agents},
        sockets={agent: project.socket(agent) for agent in agents},
        surroundings=os.environ,
        git=GitTurn(tell=lambda late: recorder.record(*(Noticed(text=late_in_git(recorder.state, one)) for one in late))),
        programs=_programs(project, recorder),
    )


def _walled(project: Project, config: Config, recorder: Recorder, levels: Levels) -> Walled:
    return Walled(
        project=project,
        run_id=RunId(recorder.state.run),
        levels=levels,
        settings=config.enforcement,
        environment=passed(os.environ),
        state=lambda: recorder.state,
        silence=config.run.stall.after,
    )


def _programs(project: Project, recorder: Recorder) -> Path | None:
    """Make the programs that take the locks of operations before the real ones run."""
    plan = recorder.plan
    signs = signs_of(plan.never_parallel, plan.isolation, git=project.repository)
    return make(project.folder / "run" / "bin", signs, path=passed(os.environ)["PATH"])


def _workspaces(project: Project, config: Config, recorder: Recorder) -> Workspaces:
    run = RunId(recorder.state.run)
    if recorder.plan.isolation is Isolation.SHARED:

        def company(besides: int | None) -> Sequence[Party]:  # the plan changes while a run goes on
            return parties_of(recorder.state, scene_of(project, config, recorder.plan), besides=besides)

        return SharedTree(project=project, run=run, company=company)
    return replace(worktrees_of(project, run, config), tip=lambda: recorder.state.tip)


def _outside(project: Project, config: Config, recorder: Recorder) -> Outside | None:
    """Give the watch over what agents can reach besides their workspaces; squad's own folders are left out."""
    if not project.repository:
        return None
    own = [project.worktrees(config.isolation.place), *([project.root / config.log.folder] if config.log.folder else [])]
    is_users = recorder.plan.isolation is not Isolation.SHARED
    return Outside(project, RunId(recorder.state.run), own=own, tree=is_users)


def worktrees_of(project: Project, run: RunId, config: Config) -> Worktrees:
    """Give the worktrees of a run by its settings."""
    isolation = config.isolation
    place = project.worktrees(isolation.place)
    return Worktrees(project=project, run=run, place=place, copy=isolation.copy_files, symlink=isolation.symlink)


def scene_of(project: Project, config: Config, plan: Plan) -> Scene:
    """Give what is known of a shared tree besides the state of its run."""
    return Scene(
        tasks={str(planned.task.id): planned for planned in plan.tasks},
        matrix=plan.matrix,
        is_dir=lambda path: (project.root / path).is_dir(),
        scratch=config.enforcement.scratch,
        asks=lambda attempt: attempt.adapter in KNOWN,
        gone_at=_gone_at,
    )


def _gone_at(attempt: AttemptStatus) -> float | None:
    """Give when an attempt's last process had ended, if its leash has written that down; a boot ends them all."""
    log = Path(attempt.log)
    ending = read_ending(log) if attempt.log else None
    if ending is not None:
        return None if ending.survivors else log.with_name(f"{log.name}.end").stat().st_mtime
    return boot_time() if attempt.boot not in {"", boot_id()} else None


def _branch(project: Project, config: Config, state: State) -> IntegrationBranch | None:
    if state.branch is None:
        return None
    return IntegrationBranch(project=project, run=RunId(state.run), place=project.worktrees(config.isolation.place))


def _rules(config: Config, stage: Stage) -> Rules:
    run = config.run
    return Rules(
        attempts=run.attempts,
        same_failure=run.stall.same_failure,
        ladder=run.stall.ladder,
        backoff=run.restart.backoff,
        per_agent=run.restart.per_agent,
        fleet=run.restart.fleet,
        agents=run.agents,
        limits=limits_of(config),
        waits=run.on_quota.resume == "auto",
        ways=stage.accounts.ways(),
    )
