"""A scratch repository for a demo: a folder of its own, and nothing of the user's settings in it.

What the user, the environment or an outer run has configured would make another run of it than the one that is shown; so it
is put aside for as long as it takes. A temporary folder is removed at the end, whatever the end is, unless it is kept.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.context import say
from orchestrator.errors import FolderError
from orchestrator.git import Git
from orchestrator.project import find

_DATA = Path(__file__).parent.parent / "demo"
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "squad demo"), ("EMAIL", "demo@squad.invalid"))
}
_PUT_ASIDE = ("SQUAD_", "AGENT_", "GIT_CONFIG")  #: variables that begin so
_LEFT = frozenset({"SQUAD_CONFIG_ENFORCE"})  #: a level may be wished for


@dataclass(slots=True, kw_only=True)
class Scratch:
    """Where a demo takes place."""

    folder: Path
    keep: bool  #: also when nothing went wrong


@contextmanager
def scratch(wanted: Path | None, *, keep: bool) -> Iterator[Scratch]:
    """Give a scratch repository; one in a temporary folder is removed, unless `keep` is set by the end.

    Raises:
        FolderError: There is no place for it.
        ToolMissing: Git is not installed.
    """
    made = Scratch(folder=_folder(wanted), keep=keep or wanted is not None)
    try:
        with _alone(made.folder):
            _begin(made.folder)
            yield made
    finally:
        if not made.keep:
            _remove(made.folder)


def _folder(wanted: Path | None) -> Path:
    if wanted is None:
        try:
            return Path(os.path.realpath(tempfile.mkdtemp(prefix="squad-demo-")))
        except FileNotFoundError as error:
            raise FolderError("there is no folder for temporary files", hint="name a folder: squad demo DIR") from error
    if wanted.exists() and not wanted.is_dir():
        raise FolderError(f"{wanted} is no folder", hint="name one that is not there yet, or empty")
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise FolderError(f"{wanted} is not empty", hint="name a folder that is not there yet, or empty")
    return Path(os.path.realpath(wanted))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Put aside what the user, the environment and an outer run have set."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(_PUT_ASIDE) and name not in _LEFT:
            del os.environ[name]
    nowhere = str(folder / ".git" / "nothing")
    settings = {"XDG_CONFIG_HOME": nowhere, "CLAUDE_CONFIG_DIR": nowhere}
    os.environ.update({**settings, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _begin(folder: Path) -> None:
    for path in sorted(_DATA.iterdir()):
        shutil.copyfile(path, folder / path.name)
    git = Git(folder, also=_AUTHOR)
    git.run("init", "--quiet", "--template=")
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "Begin with the requirements")


def _remove(folder: Path) -> None:
    """Remove all of it, also the sockets of a path that was too long for them."""
    with contextlib.suppress(Exception):
        sockets = find(folder).sockets
        if not sockets.is_relative_to(folder):
            shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        say(f"squad: {folder} could not be removed as a whole")
