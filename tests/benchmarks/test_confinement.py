"""What the kernel's refusing costs: a start under each means beside one under none, and a path opened to a running agent."""

import statistics
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

pytestmark = [pytest.mark.benchmark, needs(Means.BUBBLEWRAP), needs(Means.LANDLOCK)]

STARTS, GRANTS = 40, 100
GOAL_START, GOAL_GRANT = 0.010, 0.020  #: seconds at the median: above a start under none; of one grant


def test_a_start_under_each_means_beside_one_under_none(tmp_path: Path) -> None:
    rows = alternately(STARTS, *(_starts(tmp_path / name, means) for name, means in _MEANS.items()))

    none, bubblewrap, landlock = (statistics.median(row) * 1000 for row in rows)
    least = [min(row) * 1000 for row in rows]
    for name, (plain, boxed, narrowed) in {f"p50 of {STARTS}": (none, bubblewrap, landlock), "least": least}.items():
        print(
            f"\nstart, {name}: none {plain:.1f} ms, bubblewrap +{boxed - plain:.1f}, Landlock +{narrowed - plain:.1f} ms", end=""
        )
    assert bubblewrap - none <= GOAL_START * 1000
    assert landlock - none <= GOAL_START * 1000


async def test_a_path_is_opened_and_closed(tmp_path: Path) -> None:
    folders = [tmp_path / f"f{number}" for number in range(GRANTS)]
    for folder in folders:
        folder.mkdir()
    spec = replace(on_leash(tmp_path, ("/bin/cat",), keep_stdin=True), confinement=Confinement(means=Means.BUBBLEWRAP))
    opened, closed = [], []
    async with start(spec) as leashed, followed(leashed):
        began = time.perf_counter()
        await leashed.open(tmp_path / "f0")
        first = time.perf_counter() - began
        for folder in folders:
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
    assert max(medians) <= GOAL_GRANT * 1000


_MEANS = {"none": None, "bubblewrap": Means.BUBBLEWRAP, "landlock": Means.LANDLOCK}


def _starts(folder: Path, means: Means | None) -> Callable[[], float]:
    (folder / "own").mkdir(parents=True)
    confinement = Confinement(means=means, writable=(folder / "own",)) if means else None
    spec = replace(on_leash(folder, ("/bin/true",)), confinement=confinement)

    async def once() -> float:
        began = time.perf_counter()
        async with start(spec):
            return time.perf_counter() - began

    return lambda: anyio.run(once)
