"""Tokens and money by agent, task and adapter."""

import json
from dataclasses import astuple

from orchestrator import events as ev
from orchestrator.views.cost import Cost, cost_json, cost_of, render_cost
from orchestrator.views.usage import Usage
from tests.support.builders import ONE, TWO, entries, plan, planned, prepared, run_started, started, task

OF = plan(planned(task("T1")), planned(task("T2"), agent=TWO), planned(task("T3")))


def told(attempt: str, agent: str, fresh: int, money: float | None = None) -> ev.UsageReported:
    return ev.UsageReported(
        agent=agent, task=attempt.partition(".")[0], attempt=attempt, fresh=fresh, cached=fresh * 2, output=1, money=money
    )


HISTORY = entries(
    run_started(),
    prepared(),
    started(adapter="claude"),
    told("T1.1", ONE, 1000, 0.5),
    told("T1.1", ONE, 200),
    prepared("T2.1", agent=TWO),
    started("T2.1", agent=TWO, adapter="codex"),
    told("T2.1", TWO, 30),
)


def cost() -> Cost:
    return cost_of("demo-1", HISTORY, OF)


def fresh(rows: dict[str, Usage]) -> dict[str, int | None]:
    return {name: usage.fresh for name, usage in rows.items()}


def test_each_way_of_cutting_it_adds_up_to_the_same() -> None:
    assert astuple(cost().all) == (True, 1230, 2460, 3, 0.5, (TWO,))
    assert fresh(cost().agents) == {ONE: 1200, TWO: 30}
    assert fresh(cost().tasks) == {"T1": 1200, "T2": 30}
    assert fresh(cost().adapters) == {"claude": 1200, "codex": 30}


def test_it_is_told_as_text_and_as_a_document() -> None:
    shown = [" ".join(line.split()) for line in render_cost(cost()).splitlines()]

    assert shown[0] == "demo-1: 1.23k fresh, 2.46k cached, 3 output tokens, money 0.5 without agent-2"
    assert "agent-1 1.2k 2.4k 2 0.5" in shown
    assert "codex 30 60 1 unknown" in shown
    document = json.loads(json.dumps(cost_json(cost())))
    assert document["usage"]["fresh"] == 1230
    assert document["adapters"]["codex"]["money"] is None
    assert document["run"] == "demo-1"


def test_an_agent_that_tells_nothing_is_unknown_and_not_free() -> None:
    silent = cost_of("demo-1", entries(run_started(), prepared(), started()), OF)

    assert render_cost(silent).startswith("demo-1: unknown: no agent told\n")
    assert fresh(silent.agents) == {ONE: None, TWO: None}
    assert fresh(silent.tasks) == {"T1": None}
