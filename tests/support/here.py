"""The command line in the test's own process: for what starts nothing, a hundred times cheaper than a process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
    """Calls commands in a folder."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    enter: Callable[[Path], None]

    def __call__(self, *arguments: str, cwd: Path | None = None) -> Said:
        """Call a command."""
        self.enter(cwd or self.folder)
        self.capture.readouterr()
        code = run_app(list(arguments))
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def ok(self, *arguments: str) -> str:
        """Call a command that must succeed; gives its output."""
        said = self(*arguments)
        assert said.code == 0, f"squad {' '.join(arguments)} ended with {said.code}: {said.err}{said.out}"
        return said.out

    def json(self, *arguments: str) -> Any:
        """Call a reading command; gives its document."""
        return json.loads(self.ok(*arguments, "--json"))
