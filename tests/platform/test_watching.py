import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from orchestrator.platform import watching
from orchestrator.platform.watching import Watch
from orchestrator.platform.watching import watching as look
from tests.support.waiting import NEVER

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of changes")


@LINUX
async def test_a_change_wakes_who_waits_for_it(tmp_path: Path) -> None:
    woken = anyio.Event()

    async def wait(watch: Watch) -> None:
        await watch.changed()
        woken.set()

    with look(tmp_path) as watch:
        async with anyio.create_task_group() as group:
            group.start_soon(wait, watch)
            await anyio.lowlevel.checkpoint()
            assert not woken.is_set()
            (tmp_path / "new").touch()
            with anyio.fail_after(NEVER):
                await woken.wait()


@LINUX
@pytest.mark.parametrize("change", ["append", "rename", "remove"])
def test_what_happened_before_the_wait_ends_it_at_once(tmp_path: Path, change: str) -> None:
    file = tmp_path / "file"
    file.write_text("one\n")

    with look(tmp_path) as watch:
        match change:
            case "append":
                with file.open("a") as more:
                    more.write("two\n")
            case "rename":
                file.rename(tmp_path / "other")
            case "remove":
                file.unlink()
        watch.wait()


@LINUX
def test_without_a_change_the_wait_lasts_its_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with look(tmp_path) as watch:
        watch.wait(0.05)
        (tmp_path / "file").write_text("x")
        watch.wait(float("inf"))  # would hang if the change were not told


@LINUX
def test_the_death_of_a_process_that_holds_a_file_open_is_told(tmp_path: Path) -> None:
    program = f"import os, signal; os.open({str(tmp_path / 'lock')!r}, os.O_RDWR | os.O_CREAT); print(flush=True); signal.pause()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()

    with look(tmp_path) as watch:
        os.kill(holder.pid, signal.SIGKILL)
        watch.wait()
    holder.communicate()


def test_a_folder_that_is_not_there_leaves_the_caller_to_look_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "TICK", 0.001)

    with look(tmp_path / "missing") as watch:
        watch.wait()
        anyio.run(watch.changed)


def test_where_the_system_tells_nothing_waiting_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "TICK", 0.001)
    monkeypatch.setattr(sys, "platform", "darwin")

    with look(tmp_path) as watch:
        watch.wait()
        anyio.run(watch.changed)
