"""Landlock: the right to write, given up for good by a process and everything it starts.

A part of the leash's program: the standard library alone, loaded by its place beside it. Rules only allow, and reach all the way
down; so where something inside a writable folder is protected, what else is in the folder is allowed instead of the folder, and
nothing new can be made there. What cannot be held so is refused, never left out.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import kernel
else:
    import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WRITE_FILE, REMOVE_DIR, REMOVE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 4, 1 << 5, 1 << 13, 1 << 14  # linux/landlock.h
MAKE = 0b1111111 << 6  #: devices, folders, files, sockets, pipes, symlinks
FILE = WRITE_FILE | TRUNCATE  #: the rights that a file can have
RIGHTS = FILE | REMOVE_DIR | REMOVE_FILE | MAKE | REFER
OLDEST, SCOPED = 3, 6  #: versions: truncation is refused; signals and abstract sockets have a scope
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2
#: What every program expects to be able to write to.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


def ruleset(confine: dict[str, Any]) -> int:
    """Make the rules of a confinement. Raises OSError if Landlock cannot hold it."""
    version = kernel.landlock_version()
    if version < OLDEST:
        raise OSError(errno.ENOSYS, f"Landlock is missing or too old (version {version}, {OLDEST} wanted)")
    for place, source in confine["private"].items():
        if place != source:
            raise OSError(errno.ENOTSUP, f"Landlock cannot show another folder in the place of {place}")
    scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= SCOPED else 0
    rules = kernel.landlock_ruleset(paths=RIGHTS, scopes=scopes)
    for path in allowed([*confine["writable"], *confine["private"]], confine["protected"]):
        allow(rules, path)
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            allow(rules, os.path.realpath(f"/dev/{name}"))  # a link in containers
    return rules


def abstract_scope() -> int | None:
    """Make a ruleset that keeps from abstract sockets of the outside and from nothing else; None if there is no such thing."""
    if kernel.landlock_version() < SCOPED:
        return None
    return kernel.landlock_ruleset(paths=0, scopes=SCOPE_ABSTRACT_SOCKETS)


def allowed(writable: list[str], protected: list[str]) -> Iterator[str]:
    """Give what may be allowed, down to the siblings of what is protected."""
    for path in writable:
        yield from spared(path, [one for one in protected if one == path or one.startswith(f"{path}/")])


def spared(path: str, protected: list[str]) -> Iterator[str]:
    """Give a path, or what is in it besides the protected; never a symlink, whose end may be anywhere."""
    if not protected:
        yield path
    elif path not in protected:
        with os.scandir(path) as entries:
            inside = [entry.path for entry in entries if not entry.is_symlink()]
        for one in inside:
            yield from spared(one, [other for other in protected if other == one or other.startswith(f"{one}/")])


def allow(rules: int, path: str) -> None:
    """Allow writing a path and what is below it."""
    try:
        root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        try:
            place = kernel.open_plain(root, path, os.O_PATH)
        finally:
            os.close(root)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a symlink cannot be made writable", path) from None
        raise OSError(error.errno, f"{error.strerror} (to be writable)", path) from None
    try:
        mode = os.fstat(place).st_mode
        kernel.landlock_allow(rules, RIGHTS if stat.S_ISDIR(mode) else FILE, place)
    finally:
        os.close(place)
