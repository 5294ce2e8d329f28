"""What squad adds to the words of a task, in tokens."""

import json
import statistics
from pathlib import Path

import pytest

from orchestrator.adapters.prompt import MOST
from orchestrator.text.tokens import tokens
from tests.support.here import Here
from tests.support.repositories import Repository

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "configs" / "demo" / "feature-prd.md", ROOT / "tests" / "data" / "parallel-analytics-prd.md"]
SETTINGS = {"never_parallel": {"op:install": ["npm install", "pip install"]}, "run": {"checks": ["npm test", "pytest -q"]}}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_what_squad_adds_to_the_text_of_each_task(here: Here, repository: Repository, document: Path) -> None:
    """The first attempt; a later one takes the room of squad's role for the handover and stays below the same bound."""
    repository.commit({"AGENTS.md": "Use tabs.\n"})
    repository.write({"squad.yaml": json.dumps(SETTINGS)})
    texts = {task["id"]: task["title"] for task in json.loads(here.ok("tasks", str(document), "--json"))["tasks"]}
    added = []
    for task, title in texts.items():
        told = json.loads(here.ok("plan", str(document), "--prompt", task, "--json"))
        own, _, squads = told["prompt"].partition("\n\n## Role\n")
        added.append(tokens(f"## Role\n{squads}"))
        print(f"\n{task} {title}: {tokens(own)} tokens of its own, {added[-1]} of squad's (role {told['role']})", end="")
    print(
        f"\nsquad adds {min(added)} to {max(added)} tokens, {statistics.median(added):.0f} at the median; promised {MOST}", end=""
    )

    assert max(added) <= MOST
