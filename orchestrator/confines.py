"""What the processes of one attempt may see and write, put together from its task, its agent and the machine.

Whatever is made for it lies in one folder of the attempt's own, noted on disk, so that also what a dead supervisor made is
found and taken away. What is not mentioned is read-only; of shared folders for temporary and running things nothing is
seen but what the agent needs.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.caches import links, redirected
from orchestrator.claims import Claim
from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.enforcement.scope import Wanted, scope_of
from orchestrator.enforcement.sockets import is_socket, listening, reachable
from orchestrator.git import Git, GitFailed
from orchestrator.leash.placeholders import Placeholders
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import Project
from orchestrator.rights import Rights
from orchestrator.workspaces.private import PrivateGit, private_folder, set_apart

_SHARED = Path("/tmp")  # noqa: S108 - everybody's temporary folder
_TEMPORARY = "/tmp/t"  # noqa: S108 - as the agent sees it, who is alone there; short, since sockets lie there
#: Of git-ignored folders those that tools want to make, whatever the task; made in each worktree.
_SCRATCH = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
_MADE = "made.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confines:
    """What an attempt is confined to, and what it is told of it."""

    confinement: Confinement
    environment: Mapping[str, str]  #: where temporary files and caches lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Everything that decides what an attempt may see and write."""

    means: Means
    project: Project
    run: RunId
    attempt: AttemptId
    agent: AgentId
    workspace: Path
    branch: str | None  #: its own; None in a shared tree
    writes: tuple[Claim, ...] | None
    rights: Rights
    asks: bool  #: its program makes no file without leave
    socket: Path
    comm: Path
    scratch: Path  #: files of its invocation
    state: Sequence[tuple[Path, bool]]  #: what its program keeps, and whether that is a folder
    argv: Sequence[str]
    given: Mapping[str, str]  #: its environment so far
    writable: Sequence[str] = ()  #: as configured
    folders: Sequence[str] = ()  #: of the workspace, to be made
    sockets: Sequence[str] = ()  #: that may be spoken to, as configured


def build(wall: Wall) -> Confines:
    """Make what is missing and say what may be seen and written.

    Raises:
        OSError, GitFailed: Something cannot be made.
    """
    folder = private_folder(wall.project, wall.run, wall.attempt)
    temporary = folder / "tmp"
    (temporary / "t").mkdir(parents=True, exist_ok=True)
    home = Path(wall.given.get("HOME") or str(Path.home()))
    outside = [path for raw in wall.writable if (path := _real(Path(raw).expanduser())) is not None]
    git = _git(wall)
    placeholders = Placeholders()
    scope = scope_of(
        Wanted(workspace=wall.workspace, agent=wall.agent, writes=wall.writes, asks=wall.asks, rights=wall.rights),
        placeholders,
        own_folders=_own_folders(wall),
    )
    (folder / _MADE).write_text(json.dumps(placeholders.made), encoding="utf-8")
    caches = _caches(wall, home, outside)
    is_sandbox = wall.means is Means.BUBBLEWRAP
    environment = {**caches, "TMPDIR": _TEMPORARY if is_sandbox else str(temporary / "t")}
    hidden = _hidden(wall)
    spoken_to = (wall.socket, *(Path(raw).expanduser() for raw in wall.sockets))
    needed = (path for path in _needed(wall, home, {**wall.given, **caches}) if path in spoken_to or not is_socket(path))
    visible = (*_shown((*needed, *spoken_to), [*hidden, _SHARED], outside), wall.workspace, *_around_files(scope.writable))
    confinement = Confinement(
        means=wall.means,
        writable=(
            *outside,
            *_state(wall.state),
            wall.project.state / "caches" / wall.agent,
            *git.writable,
            *sorted(scope.writable),
            *_comm(wall),
            *(() if is_sandbox else (temporary,)),
        ),
        protected=(*_protected(wall, outside), *git.protected, *sorted(scope.protected)),
        hidden=tuple(hidden),
        visible=visible,
        grounds=(_real(wall.workspace) or wall.workspace,),
        private={_SHARED: temporary, **git.private} if is_sandbox else {},
        shown=git.shown if is_sandbox else {},
        silenced=tuple(_silenced(spoken_to, [*hidden, _SHARED], [*visible, *outside])) if is_sandbox else (),
    )
    return Confines(confinement=confinement, environment=environment)


def leave(project: Project, run: RunId, attempt: AttemptId) -> None:
    """Take away what was made for an attempt and not used; before its work is looked at."""
    placeholders = Placeholders()
    with contextlib.suppress(OSError, ValueError):
        told = json.loads((private_folder(project, run, attempt) / _MADE).read_bytes())
        placeholders.made = {place: (row[0], row[1], row[2]) for place, row in told.items()}
        placeholders.remove_all()


def remove(project: Project, run: RunId, attempt: AttemptId) -> None:
    """Take away the attempt's own folder, once nothing is left of it; work that was not taken in stays."""
    folder = private_folder(project, run, attempt)
    if not (folder / "git" / "branch").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _git(wall: Wall) -> PrivateGit:
    if wall.branch is None:
        return PrivateGit()
    apart = set_apart(wall.project, wall.run, wall.attempt, wall.workspace, wall.branch)
    return apart if wall.means is Means.BUBBLEWRAP else PrivateGit(writable=apart.writable, protected=apart.protected)


def _around_files(writable: Collection[Path]) -> Iterator[Path]:
    """Give the folders of files that alone are writable: mounts of their own, so that these can be opened around them later."""
    for folder in sorted({place.parent for place in writable if place.is_file()}):
        if not any(above in writable for above in (folder, *folder.parents)):
            yield folder


def _own_folders(wall: Wall) -> Iterator[str]:
    """Give the folders of a worktree that git ignores, and those to be made."""
    yield from wall.folders
    if wall.branch is None:
        return
    yield from _SCRATCH
    with contextlib.suppress(GitFailed):  # what an agent broke there is mended at the harvest
        listed = Git(wall.workspace).names("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        yield from (name for name in listed if name.endswith("/"))


def _caches(wall: Wall, home: Path, outside: Sequence[Path]) -> dict[str, str]:
    """Lead build tools to folders of the agent's own."""
    folder = wall.project.state / "caches" / wall.agent
    folder.mkdir(parents=True, exist_ok=True)
    variables = redirected(folder, home, wall.given, writable=outside)
    for place, target in links(variables, home).items():
        if target.exists() and _plain(place.parent, folder) and not os.path.lexists(place):
            place.symlink_to(target)
    return variables


def _plain(place: Path, top: Path) -> bool:
    """Make a folder below one that is an agent's, and follow no link that it put there; tell whether it is one now."""
    for path in reversed([place, *(above for above in place.parents if above.is_relative_to(top) and above != top)]):
        if path.is_symlink():
            path.unlink()
        with contextlib.suppress(FileExistsError):
            path.mkdir()
        if not path.is_dir():
            return False
    return True


def _state(state: Sequence[tuple[Path, bool]]) -> Iterator[Path]:
    """Give what the agent's program keeps; what it would make itself, but could not, is made."""
    for place, is_folder in state:
        with contextlib.suppress(OSError):
            if is_folder:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            elif not place.exists():
                place.write_text("{}\n", encoding="utf-8")
        if (real := _real(place)) is not None:
            yield real


def _comm(wall: Wall) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        wall.comm.parent.mkdir(parents=True, exist_ok=True)
        wall.comm.touch()
    if (real := _real(wall.comm)) is not None:
        yield real


def _protected(wall: Wall, outside: Sequence[Path]) -> Iterator[Path]:
    """Keep the project itself out of what is writable outside of it."""
    own = {wall.project.root, wall.project.state, *([wall.project.state.parent] if wall.project.repository else [])}
    for path in own:
        if any(path.is_relative_to(other) for other in outside) and not path.is_relative_to(wall.workspace):
            yield path


def _hidden(wall: Wall) -> list[Path]:
    """Give the folders where others leave what could be spoken to or tampered with."""
    wanted = [
        *(Path(raw) for raw in ("/run/user", os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR")) if raw),
        wall.project.sockets,
        wall.project.state / "private",
    ]
    found = [real for path in wanted if (real := _real(path)) is not None and real.is_dir()]
    spared = (Path("/"), _SHARED, _real(wall.project.root), _real(Path.home()))  # the shared one is private anyway
    return [path for path in dict.fromkeys(found) if path not in spared]


def _needed(wall: Wall, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Give what must be seen wherever it lies: project, programs, and what the environment names."""
    project = wall.project
    yield from (project.root, project.state, wall.workspace, home, wall.socket, wall.scratch)
    if project.repository:
        yield project.state.parent
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
    for raw in (word for value in (*wall.argv, *environment.values()) for word in value.split(os.pathsep)):
        if raw.startswith("/") and "\0" not in raw:
            yield from _with_prefix(Path(raw))


def _with_prefix(path: Path) -> Iterator[Path]:
    """Give a path and, for a folder of programs, what they are installed below; links with their ends."""
    real = Path(os.path.realpath(path))
    for one in (path, real):
        if one.name in {"bin", ".bin", "sbin"}:
            yield one.parent
        if one.parent.name in {"bin", ".bin"}:
            yield one.parent.parent
        yield one


def _shown(needed: Iterable[Path], hidden: Sequence[Path], writable: Sequence[Path]) -> Iterator[Path]:
    """Give of what is needed that which would be hidden with a folder around it."""
    seen = set()
    for path in needed:
        real = _real(path)
        if real is None or real in seen or real in hidden:
            continue
        seen.add(real)
        above = [other for other in (*hidden, *writable) if real.is_relative_to(other)]
        if above and max(above, key=lambda one: len(one.parts)) in hidden:
            yield real


def _silenced(spoken_to: Sequence[Path], hidden: Sequence[Path], visible: Sequence[Path]) -> Iterator[Path]:
    """Give each socket that would be seen and is not the agent's to speak to."""
    with contextlib.suppress(OSError):
        table = Path("/proc/net/unix").read_text(encoding="utf-8", errors="surrogateescape")
        found = reachable(listening(table), allowed=spoken_to)
        yield from (path for path in found if _is_seen(path, hidden, visible))


def _is_seen(path: Path, hidden: Sequence[Path], visible: Sequence[Path]) -> bool:
    """Tell whether what is said nearest above a path is that it is seen; of a place named twice it is."""
    above = [other for other in (*hidden, *visible) if path.is_relative_to(other)]
    return not above or max(above, key=lambda one: len(one.parts)) in visible


def _real(path: Path) -> Path | None:
    """Give a path without symlinks; None if there is nothing, or nothing that this user may look at."""
    real = os.path.realpath(path)
    return Path(real) if os.access(real, os.F_OK) else None
