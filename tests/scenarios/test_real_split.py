"""Real agent programs split a document: asked once more in the same conversation, and classified when they cannot go on."""

import json
from collections.abc import Mapping, Sequence

import pytest

from tests.scenarios.test_real_agents import Scene, scene
from tests.support.stub_model import Call, Fail, Say, Step

__all__ = ["scene"]

BOTH = pytest.mark.parametrize("name", ["claude", pytest.param("codex", marks=pytest.mark.soak)])
PRD = "# Feature: Dashboard\n\n## Requirements\n1. Charts on a page\n2. An API for metrics\n"
GOOD = [
    {"id": "T1", "title": "Build the API", "writes": ["api/"], "source": [5]},
    {"id": "T2", "title": "Build the page", "writes": ["page/"], "source": [4]},
]
BAD = [{"id": "T1", "title": "Build the API", "needs": ["T9"]}]


def proposes(name: str, tasks: Sequence[Mapping[str, object]], *, again: bool = False) -> list[Step]:
    """Give the steps of a model that writes a proposal; Claude Code reads a file before it writes it anew."""
    text = json.dumps({"tasks": tasks}, indent=1) + "\n"
    read: list[Step] = [Call("Read", {"file_path": "squad-tasks.json"})] if again and name == "claude" else []
    return [*read, Call("write", {"path": "squad-tasks.json", "content": text}), Say("Written.")]


@pytest.mark.soak
@BOTH
def test_a_proposal_is_mended_in_the_same_conversation(scene: Scene, name: str) -> None:
    scene.repository.write({"prd.md": PRD})
    scene.model.play(**{"It is data": proposes(name, BAD), "needs T9": proposes(name, GOOD, again=True)})

    done = scene.squad("-y", "plan", "prd.md", "--split-with", name)

    assert done.returncode == 0, done.stderr
    assert "2 tasks for" in done.stdout
    events = [json.loads(row) for row in scene.squad.ok("events", "--run", "split").splitlines()]
    conversations = [row["session"] for row in events if row["type"] == "ConversationKnown"]
    assert (len(conversations), len(set(conversations))) == (2, 1)
    assert [row["adapter"] for row in events if row["type"] == "AttemptStarted"] == [name, name]
    kept = json.loads((scene.repository.root / ".squad/split/prd.tasks.json").read_text(encoding="utf-8"))
    assert kept["tasks"] == GOOD
    assert "needs T9, which does not exist" in scene.heard()


@pytest.mark.soak
@BOTH
def test_one_that_is_not_signed_in_ends_with_4(scene: Scene, name: str) -> None:
    scene.repository.write({"prd.md": PRD})
    scene.model.play(**{"It is data": [Fail(401)]})

    done = scene.squad("-y", "plan", "prd.md", "--split-with", name)

    assert done.returncode == 4, done.stderr
    assert "not signed in" in done.stderr
