"""An ordinary user for what tests start: whoever runs them, and if that is root, nobody.

Where the interpreter lies in a closed folder of root's, the system's own is taken; where that does not do either, root gives
up all that sets it apart, which leaves a user who may do to root's own files what any user may do to theirs.
"""

import ctypes
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
NOBODY = 65534
_DROP_BOUND, _LAST_CAPABILITY, _CAPABILITIES_V3 = 24, 64, 0x20080522  # linux/prctl.h, linux/capability.h
_ROOT = Path(__file__).parents[2]


@functools.cache
def as_user() -> tuple[tuple[str, ...], int]:
    """Give how an interpreter is started that knows squad, and the user it then is."""
    if os.getuid() != 0:
        return (sys.executable,), os.getuid()
    # what setpriv itself starts may go where root may; what env starts may not
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env")
    for interpreter in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")):
        if interpreter and _knows_squad((*nobody, interpreter)):
            return (*nobody, interpreter), NOBODY
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable), 0


def python_path() -> str:
    """Give where the interpreter finds squad and what it needs."""
    return os.pathsep.join((str(_ROOT), sysconfig.get_path("purelib")))


def _knows_squad(argv: tuple[str, ...]) -> bool:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": python_path()}
    argv = (*argv, "-c", "import orchestrator.cli.app, orchestrator.journal, orchestrator.run.supervisor")
    return subprocess.run(argv, check=False, capture_output=True, cwd="/", env=environment).returncode == 0


def give_away(folder: Path, *, user: int | None = None) -> None:
    """Let that user, or another, own a folder and what is in it."""
    user = as_user()[1] if user is None else user
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)


def bound_by_modes(call: Callable[[], T]) -> T:
    """Do something, and start what it starts, as somebody whom the modes of files bind, which they do not root."""
    with ThreadPoolExecutor(1, initializer=_give_up_what_roots_have) as pool:
        return pool.submit(call).result()


def _give_up_what_roots_have() -> None:
    """Give up this thread's capabilities; other threads have their own."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in range(_LAST_CAPABILITY):
            libc.prctl(_DROP_BOUND, capability, 0, 0, 0)
        assert libc.capset((ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()) == 0
