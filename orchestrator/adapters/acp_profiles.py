"""What squad knows about single agents that speak the Agent Client Protocol: a row each, nothing else of them anywhere.

A row says how the agent is started, in which mode its edits ask, and how its own retries are turned off where they can be.
Nothing here touches the user's own configuration of an agent: what is set is set for the one process, by flags and
environment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.adapters.profiles import SESSION


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpProfile:
    """One agent."""

    command: tuple[str, ...]
    install: str = "check the agent's command in the configuration"
    needs: tuple[str, ...] = SESSION  #: variables of the user's environment; a star stands for any ending
    mode: str = ""  #: in which edits ask; empty: there is none to be set
    model_flag: str = ""  #: of its command line; empty: the model is set by the protocol
    environment: Mapping[str, str] = field(default_factory=dict)
    sign_in: str = ""  #: how a person signs in


#: The agent's own word for edits and commands, whatever the user's configuration allows.
_OPENCODE_ASKS = {"edit": "ask", "bash": "ask", "external_directory": "ask"}

ACP_PROFILES: Mapping[str, AcpProfile] = {
    "gemini": AcpProfile(
        command=("gemini", "--acp"),
        install="npm install -g @google/gemini-cli",
        needs=(*SESSION, "GEMINI_*", "GOOGLE_*", "CLOUDSDK_*"),
        mode="default",
        model_flag="--model",
        # its own tries, ten at most, can be set in its settings only, and those are the user's
        environment={"GEMINI_CLI_TRUST_WORKSPACE": "true", "GEMINI_CLI_NO_RELAUNCH": "1", "NO_BROWSER": "true"},
        sign_in="run `gemini` once and sign in, or set GEMINI_API_KEY",
    ),
    "opencode": AcpProfile(
        command=("opencode", "acp"),
        install="npm install -g opencode-ai",
        needs=(*SESSION, "OPENCODE_*", "ANTHROPIC_*", "OPENAI_*", "OPENROUTER_*", "GEMINI_API_KEY", "GOOGLE_*"),
        environment={"OPENCODE_PERMISSION": json.dumps(_OPENCODE_ASKS), "OPENCODE_DISABLE_AUTOUPDATE": "1"},
        sign_in="opencode auth login",
    ),
    "qwen": AcpProfile(
        command=("qwen", "--acp"),
        install="npm install -g @qwen-code/qwen-code",
        needs=(*SESSION, "QWEN_*", "OPENAI_*", "DASHSCOPE_*", "BAILIAN_*"),
        mode="default",
        model_flag="--model",
        sign_in="run `qwen` once and sign in, or set OPENAI_API_KEY",
    ),
    "claude-agent-acp": AcpProfile(
        command=("claude-agent-acp",),
        install="npm install -g @agentclientprotocol/claude-agent-acp",
        needs=(*SESSION, "ANTHROPIC_*", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_*"),
        mode="default",
        environment={
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
        sign_in="run `claude` once and sign in",
    ),
    "codex-acp": AcpProfile(
        command=("codex-acp",),
        install="npm install -g @agentclientprotocol/codex-acp",
        needs=(*SESSION, "OPENAI_*", "CODEX_*"),
        mode="read-only",
        sign_in="codex login",
    ),
}
