"""The main job with three real agent programs at once: a PRD as people write it, each area in the hands of another program."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.conformance.subjects import CODEX, GEMINI
from tests.support.real_agents import program
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Say, Step, StubModel
from tests.support.waiting import marked, until

PRD = Path(__file__).parents[2] / "configs" / "demo" / "feature-prd.md"
NAMES = ("claude", "codex", "gemini")
SHARED = "# Shared\n\nfrontend: todo\n\n\n\n\n\n\nbackend: todo\n"
AGENTS = {
    "agent-1-frontend": {"use": "claude"},
    "agent-2-backend": {"use": "codex"},
    "agent-3-ml": {"use": "acp", "profile": "gemini", "model": "gemini-2.5-pro"},
}


@dataclass(slots=True)
class Scene:
    """A project with three programs at work on it."""

    squad: Squad
    repository: Repository
    model: StubModel

    def written(self, path: str) -> str:
        return self.repository.show("squad/user-dashboard-1", path)


@pytest.fixture
def scene(squad: Squad, repository: Repository, home: Path, tmp_path: Path) -> Iterator[Scene]:
    folders = {str(Path(program(name)).parent) for name in NAMES}
    temporary = tmp_path / "temporary"  # Codex refuses a home that lies below TMPDIR
    temporary.mkdir()
    # Codex cannot make a folder that is not there yet
    repository.commit({"shared.md": SHARED, ".gitignore": ".squad/\n", "backend/README.md": "# Backend\n"})
    repository.write(
        {"feature-prd.md": PRD.read_text(encoding="utf-8"), "squad.yaml": json.dumps({"version": 1, "agents": AGENTS})}
    )
    with StubModel({}) as model:
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(CODEX.format(url=model.url), encoding="utf-8")
        (home / ".gemini").mkdir()
        (home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI), encoding="utf-8")
        squad.environment |= {
            "PATH": ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin"]),
            "TMPDIR": str(temporary),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "test",
            "OPENAI_STUB_KEY": "test",
            "GOOGLE_GEMINI_BASE_URL": model.url,
            "GEMINI_API_KEY": "test",
        }
        yield Scene(squad, repository, model)
    assert until(lambda: not marked(f"{repository.root}/"), "the end of every process")


def test_claude_codex_and_gemini_carry_out_a_document_and_share_a_file(scene: Scene, tmp_path: Path) -> None:
    held, wanted = tmp_path / "held", tmp_path / "wanted"
    scripts: dict[str, list[Step]] = {
        "Create dashboard component": [
            Call("write", {"path": "frontend/dashboard.md", "content": "by claude\n"}),
            Call("Read", {"file_path": "shared.md"}),
            Call("edit", {"path": "shared.md", "old": "frontend: todo", "new": "frontend: done"}),
            Say("Written.", once=str(wanted)),
        ],
        "Build metrics API": [
            Call("write", {"path": "backend/metrics.md", "content": "by codex\n"}),
            Call("edit", {"path": "shared.md", "old": "backend: todo", "new": "backend: done"}, once=str(held)),
            Say("Written."),
        ],
        "Implement ML model": [Call("write", {"path": "ml/model.md", "content": "by gemini\n"}), Say("Written.")],
        "Add WebSocket updates": _sockets(scene),
    }
    scene.model.play(**scripts)
    begun = time.monotonic()

    run = scene.squad.start("-y", "run", "feature-prd.md", "--no-input")
    scene.squad.wait_for_event("LockGranted", lambda row: row["path"] == "shared.md")
    held.touch()
    asked = scene.squad.wait_for_event("LockRequested")
    wanted.touch()

    assert run.wait(LONGEST) == 0, scene.squad.output()
    print(f"three agents: {time.monotonic() - begun:.1f} s")
    assert asked["path"] == "shared.md"
    assert {row["task"] for row in scene.squad.events("TaskDone")} == {"T1", "T2", "T3", "T4"}
    assert {row["adapter"] for row in scene.squad.events("AttemptStarted")} == set(NAMES)
    authors = ["frontend/dashboard.md", "backend/metrics.md", "ml/model.md"]
    assert [scene.written(path) for path in authors] == ["by claude", "by codex", "by gemini"]
    assert scene.written("shared.md") == SHARED.replace("todo", "done").strip()
    grants = [row["waited_s"] > 0 for row in scene.squad.events("LockGranted") if row["path"] == "shared.md"]
    assert grants == [False, True]
    report = scene.squad.json("report")
    assert report["usage"]["known"]
    assert report["usage"]["fresh"] > 0
    assert report["usage"]["output"] > 0
    assert report["usage"]["money"] > 0
    for agent in AGENTS:
        comm = scene.repository.root / ".squad" / "comms" / f"{agent}-comm.md"
        assert "Status: COMPLETE" in comm.read_text(encoding="utf-8")


def _sockets(scene: Scene) -> list[Step]:
    """Give what whoever is given the task without an area of its own does: it writes into that agent's area."""
    plan = scene.squad.json("plan", "feature-prd.md")
    row = next(row for row in plan["tasks"] if row["title"] == "Add WebSocket updates")
    folder = (row["writes"] or ["docs/"])[0].rstrip("/*")
    return [Call("write", {"path": f"{folder}/sockets.md", "content": "sockets\n"}), Say("Written.")]
