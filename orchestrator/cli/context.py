"""What a command is called with: the global options, the project, and how to speak."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SquadError
from orchestrator.project import Project, find
from orchestrator.views.text import as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The global options, accepted before and after the command."""

    folder: Path = Path()
    config: str | None = None
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    no_input: bool = False
    color: str = "auto"

    def project(self) -> Project:
        """Find the project of the folder."""
        return find(self.folder)

    @property
    def is_interactive(self) -> bool:
        """Tell whether a person can be asked."""
        return not self.no_input and not os.environ.get("CI") and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def colors(self) -> bool:
        """Tell whether standard output takes colours."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def out(text: str) -> None:
    """Write data."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def out_json(document: object) -> None:
    """Write one document."""
    sys.stdout.write(as_json(document, indent=2) + "\n")


def say(text: str) -> None:
    """Write what is for the eye and not data."""
    sys.stderr.write(text + "\n")


def complain(error: SquadError, *, as_json: bool) -> None:
    """Write an error: the place, the reason, the way out."""
    if not as_json:
        say(f"squad: {error}")
        return
    where = error.where
    place = {"file": where.file, "line": where.line, "column": where.column} if where else None
    body = {"message": error.message, "hint": error.hint, "where": place, "exit_code": error.exit_code}
    say(json.dumps({"schema_version": 1, "error": body}, ensure_ascii=False))
