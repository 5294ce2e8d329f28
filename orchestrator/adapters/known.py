"""The agent programs that squad knows by name, a row each: all that is known of one besides how it is spoken with.

The start of a run, its limits and `squad doctor` hold this table against what they find; nothing here is asked of a
program or of the system.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.text.versions import UNTRIED, Range

_NPM, _PIP = "npm install -g", "pip install"
#: What a program looks for that keeps its sign-in in the user's session.
SESSION = ("USER", "LOGNAME", "SHELL", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
#: What is said instead of how to install a program that squad does not know.
NOT_KNOWN = "check the agent's command in the configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One agent program."""

    name: str  #: by which the configuration calls it, and under which it is found on PATH
    package: str
    installer: str = _NPM
    works: Range
    seen: str  #: the newest version that squad was tried with
    variables: tuple[str, ...]  #: of its sign-in and configuration, in the user's environment; a star stands for any ending
    sign_in: str  #: the command that signs in, or what to do instead
    signs: tuple[str, ...] = ()  #: variables that each sign it in by being set; a hint only
    files: tuple[str, ...] = ()  #: each holds a sign-in; a hint only; below the home folder, or below the variable `home`
    home: tuple[str, str] = ("", "")  #: a variable that names its own folder, and that folder below the home folder
    tells: frozenset[str] = frozenset()  #: what it tells of its consumption in its own protocol: `tokens`, `money` in USD
    page: str = ""  #: for agents, of the repository, that it reads by itself in every folder; after a / at the root only
    writes: tuple[str, ...] = ()  #: what it keeps besides `home`, below the home folder, or the folder that `$NAME/` names
    sandboxed: bool = False  #: it starts a sandbox of its own
    headless: tuple[str, ...] = ()  #: how it is started as a plain command that never waits for a person; empty: never so

    @property
    def install(self) -> str:
        """Give the command that installs it."""
        return f"{self.installer} {self.package}"

    @property
    def install_seen(self) -> str:
        """Give the command that installs the version that squad was tried with."""
        return f"{self.install}{'==' if self.installer == _PIP else '@'}{self.seen}"

    def state(self, home: Path, environment: Mapping[str, str]) -> tuple[tuple[Path, bool], ...]:
        """Give what it keeps between its starts, and whether that is a folder, wherever the environment puts it."""
        found = [(_placed(name, home, environment), name.endswith("/")) for name in self.writes]
        variable, usual = self.home
        if variable and not variable.startswith("XDG_"):
            own = environment.get(variable)
            found.append((Path(own) if own else home / usual, True))
        return tuple(found)

    @property
    def needs(self) -> tuple[str, ...]:
        """Name what it needs of the user's environment."""
        return (*SESSION, *self.variables)

    def untried(self, version: str) -> str:
        """Give the warning about a version; empty for one in the range, and for what is no version."""
        if self.works.holds(version) is not False:
            return ""
        what = "newer" if self.works.is_past(version) else "older"
        return f"{self.name} {version} is {what} than the range known to work, {self.works}: {UNTRIED} ({self.install_seen})"


def _placed(name: str, home: Path, environment: Mapping[str, str]) -> Path:
    """Give where something is that a program keeps."""
    variable, slash, rest = name.removeprefix("$").partition("/")
    if not name.startswith("$") or not slash:
        return home / name
    told = environment.get(variable)
    return (Path(told) if told else home / _UNSET[variable]) / rest


_BOTH, _TOKENS = frozenset({"tokens", "money"}), frozenset({"tokens"})
_ANTHROPIC = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK")
_CLAUDE_OWN = ("ANTHROPIC_*", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_*")
_CODEX_OWN = ("OPENAI_*", "CODEX_*")
_CLAUDE_LOGIN, _CODEX_LOGIN = "claude auth login", "codex login"
CLAUDE_HOME, CODEX_HOME = ("CLAUDE_CONFIG_DIR", ".claude"), ("CODEX_HOME", ".codex")
_DATA, _STATE = "$XDG_DATA_HOME/", "$XDG_STATE_HOME/"
_CACHE, _SETTINGS = "$XDG_CACHE_HOME/", "$XDG_CONFIG_HOME/"
#: What a variable stands for that is not set, below the home folder.
_UNSET = {
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
}
_CLAUDE_STATE = (".claude.json",)
# Where a range begins: the oldest version that passed the scenarios (claude 2.1.300, codex 0.160.0), or that was talked with by
# hand. Where it ends: the next version that may break what it likes, by the program's own numbering.
_TABLE = (
    Known(
        name="claude",
        package="@anthropic-ai/claude-code",
        works=Range(least="2.1.300", below="3"),
        seen="2.1.330",
        variables=_CLAUDE_OWN,
        sign_in=_CLAUDE_LOGIN,
        signs=(*_ANTHROPIC, "CLAUDE_CODE_USE_VERTEX"),
        files=(".credentials.json",),
        home=CLAUDE_HOME,
        tells=_BOTH,
        page="CLAUDE.md",
        writes=_CLAUDE_STATE,
    ),
    Known(
        name="codex",
        package="@openai/codex",
        works=Range(least="0.160", below="1"),
        seen="0.169.0",
        variables=_CODEX_OWN,
        sign_in=_CODEX_LOGIN,
        files=("auth.json",),
        home=CODEX_HOME,
        tells=_TOKENS,
        page="/AGENTS.md",
        sandboxed=True,
    ),
    Known(
        name="gemini",
        package="@google/gemini-cli",
        works=Range(least="0.61", below="1"),
        seen="0.61.0",
        variables=("GEMINI_*", "GOOGLE_*", "CLOUDSDK_*"),
        sign_in="run `gemini` once and sign in, or set GEMINI_API_KEY",
        signs=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
        files=(".gemini/oauth_creds.json",),
        tells=_TOKENS,
        page="GEMINI.md",
        writes=(".gemini/",),
    ),
    Known(
        name="opencode",
        package="opencode-ai",
        works=Range(least="1.18", below="2"),
        seen="1.18.33",
        variables=("OPENCODE_*", "ANTHROPIC_*", "OPENAI_*", "OPENROUTER_*", "GEMINI_API_KEY", "GOOGLE_*"),
        sign_in="opencode auth login",
        files=("opencode/auth.json",),
        home=("XDG_DATA_HOME", ".local/share"),
        tells=_BOTH,
        page="AGENTS.md",
        writes=tuple(f"{place}opencode/" for place in (_DATA, _STATE, _CACHE, _SETTINGS)),
    ),
    Known(
        name="qwen",
        package="@qwen-code/qwen-code",
        works=Range(least="0.15.10", below="1"),
        seen="0.24.4",
        variables=("QWEN_*", "OPENAI_*", "DASHSCOPE_*", "BAILIAN_*"),
        sign_in="run `qwen` once and sign in, or set OPENAI_API_KEY",
        signs=("OPENAI_API_KEY",),
        files=(".qwen/oauth_creds.json",),
        tells=_TOKENS,
        writes=(".qwen/",),
    ),
    Known(
        name="aider",
        package="aider-chat",
        installer=_PIP,
        works=Range(least="0.86", below="1"),
        seen="0.86.2",
        variables=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"),
        sign_in="set the key of your model's provider, such as ANTHROPIC_API_KEY or OPENAI_API_KEY",
        signs=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY", "OPENROUTER_API_KEY"),
        files=(".aider.conf.yml",),
        writes=(".aider/",),
        headless=("aider", "--yes-always", "--no-auto-commits", "--no-check-update", "--message-file", "{prompt_file}"),
    ),
    Known(
        name="claude-agent-acp",
        package="@agentclientprotocol/claude-agent-acp",
        works=Range(least="0.49", below="1"),
        seen="0.101.0",
        variables=_CLAUDE_OWN,
        sign_in=_CLAUDE_LOGIN,
        signs=_ANTHROPIC,
        files=(".credentials.json",),
        home=CLAUDE_HOME,
        tells=_BOTH,
        page="CLAUDE.md",
        writes=_CLAUDE_STATE,
    ),
    Known(
        name="codex-acp",
        package="@agentclientprotocol/codex-acp",
        works=Range(least="2.6", below="3"),
        seen="2.6.0",
        variables=_CODEX_OWN,
        sign_in=_CODEX_LOGIN,
        signs=("OPENAI_API_KEY", "CODEX_API_KEY"),
        files=("auth.json",),
        home=CODEX_HOME,
        tells=_TOKENS,
        page="/AGENTS.md",
        sandboxed=True,
    ),
)
KNOWN: Mapping[str, Known] = {known.name: known for known in _TABLE}


def own_page(name: str) -> str:
    """Give the page that a program reads by itself; empty for one that squad does not know."""
    return KNOWN[name].page if name in KNOWN else ""


def tells(name: str, what: str) -> bool:
    """Tell whether a program tells of its tokens, or its money, in its own protocol."""
    return name in KNOWN and what in KNOWN[name].tells
