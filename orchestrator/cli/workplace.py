"""Where a task is or was worked on, for a person who wants to stand there.

A workspace that is there is shown as it is. Where it is gone, the kept work is put into a folder beside it that is the
person's from then on: nothing of squad's writes there or takes it away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.beginning import views_of
from orchestrator.config import Config
from orchestrator.environment import Place, told
from orchestrator.errors import Refused
from orchestrator.git import Git
from orchestrator.journal.replay import Replayed
from orchestrator.model import AgentId, AttemptId, Isolation, TaskId, TaskState
from orchestrator.project import Project, comm_file, file_name, plan_file
from orchestrator.state import AttemptStatus
from orchestrator.workspaces import names
from orchestrator.workspaces.worktree import check_out


class NoWorkspace(Refused):
    """Nobody has worked on the task, or nothing is left of it."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(f"{task} has no workspace: {why}", hint="see: squad status")
        self.task = task


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where the last attempt at a task worked."""

    task: str
    attempt: str
    path: Path
    is_kept: bool  #: the workspace is gone: this is what was kept of it
    at_work: str  #: the agent that works there now; empty: none
    environment: Mapping[str, str]  #: what its agent was told, save what lets one speak as that agent


def workplace(project: Project, replayed: Replayed, task: str, *, config: Config) -> Workplace:
    """Find the workspace of a task, or make one of what was kept.

    Raises:
        NoWorkspace: There is neither.
        RepositoryError: What was kept cannot be checked out.
    """
    state = replayed.state
    status = state.tasks[task]
    attempt = state.attempts.get(status.attempt or "")
    if attempt is None:
        raise NoWorkspace(task, "no attempt was begun yet")
    name = AttemptId(f"{task}.{attempt.number}")
    path, is_there = Path(attempt.workspace), Path(attempt.workspace).is_dir()
    if not is_there:
        path = _kept(project, replayed, name, config)
    return Workplace(
        task=task,
        attempt=name,
        path=path,
        is_kept=not is_there,
        at_work=attempt.agent if status.state is TaskState.RUNNING else "",
        environment=_environment(project, replayed, attempt, path, config),
    )


def _kept(project: Project, replayed: Replayed, attempt: AttemptId, config: Config) -> Path:
    """Give the folder with what was kept of an attempt; one that is there already is left as it is."""
    if replayed.state.isolation != Isolation.WORKTREE:
        raise NoWorkspace(attempt, "its folder is gone")
    run = replayed.run
    folder = project.worktrees(config.isolation.place) / run / f"{file_name(attempt)}-open"
    if folder.is_dir():
        return folder
    ref = names.kept_attempt(run, attempt)
    if not Git(project.root).succeeds("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"):
        raise NoWorkspace(attempt, f"its folder is gone, and nothing was kept under {ref}")
    check_out(project, folder, ref)
    return folder


def _environment(project: Project, replayed: Replayed, attempt: AttemptStatus, path: Path, config: Config) -> Mapping[str, str]:
    views, agent = views_of(project, replayed.state), attempt.agent
    role = next((seat.role for seat in replayed.plan.agents if seat.id == agent), "")
    settings = config.agents.get(AgentId(agent))
    configured = settings.environment if settings else {}
    place = Place(
        run=replayed.run,
        task=TaskId(attempt.task),
        agent=AgentId(agent),
        role=role,
        workspace=path,
        plan=views / plan_file(agent),
        comm=views / comm_file(agent),
    )
    return {**configured, **told(place)}
