"""How single agents are spoken with over the Agent Client Protocol: a row each, beside their row in the table of programs.

A row says how the agent is started, in which mode its edits ask, and how its own retries are turned off where they can be.
Nothing here touches the user's own configuration of an agent: what is set is set for the one process, by flags and
environment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.adapters.claude import QUIET
from orchestrator.adapters.known import KNOWN, NOT_KNOWN, SESSION, Known


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpProfile:
    """One agent."""

    known: Known | None = None  #: None: it is a command that the user configured
    arguments: tuple[str, ...] = ()  #: that make it speak ACP
    mode: str = ""  #: in which edits ask; empty: there is none to be set
    model_flag: str = ""  #: of its command line; empty: the model is set by the protocol
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> tuple[str, ...]:
        """Give how it is started; empty where squad does not know."""
        return (self.known.name, *self.arguments) if self.known else ()

    @property
    def install(self) -> str:
        """Give the command that installs it, or what helps instead."""
        return self.known.install if self.known else NOT_KNOWN

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that it needs; a star stands for any ending."""
        return self.known.needs if self.known else SESSION

    @property
    def sign_in(self) -> str:
        """Say how a person signs in; empty where squad does not know."""
        return self.known.sign_in if self.known else ""


#: The agent's own word for edits and commands, whatever the user's configuration allows.
_OPENCODE_ASKS = {"edit": "ask", "bash": "ask", "external_directory": "ask"}

#: Of a command that the user configured.
UNKNOWN = AcpProfile()
ACP_PROFILES: Mapping[str, AcpProfile] = {
    "gemini": AcpProfile(
        known=KNOWN["gemini"],
        arguments=("--acp",),
        mode="default",
        model_flag="--model",
        # its own tries, ten at most, can be set in its settings only, and those are the user's
        environment={"GEMINI_CLI_TRUST_WORKSPACE": "true", "GEMINI_CLI_NO_RELAUNCH": "1", "NO_BROWSER": "true"},
    ),
    "opencode": AcpProfile(
        known=KNOWN["opencode"],
        arguments=("acp",),
        environment={"OPENCODE_PERMISSION": json.dumps(_OPENCODE_ASKS), "OPENCODE_DISABLE_AUTOUPDATE": "1"},
    ),
    "qwen": AcpProfile(known=KNOWN["qwen"], arguments=("--acp",), mode="default", model_flag="--model"),
    "claude-agent-acp": AcpProfile(known=KNOWN["claude-agent-acp"], mode="default", environment=QUIET),
    "codex-acp": AcpProfile(known=KNOWN["codex-acp"], mode="read-only"),
}
