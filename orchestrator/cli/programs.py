"""Which program each agent of a plan runs; one that is missing is told before anything is started."""

import os

from orchestrator.adapters import NAMES, AgentMissing, AnyAdapter, make_adapter
from orchestrator.config import AgentSettings, Config, level_names
from orchestrator.environment import passed
from orchestrator.errors import ConfigError, UsageError
from orchestrator.model import AgentId, Plan
from orchestrator.run.accounts import Accounts
from orchestrator.text.spelling import nearest_or_all


class NoCommand(ConfigError):
    """An agent of the kind `command` has none, and neither have the tasks."""

    def __init__(self, agent: AgentId) -> None:
        hint = f'write it in squad.yaml: agents: {{{agent}: {{use: command, command: ["my-agent", "{{prompt_file}}"]}}}}'
        super().__init__(f"{agent} is to run a command, and none is configured", hint=hint)


def adapters_of(plan: Plan, config: Config) -> dict[AgentId, AnyAdapter]:
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
        speaks_squad = wanted.speaks == "squad"
        adapter = make_adapter(
            use, command=wanted.command, speaks_squad=speaks_squad, profile=wanted.profile, model=wanted.model, path=path
        )
        reason = adapter.missing(wanted.environment.get("PATH", path)) if not own_commands else None
        if reason is not None:
            raise AgentMissing(seat.id, reason)
        adapters[seat.id] = adapter
    return adapters


def accounts_of(plan: Plan, config: Config) -> Accounts:
    """Give the programs of all agents, and those that are installed of the ones they may fall back to.

    Raises:
        ToolMissing: An agent's own is not installed.
    """
    path = passed(os.environ)["PATH"]
    others = [make_adapter(name, path=path) for name in dict.fromkeys(config.run.on_quota.fall_back_to)]
    absent = {other.name: reason for other in others if (reason := other.missing(path)) is not None}
    return Accounts(
        own=adapters_of(plan, config),
        others=tuple(other for other in others if other.name not in absent),
        absent=absent,
        environments={name: agent.environment for name, agent in config.agents.items()},
        margin=config.run.on_quota.margin,
    )


def with_adapter(config: Config, plan: Plan, use: str | None) -> Config:
    """Give every agent the adapter that the command line names; what is said of another program is none of its business.

    Raises:
        UsageError: There is no such adapter.
    """
    if use is None:
        return config
    require_adapter(use)
    known = {seat.id: config.agents.get(seat.id, AgentSettings()) for seat in plan.agents}
    agents = {name: _using(agent, use) for name, agent in {**config.agents, **known}.items()}
    return config.model_copy(update={"agents": agents})


def require_adapter(use: str) -> None:
    """See to it that the command line names an adapter; raises UsageError."""
    if use not in NAMES:
        raise UsageError(f"--agent {use}: no such adapter", hint=nearest_or_all(use, NAMES, "adapters"))


def require_level(level: str) -> None:
    """See to it that the command line names an enforcement level; raises UsageError."""
    levels = level_names()
    if level not in levels:
        raise UsageError(f"--enforce {level}: no such level", hint=nearest_or_all(level, levels, "levels"))


def _using(agent: AgentSettings, use: str) -> AgentSettings:
    if use == agent.use:
        return agent
    command = agent.command if use in {"command", "acp"} else ()
    return agent.model_copy(update={"use": use, "command": command, "profile": None, "model": ""})
