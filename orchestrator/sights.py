"""What a confined process sees of the machine: nothing where others leave what could be spoken to, but what it needs.

Everything else is seen as it is, and read-only. What listens behind a path is covered, unless it is to be spoken to: it would
write for anybody who asks.
"""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.enforcement.sockets import is_socket, listening, reachable
from orchestrator.project import Project

SHARED = Path("/tmp")  # noqa: S108 - everybody's temporary folder
TEMPORARY = "/tmp/t"  # noqa: S108 - as it is seen from inside, where nobody else is; short, since sockets lie there


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What decides what is seen."""

    project: Project
    workspace: Path
    home: Path
    argv: Sequence[str]
    environment: Mapping[str, str]
    spoken_to: Sequence[Path]  #: sockets
    writable: Sequence[Path]  #: which is seen as it is, and shown to nobody as something to read only
    needed: Sequence[Path] = ()  #: besides what the project, the command and the environment name
    seen: Sequence[Path] = ()  #: whatever is said of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """What is seen otherwise than it is, but for what is writable."""

    hidden: tuple[Path, ...]
    visible: tuple[Path, ...]

    def silenced(self, around: Around) -> tuple[Path, ...]:
        """Give each socket at which somebody listens now, that would be seen and is not to be spoken to."""
        hidden, visible = [*self.hidden, SHARED], [*self.visible, *around.writable]
        with contextlib.suppress(OSError):
            table = Path("/proc/net/unix").read_text(encoding="utf-8", errors="surrogateescape")
            found = reachable(listening(table), allowed=around.spoken_to)
            return tuple(path for path in found if _is_seen(path, hidden, visible))
        return ()


def look(around: Around) -> Sights:
    """Look at the machine as it is now."""
    hidden = _hidden(around.project)
    needed = (path for path in _needed(around) if path in around.spoken_to or not is_socket(path))
    shown = _shown((*needed, *around.spoken_to), [*hidden, SHARED, Path(TEMPORARY)], around.writable)
    return Sights(hidden=tuple(hidden), visible=(*shown, around.workspace, *around.seen))


def protected(project: Project, workspace: Path, outside: Sequence[Path]) -> Iterator[Path]:
    """Keep the project itself out of what is writable outside of it."""
    own = {project.root, project.state, *([project.state.parent] if project.repository else [])}
    for path in own:
        if any(path.is_relative_to(other) for other in outside) and not path.is_relative_to(workspace):
            yield path


def real(path: Path) -> Path | None:
    """Give a path without symlinks; None if there is nothing, or nothing that this user may look at."""
    found = os.path.realpath(path)
    return Path(found) if os.access(found, os.F_OK) else None


def _hidden(project: Project) -> list[Path]:
    """Give the folders where others leave what could be spoken to or tampered with."""
    wanted = [
        *(Path(raw) for raw in ("/run/user", os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR")) if raw),
        project.sockets,
        project.state / "private",
    ]
    found = [there for path in wanted if (there := real(path)) is not None and there.is_dir()]
    # the shared one is private anyway, and the own one is what is put there: a squad inside of another's sandbox has it too
    spared = (Path("/"), SHARED, Path(TEMPORARY), real(project.root), real(Path.home()))
    return [path for path in dict.fromkeys(found) if path not in spared]


def _needed(around: Around) -> Iterator[Path]:
    """Give what must be seen wherever it lies: project, programs, and what the environment names."""
    project = around.project
    yield from (project.root, project.state, around.workspace, around.home, *around.needed)
    if project.repository:
        yield project.state.parent
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
    for raw in (word for value in (*around.argv, *around.environment.values()) for word in value.split(os.pathsep)):
        if raw.startswith("/") and "\0" not in raw:
            yield from _with_prefix(Path(raw))


def _with_prefix(path: Path) -> Iterator[Path]:
    """Give a path and, for a folder of programs, what they are installed below; links with their ends."""
    there = Path(os.path.realpath(path))
    for one in (path, there):
        if one.name in {"bin", ".bin", "sbin"}:
            yield one.parent
        if one.parent.name in {"bin", ".bin"}:
            yield one.parent.parent
        yield one


def _shown(needed: Iterable[Path], hidden: Sequence[Path], writable: Sequence[Path]) -> Iterator[Path]:
    """Give of what is needed that which would be hidden with a folder around it."""
    seen = set()
    for path in needed:
        there = real(path)
        if there is None or there in seen or there in hidden:
            continue
        seen.add(there)
        above = [other for other in (*hidden, *writable) if there.is_relative_to(other)]
        if above and max(above, key=lambda one: len(one.parts)) in hidden:
            yield there


def _is_seen(path: Path, hidden: Sequence[Path], visible: Sequence[Path]) -> bool:
    """Tell whether what is said nearest above a path is that it is seen; of a place named twice it is."""
    above = [other for other in (*hidden, *visible) if path.is_relative_to(other)]
    return not above or max(above, key=lambda one: len(one.parts)) in visible
