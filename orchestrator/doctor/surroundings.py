"""What agents stand on besides their own programs: git, Python, the user, and the user's own rules for agents' shells.

Only looks: reads a few files of the user's, and never says what stands in them beyond the name of a rule's program.
"""

import ast
import contextlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.adapters.known import CLAUDE_HOME, CODEX_HOME
from orchestrator.doctor.findings import Finding, Tool, fault, warning
from orchestrator.errors import SquadError
from orchestrator.text.versions import version_in

GIT_LEAST = (2, 26)  #: `git rm --pathspec-from-file`
_GET_GIT = "install git: https://git-scm.com/downloads"
_LARGEST = 1 << 20  #: bytes of a settings file
_SHELLS = re.compile(r"Bash(?:\(|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where to look."""

    environment: Mapping[str, str]
    root: Path  #: of the project, or the folder one is in
    uid: int

    def own(self, home: tuple[str, str]) -> Path:
        """Give a program's own folder."""
        return own_folder(self.environment, *home)


def own_folder(environment: Mapping[str, str], variable: str, below: str) -> Path:
    """Give the folder that a variable names, else the one below the user's home folder."""
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - never raises
    return Path(environment.get(variable) or home / below)


def tools(machine: Machine) -> tuple[Tool, ...]:
    """Give what squad itself runs on."""
    return (_git(machine), Tool(name="python", found=platform.python_version()))


def _git(machine: Machine) -> Tool:
    if shutil.which("git", path=machine.environment.get("PATH")) is None:
        return Tool(name="git", found="", findings=(fault("git is not installed", _GET_GIT),))
    try:
        said = git.Git(Path("/")).attempt("--version").stdout
    except (SquadError, OSError) as error:
        return Tool(name="git", found="", findings=(fault(f"git cannot be started: {error}", _GET_GIT),))
    version = version_in(said.removeprefix("git version "))
    return Tool(name="git", found=version or "unknown version", findings=(*_age(version), *_identity(machine.root)))


def _age(version: str) -> Iterator[Finding]:
    least = ".".join(map(str, GIT_LEAST))
    if not version:
        yield warning(f"git does not tell its version; squad needs {least} or newer")
    elif tuple(map(int, version.split(".")[:2])) < GIT_LEAST:
        yield fault(f"git {version} is too old: squad needs {least} or newer", _GET_GIT)


def _identity(root: Path) -> Iterator[Finding]:
    """Tell that squad would sign with a name of its own, where the user has given git none."""
    known = git.identity(root)
    named = {"user.name": known["GIT_COMMITTER_NAME"] != "squad", "user.email": known["GIT_COMMITTER_EMAIL"] != "squad@localhost"}
    missing = [name for name, is_set in named.items() if not is_set]
    if missing:
        examples = {"user.name": '"Your Name"', "user.email": "you@example.org"}
        remedy = " && ".join(f"git config --global {name} {examples[name]}" for name in missing)
        yield warning(f"git knows no {' and no '.join(missing)}: squad signs merges as squad@localhost", remedy)


def machine_findings(machine: Machine) -> tuple[Finding, ...]:
    """Give what should be known about the user and the user's own rules."""
    return (*_root(machine), *_codex_rules(machine), *_claude_rules(machine))


def _root(machine: Machine) -> Iterator[Finding]:
    if machine.uid == 0:
        yield warning(
            "you are root: whatever an agent's shell does, nothing on this machine stops it", "run squad as an ordinary user"
        )


def _codex_rules(machine: Machine) -> Iterator[Finding]:
    folders = (machine.own(CODEX_HOME), machine.root / ".codex")
    for path in sorted(path for folder in dict.fromkeys(folders) for path in folder.glob("rules/*.rules")):
        allowed = _allowed_prefixes(_text(path))
        if allowed is None:
            yield warning(
                f"{path} cannot be read as rules of Codex: what they allow runs outside of its sandbox", f"look at {path}"
            )
        elif allowed:
            shown = ", ".join(allowed[:3]) + (f" and {len(allowed) - 3} more" if len(allowed) > 3 else "")
            text = f"{path} lets Codex run commands outside of its sandbox, unasked: {shown}"
            yield warning(text, f'give these rules decision = "prompt" in {path}')


def _allowed_prefixes(text: str) -> list[str] | None:
    """Give the programs of the rules that allow; `allow` is what a rule says that does not say. None: no rules at all."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    rules = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "prefix_rule"]
    return list(dict.fromkeys(_program(rule) for rule in rules if _decision(rule) == "allow"))


def _decision(rule: ast.Call) -> object:
    values = {word.arg: word.value for word in rule.keywords}
    decision = values.get("decision")
    return decision.value if isinstance(decision, ast.Constant) else "allow"


def _program(rule: ast.Call) -> str:
    """Give the first word of a rule's pattern; the rest may hold anything."""
    values = {word.arg: word.value for word in rule.keywords}
    pattern = values.get("pattern", rule.args[0] if rule.args else None)
    while isinstance(pattern, ast.List | ast.Tuple) and pattern.elts:
        pattern = pattern.elts[0]
    return str(pattern.value) if isinstance(pattern, ast.Constant) else "a command"


def _claude_rules(machine: Machine) -> Iterator[Finding]:
    own = machine.own(CLAUDE_HOME)
    project = machine.root / ".claude"
    paths = [own / "settings.json", project / "settings.json", project / "settings.local.json"]
    for path in dict.fromkeys(paths):
        count = sum(1 for rule in _allow_rules(_text(path)) if _SHELLS.match(rule))
        if count:
            text = f"{path} lets the shell of Claude Code run commands unasked ({count} allow rule{'s' if count > 1 else ''})"
            yield warning(
                f"{text}: what they write is only found afterwards", f"take the Bash rules out of permissions.allow in {path}"
            )


def _allow_rules(text: str) -> list[str]:
    with contextlib.suppress(ValueError, RecursionError):
        settings = json.loads(text)
        permissions = settings.get("permissions") if isinstance(settings, dict) else None
        allow = permissions.get("allow") if isinstance(permissions, dict) else None
        return [rule for rule in allow if isinstance(rule, str)] if isinstance(allow, list) else []
    return []


def _text(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(_LARGEST).decode("utf-8", "replace")
    return ""
