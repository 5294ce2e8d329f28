"""What the kernel's refusing costs: a start under each means beside one under none, and a path opened to a running agent.

A start's own time says as much of the machine as of squad: so it is held against a bare bubblewrap in the same run, and the goals
are those of a machine on which that takes as long as it does where nothing else runs.
"""

import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.leash import start
from tests.benchmarks.bare import alternately
from tests.support.confined import needs
from tests.support.leashing import followed, on_leash
from tests.support.waiting import soon

pytestmark = [pytest.mark.benchmark, needs(Means.BUBBLEWRAP), needs(Means.LANDLOCK)]

STARTS, GRANTS = 40, 100
GOAL_START, GOAL_GRANT = 0.010, 0.020  #: seconds at the median: above a start under none; of one grant, also the first
BARE = ["bwrap", "--dev-bind", "/", "/", "true"]
QUIET = 0.0035  #: seconds that a bare bubblewrap takes where nothing else runs


def test_a_start_under_each_means_beside_one_under_none(tmp_path: Path) -> None:
    rows = alternately(STARTS, _bare, *(_starts(tmp_path / name, means) for name, means in _MEANS.items()))

    bare, none, bubblewrap, landlock = (statistics.median(row) * 1000 for row in rows)
    least = [min(row) * 1000 for row in rows]
    for name, (floor, plain, boxed, narrowed) in {f"p50 of {STARTS}": (bare, none, bubblewrap, landlock), "least": least}.items():
        print(
            f"\nstart, {name}: bare bubblewrap {floor:.1f} ms; none {plain:.1f} ms, bubblewrap +{boxed - plain:.1f}, "
            f"Landlock +{narrowed - plain:.1f} ms; "
            f"bubblewrap / none {boxed / plain:.2f}, above none / bare {(boxed - plain) / floor:.1f}",
            end="",
        )
    goal = GOAL_START * 1000 * max(1.0, bare / 1000 / QUIET)  # the machine's mood falls on both alike
    assert bubblewrap - none <= goal
    assert landlock - none <= goal


async def test_a_path_is_opened_and_closed(tmp_path: Path) -> None:
    folders = [tmp_path / f"f{number}" for number in range(GRANTS)]
    for folder in folders:
        folder.mkdir()
    spec = replace(
        on_leash(tmp_path, ("/bin/cat",), keep_stdin=True), confinement=Confinement(means=Means.BUBBLEWRAP, grounds=(tmp_path,))
    )
    opened, closed, bare = [], [], []
    async with start(spec) as leashed, followed(leashed):
        leashed.send(b"it asks for nothing before it runs\n")
        await soon(spec.log.read_bytes, "its first word")
        began = time.perf_counter()
        await leashed.open(tmp_path / "f0")
        first = time.perf_counter() - began
        for folder in folders:
            bare.append(_bare())
            began = time.perf_counter()
            assert await leashed.open(folder) is None
            between = time.perf_counter()
            assert await leashed.close(folder) == ()
            opened.append(between - began)
            closed.append(time.perf_counter() - between)

    medians = [statistics.median(row) * 1000 for row in (opened, closed)]
    print(
        f"\ngrant (p50 of {GRANTS}): open {medians[0]:.1f} ms, close {medians[1]:.1f} ms; the first {first * 1000:.1f} ms", end=""
    )
    assert max(*medians, first * 1000) <= GOAL_GRANT * 1000 * max(1.0, statistics.median(bare) / QUIET)


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run(BARE, check=True)
    return time.perf_counter() - began


_MEANS = {"none": None, "bubblewrap": Means.BUBBLEWRAP, "landlock": Means.LANDLOCK}


def _starts(folder: Path, means: Means | None) -> Callable[[], float]:
    (folder / "own").mkdir(parents=True)
    confinement = Confinement(means=means, writable=(folder / "own",), grounds=(folder,)) if means else None
    spec = replace(on_leash(folder, ("/bin/true",)), confinement=confinement)

    async def once() -> float:
        began = time.perf_counter()
        async with start(spec):
            return time.perf_counter() - began

    return lambda: anyio.run(once)
