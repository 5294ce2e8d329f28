"""The lock table as files, for people and for tools of hand-run squads.

A file is written after the grant and removed after the release, never before. Whoever removes one by hand asks for the
lock to be freed; that is noticed and told, and the file of a lock that stays is put back. Files that squad did not
write stay where they are.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from orchestrator.locks import Grant
from orchestrator.views.folder import Folder
from orchestrator.views.text import plain, plain_path, utc

_LONGEST = 200  #: bytes of a name before it is cut
_SUFFIX = ".lock"
_OURS = re.compile(rb"FILE: [^\n]*\nLOCKED_BY: [^\n]*\nLOCKED_AT: [^\n]*\nPURPOSE:[^\n]*\nEXPIRES_AT: ")


@lru_cache(maxsize=4096)
def file_name(key: str) -> str:
    """Give the name of a key's lock file."""
    escaped = "".join(map(_escaped, key))
    raw = escaped.encode()
    if len(raw) <= _LONGEST:
        return escaped + _SUFFIX
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return raw[: _LONGEST - 20].decode("utf-8", "ignore") + f"~{digest}" + _SUFFIX


def content(grant: Grant) -> str:
    """Give what a lock file says."""
    return (
        f"FILE: {plain_path(grant.path)}\n"
        f"LOCKED_BY: {grant.holder}\n"
        f"LOCKED_AT: {utc(grant.since)}\n"
        f"PURPOSE: {plain(grant.purpose)}\n"
        f"EXPIRES_AT: {utc(grant.expires)}\n"
    )


class LockFiles:
    """Mirrors a lock table into a folder."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; nothing is written before `sync`."""
        self._folder = Folder(folder)
        self._written: dict[str, str] | None = None

    def sync(self, grants: Callable[[], Sequence[Grant]], force: Callable[[str], None]) -> None:
        """Bring the folder up to date; each key whose file somebody has removed goes to `force` first.

        Raises:
            OSError: A file cannot be written; the others are tried before.
        """
        written = self._begin() if self._written is None else self._written
        present = self._folder.names()
        for key in [
            grant.path for grant in grants() if file_name(grant.path) in written and file_name(grant.path) not in present
        ]:
            force(key)
        wanted = {file_name(grant.path): content(grant) for grant in grants()}
        for name in set(written) - set(wanted):
            self._folder.remove(name)
            del written[name]
        failed = [error for name, text in wanted.items() if (error := self._put(name, text, is_there=name in present))]
        if failed:
            raise failed[0]

    def _begin(self) -> dict[str, str]:
        """Begin anew: what a former supervisor wrote says nothing any more."""
        for name in self._folder.names():
            if name.endswith(_SUFFIX) and _OURS.match(self._folder.read(name, 4096)):
                self._folder.remove(name)
        self._written = {}
        return self._written

    def _put(self, name: str, text: str, *, is_there: bool) -> OSError | None:
        written = self._written if self._written is not None else {}
        if is_there and written.get(name) == text:
            return None
        try:
            self._folder.replace(name, text.encode())
        except OSError as error:
            return error
        written[name] = text
        return None


def _escaped(sign: str) -> str:
    """Write a sign so that it can stand in a name."""
    if sign in "%/:" or ord(sign) < 32 or ord(sign) == 127:
        return f"%{ord(sign):02X}"
    if "\ud800" <= sign <= "\udfff":
        raw = sign.encode("utf-8", "surrogateescape") if "\udc80" <= sign <= "\udcff" else sign.encode("utf-8", "surrogatepass")
        return "".join(f"%{byte:02X}" for byte in raw)
    return sign
