"""What of a workspace git cannot take in: it is named with the reason, so that nothing is left out without a word.

What only its owner's bits keep shut is opened first: a worktree is squad's own, and git keeps no such bits. A file that has
another name somewhere is left as it is, since its bits are that one's too. The tree that people work in is never opened.
"""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from orchestrator.git import Git, GitFailed, way_out
from orchestrator.workspaces import Untaken

_FOLDER, _FILE = 0o700, 0o400  #: what an owner needs to look
#: What git says of a name that it never takes, such as one of its own in other letters, and of a file it cannot read or store.
_REFUSED = re.compile("^error: invalid path '", re.MULTILINE)
_FAILED = re.compile("^error: unable to index file '", re.MULTILINE)
_CLOSED = re.compile("^warning: could not open directory '(.+)/': ", re.MULTILINE)
_NAME = "git takes nothing of that name"


def open_up(root: Path) -> dict[str, str]:
    """Let the owner read everything below a folder, as far as that can be; gives what stays shut, with why."""
    shut: dict[str, str] = {}

    def note(path: str, error: OSError) -> None:
        shut[path] = _why(error)

    with contextlib.suppress(OSError):
        _open(str(root))
    for place, entry in _below(root, note=note):
        try:
            _open(entry.path)
        except OSError as error:
            note(f"{place}{entry.name}", error)
    return shut


def untaken(here: Git, shut: Mapping[str, str], command: Sequence[str], said: str) -> list[Untaken]:
    """Give what git did not take of all that it should have.

    Args:
        here: Git as squad reads the workspace, after it has taken what it could.
        shut: What cannot be looked at, with why.
        command: How it was asked to.
        said: What it said to that.

    Raises:
        GitFailed: It is no fault of what lies there, such as a full disk.
    """
    unread = {path: why for path, why in shut.items() if path not in _ignored(here, shut)}
    new = here.names("ls-files", "--others", "--exclude-standard", "-z")
    files = [path for path in new if not path.endswith("/") and not _is_below(path, shut)]
    unread |= _unreadable(here.folder, [*files, *here.names("ls-files", "--modified", "-z")])
    named = [path for path in files if path not in unread]
    if len(named) > len(_REFUSED.findall(said)) or len(_FAILED.findall(said)) > len(unread):
        raise GitFailed(command, here.folder, said)
    return _told({**unread, **dict.fromkeys(named, _NAME)})


def shut_in(here: Git) -> list[Untaken]:
    """Give what of a tree that squad does not open cannot be read by its own user, as far as git does not ignore it."""
    done = here.attempt("ls-files", "--others", "--modified", "--exclude-standard", "-z")
    names = [*filter(None, done.stdout.split("\0")), *_CLOSED.findall(done.stderr)]
    return _told(_unreadable(here.folder, [name for name in names if _is_own(here.folder / name)]))


def take_each(here: Git, paths: Sequence[str], *, opens: bool) -> list[Untaken]:
    """Stage files by name, each that can be: git itself stops at the first that it cannot."""
    unread = _unreadable(here.folder, paths)
    if unread and opens:
        open_up(here.folder)
        unread = _unreadable(here.folder, paths)
    refused = _take([path for path in paths if path not in unread], here)
    held = set(here.names("ls-files", "-z")) if paths else set()
    silent = dict.fromkeys((path for path in paths if path not in held), _NAME)
    return _told({**silent, **refused, **unread})


def files_in(folder: Path) -> Iterator[str]:
    """Give all files below a folder where git cannot tell them, relative to it."""
    for place, entry in _below(folder, note=_say_nothing):
        if not entry.is_dir(follow_symlinks=False):
            yield f"{place}{entry.name}"


def _below(root: Path, *, note: Callable[[str, OSError], None]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Give what lies below a folder, but for what is git's own; a folder is entered after it was given, however deep it lies."""
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(f"{root}/{place}") as found:
                entries = [entry for entry in found if entry.name != ".git"]
        except OSError as error:
            note(place.rstrip("/"), error)
            continue
        for entry in entries:
            yield place, entry
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{place}{entry.name}/")


def _say_nothing(path: str, error: OSError) -> None:
    """A folder that cannot be read is told of by another look."""


def _open(path: str) -> None:
    """Give the owner of a file or folder the bits to look at it.

    Raises:
        OSError: Not even its bits can be seen.
    """
    found = os.lstat(path)
    is_folder = stat.S_ISDIR(found.st_mode)
    wanted = _FOLDER if is_folder else _FILE
    if (is_folder or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)) and found.st_mode & wanted != wanted:
        with contextlib.suppress(OSError):  # it is another user's
            Path(path).chmod(stat.S_IMODE(found.st_mode) | wanted)


def _is_own(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.geteuid()
    except OSError:
        return False


def _unreadable(root: Path, paths: Collection[str]) -> dict[str, str]:
    """Give those of files that cannot be read, with why."""
    return {path: why for path in paths if (why := _why_shut(root / path))}


def _why_shut(path: Path) -> str:
    try:
        if not stat.S_ISLNK(path.lstat().st_mode):
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
    except OSError as error:
        return _why(error)
    return ""


def _take(paths: Sequence[str], here: Git) -> dict[str, str]:
    """Stage files, halving what git stops at until it is one; gives those, with what git says.

    Raises:
        GitFailed: It is no fault of the files.
    """
    if not paths:
        return {}
    done = here.attempt("update-index", "--add", "-z", "--stdin", stdin="\0".join(paths))
    if done.returncode == 0:
        return {}
    if way_out(done.stderr, here.folder):
        raise GitFailed(("update-index", "--add"), here.folder, done.stderr)
    if len(paths) == 1:
        return {paths[0]: done.stderr.strip().partition("\n")[0].removeprefix("error: ")}
    half = len(paths) // 2
    return {**_take(paths[:half], here), **_take(paths[half:], here)}


def _ignored(here: Git, paths: Collection[str]) -> set[str]:
    if not paths:
        return set()
    named = {f"{path}/" if os.path.isdir(here.folder / path) else path: path for path in paths}  # noqa: PTH112 - of any name
    told = here.attempt("check-ignore", "-z", "--stdin", stdin="\0".join(named)).stdout.split("\0")
    return {named[name] for name in told if name in named}


def _is_below(path: str, folders: Collection[str]) -> bool:
    return bool(folders) and any(str(above) in folders for above in (PurePosixPath(path), *PurePosixPath(path).parents))


def _told(found: Mapping[str, str]) -> list[Untaken]:
    return [Untaken(path=path, why=why) for path, why in sorted(found.items())]


def _why(error: OSError) -> str:
    return f"it cannot be read: {error.strerror}"
