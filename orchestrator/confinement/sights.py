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

from orchestrator.enforcement.programs import installed, led_away, started, with_prefix
from orchestrator.enforcement.sockets import is_socket, listening, reachable
from orchestrator.enforcement.trails import trail
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
    links: Mapping[Path, str]  #: on the way to what is seen; place -> what it says

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
    own = _hidden(around.project)
    hidden = [*own, SHARED, Path(TEMPORARY)]
    needed = [path for path in _needed(around, hidden) if path in around.spoken_to or not is_socket(path)]
    needed = list(dict.fromkeys((*needed, *around.spoken_to)))
    visible = (*_shown(needed, hidden, around.writable), around.workspace, *around.seen)
    trails = [way for path in needed if (way := trail(path)) is not None]
    crossed = dict.fromkeys(place for way in trails for place in sorted(way.crossed) if place not in hidden)
    seen = [*visible, *around.writable]
    return Sights(
        hidden=(*own, *(place for place in crossed if not _is_seen(place, hidden, seen))),
        visible=visible,
        links={place: said for way in trails for place, said in way.links.items() if place != Path(TEMPORARY)},
    )


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


def _needed(around: Around, hidden: Sequence[Path]) -> Iterator[Path]:
    """Give what must be seen wherever it lies: project, programs, and what the environment names."""
    project, path = around.project, around.environment.get("PATH", os.defpath)
    yield from (project.root, project.state, around.workspace, around.home, *around.needed)
    if project.repository:
        yield project.state.parent
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2])
    for raw in (word for value in (*around.argv, *around.environment.values()) for word in value.split(os.pathsep)):
        if raw.startswith("/") and "\0" not in raw:
            yield from with_prefix(Path(os.path.realpath(raw)))
            yield from with_prefix(Path(raw))
    for name in around.argv[:1]:
        yield from started(name, path=path, workspace=around.workspace)
    for program in led_away(path, hidden, workspace=around.workspace):
        yield from installed(program)


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
