"""What the processes of one attempt may see and write, put together from its task, its agent and the machine.

Whatever is made for it lies in one folder of the attempt's own, noted on disk, so that also what a dead supervisor made is
found and taken away. What is not mentioned is read-only.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.claims import Claim
from orchestrator.confinement.caches import links, redirected
from orchestrator.confinement.sights import SHARED, TEMPORARY, Around, look, protected, real
from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.enforcement.scope import Scope, Wanted, scope_of
from orchestrator.git import Git, GitFailed
from orchestrator.leash.placeholders import Placeholders
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import Project
from orchestrator.rights import Rights
from orchestrator.workspaces.private import PrivateGit, private_folder, set_apart

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
    git, outside = _git(wall), outside_of(wall.writable)
    scope = _scope(wall, folder)
    kept = wall.project.state / "caches" / wall.agent
    caches = caches_in(kept, home, wall.given, outside)
    is_sandbox = wall.means is Means.BUBBLEWRAP
    environment = {**caches, "TMPDIR": TEMPORARY if is_sandbox else str(temporary / "t")}
    state = tuple(_state(wall.state))
    around = _around(wall, home, {**wall.given, **caches}, scope.writable, (*outside, kept, *state))
    sights = look(around)
    confinement = Confinement(
        means=wall.means,
        writable=(
            *outside,
            *state,
            kept,
            *git.writable,
            *sorted(scope.writable),
            *_comm(wall),
            *(() if is_sandbox else (temporary,)),
        ),
        protected=(*protected(wall.project, wall.workspace, outside), *git.protected, *sorted(scope.protected)),
        hidden=sights.hidden,
        visible=sights.visible,
        links=sights.links,
        grounds=(real(wall.workspace) or wall.workspace,),
        private={SHARED: temporary, **git.private} if is_sandbox else {},
        shown=git.shown if is_sandbox else {},
        silenced=sights.silenced(around) if is_sandbox else (),
    )
    return Confines(confinement=confinement, environment=environment)


def _scope(wall: Wall, folder: Path) -> Scope:
    """Say what is writable of the workspace, and note what was made for it."""
    wanted = Wanted(workspace=wall.workspace, agent=wall.agent, writes=wall.writes, asks=wall.asks, rights=wall.rights)
    with contextlib.closing(Placeholders()) as placeholders:
        scope = scope_of(wanted, placeholders, own_folders=_own_folders(wall))
        (folder / _MADE).write_text(json.dumps(placeholders.made), encoding="utf-8")
    return scope


def _around(wall: Wall, home: Path, environment: Mapping[str, str], scope: Collection[Path], outside: Sequence[Path]) -> Around:
    return Around(
        project=wall.project,
        workspace=wall.workspace,
        home=home,
        argv=wall.argv,
        environment=environment,
        spoken_to=(wall.socket, *configured(wall.sockets)),
        writable=(*outside, *scope),
        needed=(wall.socket, wall.scratch, *configured(wall.writable), *(place for place, _ in wall.state)),
        seen=tuple(_around_files(scope)),
    )


def leave(project: Project, run: RunId, attempt: AttemptId) -> None:
    """Take away what was made for an attempt and not used; before its work is looked at."""
    with contextlib.suppress(OSError, ValueError), contextlib.closing(Placeholders()) as placeholders:
        told = json.loads((private_folder(project, run, attempt) / _MADE).read_bytes())
        placeholders.made = {place: (row[0], row[1], row[2]) for place, row in told.items()}
        placeholders.remove_all()


def remove(project: Project, run: RunId, attempt: AttemptId) -> None:
    """Take away the attempt's own folder, once nothing is left of it; work that was not taken in stays."""
    folder = private_folder(project, run, attempt)
    if not (folder / "git" / "branch").is_file():
        take_away(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def take_away(folder: Path) -> None:
    """Remove a folder as far as it can be, whatever rights agents and tests took from what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if not (inside := Path(place, name)).is_symlink():
                with contextlib.suppress(OSError):
                    inside.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


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


def outside_of(writable: Sequence[str]) -> list[Path]:
    """Give what is there of what is configured as writable."""
    return [path for one in configured(writable) if (path := real(one)) is not None]


def configured(paths: Iterable[str]) -> list[Path]:
    """Give what is configured as paths, which may lead over links."""
    return [Path(raw).expanduser() for raw in paths]


def caches_in(folder: Path, home: Path, given: Mapping[str, str], outside: Sequence[Path]) -> dict[str, str]:
    """Make a folder for what build tools keep, and give the variables that lead them there."""
    folder.mkdir(parents=True, exist_ok=True)
    variables = redirected(folder, home, given, writable=outside)
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
        if (there := real(place)) is not None:
            yield there


def _comm(wall: Wall) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        wall.comm.parent.mkdir(parents=True, exist_ok=True)
        wall.comm.touch()
    if (there := real(wall.comm)) is not None:
        yield there
