"""The agent programs that squad knows by name: which versions it was tried with, how each is installed and signed in.

Nothing here is asked of the program or of the system: this is the table that `squad doctor` and the start of a run hold
against what they find.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.versions import UNTRIED, Range

_NPM, _PIP = "npm install -g", "pip install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One agent program."""

    name: str  #: by which the configuration calls it
    program: str  #: as it is found on PATH
    package: str
    installer: str = _NPM
    works: Range
    seen: str  #: the newest version that squad was tried with
    sign_in: str  #: the command that signs in, or what to do instead
    variables: tuple[str, ...] = ()  #: each signs it in by being set; a hint only
    files: tuple[str, ...] = ()  #: each holds a sign-in; a hint only; below the home folder, or below the variable `home`
    home: tuple[str, str] = ("", "")  #: a variable that names its own folder, and that folder below the home folder

    @property
    def install(self) -> str:
        """Give the command that installs it."""
        return f"{self.installer} {self.package}"

    @property
    def install_seen(self) -> str:
        """Give the command that installs the version that squad was tried with."""
        return f"{self.install}{'==' if self.installer == _PIP else '@'}{self.seen}"

    def untried(self, version: str) -> str:
        """Give the warning about a version; empty for one in the range, and for what is no version."""
        if self.works.holds(version) is not False:
            return ""
        what = "newer" if self.works.is_past(version) else "older"
        return f"{self.name} {version} is {what} than the range known to work, {self.works}: {UNTRIED} ({self.install_seen})"


_ANTHROPIC = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK")
_CLAUDE_LOGIN, _CODEX_LOGIN = "claude auth login", "codex login"
_CLAUDE_HOME, _CODEX_HOME = ("CLAUDE_CONFIG_DIR", ".claude"), ("CODEX_HOME", ".codex")
# Where a range begins: the oldest version that passed the scenarios (claude 2.1.300, codex 0.160.0), or that was talked with by
# hand. Where it ends: the next version that may break what it likes, by the program's own numbering.
_TABLE = (
    Known(
        name="claude",
        program="claude",
        package="@anthropic-ai/claude-code",
        works=Range(least="2.1.300", below="3"),
        seen="2.1.330",
        sign_in=_CLAUDE_LOGIN,
        variables=(*_ANTHROPIC, "CLAUDE_CODE_USE_VERTEX"),
        files=(".credentials.json",),
        home=_CLAUDE_HOME,
    ),
    Known(
        name="codex",
        program="codex",
        package="@openai/codex",
        works=Range(least="0.160", below="1"),
        seen="0.169.0",
        sign_in=_CODEX_LOGIN,
        files=("auth.json",),
        home=_CODEX_HOME,
    ),
    Known(
        name="gemini",
        program="gemini",
        package="@google/gemini-cli",
        works=Range(least="0.61", below="1"),
        seen="0.61.0",
        sign_in="gemini   (it asks how to sign in; or set GEMINI_API_KEY)",
        variables=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
        files=(".gemini/oauth_creds.json",),
    ),
    Known(
        name="opencode",
        program="opencode",
        package="opencode-ai",
        works=Range(least="1.18", below="2"),
        seen="1.18.33",
        sign_in="opencode auth login",
        files=("opencode/auth.json",),
        home=("XDG_DATA_HOME", ".local/share"),
    ),
    Known(
        name="qwen",
        program="qwen",
        package="@qwen-code/qwen-code",
        works=Range(least="0.15.10", below="1"),
        seen="0.24.4",
        sign_in="qwen auth",
        variables=("OPENAI_API_KEY",),
        files=(".qwen/oauth_creds.json",),
    ),
    Known(
        name="aider",
        program="aider",
        package="aider-chat",
        installer=_PIP,
        works=Range(least="0.86", below="1"),
        seen="0.86.2",
        sign_in="set the key of your model's provider, such as ANTHROPIC_API_KEY or OPENAI_API_KEY",
        variables=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"),
        files=(".aider.conf.yml",),
    ),
    Known(
        name="claude-agent-acp",
        program="claude-agent-acp",
        package="@agentclientprotocol/claude-agent-acp",
        works=Range(least="0.49", below="1"),
        seen="0.101.0",
        sign_in=_CLAUDE_LOGIN,
        variables=_ANTHROPIC,
        files=(".credentials.json",),
        home=_CLAUDE_HOME,
    ),
    Known(
        name="codex-acp",
        program="codex-acp",
        package="@agentclientprotocol/codex-acp",
        works=Range(least="2.6", below="3"),
        seen="2.6.0",
        sign_in=_CODEX_LOGIN,
        variables=("OPENAI_API_KEY", "CODEX_API_KEY"),
        files=("auth.json",),
        home=_CODEX_HOME,
    ),
)
KNOWN: Mapping[str, Known] = {known.name: known for known in _TABLE}
