"""The columns of the conformance list: how each agent program is configured, and how it is told what to do.

One class an agent program, entered into `SUBJECTS` below; one that is spoken with like another is a subclass of a few lines.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.support.conformance.steps import LONG, PRINT_LONG, Limited, Longline, Shell, Step, Wait, Write
from tests.support.conformance.table import Row
from tests.support.fake_acp import FakeAcp
from tests.support.fake_agent import OUTPUT, FakeAgent
from tests.support.fake_claude import FakeClaude
from tests.support.fake_codex import FakeCodex
from tests.support.fake_speaker import FakeSpeaker
from tests.support.real_agents import program
from tests.support.stub_model import Call, Limit, Say, Silence, StubModel
from tests.support.stub_model import Step as ModelStep

_NO_CONVERSATION = "has no conversation"


@dataclass(slots=True)
class Subject:
    """One agent program under test."""

    folder: Path  #: of its own, for what it needs
    home: Path  #: of its user
    configuration: dict[str, Any] = field(default_factory=dict)  #: of its agent
    environment: dict[str, str] = field(default_factory=dict)  #: of squad
    task: dict[str, Any] = field(default_factory=dict)  #: more of its task than every task has

    lacks: ClassVar[Mapping[Row, str]] = {}  #: what is not in its nature
    soaked: ClassVar[frozenset[Row]] = frozenset()  #: what takes long and shows little of it that the other rows do not
    stray: ClassVar[str] = "stray.txt"  #: what its shell writes outside of its area
    confines: ClassVar[bool] = False  #: its shell cannot write at all
    tools: ClassVar[bool] = True  #: runs commands
    interrupted: ClassVar[str] = ""  #: what it prints when its turn is interrupted in its own protocol; empty: it is deaf then

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Set it up for a test."""
        self.folder.mkdir()
        self.set_up()
        yield

    def set_up(self) -> None:
        """Install it."""

    def play(self, first: Sequence[Step], again: Sequence[Step]) -> None:
        """Say what its first attempt does, and what the second."""
        raise NotImplementedError

    def heard(self) -> str:
        """Give everything that it was told."""
        raise NotImplementedError

    def consumed(self) -> int:
        """Give the output tokens that it has consumed."""
        raise NotImplementedError


class Simulated(Subject):
    """Squad's own simulated agent, which takes no steps but endings."""

    soaked: ClassVar[frozenset[Row]] = frozenset({Row.STOPPED_NOW, Row.LONG_LINE, Row.LIMIT, Row.STOPPED, Row.ORPHANED})
    lacks: ClassVar[Mapping[Row, str]] = {
        Row.HELD: "does not ask",
        Row.REFUSED: "does not ask",
        Row.RESTART: _NO_CONVERSATION,
        Row.USAGE: "consumes nothing",
    }
    stray: ClassVar[str] = "squad-stray.txt"
    tools: ClassVar[bool] = False

    def set_up(self) -> None:
        self.configuration = {"use": "simulated"}

    def play(self, first: Sequence[Step], again: Sequence[Step]) -> None:
        then = [_ending(first), _ending(again)]
        writes = [step.path for step in (*first, *again) if isinstance(step, Write)]
        self.task = {"simulate": {"work": "10ms", "write": list(dict.fromkeys(writes)), "then": then}}


def _ending(steps: Sequence[Step]) -> str:
    for step in steps:
        match step:
            case Limited():
                return "quota"
            case Longline():
                return "longline"
            case Wait():
                return "hang"
            case Shell(command=command):
                return "stray" if ">" in command else "hang"
            case _:
                pass
    return "done"


class Script(Subject):
    """A shell script, which asks by `squad agent lock`."""

    soaked: ClassVar[frozenset[Row]] = frozenset({Row.LIMIT, Row.USAGE})
    lacks: ClassVar[Mapping[Row, str]] = {Row.RESTART: _NO_CONVERSATION}

    def set_up(self) -> None:
        start = f". {self.folder}/${{SQUAD_ATTEMPT_MARK##*/}}.sh"
        self.configuration = {"use": "command", "command": ["sh", "-ec", start]}

    def play(self, first: Sequence[Step], again: Sequence[Step]) -> None:
        for name, steps in (("T1.1", first), ("T1.2", again)):
            lines = [f"cat >> {self.folder}/heard", *map(self._line, steps), *self._usage()]
            (self.folder / f"{name}.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def heard(self) -> str:
        return (self.folder / "heard").read_text(encoding="utf-8")

    def consumed(self) -> int:
        used = self.folder / "used"
        return OUTPUT * len(used.read_text(encoding="utf-8").split()) if used.exists() else 0

    def _usage(self) -> list[str]:
        told = json.dumps({"type": "usage", "fresh": 1, "output": OUTPUT})
        return [f"echo x >> {self.folder}/used", f"echo '{told}'"]

    def _line(self, step: Step) -> str:
        match step:
            case Write(path=path, text=text):
                asked = f"squad agent lock {path} 2>> {self.folder}/heard"
                return f"if {asked}; then mkdir -p $(dirname {path}); printf '{text}' > {path}; fi"
            case Shell(command=command):
                return command
            case Wait(path=path):
                return f"while [ ! -e {path} ]; do sleep 0.05; done"
            case Limited(seconds=seconds):
                return f"""echo '{{"type": "limit", "until": '$(($(date +%s) + {round(seconds)}))'}}'; exit 1"""
            case Longline():
                return PRINT_LONG


class Fake(Subject):
    """A stand-in with a script for each attempt."""

    soaked: ClassVar[frozenset[Row]] = frozenset({Row.STOPPED_NOW, Row.LONG_LINE})
    of: ClassVar[type[FakeAgent]]

    @property
    def fake(self) -> FakeAgent:
        """Give the installed stand-in."""
        return self.of(self.folder)

    def set_up(self) -> None:
        self.configuration = {"use": self.fake.name}
        self.environment = {"PATH": f"{self.folder}:/usr/local/bin:/usr/bin:/bin"}

    def play(self, first: Sequence[Step], again: Sequence[Step]) -> None:
        self.fake.play({"T1.1": [*map(_fake_step, first)], "T1.2": [*map(_fake_step, again)]})

    def heard(self) -> str:
        return json.dumps([what for _, kind, what in self.fake.all_notes() if kind in {"told", "answer"}])

    def consumed(self) -> int:
        return sum(what for _, kind, what in self.fake.all_notes() if kind == "consumed")


def _fake_step(step: Step) -> list[Any]:
    match step:
        case Write(path=path, text=text):
            return ["write", path, text]
        case Shell(command=command):
            return ["shell", command]
        case Wait(path=path):
            return ["wait", path]
        case Limited(seconds=seconds):
            return ["limit", seconds]
        case Longline():
            return ["flood", LONG]


class Speaker(Fake):
    """A program that speaks squad."""

    soaked: ClassVar[frozenset[Row]] = Fake.soaked | {Row.USAGE}
    lacks: ClassVar[Mapping[Row, str]] = {Row.RESTART: _NO_CONVERSATION}
    of: ClassVar[type[FakeAgent]] = FakeSpeaker

    def set_up(self) -> None:
        super().set_up()
        self.configuration = {"use": "command", "command": ["speaker"], "speaks": "squad"}


class StandInClaude(Fake):
    """A stand-in for Claude Code."""

    of: ClassVar[type[FakeAgent]] = FakeClaude


class StandInCodex(Fake):
    """A stand-in for Codex."""

    of: ClassVar[type[FakeAgent]] = FakeCodex


class StandInAcp(Fake):
    """A stand-in for an agent that speaks ACP."""

    soaked: ClassVar[frozenset[Row]] = Fake.soaked | {Row.USAGE, Row.ORPHANED}
    of: ClassVar[type[FakeAgent]] = FakeAcp

    def set_up(self) -> None:
        super().set_up()
        self.configuration = {"use": "acp", "command": [self.fake.name]}


#: Words that only the prompt of an attempt holds which goes on with a conversation, or has a predecessor.
_AGAIN = ("Go on with your task", "## Handover")


class Real(Subject):
    """A program that people have, with a model that does what a script says."""

    soaked: ClassVar[frozenset[Row]] = frozenset({Row.STOPPED_NOW, Row.LONG_LINE})
    use: ClassVar[str]  #: its name, for the configuration and on PATH
    model: ClassVar[str] = ""  #: that it is to work with; empty: its own choice
    _model: StubModel

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Set it up for a test; skips the test where it is not installed."""
        found = Path(program(self.use))
        self.folder.mkdir()  # as TMPDIR: Codex refuses a home that lies below it
        self.configuration = {"use": self.use, **({"model": self.model} if self.model else {})}
        with StubModel({}) as self._model:
            path = ":".join([str(self.folder / "bin"), str(found.parent), "/usr/local/bin", "/usr/bin", "/bin"])
            self.environment = {"PATH": path, "TMPDIR": str(self.folder), **self.signed_in(self._model.url)}
            yield

    def signed_in(self, url: str) -> dict[str, str]:
        """Give the environment of a user who is signed in to the model at that address."""
        raise NotImplementedError

    def play(self, first: Sequence[Step], again: Sequence[Step]) -> None:
        self._model.play(alpha=_model_steps(first), **{word: _model_steps(again) for word in _AGAIN})

    def heard(self) -> str:
        return json.dumps([asked.body for asked in self._model.asked])

    def consumed(self) -> int:
        return OUTPUT * len(self._model.asked)


def _model_steps(steps: Sequence[Step]) -> list[ModelStep]:
    """Translate steps; a wait is one before the next answer, and after a command that never ends the model is silent."""
    answers: list[ModelStep] = []
    once = ""
    for step in steps:
        match step:
            case Wait(path=path):
                once = path
                continue
            case Limited(seconds=seconds):
                answers.append(Limit(until=float(round(time.time() + seconds)), times=1))
            case Write(path=path, text=text):
                answers.append(Call("write", {"path": path, "content": text}, once=once))
            case Shell(command=command):
                answers.append(Call("shell", {"command": command}, once=once))
            case Longline():
                answers.append(Call("shell", {"command": PRINT_LONG}, once=once))
        once = ""
    return [*answers, Silence() if steps and isinstance(steps[-1], Shell) else Say("All done.", once=once)]


class RealClaude(Real):
    """Claude Code."""

    soaked: ClassVar[frozenset[Row]] = Real.soaked | {Row.RESTART, Row.USAGE, Row.STOPPED, Row.KILLED, Row.STRAY, Row.ORPHANED}
    use: ClassVar[str] = "claude"
    interrupted: ClassVar[str] = "[Request interrupted by user"

    def signed_in(self, url: str) -> dict[str, str]:
        return {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_OAUTH_TOKEN": "test"}  # an account, and no key: it has a usage limit


class RealCodex(Real):
    """Codex."""

    soaked: ClassVar[frozenset[Row]] = Real.soaked | {Row.USAGE}
    use: ClassVar[str] = "codex"
    interrupted: ClassVar[str] = '"status":"interrupted"'
    confines: ClassVar[bool] = True

    def signed_in(self, url: str) -> dict[str, str]:
        (self.home / ".codex").mkdir()
        (self.home / ".codex" / "config.toml").write_text(CODEX.format(url=url), encoding="utf-8")
        return {"OPENAI_STUB_KEY": "test"}


#: The user's own settings of Codex: whose model it is.
CODEX = """
model = "gpt-5.5"
model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "OPENAI_STUB_KEY"
"""


class RealGemini(Real):
    """Gemini CLI."""

    soaked: ClassVar[frozenset[Row]] = frozenset(Row) - {Row.WRITES}
    lacks: ClassVar[Mapping[Row, str]] = {
        Row.LIMIT: "ends its turn at a limit, but tells no reset",
        Row.LONG_LINE: "reads it for minutes itself, and prints none",
    }
    use: ClassVar[str] = "gemini"
    model: ClassVar[str] = "gemini-2.5-pro"  # left to itself it asks another model first which one to take
    interrupted: ClassVar[str] = '"stopReason":"cancelled"'

    def signed_in(self, url: str) -> dict[str, str]:
        (self.home / ".gemini").mkdir()
        (self.home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI), encoding="utf-8")
        wrapper = self.folder / "bin" / "gemini"  # TMPDIR itself is hidden from a confined agent, what PATH names in it is not
        wrapper.parent.mkdir()
        wrapper.write_text(A_MINUTE_LATER.format(program=program(self.use)), encoding="utf-8")
        wrapper.chmod(0o755)
        return {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "test"}


#: The user's own settings of Gemini: how they sign in.
GEMINI = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"enableAutoUpdate": False}}
#: Gemini names its conversations by the minute, and finds none of the very minute in which it is started: make them older.
A_MINUTE_LATER = """#!/bin/sh
for chat in "$HOME"/.gemini/tmp/*/chats/session-*.jsonl; do
    if [ -e "$chat" ]; then mv "$chat" "${{chat%/*}}/session-2026-01-01T00-00-${{chat##*-}}"; fi
done
exec {program} "$@"
"""

SUBJECTS: Mapping[str, type[Subject]] = {
    "simulated": Simulated,
    "shell script": Script,
    "program that speaks squad": Speaker,
    "stand-in for Claude Code": StandInClaude,
    "stand-in for Codex": StandInCodex,
    "stand-in for an ACP agent": StandInAcp,
    "real Claude Code": RealClaude,
    "real Codex": RealCodex,
    "real Gemini CLI": RealGemini,
}
LACKS: Mapping[str, Mapping[Row, str]] = {name: subject.lacks for name, subject in SUBJECTS.items()}
SOAKED: Mapping[str, frozenset[Row]] = {name: subject.soaked for name, subject in SUBJECTS.items()}
