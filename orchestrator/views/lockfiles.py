"""The lock table as files, for people and for tools of hand-run squads.

A file is written after the grant and removed after the release, never before. Whoever removes one by hand asks for the
lock to be freed; that is noticed and told, and the file of a lock that stays is put back.
"""

import contextlib
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from orchestrator.locks import Grant
from orchestrator.views.text import plain, utc

_LONGEST = 200  #: bytes of a name before it is cut
_SUFFIX = ".lock"


def file_name(key: str) -> str:
    """Give the name of a key's lock file."""
    escaped = key.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    escaped = "".join(f"%{ord(sign):02X}" if ord(sign) < 32 or ord(sign) == 127 else sign for sign in escaped)
    raw = escaped.encode("utf-8", "surrogateescape")
    if len(raw) <= _LONGEST:
        return escaped + _SUFFIX
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return raw[: _LONGEST - 20].decode("utf-8", "ignore") + f"~{digest}" + _SUFFIX


def key_of(name: str) -> str:
    """Give the key that an uncut file name stands for."""
    return re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), name.removesuffix(_SUFFIX))


def content(grant: Grant) -> str:
    """Give what a lock file says."""
    return (
        f"FILE: {plain(grant.path)}\n"
        f"LOCKED_BY: {grant.holder}\n"
        f"LOCKED_AT: {utc(grant.since)}\n"
        f"PURPOSE: {plain(grant.purpose)}\n"
        f"EXPIRES_AT: {utc(grant.expires)}\n"
    )


class LockFiles:
    """Mirrors a lock table into a folder."""

    def __init__(self, folder: Path) -> None:
        """Begin anew: files of a former supervisor say nothing any more."""
        self._folder = folder
        self._written: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"*{_SUFFIX}"):
            path.unlink()

    def sync(self, grants: Sequence[Grant]) -> tuple[str, ...]:
        """Bring the folder up to date; gives the keys whose files somebody has removed since the last time."""
        present = {path.name for path in self._folder.glob(f"*{_SUFFIX}")}
        by_name = {file_name(grant.path): grant for grant in grants}
        removed = [grant.path for name, grant in by_name.items() if name in self._written and name not in present]
        for name in set(self._written) - set(by_name):
            with contextlib.suppress(FileNotFoundError):
                (self._folder / name).unlink()
            del self._written[name]
        for name, grant in by_name.items():
            if self._written.get(name) != content(grant) or name not in present:
                self._write(name, content(grant))
        return tuple(removed)

    def _write(self, name: str, text: str) -> None:
        fresh = self._folder / f".{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.new"
        fresh.write_text(text, encoding="utf-8", errors="surrogateescape")
        fresh.rename(self._folder / name)
        self._written[name] = text
