"""Real agent programs under squad, all at once, with a model that does what a script says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.real_agents import program
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Say, StubModel
from tests.support.waiting import marked, until

SHARED = "# Shared\n\nclaude: todo\n\n\n\n\n\n\ncodex: todo\n"
#: The user's own settings of Codex: whose model it is.
CODEX = """
model = "gpt-5.5"
model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "OPENAI_STUB_KEY"
"""


@dataclass(slots=True)
class Scene:
    """A project with Claude Code and Codex at work on it."""

    squad: Squad
    repository: Repository
    model: StubModel

    def tasks(self, *tasks: dict[str, Any]) -> None:
        self.repository.write({"tasks.json": json.dumps({"version": 1, "tasks": list(tasks)})})

    def ends(self) -> dict[str, str]:
        return {row["attempt"]: row["outcome"] for row in self.squad.events("AttemptEnded")}


@pytest.fixture
def scene(squad: Squad, repository: Repository, home: Path, tmp_path: Path) -> Iterator[Scene]:
    folders = {str(Path(program(name)).parent) for name in ("claude", "codex")}
    temporary = tmp_path / "temporary"  # Codex refuses a home that lies below TMPDIR
    temporary.mkdir()
    repository.commit({"shared.md": SHARED, ".gitignore": ".squad/\n"})
    agents = {"agent-1-claude": {"use": "claude"}, "agent-2-codex": {"use": "codex"}}
    settings = {"agents": agents, "run": {"restart": {"backoff": "10ms..1s"}}}
    repository.write({"squad.yaml": json.dumps({"version": 1, **settings})})
    with StubModel({}) as model:
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(CODEX.format(url=model.url), encoding="utf-8")
        squad.environment |= {
            "PATH": ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"]),
            "TMPDIR": str(temporary),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "test",
            "OPENAI_STUB_KEY": "test",
        }
        yield Scene(squad, repository, model)
    assert until(lambda: not marked(f"{repository.root}/"), "the end of every process")


def test_claude_and_codex_do_their_tasks_and_edit_one_file_under_its_lock(scene: Scene, tmp_path: Path) -> None:
    held, wanted = tmp_path / "held", tmp_path / "wanted"
    read = Call("Read", {"file_path": "shared.md"})
    scene.model.play(
        alpha=[
            Call("write", {"path": "alpha.txt", "content": "by claude\n"}),
            read,
            Call("edit", {"path": "shared.md", "old": "claude: todo", "new": "claude: done"}),
            Say("Written.", once=str(wanted)),
        ],
        beta=[
            Call("write", {"path": "beta.txt", "content": "by codex\n"}),
            Call("edit", {"path": "shared.md", "old": "codex: todo", "new": "codex: done"}, once=str(held)),
            Say("Written."),
        ],
    )
    scene.tasks(
        {"id": "T1", "title": "Write alpha", "writes": ["alpha.txt"], "agents": ["agent-1-claude"]},
        {"id": "T2", "title": "Write beta", "writes": ["beta.txt"], "agents": ["agent-2-codex"]},
    )

    run = scene.squad.start("-y", "run", "tasks.json", "--no-input")
    scene.squad.wait_for_event("LockGranted", lambda row: row["path"] == "shared.md")
    held.touch()
    asked = scene.squad.wait_for_event("LockRequested")
    wanted.touch()

    assert run.wait(LONGEST) == 0, scene.squad.output()
    assert (asked["path"], asked["holder"]) == ("shared.md", "agent-2-codex")
    assert scene.ends() == {"T1.1": "done", "T2.1": "done"}
    show = scene.repository.show
    assert (show("squad/tasks-1", "alpha.txt"), show("squad/tasks-1", "beta.txt")) == ("by claude", "by codex")
    assert show("squad/tasks-1", "shared.md") == SHARED.replace("todo", "done").strip()
    grants = [(row["holder"], row["waited_s"] > 0) for row in scene.squad.events("LockGranted") if row["path"] == "shared.md"]
    assert grants == [("agent-1-claude", False), ("agent-2-codex", True)]
    assert {row["adapter"] for row in scene.squad.events("AttemptStarted")} == {"claude", "codex"}
    usage = scene.squad.json("report")["usage"]
    assert usage["known"]
    assert usage["fresh"] > 0
    assert usage["output"] > 0
    assert usage["money"] > 0
    comms = scene.repository.root / ".squad" / "comms"
    assert "Status: COMPLETE" in (comms / "agent-1-claude-comm.md").read_text(encoding="utf-8")
    assert "Status: COMPLETE" in (comms / "agent-2-codex-comm.md").read_text(encoding="utf-8")
