"""Agent CLIs that squad can drive as plain commands: how each is started without ever waiting for a person.

Each profile names the program, its headless invocation with edits allowed and the prompt on stdin or as argument, and
how it is installed. The adapters that speak these programs' own protocols will take their place under the same names.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One agent CLI."""

    command: tuple[str, ...]
    install: str


PROFILES: Mapping[str, Profile] = {
    "claude": Profile(
        command=("claude", "-p", "--permission-mode", "acceptEdits", "--output-format", "text"),
        install="npm install -g @anthropic-ai/claude-code",
    ),
    "codex": Profile(
        command=("codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "-"),
        install="npm install -g @openai/codex",
    ),
    "gemini": Profile(
        command=("gemini", "--approval-mode", "auto_edit", "-p", "{prompt}"),
        install="npm install -g @google/gemini-cli",
    ),
    "aider": Profile(
        command=("aider", "--yes-always", "--no-auto-commits", "--no-check-update", "--message-file", "{prompt_file}"),
        install="pip install aider-chat",
    ),
}
