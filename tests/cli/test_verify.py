"""`verify` and `plan --check`: whatever a file holds is answered, each visible difference is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.commands import Squad
from tests.support.repositories import Repository

ROOT = Path(__file__).parents[2]
SEED = (ROOT / "configs" / "demo" / "feature-prd.md").read_text(encoding="utf-8")


@pytest.fixture
def prd(repository: Repository) -> str:
    repository.write({"feature-prd.md": SEED})
    return "feature-prd.md"


@pytest.fixture
def saved(squad: Squad, prd: str) -> str:
    return squad.here.ok("plan", prd, "--json")


@pytest.mark.parametrize("edit", [lambda text: f"{text}\n\n", lambda text: f"<!-- read by Ann -->\n\n{text}"])
def test_what_changes_the_document_and_not_the_plan_is_no_difference(
    squad: Squad, repository: Repository, prd: str, edit: Callable[[str], str]
) -> None:
    (repository.root / ".squad").mkdir()
    squad.here.ok("plan", prd, "-o", ".squad/plan.json")
    repository.write({prd: edit(SEED)})

    assert "nothing that is planned" in squad.here.ok("plan", prd, "--check")


@pytest.mark.parametrize(
    "path",
    [
        *(("tasks", 0, key) for key in ("title", "agent", "needs", "writes", "locks", "estimate", "start", "finish", "text")),
        *(("agents", 0, key) for key in ("id", "role", "owns")),
        *(("certificate", key) for key in ("holds", "guarded", "open")),
        *((key,) for key in ("matrix", "makespan", "bound", "warnings", "title", "isolation", "capacity")),
    ],
    ids=str,
)
def test_check_sees_each_difference(squad: Squad, repository: Repository, prd: str, path: tuple[str | int, ...]) -> None:
    saved = json.loads(squad.here.ok("plan", prd, "--json"))
    (repository.root / ".squad").mkdir()
    here = saved
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = "another"
    repository.write({".squad/plan.json": json.dumps(saved)})

    assert squad.here("plan", prd, "--check").code == 10


def test_a_plan_that_run_could_not_read_is_refused_by_verify_too(squad: Squad, repository: Repository, prd: str) -> None:
    plan = json.loads(squad.here.ok("plan", prd, "--json"))
    plan["matrix"] = [{"path": 5}]
    repository.write({"bad.json": json.dumps(plan)})

    refused = squad.here("verify", "bad.json")

    assert refused.code == 3
    assert refused.err.startswith("squad: bad.json: ")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "T1", "\ud800", "../x", "a\0b", "op:", "\x1b[2J"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), value=VALUES, cut=st.none() | st.integers(0, 4000))
def test_a_plan_with_any_value_anywhere_is_answered_with_its_place_and_never_with_a_traceback(
    squad: Squad, repository: Repository, saved: str, data: st.DataObject, value: object, cut: int | None
) -> None:
    plan: Any = json.loads(saved)
    here = plan
    while True:
        where = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if not isinstance(here[where], dict | list) or not here[where] or data.draw(st.booleans()):
            here[where] = value
            break
        here = here[where]
    (repository.root / "any.json").write_bytes(json.dumps(plan).encode()[:cut])

    done = squad.here("verify", "any.json")

    assert done.code in {0, 3}
    assert done.code == 0 or done.err.startswith("squad: any.json: "), done.err


@pytest.mark.parametrize("body", [b"\xff\xfe{", b'{"certificate": "\xe9"}', b'{"tasks": 1' + b"0" * 5000 + b"}"])
def test_bytes_that_are_no_plan_are_refused_with_their_file(squad: Squad, repository: Repository, body: bytes) -> None:
    (repository.root / "bad.json").write_bytes(body)

    refused = squad.here("verify", "bad.json")

    assert (refused.code, refused.err[:17]) == (3, "squad: bad.json: ")
