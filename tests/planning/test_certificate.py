"""The certificate over many plans: accepted as made, refused without any one thing that a pair depends on."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

import pytest

from orchestrator.claims import any_meets, covers
from orchestrator.planning.checker import problems
from orchestrator.planning.document import plan_document
from orchestrator.planning.planner import make_plan
from tests.planning.drawn import random_document, random_surroundings

Json = dict[str, Any]
Spoilt = tuple[str, Json]
_SEARCHED = 200  #: of so many plans one gets a better order than the first that is found
_SPOILT = 20  #: of so many plans one is spoilt in every way, the others once of each kind


@pytest.mark.parametrize(
    ("drawn", "least", "most"),
    [
        (60, 2, 12),
        (2, 30, 60),
        pytest.param(100_000, 2, 12, marks=pytest.mark.soak),
        pytest.param(2_000, 2, 60, marks=pytest.mark.soak),
        pytest.param(50, 200, 200, marks=pytest.mark.soak),
    ],
)
def test_plans_are_accepted_and_refused_once_what_a_pair_depended_on_is_gone(drawn: int, least: int, most: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(drawn):
        random = Random(seed)
        plan = drawn_plan(random, random.randint(least, most), effort=int(seed % _SEARCHED == 0))
        assert problems(plan) == (), seed
        every = [one for one in spoilings(plan) if len(plan["tasks"]) <= 12] if seed % _SPOILT == 0 else []
        for kind, spoilt in every or one_of_each(spoilings(plan), random):
            assert problems(spoilt), f"{seed}: {kind}"
            told[kind] += 1
        edit_harmlessly(plan, random)
        assert problems(plan) == (), seed

    print(f"{drawn} plans of {least} to {most} tasks drawn and accepted; refused without a {dict(told)}")
    assert set(told) == {"lock", "one lock", "need", "operation", "owner", "declared path"}


def drawn_plan(random: Random, count: int, *, effort: int) -> Json:
    around = random_surroundings(random)
    plan: Json = json.loads(
        plan_document(make_plan(random_document(random, count, around), around, source_digest="0" * 64, effort=effort))
    )
    return plan


def one_of_each(spoilings: Iterator[Spoilt], random: Random) -> list[Spoilt]:
    kinds: dict[str, list[Spoilt]] = {}
    for kind, spoilt in spoilings:
        kinds.setdefault(kind, []).append((kind, spoilt))
    return [random.choice(kinds[kind]) for kind in sorted(kinds)]


def spoilings(plan: Json) -> Iterator[Spoilt]:
    """Give the plan without each thing that a pair of its tasks depends on, one after another."""
    rows = {row["id"]: row for row in plan["tasks"]}
    needs = {name: set(row["needs"]) for name, row in rows.items()}
    reach = reached(needs)
    for one, other in combinations(rows, 2):
        if one in reach[other] or other in reach[one] or not meet(rows[one], rows[other]):
            continue
        common = set(rows[one]["locks"]) & set(rows[other]["locks"]) - plan["capacity"].keys()
        assert common, f"{one} and {other} have no key in common"
        for name in (one, other):
            yield "lock", changed(plan, name, locks=[key for key in rows[name]["locks"] if key not in common])
    for pair in plan["certificate"]["guarded"]:
        if pair["by"] == "lock":
            for name in (pair["a"], pair["b"]):
                yield "one lock", changed(plan, name, locks=[key for key in rows[name]["locks"] if key != pair["key"]])
    yield from without_needs(plan, needs, reach)
    for name, row in rows.items():
        yield from without_what_it_says(plan, name, row)
    for agent in {row["agent"] for row in rows.values()}:
        yield "owner", {**plan, "agents": [row for row in plan["agents"] if row["id"] != agent]}


def without_what_it_says(plan: Json, name: str, row: Json) -> Iterator[Spoilt]:
    """Take an operation, or a path that its document declares, away from a task."""
    for key in row["locks"]:
        if key.startswith(("op:", "api:", "table:")):
            yield "operation", changed(plan, name, locks=[one for one in row["locks"] if one != key])
    for claim in row["declared"] or ():
        left = [one for one in row["writes"] if one != claim]
        if not any(covers(wide, claim) for wide in left):
            yield "declared path", changed(plan, name, writes=left)


def without_needs(plan: Json, needs: dict[str, set[str]], reach: dict[str, set[str]]) -> Iterator[Spoilt]:
    """Take each need away that orders a pair of the certificate which nothing else orders."""
    pairs = [(pair["a"], pair["b"]) for pair in plan["certificate"]["guarded"] if pair["by"] == "needs"]
    assert all(a in reach[b] or b in reach[a] for a, b in pairs)
    for name, own in needs.items() if pairs else ():
        for need in sorted(own):
            less = reached({**needs, name: own - {need}})
            if any(a not in less[b] and b not in less[a] for a, b in pairs):
                yield "need", changed(plan, name, needs=sorted(own - {need}))


def reached(needs: dict[str, set[str]]) -> dict[str, set[str]]:
    """Give all that is done before each task; in these documents needs point backwards."""
    reach: dict[str, set[str]] = {}
    for name in sorted(needs, key=lambda name: int(name[1:])):
        reach[name] = needs[name].union(*(reach[need] for need in needs[name]))
    return reach


def meet(one: Json, other: Json) -> bool:
    return one["writes"] is not None and other["writes"] is not None and any_meets(one["writes"], other["writes"])


def changed(plan: Json, name: str, **keys: object) -> Json:
    return {**plan, "tasks": [{**row, **keys} if row["id"] == name else row for row in plan["tasks"]]}


def edit_harmlessly(plan: Json, random: Random) -> None:
    """Say more than was said, and let other able agents do the work, one task after another."""
    row = random.choice(plan["tasks"])
    row["title"] += " soon"
    row["locks"].append("op:nobody-else")
    plan["agents"].append({"id": "agent-99", "role": "general", "owns": []})
    plan["warnings"].append("edited")
    at = 0.0
    for moved in plan["tasks"]:
        if not moved["agents"]:
            moved["agent"] = random.choice(plan["agents"])["id"]
        moved.update(start=at, finish=at + moved["estimate"])
        at = moved["finish"]
    random.shuffle(plan["tasks"])
