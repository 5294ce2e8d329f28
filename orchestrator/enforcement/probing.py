"""What this machine's kernel can refuse, found out by doing it.

A small program is confined in a temporary folder by the same leash that confines agents; what it could write is the answer. No
version number decides anything: those are read only to say what stands in the way.
"""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.errors import SquadError
from orchestrator.leash import Leashed, LeashSpec, Output, StartFailed, Tail, start

LIMIT = 20.0  #: seconds for one means
#: Does what each line says to a path, and says 1 if it could.
_PROGRAM = """
import socket, subprocess, sys
NEST = "bwrap --unshare-user --unshare-pid --die-with-parent --ro-bind / / --dev /dev --proc /proc true".split()
def write(path):
    with open(path, "a") as file:
        file.write("x")
def call(name):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\\0" + name)
def nest(_):
    subprocess.run(NEST, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
for line in sys.stdin:
    what, argument = line.rstrip().split(" ", 1)
    try:
        {"write": write, "call": call, "nest": nest}[what](argument)
        print(1, flush=True)
    except (OSError, subprocess.CalledProcessError):
        print(0, flush=True)
"""
_INSTALL = {"apt-get": "sudo apt install bubblewrap", "dnf": "sudo dnf install bubblewrap", "pacman": "sudo pacman -S bubblewrap"}


class _Unexpected(SquadError):
    """The kernel allowed or refused what it should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What was found."""

    means: tuple[Means, ...]  #: those that work, the stronger first
    faults: Mapping[Means, str] = field(default_factory=dict)  #: why the others do not, and what would help
    nests: bool = False  #: whether an agent program's own bubblewrap works inside ours
    root: bool = False  #: whether it was tried as root
    abstract_sockets: bool = False  #: whether helpers behind abstract sockets are out of reach, which have no path to hide


_cache: dict[str | None, Probed] = {}  #: by the bubblewrap that PATH leads to


async def probe() -> Probed:
    """Try each means once in the life of this process, and again only where PATH leads to another bubblewrap or none."""
    found = shutil.which("bwrap")
    if found not in _cache:
        _cache[found] = await try_all()
    return _cache[found]


async def try_all() -> Probed:
    """Try each means now."""
    faults: dict[Means, str] = {}
    more: dict[str, bool] = {}
    for means, attempt in ((Means.BUBBLEWRAP, _try_bubblewrap), (Means.LANDLOCK, _try_landlock)):
        try:
            with anyio.fail_after(LIMIT):
                more |= await attempt()
        except StartFailed as error:
            faults[means] = _explain(error.reason)
        except (OSError, SquadError, TimeoutError) as error:
            faults[means] = str(error) or f"it did not answer within {LIMIT:.0f} s"
    return Probed(means=tuple(means for means in Means if means not in faults), faults=faults, root=os.geteuid() == 0, **more)


async def _try_bubblewrap() -> dict[str, bool]:
    """Refused, opened, closed, refused; tells what else holds in the sandbox."""
    async with _confined(Means.BUBBLEWRAP) as trial:
        shared = trial.folder / "shared"
        await trial.expect(trial.folder / "own" / "file", written=True)
        await trial.expect(shared / "file", written=False)
        if reason := await trial.leashed.open(shared):
            raise _Unexpected(f"a path cannot be opened while an agent runs: {reason}")
        await trial.expect(shared / "file", written=True)
        if await trial.leashed.close(shared):
            raise _Unexpected("a path that was opened cannot be closed")
        await trial.expect(shared / "file", written=False)
        with socket.socket(socket.AF_UNIX) as outside:
            outside.bind(f"\0{trial.folder.name}")  # which is nobody else's either, and short
            outside.listen()
            reached = await trial.ask(f"call {trial.folder.name}")
        return {"nests": await trial.ask("nest /"), "abstract_sockets": not reached}


async def _try_landlock() -> dict[str, bool]:
    async with _confined(Means.LANDLOCK) as trial:
        await trial.expect(trial.folder / "own" / "file", written=True)
        await trial.expect(trial.folder / "shared" / "file", written=False)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A confined program that writes what it is told to."""

    folder: Path
    leashed: Leashed
    answers: MemoryObjectReceiveStream[bytes]

    async def ask(self, words: str) -> bool:
        self.leashed.send(f"{words}\n".encode())
        try:
            return await self.answers.receive() == b"1"
        except anyio.EndOfStream:
            raise _Unexpected("the confined program ended before its time") from None

    async def expect(self, path: Path, *, written: bool) -> None:
        if await self.ask(f"write {path}") != written:
            did, should = ("refused", "allowed") if written else ("allowed", "refused")
            raise _Unexpected(f"the kernel {did} a write that it should have {should}")


@asynccontextmanager
async def _confined(means: Means) -> AsyncIterator[_Trial]:
    # the temporary folder may be a symlink
    with tempfile.TemporaryDirectory(prefix="squad-probe-", dir=os.path.realpath(tempfile.gettempdir())) as name:  # noqa: ASYNC240
        folder = Path(name)
        for one in ("own", "shared"):
            (folder / one).mkdir()
        spec = LeashSpec(
            argv=(sys.executable, "-I", "-S", "-c", _PROGRAM),
            cwd=str(folder),
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
            log=folder / "log",
            mark=f"probe {folder}",
            keep_stdin=True,
            grace=1.0,
            confinement=Confinement(means=means, writable=(folder / "own",)),
        )
        sender, receiver = anyio.create_memory_object_stream[bytes](16)
        unexpected: Exception | None = None
        async with sender, receiver, start(spec) as leashed, anyio.create_task_group() as group:
            group.start_soon(_listen, leashed, spec.log, sender)
            try:
                yield _Trial(folder=folder, leashed=leashed, answers=receiver)
            except (_Unexpected, OSError) as error:
                unexpected = error  # a task group would put it into a group of errors
            group.cancel_scope.cancel()
        if unexpected is not None:
            raise unexpected


async def _listen(leashed: Leashed, log: Path, sender: MemoryObjectSendStream[bytes]) -> None:
    rest = b""
    with closing(Tail(log)) as tail:
        async with sender, aclosing(leashed.notices()) as notices:  # type: ignore[type-var]  # it is a generator
            async for notice in notices:
                if isinstance(notice, Output):
                    *lines, rest = (rest + b"".join(tail.read(notice.log))).split(b"\n")
                    for line in lines:
                        await sender.send(line)


def _explain(reason: str) -> str:
    """Add what would help to what the system said."""
    if sys.platform != "linux":
        return "only Linux can confine an agent"
    if "'bwrap'" in reason:
        known = next((command for program, command in _INSTALL.items() if shutil.which(program)), "")
        return "bubblewrap is not installed" + (f": {known}" if known else "")
    if "bubblewrap" not in reason:
        return reason
    return f"{reason} ({_obstacle()})"


def _obstacle() -> str:
    """Name the first setting that keeps ordinary users from namespaces."""
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "AppArmor restricts user namespaces: give bwrap a profile that allows userns"
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "user namespaces are off: sudo sysctl kernel.unprivileged_userns_clone=1"
    if _setting("user/max_user_namespaces") == "0":
        return "user namespaces are off: sudo sysctl user.max_user_namespaces=10000"
    return "no user namespaces here, as in containers whose seccomp profile forbids them"


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""
