"""The agent programs squad can drive, by the names the configuration uses.

Choosing happens here and nowhere else; what is known of one program stays in its own module.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.adapters.acp import AcpAdapter, acp_adapter
from orchestrator.adapters.base import Adapter, AnyAdapter, Conversation, Conversing, Invocation, Order, Reader, Tools
from orchestrator.adapters.claude import ClaudeAdapter
from orchestrator.adapters.codex import CodexAdapter
from orchestrator.adapters.command import CommandAdapter
from orchestrator.adapters.hearing import Program
from orchestrator.adapters.known import KNOWN
from orchestrator.adapters.simulated import SimulatedAdapter
from orchestrator.adapters.speaking import SpeakingAdapter
from orchestrator.errors import ToolMissing

__all__ = [
    "NAMES",
    "Adapter",
    "AgentMissing",
    "AnyAdapter",
    "Conversation",
    "Conversing",
    "Invocation",
    "NoAgent",
    "Order",
    "Reader",
    "Tools",
    "detect",
    "make_adapter",
    "takes_tools",
]

#: Programs that are spoken with in their own protocol, if no command is configured that takes their place.
_CONVERSING: Mapping[str, Program | AcpAdapter] = {
    "claude": ClaudeAdapter(),
    "codex": CodexAdapter(),
    "gemini": acp_adapter("gemini", profile="gemini"),
}
#: Programs by their names, in the order in which they are looked for.
_LOOKED_FOR = (*_CONVERSING, *(name for name, known in KNOWN.items() if known.headless))
NAMES = ("auto", "command", "simulated", "acp", *_LOOKED_FOR)


class NoAgent(ToolMissing):
    """No agent CLI that squad knows is installed."""

    def __init__(self) -> None:
        installs = "\n".join(f"  {name}: {KNOWN[name].install}" for name in _LOOKED_FOR)
        hint = f"install one of them and sign in:\n{installs}\nor try squad without any: --agent simulated"
        super().__init__(f"no agent CLI found: looked for {', '.join(_LOOKED_FOR)}", hint=hint)


class AgentMissing(ToolMissing):
    """The program of an agent cannot be started."""

    def __init__(self, agent: str, reason: str) -> None:
        super().__init__(f"{agent}: {reason}", hint="or try squad without any agent CLI: --agent simulated")
        self.agent = agent


def detect(path: str) -> str:
    """Give the first agent CLI on PATH that squad knows.

    Raises:
        NoAgent: There is none.
    """
    for name in _LOOKED_FOR:
        if shutil.which(name, path=path) is not None:
            return name
    raise NoAgent


def takes_tools(adapter: AnyAdapter) -> bool:
    """Tell whether the program hands servers of tools to its model."""
    return isinstance(adapter, Program | AcpAdapter)


def make_adapter(
    use: str, *, command: Sequence[str] = (), speaks_squad: bool = False, profile: str | None = None, model: str = "", path: str
) -> AnyAdapter:
    """Give the adapter of a name; `auto` is the first installed CLI, a configured command beats what squad knows of one.

    Raises:
        NoAgent: `auto`, and none is installed.
    """
    if use == "auto":
        found = "command" if command else detect(path)
        return make_adapter(found, command=command, speaks_squad=speaks_squad, model=model, path=path)
    if use == "simulated":
        return SimulatedAdapter()
    if use == "command":
        program = CommandAdapter(command=tuple(command))
        return SpeakingAdapter(program=program) if speaks_squad else program
    if use == "acp":
        return acp_adapter(profile or "acp", profile=profile or "", command=command, model=model)
    if use in _CONVERSING and not command:
        return replace(_CONVERSING[use], model=model)
    known = KNOWN[use]
    return CommandAdapter(name=use, command=tuple(command) or known.headless, install=known.install, needs=known.needs)
