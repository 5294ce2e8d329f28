"""Other real agents that speak ACP, by their profiles: they ask before they write, and read why they may not.

They are big and slow to start, so no set-up of the tests has to have them: each runs where it is found.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.adapters.acp import AcpAdapter, acp_adapter
from orchestrator.adapters.acp_profiles import ACP_PROFILES
from orchestrator.messages import Conversed, Permission, Said, TurnEnd
from tests.support.builders import order
from tests.support.real_agents import Hear, Talk, obliging, program, talk
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Say, StubModel
from tests.support.waiting import marked, until

CODEX = 'model = "gpt-5.5"\nmodel_provider = "stub"\n[model_providers.stub]\nname = "stub"\nbase_url = "{url}/v1"\n'


def _opencode(home: Path, url: str) -> Mapping[str, str]:
    """The user's own configuration, which allows everything."""
    models = {"stub": {"limit": {"context": 100000, "output": 8000}}}
    options = {"baseURL": f"{url}/v1", "apiKey": "test"}
    stub = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": models}
    told = {"model": "stub/stub", "small_model": "stub/stub", "provider": {"stub": stub}, "permission": {"edit": "allow"}}
    folder = home / "config" / "opencode"  # where XDG_CONFIG_HOME leads
    folder.mkdir(parents=True)
    (folder / "opencode.json").write_text(json.dumps({**told, "autoupdate": False, "share": "disabled"}), encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(home / "config"), "OPENCODE_DISABLE_MODELS_FETCH": "1"}


def _qwen(home: Path, url: str) -> Mapping[str, str]:
    (home / ".qwen").mkdir()
    settings = {"security": {"auth": {"selectedType": "openai"}}}
    (home / ".qwen" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "test", "OPENAI_MODEL": "stub"}


def _claude(home: Path, url: str) -> Mapping[str, str]:
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test"}


def _codex(home: Path, url: str) -> Mapping[str, str]:
    (home / ".codex").mkdir()
    more = 'wire_api = "responses"\nenv_key = "STUB_KEY"\n'
    (home / ".codex" / "config.toml").write_text(CODEX.format(url=url) + more, encoding="utf-8")
    return {"STUB_KEY": "test", "OPENAI_API_KEY": "test", "CODEX_API_KEY": "test"}


#: How each comes to talk to the stub.
AGENTS: Mapping[str, Callable[[Path, str], Mapping[str, str]]] = {
    "opencode": _opencode,
    "qwen": _qwen,
    "claude-agent-acp": _claude,
    "codex-acp": _codex,
}


@dataclass(slots=True)
class Agent:
    """One of them in a repository."""

    adapter: AcpAdapter
    repository: Repository
    home: Path
    model: StubModel
    environment: Mapping[str, str]

    def talk(self, hear: Hear = obliging) -> Talk:
        told = order("do T1", workspace=self.repository.root)
        scratch = self.repository.root.parent / "temporary"
        scratch.mkdir(exist_ok=True)
        common = {"HOME": str(self.home), "PATH": os.environ["PATH"], "TMPDIR": str(scratch), "AGENT_ID": str(self.home)}
        environment = {**common, "LANG": "C.UTF-8", **self.environment}
        invocation, understood = self.adapter.invoke(told), self.adapter.conversation(told)
        return talk(invocation, understood, hear, cwd=self.repository.root, environment=environment)


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest, repository: Repository, home: Path) -> Iterator[Agent]:
    name, *options = ACP_PROFILES[request.param].command
    command = (program(name, required=False), *options)
    with StubModel({}) as model:
        environment = AGENTS[request.param](home, model.url)
        yield Agent(acp_adapter(name, profile=request.param, command=command), repository, home, model, environment)
    assert until(lambda: not marked(str(home)), "the end of every process")


def test_a_file_is_written_after_the_agent_has_asked(agent: Agent) -> None:
    path = str(agent.repository.root / "hello.txt")
    agent.model.play(T1=[Call("write", {"path": path, "content": "hello\n"}), Say("Status: COMPLETE")])

    gone = agent.talk()

    [asked] = gone.of(Permission)
    assert isinstance(asked, Permission)
    assert asked.paths == (path,)
    assert (agent.repository.root / "hello.txt").read_text(encoding="utf-8") == "hello\n"
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.DONE]
    assert len(gone.of(Conversed)) == 1


def test_a_refusal_is_followed_by_its_reason(agent: Agent) -> None:
    path = str(agent.repository.root / "hello.txt")
    agent.model.play(T1=[Call("write", {"path": path, "content": "hello\n"}), Say("I could not.")], refused=[Say("I see.")])

    def refuse(said: Said, going: Talk) -> None:
        if isinstance(said, Permission):
            going.refuse(said, "it belongs to agent-2-backend")
        else:
            obliging(said, going)

    gone = agent.talk(refuse)

    assert not (agent.repository.root / "hello.txt").exists()
    assert any("it belongs to agent-2-backend" in text for text in agent.model.asked[-1].said)
    assert [turn.outcome for turn in gone.turns] == [TurnEnd.REFUSED]
