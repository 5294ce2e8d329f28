"""Commands that squad itself starts out of agents' work: checks and set-ups, confined like the agents.

What they run, agents have written: tests, build scripts. Such a command may write the folder in which it runs with all in it,
temporary files of its own, and caches that only the same agent, or the integration, uses; what its git does beside that is
thrown away with it. Where that is asked for, every command is confined once an attempt of the run was, but those that the
configuration names.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.confinement.confines import caches_in, configured, outside_of, take_away
from orchestrator.confinement.leveling import Levels
from orchestrator.confinement.sights import SHARED, TEMPORARY, Around, look, protected, real
from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.enforcement.levels import EnforcementUnavailable
from orchestrator.errors import RepositoryError, SquadError
from orchestrator.leash import StartFailed
from orchestrator.leash.commands import Command, run_command
from orchestrator.model import AttemptId, Level, RunId
from orchestrator.ownership import NEVER
from orchestrator.project import Project
from orchestrator.sections import EnforcementSettings
from orchestrator.state import State
from orchestrator.workspaces.mending import mend_link
from orchestrator.workspaces.private import PrivateGit, private_folder, set_beside

_END = 1 << 18  #: bytes at the end of a log that are looked through
_BYTE_CODE = "PYTHONPYCACHEPREFIX"
#: How programs word that the kernel refused them something, the clearer first.
_REFUSALS = (
    *("Read-only file system", "EROFS", "Errno 30]", "no new privileges"),
    *("Permission denied", "EACCES", "Errno 13]", "Connection refused", "ECONNREFUSED", "Docker daemon"),
)


class WallsFailed(RepositoryError):
    """A command was not started, since what it is to be confined to cannot be had."""

    exit_code = 4

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(
            f"`{command}` cannot be confined: {reason}",
            hint="mend that, or let it run with your own rights: enforcement.unconfined",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class For:
    """What a command is run for."""

    attempt: AttemptId
    caches: str  #: the name of those that it uses
    held: bool = False  #: the attempt will be confined


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of a command."""

    code: int
    confined: bool | None  #: None: nobody asked for it
    words: str = ""  #: why it may have failed, if it was confined and its log tells of a refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Walled:
    """Runs the commands of one run."""

    project: Project
    run_id: RunId
    levels: Levels
    settings: EnforcementSettings
    environment: Mapping[str, str]
    state: Callable[[], State]
    silence: float = float("inf")  #: seconds without a sign of life after which a command has failed

    async def run(self, text: str, cwd: Path, work: For, *, log: Path) -> Came:
        """Run a shell command in a folder.

        Raises:
            WallsFailed: It is to be confined and cannot be.
        """
        command = Command(text=text, cwd=cwd, environment=self.environment, log=log, silence=self.silence)
        is_asked = self._is_asked(held=work.held)
        means = await self._means(command) if is_asked and text not in self.settings.unconfined else None
        if means is None:
            return Came(code=await run_command(command), confined=False if is_asked else None)
        before = log.stat().st_size if log.exists() else 0  # noqa: ASYNC240 - a look
        try:
            code = await self._run(command, work, means)
        except (SquadError, OSError) as error:
            reason = error.reason if isinstance(error, StartFailed) else getattr(error, "message", str(error))
            raise WallsFailed(command.text, reason) from error
        words = "" if code == 0 else await anyio.to_thread.run_sync(partial(refusal_in, log, since=before))
        return Came(code=code, confined=True, words=words)

    async def _run(self, command: Command, work: For, means: Means) -> int:
        # below the attempt's own: of a supervisor that died in a set-up it goes with that when the attempt is ended
        folder = private_folder(self.project, self.run_id, work.attempt) / "command"
        try:
            confined = await anyio.to_thread.run_sync(partial(self._confined, command, folder, means, work.caches))
            return await run_command(confined)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._leave, command.cwd, folder, means)

    def _is_asked(self, *, held: bool) -> bool:
        """Tell whether commands of this run are to be confined."""
        asked = self.settings.confine_checks
        is_wanted = self.levels.asked == Level.DENY if asked is None else asked
        return is_wanted and (held or any(one.level == Level.DENY for one in self.state().attempts.values()))

    async def _means(self, command: Command) -> Means | None:
        try:
            return await self.levels.of_commands()
        except EnforcementUnavailable as error:
            raise WallsFailed(command.text, error.message) from error

    def _confined(self, command: Command, folder: Path, means: Means, caches: str) -> Command:
        take_away(folder)  # of a supervisor that died in a check
        temporary, cwd = folder / "tmp", real(command.cwd) or command.cwd
        (temporary / "t").mkdir(parents=True)
        # a shared tree may be a linked worktree too, but on a branch of the user's: there git only reads
        is_sandbox, is_apart = means is Means.BUBBLEWRAP, (cwd / ".git").is_file() and cwd != real(self.project.root)
        git = set_beside(self.project, folder / "git", cwd) if is_sandbox and is_apart else PrivateGit()
        kept, outside = self.project.state / "caches" / caches, outside_of(self.settings.writable)
        told = caches_in(kept, _home(command), command.environment, outside)
        told.pop(_BYTE_CODE, None)  # in the folder it can be written, beside what it was made of, and elsewhere it is there
        environment = {**command.environment, **told, "TMPDIR": TEMPORARY if is_sandbox else str(temporary / "t")}
        named = {name: value for name, value in environment.items() if name != "TMPDIR"}  # what others have there is not shown
        around = self._around(replace(command, cwd=cwd, environment=named), (*outside, kept, cwd))
        sights = look(around)
        never = _never(cwd) if is_sandbox or not is_apart else ()  # by Landlock nothing new could be made beside it
        confinement = Confinement(
            means=means,
            writable=(*outside, kept, cwd, *(() if is_sandbox else (temporary,))),
            protected=(*protected(self.project, cwd, outside), *never),
            hidden=sights.hidden,
            visible=sights.visible,
            links=sights.links,
            private={SHARED: temporary, **git.private} if is_sandbox else {},
            shown=git.shown,
            silenced=sights.silenced(around) if is_sandbox else (),
        )
        return replace(command, environment=environment, confinement=confinement)

    def _around(self, command: Command, writable: Sequence[Path]) -> Around:
        return Around(
            project=self.project,
            workspace=command.cwd,
            home=_home(command),
            argv=_places(command.text),
            environment=command.environment,
            spoken_to=configured(self.settings.sockets),
            writable=writable,
            needed=configured(self.settings.writable),
        )

    def _leave(self, cwd: Path, folder: Path, means: Means) -> None:
        """Take away what was a command's own; where nothing else keeps the link of its worktree, it is mended."""
        take_away(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # the attempt's: once that is ended nothing else removes it
        if means is Means.LANDLOCK and self.project.repository and cwd != self.project.root:
            mend_link(self.project, cwd)


def refusal_in(log: Path, *, since: int = 0) -> str:
    """Say what a confined command's log tells of a refusal, and what helps; empty if it tells of none."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - _END))
            text = file.read(_END).decode("utf-8", "replace")
    except OSError:
        return ""
    found = next((words for words in _REFUSALS if words in text), None)
    if found is None:
        return ""
    return (
        f"; it was confined, and its log says {found.rstrip(']')!r}"
        " (it could do more by enforcement.writable, sockets or unconfined)"
    )


def _home(command: Command) -> Path:
    return Path(command.environment.get("HOME") or str(Path.home()))


def _places(text: str) -> list[str]:
    """Give the absolute paths that a shell command names."""
    return re.findall(r"""(?:^|[\s'"=:;|&<>()])(/[^\s'"=:;|&<>()]+)""", text)


def _never(cwd: Path) -> Iterator[Path]:
    """Give what nobody writes in a workspace."""
    for place in (cwd / name for name in NEVER):
        if not place.is_symlink() and (place.is_file() or place.is_dir()):
            yield place
