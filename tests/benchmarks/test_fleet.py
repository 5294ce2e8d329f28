"""How near a run comes to its bound, and what a supervisor costs while its agents sleep."""

import json

import psutil
import pytest

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.waiting import until

pytestmark = pytest.mark.benchmark

ABOVE_BOUND = 1.10
IDLE_CPU = 0.01  #: of a core
SLEEPERS = 100
WATCHED = 20.0  #: seconds of supervision that are looked at


@pytest.mark.parametrize("agents", [3, 6, 12])
def test_twelve_tasks_of_ten_seconds_come_near_the_bound(repository: Repository, squad: Squad, agents: int) -> None:
    tasks = [
        {"id": f"T{number}", "title": f"Part {number}", "writes": [f"part-{number}.md"], "simulate": {"work": "10s"}}
        for number in range(1, 13)
    ]
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": tasks})})
    squad.ok("run", "tasks.json", "-n", str(agents), "--agent", "simulated")
    report = squad.json("report")
    wall, bound = report["figures"]["wall_s"], report["figures"]["bound_s"]
    idle = ", ".join(f"{cause.removesuffix('_s')} {seconds:.1f} s" for cause, seconds in report["idle"].items())
    print(f"\n{agents} agents: wall {wall:.1f} s, bound {bound:.1f} s, ratio {wall / bound:.3f}; idle: {idle}", end="")

    assert wall <= ABOVE_BOUND * bound


def test_a_supervisor_of_sleeping_agents_sleeps_too(repository: Repository, squad: Squad) -> None:
    tasks = [
        {"id": f"T{number}", "title": f"Sleep {number}", "writes": [f"{number}.md"], "command": ["sleep", "3600"]}
        for number in range(1, SLEEPERS + 1)
    ]
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": tasks})})
    process = squad.start("run", "tasks.json", "-n", str(SLEEPERS), "-y", "-q")
    until(lambda: len(squad.events("AttemptStarted")) == SLEEPERS, f"{SLEEPERS} agents at work", seconds=300)
    supervisor = psutil.Process(process.pid)

    began = supervisor.cpu_times()
    with pytest.raises(psutil.TimeoutExpired):
        supervisor.wait(WATCHED)
    ended = supervisor.cpu_times()

    share = (ended.user + ended.system - began.user - began.system) / WATCHED
    memory = supervisor.memory_info().rss / 2**20
    print(f"\n{SLEEPERS} sleeping agents: {share * 100:.2f} % of a core, {memory:.0f} MiB resident", end="")
    squad.ok("stop", "--now")
    assert share <= IDLE_CPU
