"""`squad cost`: tokens and money of a run by agent, task and adapter, as agents tell them; who tells nothing is unknown."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from orchestrator.events import AttemptStarted, Entry, UsageReported
from orchestrator.model import Plan
from orchestrator.views.report.table import Part, Table
from orchestrator.views.report.text import part_lines
from orchestrator.views.text import page
from orchestrator.views.usage import Usage, money_text, tokens_text, usage_by, usage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run consumed, cut three ways; each way adds up to the same."""

    run: str
    all: Usage
    agents: dict[str, Usage]
    tasks: dict[str, Usage]
    adapters: dict[str, Usage]


def cost_of(run: str, entries: Sequence[Entry], plan: Plan) -> Cost:
    """Add up what was told; every agent, task and adapter at work has a row."""
    begun = [entry.event for entry in entries if isinstance(entry.event, AttemptStarted)]
    adapters = {one.attempt: one.adapter for one in begun}
    tasks = {one.task for one in begun}
    return Cost(
        run=run,
        all=usage_of(entry.event for entry in entries if isinstance(entry.event, UsageReported)),
        agents=_filled((seat.id for seat in plan.agents), usage_by(entries, lambda told: told.agent)),
        tasks=_filled((one.task.id for one in plan.tasks if one.task.id in tasks), usage_by(entries, lambda told: told.task)),
        adapters=_filled(sorted(set(adapters.values())), usage_by(entries, lambda told: adapters.get(told.attempt, ""))),
    )


def cost_json(cost: Cost) -> dict[str, object]:
    """Give the document of `squad cost --json`."""
    told = asdict(cost)
    return {"schema_version": 1, "run": told.pop("run"), "usage": told.pop("all"), **told}


def render_cost(cost: Cost) -> str:
    """Give the text of `squad cost`."""
    lines = [f"{cost.run}: {_told(cost.all)}"]
    for name, rows in (("agent", cost.agents), ("task", cost.tasks), ("adapter", cost.adapters)):
        head = (name, "fresh", "cached", "output", "money")
        table = Table(head=head, rows=tuple(_row(key, usage) for key, usage in rows.items()), numbers=frozenset({1, 2, 3, 4}))
        lines += ["", *part_lines(Part(title=name, table=table))] if rows else []
    return page(lines)


def _filled(names: Iterable[str], told: dict[str, Usage]) -> dict[str, Usage]:
    nothing = usage_of(())
    return {str(name): told.get(name, nothing) for name in names} | told


def _row(name: str, usage: Usage) -> tuple[str, ...]:
    return (name, *(tokens_text(number) for number in (usage.fresh, usage.cached, usage.output)), money_text(usage.money))


def _told(usage: Usage) -> str:
    if not usage.known:
        return "unknown: no agent told"
    missing = f" without {', '.join(usage.unpriced)}" if usage.unpriced and usage.money is not None else ""
    tokens = f"{tokens_text(usage.fresh)} fresh, {tokens_text(usage.cached)} cached, {tokens_text(usage.output)} output tokens"
    return f"{tokens}, money {money_text(usage.money)}{missing}"
