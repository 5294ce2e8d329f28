"""Waiting for facts, never for time."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import psutil

T = TypeVar("T")

#: Seconds after which a fact counts as never coming; it bounds a failing test and says nothing about speed.
NEVER = 120.0
_PAUSE = 0.01
_REST = 4  #: times as long as a look took: who waits leaves the machine to whoever is waited for
_LONGEST_PAUSE = 0.2


def until(fact: Callable[[], T | None], what: str, *, seconds: float = NEVER, pause: float = _PAUSE) -> T:
    """Wait until something is so; gives what it gives."""
    end = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        found = fact()
        if found:
            return found
        now = time.monotonic()
        if now > end:
            raise AssertionError(f"{what} did not come within {seconds:g} s")
        time.sleep(min(max(pause, _REST * (now - looked)), _LONGEST_PAUSE))


def marked(text: str) -> list[int]:
    """Give the living processes that have a text in their environment or their command line."""
    wanted = os.fsencode(text)
    return [pid for pid in psutil.pids() if pid != os.getpid() and _mentions(pid, wanted)]


def _mentions(pid: int, wanted: bytes) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        if folder.joinpath("stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X"):
            return False
        return any(wanted in folder.joinpath(name).read_bytes() for name in ("environ", "cmdline"))
    except OSError:
        return False


async def soon(fact: Callable[[], object], what: str, *, seconds: float = NEVER) -> None:
    """Wait, as a task among others, until something is so."""
    with anyio.move_on_after(seconds):
        while not fact():  # noqa: ASYNC110 - the fact has no event
            await anyio.sleep(_PAUSE)
    assert fact(), f"{what} did not come within {seconds:g} s"
