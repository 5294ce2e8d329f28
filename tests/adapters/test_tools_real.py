"""squad's own tools, as the real programs offer them to their models."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.acp import acp_adapter
from orchestrator.adapters.base import Conversing, Tools
from orchestrator.adapters.claude import ClaudeAdapter
from orchestrator.adapters.codex import CodexAdapter
from orchestrator.messages import Permission, Said, Turned
from orchestrator.model import Operation
from tests.support.builders import order
from tests.support.fake_supervisor import ROOT, FakeSupervisor
from tests.support.real_agents import Talk, obliging, program, talk
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Say, StubModel
from tests.support.waiting import marked, until

CODEX = """
model = "gpt-5.5"
model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "STUB_KEY"
"""
GEMINI = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"enableAutoUpdate": False}}
NAMES = {"claude": "mcp__squad__lock", "codex": "mcp__squad__lock", "gemini": "mcp_squad_lock"}


def once(said: Said, going: Talk) -> None:
    """Allow everything, and end the program with its first turn: some stay as long as a server of tools does."""
    obliging(said, going)
    if isinstance(said, Turned):
        going.process.terminate()


def adapter_of(name: str) -> Conversing:
    """Give the adapter of the real program."""
    found = program(name)
    if name == "claude":
        return ClaudeAdapter(command=(found,))
    if name == "codex":
        return CodexAdapter(command=(found,))
    return acp_adapter("gemini", profile="gemini", command=(found, "--acp"), model="gemini-2.5-pro")


@pytest.fixture
def model() -> Iterator[StubModel]:
    with StubModel({}) as served:
        yield served


@pytest.fixture
def supervisor(tmp_path: Path, repository: Repository) -> FakeSupervisor:
    served = FakeSupervisor(tmp_path / "s", repository.root)
    served.serve()
    return served


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_the_model_is_offered_the_tools_and_a_call_takes_a_lock_unasked(
    name: str, model: StubModel, home: Path, repository: Repository, supervisor: FakeSupervisor
) -> None:
    adapter = adapter_of(name)
    found = [Call("tool_search", {"query": "lock a path"})] if name == "codex" else []
    model.play(T1=[*found, Call(NAMES[name], {"path": "a"}), Say("Status: COMPLETE")])
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(CODEX.format(url=model.url), encoding="utf-8")
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(GEMINI), encoding="utf-8")
    scratch = repository.root.parent / "temporary"
    scratch.mkdir()
    tools = Tools(argv=(sys.executable, "-P", "-m", "orchestrator", "agent", "mcp"), environment=supervisor.variables())
    told = order(workspace=repository.root, mark="demo-1/T1.1", tools=tools)
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_BASE_URL": model.url,
        "STUB_KEY": "test",
        "GEMINI_API_KEY": "test",
        "GOOGLE_GEMINI_BASE_URL": model.url,
        **supervisor.variables(),
        "AGENT_ID": str(home),
    }

    gone = talk(adapter.invoke(told), adapter.conversation(told), once, cwd=repository.root, environment=environment)

    offered = next(iter(model.asked)).tools
    assert NAMES[name] in offered or name == "codex", "Codex's models find them by a search of its own"
    assert "locked a" in model.asked[-1].results[-1] or '"path":"a"' in model.asked[-1].results[-1]
    assert [(asked["method"], asked["params"]["path"]) for asked in supervisor.asked] == [("lock", "a")]
    assert {asked.operation for asked in gone.of(Permission) if isinstance(asked, Permission)} <= {Operation.READ}
    assert until(lambda: not marked(str(home)), "the end of every process")
