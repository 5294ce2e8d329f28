"""Hearing that a process has ended, without looking again and again; it may be anybody's child.

Linux tells by a descriptor of the process, macOS by a kernel queue. Where the system tells nothing, nothing is promised.
"""

import asyncio
import os
import select
import sys
from collections.abc import Callable


def when_gone(pid: int, then: Callable[[], None]) -> Callable[[], None] | None:
    """Call something, once, in this loop when a process has ended, also if it has by now.

    Gives what calls it off; None where the system cannot tell, or no descriptor is left: then nothing is called.
    """
    loop = asyncio.get_running_loop()
    try:
        descriptor = _watched(pid)
    except ProcessLookupError:
        return loop.call_soon(then).cancel
    except OSError:
        return None
    if descriptor is None:
        return None

    def call_off() -> None:
        nonlocal descriptor
        if descriptor is not None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            descriptor = None

    def gone() -> None:
        call_off()
        then()

    loop.add_reader(descriptor, gone)
    return call_off


def _watched(pid: int) -> int | None:
    """Give a descriptor that can be read when the process has ended.

    Raises:
        ProcessLookupError: It has ended.
    """
    if sys.platform == "linux":
        return os.pidfd_open(pid)
    if sys.platform != "darwin":
        return None
    queue = select.kqueue()
    end = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT)
    try:
        queue.control([end], 0)
        return os.dup(queue.fileno())
    finally:
        queue.close()
