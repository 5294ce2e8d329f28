"""A child process that looks for the shortest schedule with OR-tools: `python -m orchestrator.planning.optimal`.

It reads a problem and a first schedule on stdin and writes a schedule on stdout, both as JSON. One thread, a fixed seed and
a limit in the solver's own deterministic time make its answer repeatable; whoever starts it kills it when it takes too long,
and believes nothing that it says without checking.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from orchestrator.planning.shop import Shop, Timetable

_WORK = 1.0  #: of the solver's deterministic time: some seconds on most machines


def problem_of(shop: Shop, first: Timetable) -> bytes:
    """Write a problem and a first schedule down."""
    told = {name: getattr(shop, name) for name in ("length", "needs", "able", "keys", "shares", "capacity", "bound")}
    return json.dumps({**told, "first": asdict(first)}).encode()


def timetable_of(data: bytes) -> Timetable | None:
    """Read a schedule; None if it is none."""
    try:
        told = json.loads(data)
        start, agent = [int(one) for one in told["start"]], [int(one) for one in told["agent"]]
        return Timetable(makespan=int(told["makespan"]), start=start, agent=agent)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _solve(told: Mapping[str, Any]) -> Mapping[str, Any]:
    solver_of = importlib.import_module("ortools.sat.python.cp_model")  # an extra, which is absent for most
    model, first = solver_of.CpModel(), told["first"]
    horizon = first["makespan"]
    starts, chosen, spans = [], [], []
    of_agent: dict[int, list[Any]] = {}
    for task, length in enumerate(told["length"]):
        start = model.new_int_var(0, horizon - length, "")
        model.add_hint(start, first["start"][task])
        spans.append(model.new_fixed_size_interval_var(start, length, ""))
        row = {}
        for agent in (bit for bit in range(told["able"][task].bit_length()) if told["able"][task] >> bit & 1):
            row[agent] = model.new_bool_var("")
            model.add_hint(row[agent], agent == first["agent"][task])
            of_agent.setdefault(agent, []).append(model.new_optional_fixed_size_interval_var(start, length, row[agent], ""))
        model.add_exactly_one(row.values())
        starts.append(start)
        chosen.append(row)
    _share(model, told, spans, of_agent)
    makespan = model.new_int_var(told["bound"], horizon, "")
    for task, length in enumerate(told["length"]):
        model.add(makespan >= starts[task] + length)
        for need in told["needs"][task]:
            model.add(starts[task] >= starts[need] + told["length"][need])
    model.minimize(makespan)
    solver = solver_of.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = _WORK
    if solver.solve(model) not in (solver_of.OPTIMAL, solver_of.FEASIBLE):
        return {}
    return {
        "makespan": solver.value(makespan),
        "start": [solver.value(start) for start in starts],
        "agent": [next(agent for agent, bit in row.items() if solver.value(bit)) for row in chosen],
    }


def _share(
    model: Any,  # noqa: ANN401 - it comes from an extra
    told: Mapping[str, Any],
    spans: list[Any],
    of_agent: Mapping[int, list[Any]],
) -> None:
    """Let nothing be held by more than it has room for."""
    users: dict[int, list[Any]] = {}
    units: dict[int, list[tuple[Any, int]]] = {}
    for task, span in enumerate(spans):
        for key in told["keys"][task]:
            users.setdefault(key, []).append(span)
        for number, asked in told["shares"][task]:
            units.setdefault(number, []).append((span, asked))
    for alone in (*of_agent.values(), *users.values()):
        model.add_no_overlap(alone)
    for number, rows in units.items():
        model.add_cumulative([span for span, _ in rows], [asked for _, asked in rows], told["capacity"][number])


if __name__ == "__main__":
    json.dump(_solve(json.load(sys.stdin)), sys.stdout)
