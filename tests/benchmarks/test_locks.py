"""What a lock costs: a journalled grant over the socket of a real run, beside Redis and flock in the same run."""

from pathlib import Path
from statistics import median

import pytest

from tests.support.commands import Squad
from tests.support.lock_clients import Pair, flock_latencies, latencies, redis, rediss, sleeping_agents, squads, throughput

pytestmark = pytest.mark.benchmark

ABOVE_REDIS = 2.5  #: of its p50, with its journal on
OF_REDIS = 0.5  #: of its requests a second
CLIENTS = 8
TURNS = 8  #: in which the subjects are asked one after another, so that a busy neighbour harms all alike
ROUNDS = 500  #: grants of one subject in a turn


def test_a_grant_that_is_journalled_costs_little_more_than_one_of_redis(squad: Squad, tmp_path: Path, runtime: Path) -> None:
    doors = sleeping_agents(squad, CLIENTS)
    with redis(runtime / "everysec", fsync="everysec") as second, redis(runtime / "always", fsync="always") as always:
        ours = [squads(path, token, f"free/{agent}.md") for agent, path, token, _ in doors]
        subjects: dict[str, list[Pair]] = {
            "squad": ours,
            "redis everysec": [rediss(second, f"lock-{number}") for number in range(CLIENTS)],
            "redis always": [rediss(always, f"lock-{number}") for number in range(CLIENTS)],
        }
        took: dict[str, list[float]] = {name: [] for name in (*subjects, "flock")}
        rates: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(TURNS):
            took["flock"] += flock_latencies(tmp_path / "flock", ROUNDS)
            for name, pairs in subjects.items():
                took[name] += latencies(pairs[0], ROUNDS)
                rates[name].append(throughput(pairs, ROUNDS // 2))
    squad.ok("stop", "--now")
    p50 = {name: median(all_of) for name, all_of in took.items()}
    rate = {name: median(all_of) for name, all_of in rates.items()}
    print("\n" + "\n".join(_row(name, took[name], rate.get(name)) for name in took), end="")

    assert p50["squad"] <= ABOVE_REDIS * p50["redis everysec"]
    assert rate["squad"] >= OF_REDIS * rate["redis everysec"]


def _row(name: str, took: list[float], rate: float | None) -> str:
    ordered = sorted(took)
    p99 = ordered[len(ordered) * 99 // 100]
    requests = f", {rate:,.0f} requests/s of {CLIENTS} clients" if rate else ""
    return f"  {name:<15} p50 {median(ordered) * 1e6:6.1f} us, p99 {p99 * 1e6:7.1f} us{requests}"
