"""The probe believes what it saw, says what stands in the way, and is made once."""

import shutil
import tempfile
from pathlib import Path

import pytest

from orchestrator.enforcement import probing
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.probing import Probed, probe, try_all
from tests.support.confined import needs
from tests.support.waiting import marked

sandboxed = needs(Means.BUBBLEWRAP)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_cache", {})


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bubblewrap alone is what is looked at."""

    async def not_tried() -> dict[str, bool]:
        return {}

    monkeypatch.setattr(probing, "_try_landlock", not_tried)


def instead_of_bubblewrap(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@sandboxed
async def test_what_refuses_opens_and_refuses_again_works_however_long_the_name_of_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    found = await try_all()

    assert Means.BUBBLEWRAP in found.means
    assert Means.BUBBLEWRAP not in found.faults


@pytest.mark.usefixtures("alone")
@sandboxed
async def test_a_sandbox_that_lets_everything_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which("bwrap")
    loose = f'for word; do shift; [ "$word" = --ro-bind ] && word=--bind; set -- "$@" "$word"; done; exec {real} "$@"'
    instead_of_bubblewrap(tmp_path, monkeypatch, loose)

    found = await try_all()

    assert Means.BUBBLEWRAP not in found.means
    assert found.faults[Means.BUBBLEWRAP] == "the kernel allowed a write that it should have refused"


@pytest.mark.usefixtures("alone")
async def test_a_system_that_allows_no_sandbox_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of_bubblewrap(tmp_path, monkeypatch, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    monkeypatch.setattr(probing, "_setting", lambda name: "1" if "apparmor" in name else "")
    monkeypatch.setattr("sys.platform", "linux")

    fault = (await try_all()).faults[Means.BUBBLEWRAP]

    assert "setting up uid map: Permission denied" in fault
    assert "AppArmor" in fault


@pytest.mark.usefixtures("alone")
async def test_bubblewrap_that_is_missing_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")

    fault = (await try_all()).faults[Means.BUBBLEWRAP]

    assert fault == "bubblewrap is not installed: sudo apt install bubblewrap"


@pytest.mark.usefixtures("alone")
async def test_one_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of_bubblewrap(tmp_path, monkeypatch, "exec -a squad-sleep sleep 1000")
    monkeypatch.setattr(probing, "LIMIT", 0.5)

    assert "did not answer" in (await try_all()).faults[Means.BUBBLEWRAP]
    assert not marked("squad-sleep"), "what hangs is ended too"


async def test_the_probe_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    async def counted() -> Probed:
        made.append(1)
        return Probed(means=())

    monkeypatch.setattr(probing, "try_all", counted)

    assert await probe() is await probe()
    assert made == [1]


async def test_the_probe_is_made_again_where_there_is_no_such_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    async def counted() -> Probed:
        made.append(shutil.which("bwrap"))
        return Probed(means=())

    monkeypatch.setattr(probing, "try_all", counted)
    instead_of_bubblewrap(tmp_path, monkeypatch, "true")
    await probe()
    monkeypatch.setenv("PATH", "/nowhere")

    assert await probe() is await probe()
    assert made == [str(tmp_path / "bwrap"), None]
