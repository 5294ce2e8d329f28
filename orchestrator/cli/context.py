"""What a command is called with: the global options, the project, and how to speak."""

import contextlib
import errno
import json
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestrator import git
from orchestrator.claims import is_operation
from orchestrator.errors import SquadError
from orchestrator.project import Project, find
from orchestrator.views.text import as_json

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


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

    def from_root(self, project: Project, path: str) -> str:
        """Give a path as it is seen from the root of the project, or of the workspace one is in; an operation stays.

        An absolute path stays too, unless it lies in that workspace.
        """
        root = (git.toplevel(self.folder) if project.repository else None) or project.root
        here = os.path.relpath(os.path.realpath(self.folder), os.path.realpath(root))
        if path.startswith(f"{root}/"):
            return path.removeprefix(f"{root}/")
        if path.startswith("/") or is_operation(path) or here == "." or here.startswith(".."):
            return path
        return os.path.normpath(f"{here}/{path}") + ("/" if path.endswith("/") else "")

    def agrees(self, question: str) -> bool:
        """Ask a person a question that only `y` answers with yes."""
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}

    def confirms(self, question: str) -> bool:
        """Tell whether a person agrees, by -y or when asked; whoever cannot be asked does not."""
        return self.yes or (self.is_interactive and self.agrees(question))

    def note(self, text: str) -> None:
        """Say something worth knowing; not to those who want quiet or a document."""
        if text and not self.quiet and not self.as_json:
            say(text)

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

    @property
    def columns(self) -> int | None:
        """Give the columns of the terminal that standard output is; None: it is none, or does not tell."""
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or None
        except (OSError, ValueError):
            return None

    @property
    def git_color(self) -> str:
        """Give the option by which git colours what it prints, or does not."""
        return "--color=always" if self.colors and not self.as_json else "--color=never"


def out(text: str) -> None:
    """Write data."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def out_json(document: object) -> None:
    """Write one document."""
    out(as_document(document))


def as_document(document: object) -> str:
    """Give a document's text; what could steer a terminal, or is no valid Unicode, is escaped."""
    import msgspec

    try:  # the standard library alone takes five times as long to indent
        return msgspec.json.format(as_json(document), indent=2) + "\n"
    except msgspec.DecodeError:  # half of a surrogate pair, or a number that is none
        return as_json(document, indent=2) + "\n"


def say(text: str) -> None:
    """Write what is for the eye and not data, behind what was written before; that nobody looks is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):  # it is told of when the command ends
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def show(text: str) -> None:
    """Write what somebody may be watching: when they are gone, whoever writes goes on without them."""
    try:
        out(text)
        sys.stdout.flush()
    except OSError:
        drop_output()


def is_output_lost(error: OSError) -> bool:
    """Tell whether an error comes from writing to standard output, which names no file; nor do other files once they are open."""
    if error.filename is not None:
        return False
    return error.errno in {errno.EPIPE, errno.EIO, errno.EBADF} or (error.errno in _NO_ROOM and not _has_room())


def _has_room() -> bool:
    """Tell whether standard output is no file, or one that could still grow."""
    try:
        found = os.fstat(sys.stdout.fileno())
        room = os.fstatvfs(sys.stdout.fileno()).f_bavail
    except (OSError, ValueError):
        return True
    return sys.stdout.isatty() or not (stat.S_ISCHR(found.st_mode) or (stat.S_ISREG(found.st_mode) and room == 0))


def drop_output() -> None:
    """Let what is still to be written to standard output go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _code_of(error: SquadError) -> str:
    """Name the kind of an error for programs: `config-error`, `no-run`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(error).__name__).strip("_").lower()


def complain(error: SquadError, *, as_json: bool) -> None:
    """Write an error: the place, the reason, the way out."""
    if not as_json:
        say(f"squad: {error}")
        return
    where = error.where
    place = {"file": where.file, "line": where.line, "column": where.column} if where else None
    told = {"code": _code_of(error), "message": error.message, "hint": error.hint, "place": place}
    body = {**told, "where": place, "exit_code": error.exit_code}  # the last two are the older names
    say(json.dumps({"schema_version": 1, "error": body}, ensure_ascii=False))
