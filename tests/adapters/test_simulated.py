"""What the simulated agent is told to write."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.adapters import Order, simulated_agent
from orchestrator.adapters.simulated import simulation
from orchestrator.adapters.simulated_agent import STRAY
from orchestrator.claims import Claim, meets
from orchestrator.model import Simulation
from tests.support.builders import ONE, task
from tests.support.commands import Squad
from tests.support.runs import simulated


def told(
    folder: Path, writes: list[str] | None, *, area: tuple[str, ...] = (), attempt: int = 1, simulate: Simulation | None = None
) -> dict[str, object]:
    return simulation(
        Order(
            task=task("T1", simulate=simulate),
            agent=ONE,
            role="r",
            attempt=attempt,
            workspace=folder,
            prompt="",
            area=tuple(map(Claim, area)),
            writes=None if writes is None else tuple(map(Claim, writes)),
            scratch=folder,
        )
    )


@pytest.mark.parametrize(
    ("writes", "files"),
    [
        (["src/a.py", "b.md"], ["src/a.py", "b.md"]),
        (["src/"], ["src/T1.md"]),
        (["old"], ["old/T1.md"]),
        (["."], ["T1.md"]),
        ([], []),
        (["src/*.py"], ["src/T1.py"]),
        (["app/[id]/[...rest]/*.{js,ts}"], ["app/[id]/[...rest]/T1.js"]),
        (["app/[id]/[ab].ts"], ["app/[id]/a.ts"]),
        (["src/**/*.ts"], ["src/T1/T1.ts"]),
        (["a?.md", "[xy].md", "{one,two}.md"], ["aT.md", "x.md", "one.md"]),
        (None, ["docs/T1.md"]),
    ],
)
def test_each_claim_becomes_a_file_inside_it(tmp_path: Path, writes: list[str] | None, files: list[str]) -> None:
    (tmp_path / "old").mkdir()

    assert told(tmp_path, writes)["files"] == files
    assert all(meets(claim, file) for claim, file in zip(writes or (), files, strict=False))


def test_without_a_write_set_the_first_folder_of_its_area_is_taken(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()

    assert told(tmp_path, None, area=("README.md", "frontend/"))["files"] == ["frontend/T1.md"]
    assert told(tmp_path, None, area=("README.md",))["files"] == ["docs/T1.md"]


def test_what_simulate_names_beats_the_write_set(tmp_path: Path) -> None:
    assert told(tmp_path, ["a.py"], simulate=Simulation(write=("b.py",)))["files"] == ["b.py"]


def test_endings_are_taken_by_the_attempts_number_and_the_last_repeats(tmp_path: Path) -> None:
    then = Simulation(then=("crash", "fail", "done"))

    assert [told(tmp_path, [], attempt=n, simulate=then)["ending"] for n in (1, 2, 3, 4)] == ["crash", "fail", "done", "done"]


def test_a_stray_agent_that_is_refused_says_so_and_gives_up(tmp_path: Path) -> None:
    (tmp_path / STRAY).mkdir()  # it cannot be opened for writing, whoever asks
    said = told(tmp_path, ["a.md"], simulate=Simulation(work=0.0, then=("stray",)))

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(simulated_agent.__file__))],
        input=json.dumps(said),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"{STRAY} was refused" in done.stdout
    assert (tmp_path / "a.md").exists()


def test_it_waits_in_line_for_what_it_is_told_to_lock(squad: Squad) -> None:
    first = simulated("T1", work="1s", writes=["shared/"], agents=["agent-1"])
    second = simulated("T2", writes=["b.md"], agents=["agent-2"], lock=["shared/more.md"], write=["b.md", "shared/more.md"])
    (squad.folder / "tasks.yaml").write_text(json.dumps({"version": 1, "tasks": [first, second]}), encoding="utf-8")

    squad.ok("run", "tasks.yaml", "-n", "2", "--agent", "simulated")

    [waited] = squad.events("LockRequested")
    grant = next(row for row in squad.events("LockGranted") if row["path"] == waited["path"])
    assert (waited["path"], waited["holder"], grant["holder"]) == ("shared/more.md", "agent-2", "agent-2")
    assert grant["waited_s"] > 0
    done = next(row for row in squad.events("AttemptEnded") if row["task"] == "T2")
    assert done["paths"] == ["b.md", "shared/more.md"]


def test_it_gives_a_task_up_whose_lock_it_is_refused(squad: Squad) -> None:
    tasks = [simulated("T1", writes=["a.md"], lock=["docs/api.md"])]
    (squad.folder / "squad.yaml").write_text("ownership: {/docs: {access: READ-ONLY}}\nrun: {attempts: 1}\n", encoding="utf-8")
    (squad.folder / "tasks.yaml").write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")

    assert squad("run", "tasks.yaml", "--agent", "simulated").returncode == 1

    [ended] = squad.events("AttemptEnded")
    assert (ended["outcome"], ended["reason"].partition(":")[0]) == ("failed", "docs/api.md was refused")
