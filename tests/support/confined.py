"""Confined agents for tests: as whoever runs the tests, and as an ordinary user of the machine."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.enforcement.probing import Probed, try_all
from orchestrator.leash import program

NOBODY = 65534
_SUPPORT = Path(__file__).parent


@functools.cache
def probed() -> Probed:
    """What the kernel can refuse here; asked once."""
    return anyio.run(try_all)


def needs(means: Means) -> pytest.MarkDecorator:
    """Skip a test where the probe says that it cannot be had, and say why."""
    fault = "" if sys.platform == "linux" else "only Linux can confine an agent"
    if not fault and means not in probed().means:
        fault = probed().faults[means]
    return pytest.mark.skipif(bool(fault), reason=f"{means}: {fault}")


class Ordinary:
    """A supervisor with a confined agent, run by an ordinary user: nobody if the tests are root's, else whoever runs them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, spec: dict[str, Any]) -> dict[str, Any]:
        return self._ask(spec)

    def say(self, line: str) -> str:
        return str(self._ask({"say": line})["said"])

    def open(self, path: Path, **more: object) -> dict[str, Any]:
        return self._ask({"op": "open", "path": str(path), **more})

    def close(self, path: Path) -> dict[str, Any]:
        return self._ask({"op": "close", "path": str(path)})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the supervisor ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def ordinary_folder() -> Iterator[Path]:
    """Give a folder that an ordinary user owns and can reach."""
    with tempfile.TemporaryDirectory(prefix="squad-ordinary-") as name:
        folder = Path(name).resolve()
        yield folder


@contextmanager
def ordinary(folder: Path, confinement: Confinement, argv: tuple[str, ...], *, cwd: Path) -> Iterator[Ordinary]:
    """Confine an agent as an ordinary user; when the block is left nothing of it is there any more."""
    parts = folder / "parts"
    shutil.copytree(Path(program.__file__).parent, parts / "leash")
    for name in ("ordinary.py", "escaping.py"):
        shutil.copy(_SUPPORT / name, parts)
    give_away(folder)
    spec = {
        "argv": list(argv),
        "cwd": str(cwd),
        "environment": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
        "log": str(folder / "log"),
        "socket": "",
        "stdin": None,
        "keep_stdin": True,
        "grace": 1.0,
        "confine": confinement.to_spec(),
    }
    leash = [interpreter(), "-I", "-S", str(parts / "leash" / "begin.py"), *confinement.arguments(is_root=False)]
    command = [*_as_nobody(), interpreter(), str(parts / "ordinary.py"), *leash]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as process:
        user = Ordinary(process)
        assert user.start(spec)["event"] == "started"
        yield user
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def give_away(folder: Path) -> None:
    """Let an ordinary user own a folder and what is in it."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@functools.cache
def interpreter() -> str:
    """Give an interpreter that an ordinary user can run: root's own may lie in a closed folder."""
    for candidate in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")):
        if candidate and subprocess.run([*_as_nobody(), candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    pytest.skip("no interpreter that an ordinary user could run")


def _as_nobody() -> list[str]:
    # setpriv itself may still go where root may; what env starts may not
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env"]
    return drop if os.getuid() == 0 else []
