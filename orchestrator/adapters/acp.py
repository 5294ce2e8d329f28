"""Every agent that speaks the Agent Client Protocol: JSON-RPC over stdio, one message a line.

What differs between them stands in their profiles. The messages are those of the package `agent-client-protocol`, which
is loaded when such an agent is to be started and never before: nothing else of squad needs it.
"""

import importlib
import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.adapters.acp_profiles import ACP_PROFILES, UNKNOWN, AcpProfile
from orchestrator.adapters.base import Conversation, Invocation, Order

_LATER = "orchestrator.adapters.acp_conversation"
_EXTRA = "the Python package agent-client-protocol is missing: pip install 'squad-orchestrator[acp]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpAdapter:
    """Starts an agent with the user's own sign-in and settings."""

    name: str = "acp"
    profile: AcpProfile = UNKNOWN
    command: tuple[str, ...] = ()  #: beats the profile's
    model: str = ""  #: empty: the user's own choice

    @property
    def nudges(self) -> bool:
        """The protocol has no word for an agent in mid-turn but the one that ends the turn."""
        return False

    @property
    def interrupts(self) -> bool:
        """An interrupt ends the turn and not the conversation."""
        return True

    @property
    def needs(self) -> tuple[str, ...]:
        """Name the variables of the user's environment that it signs in by; a star stands for any ending."""
        return self.profile.needs

    def missing(self, path: str) -> str | None:
        """Say that the program, or the package, is not to be found."""
        argv = self._argv()
        if not argv:
            return f"an ACP agent needs a profile ({', '.join(ACP_PROFILES)}) or a command"
        if shutil.which(argv[0], path=path) is None:
            return f"{argv[0]!r} is not installed: {self.profile.install}"
        if importlib.util.find_spec("acp") is None:
            return _EXTRA
        importlib.import_module(_LATER)  # takes a second: now, and not while others are at work
        return None

    def invoke(self, order: Order) -> Invocation:  # noqa: ARG002 - the order is told by the conversation
        """Say hello; the conversation opens, and the prompt follows, when the agent has answered."""
        from orchestrator.adapters.acp_conversation import GREETING  # noqa: PLC0415 - only where such an agent is started

        model = (self.profile.model_flag, self.model) if self.model and self.profile.model_flag else ()
        argv = (*self._argv(), *model)
        return Invocation(argv=argv, environment=self.profile.environment, stdin=GREETING, keep_stdin=True)

    def conversation(self, order: Order) -> Conversation:
        """Give what speaks with one process."""
        from orchestrator.adapters.acp_conversation import AcpConversation, Wanted  # noqa: PLC0415 - as above

        wanted = Wanted(
            prompt=order.prompt,
            workspace=str(order.workspace),
            conversation=order.conversation,
            mode=self.profile.mode,
            model="" if self.profile.model_flag else self.model,
            sign_in=self.profile.sign_in,
            tools=order.tools,
        )
        return AcpConversation(wanted)

    def _argv(self) -> tuple[str, ...]:
        return self.command or self.profile.command


def acp_adapter(name: str, *, profile: str = "", command: Sequence[str] = (), model: str = "") -> AcpAdapter:
    """Give the adapter of a profile, or of a command that speaks ACP."""
    return AcpAdapter(name=name, profile=ACP_PROFILES.get(profile, UNKNOWN), command=tuple(command), model=model)
