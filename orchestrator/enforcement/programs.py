"""What must be seen of the machine for programs to run: themselves, what they are installed with, and who interprets them.

A program may lie anywhere, be found over links, begin with a line that names another one, and load what lies beside it.
"""

import contextlib
import functools
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.enforcement.trails import trail

_FIRST_LINE = 256  #: bytes; the kernel reads no more
_INTERPRETERS = 4  #: that begin with a line of that kind themselves; the kernel follows no more
_PROGRAM_FOLDERS = {"bin", ".bin", "sbin"}
_MODULES = "node_modules"


def started(name: str, *, path: str, workspace: Path) -> Iterator[Path]:
    """Give what must be seen for a program to start that is called by a name, as a shell in the workspace would find it."""
    places = os.pathsep.join(map(str, _places(path, workspace)))
    for _ in range(_INTERPRETERS):
        found = str(workspace / name) if "/" in name else shutil.which(name, path=places)
        if found is None or not _is_file(found):
            return
        yield from installed(Path(found))
        name, *words = _first_line(found) or [""]
        if Path(name).name == "env":
            yield from installed(Path(name))
            name = next((word for word in words if not word.startswith("-") and "=" not in word), "")
        if not name:
            return


def installed(program: Path) -> Iterator[Path]:
    """Give a program, by each name that it has on its way, and the folder in which lies what it loads."""
    found = trail(program)
    for name in found.names if found else ():
        yield from with_prefix(name)
    if found:
        real = found.names[-1]
        parts = real.parts
        yield Path(*parts[: parts.index(_MODULES) + 1]) if _MODULES in parts else real.parent


def with_prefix(path: Path) -> Iterator[Path]:
    """Give a path and, for a folder of programs or a program in one, what they are installed below."""
    if path.name in _PROGRAM_FOLDERS:
        yield path.parent
    if path.parent.name in _PROGRAM_FOLDERS:
        yield path.parent.parent
    yield path


def led_away(path: str, hidden: Sequence[Path], *, workspace: Path) -> Iterator[Path]:
    """Give the programs of PATH that are links into folders which look empty."""
    inside = tuple(f"{folder}/" for folder in hidden)
    for folder in dict.fromkeys(map(os.path.realpath, _places(path, workspace))):
        with contextlib.suppress(OSError):
            links = _links_in(folder, Path(folder).stat().st_mtime_ns)
            yield from (Path(place) for place, end in links if end.startswith(inside))


def _places(path: str, workspace: Path) -> Iterator[Path]:
    """Give the folders of PATH; what it says without a slash before it, or nothing at all, is meant from the workspace."""
    yield from (workspace / raw for raw in path.split(os.pathsep))


def _is_file(place: str) -> bool:
    try:
        return Path(place).is_file()
    except OSError:  # such as a folder that this user may not enter
        return False


@functools.lru_cache(maxsize=256)
def _links_in(folder: str, changed: int) -> tuple[tuple[str, str], ...]:  # noqa: ARG001 - it is looked at again when it changed
    """Give the links in a folder with what they point to, as text."""
    with os.scandir(folder) as entries:
        links = [entry.path for entry in entries if entry.is_symlink()]
    return tuple((link, os.path.normpath(Path(folder, Path(link).readlink()))) for link in links)


def _first_line(program: str) -> list[str]:
    """Give the words of the line by which a program names its interpreter; none if it is no script."""
    try:
        with Path(program).open("rb") as file:
            line, _, _ = file.read(_FIRST_LINE).partition(b"\n")[0].partition(b"\0")
    except OSError:
        return []
    if not line.startswith(b"#!"):
        return []
    text = os.fsdecode(line[2:])
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return words if words and words[0].startswith("/") else []
