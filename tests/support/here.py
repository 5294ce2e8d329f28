"""The command line in the test's own process: for what is not about processes, a hundred times cheaper than one."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cli.app import run_app


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> Any:
        """Give the error that was told as JSON."""
        return json.loads(self.err)["error"]


@dataclass(frozen=True, slots=True)
class Here:
    """Calls commands in a folder; runs too, with real agents in real processes."""

    folder: Path

    def __call__(self, *arguments: str, cwd: Path | None = None) -> Said:
        """Call a command."""
        with (
            contextlib.chdir(cwd or self.folder),
            contextlib.redirect_stdout(Stream()) as out,
            contextlib.redirect_stderr(Stream()) as err,
        ):
            code = run_app(list(arguments))
        return Said(code, out.text(), err.text())

    def ok(self, *arguments: str) -> str:
        """Call a command that must succeed; gives its output."""
        said = self(*arguments)
        assert said.code == 0, f"squad {' '.join(arguments)} ended with {said.code}: {said.err}{said.out}"
        return said.out

    def json(self, *arguments: str) -> Any:
        """Call a reading command; gives its document."""
        return json.loads(self.ok(*arguments, "--json"))


class Stream(io.TextIOWrapper):
    """What a command writes, encoded as on a terminal."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", newline="")

    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode()
