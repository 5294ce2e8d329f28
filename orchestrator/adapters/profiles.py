"""Agent CLIs that squad can drive as plain commands: how each is started without ever waiting for a person.

Each profile names the program, its headless invocation with edits allowed and the prompt on stdin or as argument, and
how it is installed. Where an adapter speaks the program's own protocol,
it takes the profile's place unless a command is configured.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One agent CLI."""

    command: tuple[str, ...]
    install: str
    needs: tuple[str, ...] = ()  #: variables of its sign-in and configuration, beside those of any user's session


#: What a program looks for that keeps its sign-in in the user's session.
SESSION = ("USER", "LOGNAME", "SHELL", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")

PROFILES: Mapping[str, Profile] = {
    "claude": Profile(
        command=("claude", "-p", "--permission-mode", "acceptEdits", "--output-format", "text"),
        install="npm install -g @anthropic-ai/claude-code",
        needs=(*SESSION, "CLAUDE_CONFIG_DIR", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"),
    ),
    "codex": Profile(
        command=("codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "-"),
        install="npm install -g @openai/codex",
        needs=(*SESSION, "CODEX_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ),
    "gemini": Profile(
        command=("gemini", "--approval-mode", "auto_edit", "-p", "{prompt}"),
        install="npm install -g @google/gemini-cli",
        needs=(*SESSION, "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"),
    ),
    "aider": Profile(
        command=("aider", "--yes-always", "--no-auto-commits", "--no-check-update", "--message-file", "{prompt_file}"),
        install="pip install aider-chat",
        needs=(*SESSION, "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"),
    ),
}
