"""Makes ordering problems with a known optimum, so that an order is judged by problems that nobody has tuned for.

A problem is made from its solution: agents that are busy from the first moment to the last. What a task needs has ended
before it starts there, files are shared by tasks that do not overlap there, so that solution is sound; and since nobody is
idle in it, no other is shorter.
"""

import random
from itertools import pairwise

from orchestrator.model import AgentId, TaskId
from orchestrator.planning.shop import Slot
from tests.support.instances import Instance

_MEAN = 20  #: length of a task


def plant(*, tasks: int, agents: int, seed: int) -> Instance:
    """Make a problem; the same arguments give the same one."""
    rnd = random.Random(f"{tasks} {agents} {seed}")
    best = _MEAN * tasks // agents
    spans = [span for agent in range(agents) for span in _busy(rnd, best, tasks // agents, agent)]
    rnd.shuffle(spans)
    files: list[list[tuple[int, int]]] = [[] for _ in range(2 * len(spans) // 5)]
    slots = []
    for number, (start, end, agent) in enumerate(spans):
        ended = sorted((finish, task) for task, (_, finish, _) in enumerate(spans) if finish <= start)[-len(spans) // 4 :]
        needs = sorted({rnd.choice(ended)[1] for _ in range(rnd.randint(1, 2))}) if ended else []
        others = [other for other in range(agents) if other != agent and rnd.random() < min(0.35, 1.45 / (agents - 1))]
        slots.append(
            Slot(
                task=TaskId(f"T{number}"),
                agents=tuple(AgentId(f"agent-{one + 1}") for one in sorted([agent, *others])),
                needs=tuple(TaskId(f"T{need}") for need in needs),
                locks=tuple(f"file-{file}" for file in _taken(rnd, files, start, end)),
                seconds=float(end - start),
            )
        )
    return Instance(slots=tuple(slots), agents=agents, best=float(best), capacity={})


def _busy(rnd: random.Random, best: int, tasks: int, agent: int) -> list[tuple[int, int, int]]:
    cuts = [0, *sorted(rnd.sample(range(1, best), tasks - 1)), best]
    return [(start, end, agent) for start, end in pairwise(cuts)]


def _taken(rnd: random.Random, files: list[list[tuple[int, int]]], start: int, end: int) -> list[int]:
    """Take up to two files, often one of the few that many want; no two tasks that overlap take the same."""
    taken = set()
    for _ in range(rnd.choice((0, 1, 1, 2))):
        wanted = [int(len(files) * rnd.random() ** 2.3) for _ in range(30)]
        file = next((one for one in wanted if all(last <= start or end <= first for first, last in files[one])), None)
        if file is not None:
            taken.add(file)
            files[file].append((start, end))
    return sorted(taken)
