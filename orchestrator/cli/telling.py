"""What squad says to each agent, gathered from the configuration, the repository and the user's own folders.

A run and `plan --prompt` both take it from here, so that what is shown is what is told.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator import git
from orchestrator.adapters import takes_tools
from orchestrator.adapters.prompt import Words, prompt
from orchestrator.cli import settings
from orchestrator.cli.context import Context, out, out_json
from orchestrator.cli.programs import adapters_of
from orchestrator.config import AgentSettings, Config
from orchestrator.errors import ConfigError, ToolMissing
from orchestrator.model import AgentId, Isolation, Plan, PlannedTask, Seat
from orchestrator.pages import Pages, committed, lying
from orchestrator.planning.explain import UnknownTask
from orchestrator.project import Project
from orchestrator.roles import Role, Shelves, role_of, unmeant
from orchestrator.text.tokens import tokens


def words_of(
    project: Project, config: Config, plan: Plan, *, programs: Mapping[AgentId, str], base: str | None
) -> dict[AgentId, Words]:
    """Give what squad has to say to each agent; `base` is the commit that the run starts from.

    Raises:
        ConfigError: The text of a role cannot be used.
    """
    pages = _pages(project, plan, base)
    told: dict[AgentId, Words] = {}
    for seat in plan.agents:
        role = role_of(seat, _shelves(project, config))
        told[seat.id] = Words(
            role=role.text,
            is_own=role.is_own,
            program=programs.get(seat.id, ""),
            is_shared=plan.isolation is Isolation.SHARED,
            pages=pages,
            checks=config.run.checks,
            never_parallel=config.never_parallel,
        )
    return told


def require_roles(project: Project, config: Config, plan: Plan) -> str:
    """See to it that every agent's role can be told; gives what a person should know of that.

    Raises:
        ConfigError: The text of one cannot be used.
    """
    warnings = [role_of(seat, _shelves(project, config)).warning for seat in plan.agents]
    return "\n".join(dict.fromkeys(filter(None, (*warnings, *unmeant(plan.agents, config.roles)))))


def why_role(options: Context, plan: Plan, task: str) -> str:
    """Say where the text of the role comes from that a task's agent is told."""
    _, seat = _planned(plan, task)
    return f"told the role {_role(options, seat).source}"


def show_prompt(options: Context, plan: Plan, task: str) -> None:
    """Write what the agent of a task is told at its first attempt, to the letter, and beside it what that is made of."""
    planned, seat = _planned(plan, task)
    project, config, role = options.project(), _config(options), _role(options, seat)
    program, has_tools = _program(plan, seat, config)
    base = git.head(project.root) if project.repository else None
    words = words_of(project, config, replace(plan, agents=(seat,)), programs={seat.id: program}, base=base)
    text = prompt(planned, seat, replace(words[seat.id], tools=has_tools))
    if options.as_json:
        told = {"task": task, "agent": seat.id, "program": program, "role": role.source, "tokens": tokens(text), "prompt": text}
        out_json({"schema_version": 1, **told})
        return
    options.note(require_roles(project, config, plan))
    options.note(f"for {seat.id} ({program}); role: {role.source}; about {tokens(text)} tokens")
    options.note(_untold(planned, seat, program))
    out(text)


def _untold(planned: PlannedTask, seat: Seat, program: str) -> str:
    if planned.task.command:
        return f"{planned.task.id} has a command of its own: {seat.id} runs it and is told nothing of this"
    return f"{seat.id} is simulated and reads nothing of this" if program == "simulated" else ""


def _planned(plan: Plan, task: str) -> tuple[PlannedTask, Seat]:
    planned = next((one for one in plan.tasks if one.task.id == task), None)
    if planned is None:
        raise UnknownTask(task, tuple(one.task.id for one in plan.tasks))
    return planned, next(seat for seat in plan.agents if seat.id == planned.agent)


def _role(options: Context, seat: Seat) -> Role:
    return role_of(seat, _shelves(options.project(), _config(options)))


def _config(options: Context) -> Config:
    return settings.load(options, options.project(), {})


def _program(plan: Plan, seat: Seat, config: Config) -> tuple[str, bool]:
    """Name the program that would run, also where it could not be started yet, and tell whether it is handed squad's tools."""
    try:
        adapter = adapters_of(replace(plan, agents=(seat,)), config)[seat.id]
    except (ToolMissing, ConfigError):
        return config.agents.get(seat.id, AgentSettings()).use, False
    return adapter.name, takes_tools(adapter)


def _shelves(project: Project, config: Config) -> Shelves:
    claude = Path(os.environ.get("CLAUDE_CONFIG_DIR") or "~/.claude").expanduser()
    return Shelves(root=project.root, named=config.roles, own=settings.own_folder() / "roles", claude=claude / "agents")


def _pages(project: Project, plan: Plan, base: str | None) -> Pages:
    if plan.isolation is Isolation.WORKTREE and base is not None:
        return committed(project.root, base)
    return lying(project.root, (claim for planned in plan.tasks for claim in planned.writes or ()))
