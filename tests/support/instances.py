"""Scheduling problems with a known optimum, as squad meets them: tasks files, and slots of an order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.model import AgentId, TaskId
from orchestrator.planning.shop import Slot

_DATA = Path(__file__).parents[1] / "data"
PLANTED = tuple(sorted(path.stem for path in (_DATA / "planted").glob("*.json")))
PSPLIB = tuple(sorted(path.stem for path in (_DATA / "psplib").glob("*.sm")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A problem and the best makespan that is known for it."""

    slots: tuple[Slot, ...]
    agents: int
    best: float
    capacity: dict[str, int]


def planted(name: str) -> Instance:
    """Give a planted instance; each agent and file is held by one task at a time."""
    told = _told(name)
    slots = tuple(
        Slot(
            task=TaskId(f"T{number}"),
            agents=tuple(map(_agent, told["eligible_agents"][number])),
            needs=tuple(TaskId(f"T{need}") for need in told["predecessors"][number]),
            locks=tuple(f"file-{file}" for file in told["exclusive_files"][number]),
            seconds=float(told["duration"][number]),
        )
        for number in range(told["tasks"])
    )
    return Instance(slots=slots, agents=told["agents"], best=float(told["optimal_makespan"]), capacity={})


def tasks_file(name: str) -> str:
    """Give a planted instance as a tasks file, as somebody would write it who knows only its format."""
    told = _told(name)
    rows = [
        {
            "id": f"T{number}",
            "title": f"Work package {number}",
            "needs": [f"T{need}" for need in told["predecessors"][number]],
            "writes": [f"file-{file}" for file in told["exclusive_files"][number]],
            "agents": list(map(_agent, told["eligible_agents"][number])),
            "estimate": f"{told['duration'][number]}s",
        }
        for number in range(told["tasks"])
    ]
    return json.dumps({"version": 1, "tasks": rows})


def psplib(name: str) -> Instance:
    """Give an instance of PSPLIB: as many agents as tasks, and operations that several may hold."""
    lines = (_DATA / "psplib" / f"{name}.sm").read_text(encoding="utf-8").splitlines()
    followers = [list(map(int, row.split()))[3:] for row in _table(lines, "PRECEDENCE RELATIONS", skip=2)]
    asked = [list(map(int, row.split())) for row in _table(lines, "REQUESTS/DURATIONS", skip=3)]
    units = list(map(int, _table(lines, "RESOURCEAVAILABILITIES", skip=2)[0].split()))
    everybody = tuple(_agent(number) for number in range(len(asked)))
    slots = tuple(
        Slot(
            task=TaskId(f"J{number}"),
            agents=everybody,
            needs=tuple(TaskId(f"J{before}") for before, row in enumerate(followers, start=1) if number in row),
            locks=tuple(f"op:r{resource}" for resource, demand in enumerate(row[3:]) for _ in range(demand)),
            seconds=float(row[2]),
        )
        for number, row in enumerate(asked, start=1)
    )
    capacity = {f"op:r{resource}": count for resource, count in enumerate(units)}
    return Instance(slots=slots, agents=len(slots), best=_best_known()[name], capacity=capacity)


def _told(name: str) -> Any:
    return json.loads((_DATA / "planted" / f"{name}.json").read_text(encoding="utf-8"))


def _agent(number: int) -> AgentId:
    return AgentId(f"agent-{number + 1}")


def _table(lines: Sequence[str], title: str, *, skip: int) -> list[str]:
    first = next(number for number, line in enumerate(lines) if line.startswith(title)) + skip
    last = next(number for number in range(first, len(lines)) if lines[number].startswith("*"))
    return list(lines[first:last])


def _best_known() -> dict[str, float]:
    rows = (_DATA / "psplib" / "best_known.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {name: float(best) for name, _, _, best, *_ in (row.split("\t") for row in rows)}
