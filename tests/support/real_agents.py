"""Real agent programs, where the test set-up has installed them, talked to as squad does.

`SQUAD_TEST_AGENTS` names a folder with `node_modules/.bin`, as `tests/agents/install` makes one. With `CI_REAL_AGENTS=1` a
pinned program that is missing there is a failure, else a skip that says so. `SQUAD_TEST_RECORD=1` writes what the programs
print to `tests/data`.
"""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.adapters.base import Conversation, Invocation
from orchestrator.messages import Permission, Reply, Said, Turned
from tests.support.waiting import NEVER

DATA = Path(__file__).parents[1] / "data"
AGENTS = Path(__file__).parents[1] / "agents"
_PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex", "gemini": "@google/gemini-cli"}


def pinned() -> dict[str, str]:
    """Give the programs that `tests/agents/install` installs, with their versions."""
    versions = json.loads((AGENTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return {name: versions[package] for name, package in _PACKAGES.items()}


def absent(name: str) -> str:
    """Say why an agent's program cannot be run by tests; empty if it can."""
    folder = os.environ.get("SQUAD_TEST_AGENTS", "")
    if not folder:
        return "SQUAD_TEST_AGENTS is not set"
    return "" if _path(folder, name).exists() else f"not in {folder}"


def program(name: str, *, required: bool = True) -> str:
    """Give the path of an agent's program, or skip the test; where all pinned ones have to be there, fail it."""
    if where := absent(name):
        if required and os.environ.get("CI_REAL_AGENTS") == "1" and name in _PACKAGES:
            pytest.fail(f"{name} is required here: {where}")
        pytest.skip(f"{name} is not installed for tests: {where}")
    return str(_path(os.environ["SQUAD_TEST_AGENTS"], name))


def _path(folder: str, name: str) -> Path:
    return Path(folder) / "node_modules" / ".bin" / name


@dataclass(slots=True)
class Talk:
    """One process of an agent, from its start to its end."""

    process: subprocess.Popen[bytes]
    conversation: Conversation
    said: list[Said] = field(default_factory=list)
    printed: bytes = b""

    def send(self, line: bytes) -> None:
        """Write to its stdin."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has left by itself
            self.process.stdin.write(line)

    def close(self) -> None:
        """End its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def allow(self, permission: Permission) -> None:
        """Let it do what it asks for."""
        self.send(self.conversation.answer(permission, allow=True))

    def refuse(self, permission: Permission, reason: str) -> None:
        """Do not let it."""
        self.send(self.conversation.answer(permission, allow=False, reason=reason))

    @property
    def turns(self) -> list[Turned]:
        """Give how its turns ended."""
        return [said for said in self.said if isinstance(said, Turned)]

    def of(self, kind: type) -> list[Said]:
        """Give what it said of a kind."""
        return [said for said in self.said if isinstance(said, kind)]


Hear = Callable[[Said, Talk], None]


def obliging(said: Said, talk: Talk) -> None:
    """Allow everything, and end the conversation with its first turn."""
    match said:
        case Permission():
            talk.allow(said)
        case Turned(queued=0):
            talk.close()
        case _:
            pass


def talk(invocation: Invocation, conversation: Conversation, hear: Hear, *, cwd: Path, environment: Mapping[str, str]) -> Talk:
    """Start a program and hear it out; gives the whole talk once it has exited."""
    with subprocess.Popen(
        invocation.argv,
        cwd=cwd,
        env={**environment, **invocation.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        never = threading.Timer(NEVER, process.kill)
        never.start()
        going = Talk(process, conversation)
        try:
            going.send(invocation.stdin or b"")
            _follow(going, hear)
            process.wait()
        finally:
            never.cancel()
            process.kill()
    return going


def _follow(going: Talk, hear: Hear) -> None:
    assert going.process.stdout is not None
    while chunk := going.process.stdout.read(65536):
        going.printed += chunk
        _take(going, going.conversation.feed(chunk), hear)
    _take(going, going.conversation.finish(), hear)


def _take(going: Talk, messages: Sequence[Said], hear: Hear) -> None:
    for said in messages:
        going.said.append(said)
        if isinstance(said, Reply):
            going.send(said.line)
        hear(said, going)
