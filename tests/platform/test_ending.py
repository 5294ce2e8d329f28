"""Hearing of the end of processes that are anybody's."""

import asyncio
import os
import signal
import subprocess

import psutil
import pytest

from orchestrator.platform.ending import when_gone
from tests.support.waiting import NEVER


def start(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


async def test_the_end_of_a_process_is_heard_of() -> None:
    process = start("sleep", "600")
    gone = asyncio.Event()

    assert when_gone(process.pid, gone.set) is not None
    await asyncio.sleep(0)
    assert not gone.is_set()
    process.kill()

    await asyncio.wait_for(gone.wait(), NEVER)
    process.communicate()


async def test_the_end_of_somebody_elses_child_is_heard_of() -> None:
    parent = start("sh", "-c", "sleep 600 & echo $!; wait")
    assert parent.stdout is not None
    child, gone = int(parent.stdout.readline()), asyncio.Event()

    when_gone(child, gone.set)
    os.kill(child, signal.SIGKILL)

    await asyncio.wait_for(gone.wait(), NEVER)
    parent.communicate()


async def test_of_a_process_that_is_gone_already_it_is_told_at_once() -> None:
    process = start("true")
    process.communicate()
    gone = asyncio.Event()

    when_gone(process.pid, gone.set)

    await asyncio.wait_for(gone.wait(), NEVER)


async def test_whoever_calls_it_off_hears_nothing_and_leaves_no_descriptor_open() -> None:
    process = start("sleep", "600")
    gone, before = asyncio.Event(), psutil.Process().num_fds()

    call_off = when_gone(process.pid, gone.set)
    assert call_off is not None
    call_off()
    assert psutil.Process().num_fds() == before
    process.kill()
    process.communicate()
    await asyncio.sleep(0)

    assert not gone.is_set()


async def test_where_no_descriptor_is_left_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("orchestrator.platform.ending._watched", full)

    assert when_gone(os.getpid(), lambda: None) is None
