"""The system calls of Linux that the standard library does not have, each raising OSError like those it has.

A part of the leash's program: the standard library alone, loaded by its place beside it. The numbers are those of all
architectures, since these calls are younger than the agreement to number alike.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

PIDFD_GETFD = 438
KCMP, KCMP_FILES = {"x86_64": 312, "aarch64": 272, "riscv64": 272}.get(os.uname().machine), 2  # older, so numbered by kind
OPEN_TREE, MOVE_MOUNT, OPENAT2, MOUNT_SETATTR = 428, 429, 437, 442  # asm-generic/unistd.h
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
NS_GET_USERNS = 0xB701  # linux/nsfs.h
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4  # linux/prctl.h
CAP_SETFCAP = 31  # linux/capability.h
AT_EMPTY_PATH, AT_RECURSIVE, OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 0x1000, 0x8000, 1, os.O_CLOEXEC  # linux/fcntl.h, mount.h
MOVE_MOUNT_BY_DESCRIPTORS = 0x04 | 0x40  #: MOVE_MOUNT_F_EMPTY_PATH and MOVE_MOUNT_T_EMPTY_PATH
MOUNT_ATTR_RDONLY = 1
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8  # linux/fs.h
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS = 0x02, 0x04  # linux/openat2.h
LANDLOCK_RULE_PATH_BENEATH, LANDLOCK_VERSION = 1, 1  # linux/landlock.h

_libc = ctypes.CDLL(None, use_errno=True)
_LAST_CAPABILITY = 64  #: more than any kernel has


def open_plain(root: int, path: str, flags: int) -> int:
    """Open an absolute path below a root, following no symlink anywhere (ELOOP)."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    found = _call(OPENAT2, root, os.fsencode(path.lstrip("/") or "."), how, len(how), about=path)
    if flags & os.O_PATH and stat.S_ISLNK(os.fstat(found).st_mode):  # the last one is given instead of being followed
        os.close(found)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return found


def clone_mount(place: int) -> int:
    """Give what stands at a place as mounts of their own, which stand nowhere yet."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
    return _call(OPEN_TREE, place, b"", flags, about="open_tree")


def place_mount(mount: int, place: int) -> None:
    """Let a mount stand at a place."""
    _call(MOVE_MOUNT, mount, b"", place, b"", MOVE_MOUNT_BY_DESCRIPTORS, about="move_mount")


def unmount(path: str) -> None:
    """Take the uppermost mount at a path away; who works in it or has something open there keeps it. EINVAL if none is there."""
    _check(_libc.umount2(os.fsencode(path), MNT_DETACH | UMOUNT_NOFOLLOW), "umount2")


def unmount_idle(path: str) -> None:
    """Take the uppermost mount at a path away if nobody stands in it or has something open there, else EBUSY."""
    _check(_libc.umount2(os.fsencode(path), UMOUNT_NOFOLLOW), "umount2")


def set_read_only(mount: int, *, on: bool) -> None:
    """Change one mount; EBUSY if something is open for writing through it."""
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY if on else 0, 0 if on else MOUNT_ATTR_RDONLY, 0, 0)
    _call(MOUNT_SETATTR, mount, b"", AT_EMPTY_PATH, attributes, len(attributes), about="mount_setattr")


def enter(namespace: int) -> None:
    """Join a namespace; of a process namespace it is the children that do."""
    _check(_libc.setns(namespace, 0), "setns")


def descriptor_of(process: int, number: int) -> int:
    """Give what another process has open under a number, as a descriptor of ours; the process is told by its pidfd."""
    return _call(PIDFD_GETFD, process, number, 0, about=f"its descriptor {number}")


def share_descriptors(one: int, other: int) -> bool:
    """Tell whether two threads have the same descriptors; False where the kernel does not tell."""
    return KCMP is not None and _libc.syscall(ctypes.c_long(KCMP), one, other, KCMP_FILES, 0, 0) == 0


def owner_of(namespace: int) -> int:
    """Give the user namespace that owns another one, as a descriptor."""
    found = _libc.ioctl(namespace, NS_GET_USERNS)
    _check(found < 0, "NS_GET_USERNS")
    return int(found)


def renounce() -> None:
    """Give up whatever a user namespace gave, so that the next program begins without it and can never get it.

    Root alone keeps the right to name root in a user namespace of its own: without it no sandbox can be made inside.
    """
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(_LAST_CAPABILITY):
        if capability == CAP_SETFCAP and os.getuid() == 0:
            continue
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break
    no_new_privileges()


def no_new_privileges() -> None:
    """Let no program that is started gain rights."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def landlock_version() -> int:
    """Give the version of Landlock's interface; 0 where there is none."""
    return max(0, int(_libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_VERSION)))


def landlock_ruleset(*, paths: int, scopes: int) -> int:
    """Make a ruleset that denies rights on paths, and reaching out of its scope."""
    attributes = struct.pack("QQQ", paths, 0, scopes) if scopes else struct.pack("Q", paths)
    return _call(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0, about="landlock_create_ruleset")


def landlock_allow(ruleset: int, rights: int, path: int) -> None:
    """Give rights on a path, an open descriptor, and everything below."""
    _call(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, struct.pack("=Qi", rights, path), 0, about="landlock_add_rule")


def landlock_restrict(ruleset: int) -> None:
    """Put this process and what it starts under a ruleset, for good."""
    no_new_privileges()
    _call(LANDLOCK_RESTRICT_SELF, ruleset, 0, about="landlock_restrict_self")


def _call(number: int, *arguments: int | bytes | ctypes.c_size_t, about: str) -> int:
    answer = int(_libc.syscall(ctypes.c_long(number), *arguments))
    _check(answer < 0, about)
    return answer


def _check(failed: object, about: str) -> None:
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), about)
