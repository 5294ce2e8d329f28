"""What a project and a machine look like to somebody who sets squad up: which programs, which checks, which folders.

Only looks, and guesses as a person would who opens the folder; whoever is asked may say otherwise.
"""

import json
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.known import KNOWN, Known

_LARGEST = 1 << 20  #: bytes of a file that is looked into
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"}
_SPOKEN = ("claude", "codex", "gemini", "aider")  #: programs that the configuration knows by their own name, best first
_NO_TEST = "no test specified"  #: what npm writes into every new package
_TARGETS = ("test", "check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An agent program that is installed."""

    name: str
    signed_in: bool  #: something of its sign-in is there; whether it still holds only a turn can tell


def programs(environment: Mapping[str, str]) -> tuple[Found, ...]:
    """Give the agent programs that are installed, those that seem to be signed in first."""
    there = [KNOWN[name] for name in _SPOKEN if shutil.which(name, path=environment.get("PATH"))]
    found = [Found(name=one.name, signed_in=_is_signed_in(one, environment)) for one in there]
    return tuple(sorted(found, key=lambda one: not one.signed_in))


def checks(root: Path) -> tuple[str, ...]:
    """Give the commands that try what is in a folder."""
    return tuple(dict.fromkeys([*_node(root), *_python(root), *_make(root), *_cargo(root)]))


def links(root: Path) -> tuple[str, ...]:
    """Give folders that a fresh worktree needs, that git does not hold and that are slow to make."""
    return tuple(name for name in ("node_modules",) if (root / name).is_dir() and (root / "package.json").is_file())


def _is_signed_in(known: Known, environment: Mapping[str, str]) -> bool:
    if any(environment.get(name) for name in known.signs):
        return True
    home = Path(environment.get("HOME") or "~").expanduser()
    variable, below = known.home
    own = Path(environment.get(variable) or home / below) if variable else home
    return any((own / name).is_file() or (home / name).is_file() for name in known.files)


def _node(root: Path) -> Iterator[str]:
    try:
        scripts = json.loads(_text(root / "package.json")).get("scripts", {})
        said = str(scripts.get("test", ""))
    except (ValueError, AttributeError):
        return
    if said and _NO_TEST not in said:
        program = next((name for lock, name in _LOCKS.items() if (root / lock).is_file()), "npm")
        yield f"{program} {'run ' if program == 'bun' else ''}test"


def _python(root: Path) -> Iterator[str]:
    try:
        settings = tomllib.loads(_text(root / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        settings = {}
    named = (
        (root / "pytest.ini").is_file() or "pytest" in settings.get("tool", {}) or "[tool:pytest]" in _text(root / "setup.cfg")
    )
    if named or any(root.glob("tests/**/test_*.py")) or any(root.glob("test_*.py")):
        yield "pytest -q"


def _make(root: Path) -> Iterator[str]:
    text = next(filter(None, (_text(root / name) for name in ("GNUmakefile", "makefile", "Makefile"))), "")
    if target := next((name for name in _TARGETS if re.search(rf"^{name}\s*:(?!=)", text, re.MULTILINE)), None):
        yield f"make {target}"


def _cargo(root: Path) -> Iterator[str]:
    if (root / "Cargo.toml").is_file():
        yield "cargo test"


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""
