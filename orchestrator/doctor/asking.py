"""Asking a program for its version, on a leash and within a time limit: it may print anything, or never end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.leash import Gone, LeashSpec, Output, StartFailed, start
from orchestrator.text.versions import version_in

LIMIT = 30.0  #: seconds; Gemini CLI takes three on a quiet machine
_GRACE = 0.5  #: seconds between TERM and KILL
_LOOKED_AT = 64 * 1024  #: bytes of what it prints
_MOST = 1024 * 1024  #: bytes after which it is ended: it is not its version that it prints


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a program said of its version."""

    version: str = ""  #: empty: none that can be read
    failure: str = ""  #: why it could not be started
    is_late: bool = False


async def ask_version(program: str, *, environment: Mapping[str, str], log: Path, mark: str, limit: float = LIMIT) -> Answered:
    """Run `program --version`; nothing of it is left afterwards."""
    spec = LeashSpec(argv=(program, "--version"), cwd=str(log.parent), environment=environment, log=log, mark=mark, grace=_GRACE)
    is_over = False
    log.parent.mkdir(parents=True, exist_ok=True)
    with anyio.move_on_after(limit):
        try:
            async with start(spec) as leashed:
                async for notice in leashed.notices():
                    is_over = is_over or isinstance(notice, Gone)
                    if isinstance(notice, Output) and notice.log > _MOST:
                        break
        except StartFailed as error:
            return Answered(failure=error.reason)
    return Answered(version=version_in(_begin(log)), is_late=not is_over)


def _begin(log: Path) -> str:
    try:
        with log.open("rb") as file:
            return file.read(_LOOKED_AT).decode("utf-8", "replace")
    except OSError:
        return ""
