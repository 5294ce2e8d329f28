"""What real agent programs say to their model of what squad told them, and what it costs by their own records."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.adapters.prompt import MOST
from tests.support.commands import Squad
from tests.support.real_agents import program
from tests.support.repositories import Repository
from tests.support.stub_model import Say, StubModel
from tests.support.waiting import marked, until

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
PAGES = {name: f"Page {name}: say kumquat{number}.\n" for number, name in enumerate(("AGENTS.md", "CLAUDE.md", "web/AGENTS.md"))}
TEXT = "Look at the pages of the web folder and say what they are about. " * 10


@dataclass(slots=True)
class Scene:
    """A project with a program at work on one task of one turn."""

    name: str
    squad: Squad
    repository: Repository
    model: StubModel

    def run(self, task: str) -> int:
        """Carry a task out that writes nothing; gives the fresh tokens by the program's own record."""
        told = {"id": task, "title": f"Look at {task}", "text": TEXT, "writes": [], "agents": ["agent-1"]}
        self.repository.write({f"{task}.json": json.dumps({"version": 1, "tasks": [told]})})
        done = self.squad("-y", "run", f"{task}.json", "--no-input")
        assert done.returncode == 0, done.stderr + done.stdout
        return sum(row["fresh"] for row in self.squad.events("UsageReported"))

    def said(self) -> list[str]:
        """Give what the user's side has said to the model in its last request."""
        return self.model.asked[-1].said


@pytest.fixture(params=["claude", pytest.param("codex", marks=pytest.mark.soak)])
def scene(request: pytest.FixtureRequest, squad: Squad, repository: Repository, home: Path, tmp_path: Path) -> Iterator[Scene]:
    folder = str(Path(program(request.param)).parent)
    temporary = tmp_path / "temporary"  # Codex refuses a home that lies below TMPDIR
    temporary.mkdir()
    repository.commit({**PAGES, ".gitignore": ".squad/\n"})
    repository.write({"squad.yaml": json.dumps({"agents": {"agent-1": {"use": request.param, "role": "reviewer"}}})})
    with StubModel({"Look at": [Say("Seen.")]}, counts=True) as model:
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(CODEX.format(url=model.url), encoding="utf-8")
        squad.environment |= {
            "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": str(temporary),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "test",
            "OPENAI_STUB_KEY": "test",
        }
        yield Scene(request.param, squad, repository, model)
    assert until(lambda: not marked(f"{repository.root}/"), "the end of every process")


def test_the_model_is_told_to_the_letter_what_plan_shows_and_pages_are_read_or_named(scene: Scene) -> None:
    cost = scene.run("T1")

    shown = scene.squad.ok("plan", "T1.json", "--all", "--prompt", "T1")
    assert any(shown.strip() in said for said in scene.said())
    own, other = {"claude": (1, 0), "codex": (0, 1)}[scene.name]
    everything = json.dumps(scene.model.asked[-1].body)
    assert f"kumquat{own}" in everything, "its own page it reads by itself"
    assert f"kumquat{other}" not in everything
    assert f"Read first: `{list(PAGES)[other]}`.\n" in shown
    squads = json.loads(scene.squad.ok("plan", "T1.json", "--all", "--prompt", "T1", "--json"))["tokens"]
    print(f"\n{scene.name}: {cost} fresh tokens by its own record, {squads} of them the prompt", end="")
    assert cost > squads


@pytest.mark.soak
def test_by_its_own_record_squads_words_cost_at_most_what_is_promised(scene: Scene) -> None:
    """The same task once with squad's words and once without, told by a prompt that holds nothing but the task's own."""
    with_squad = scene.run("T1")
    bare = scene.squad.folder.parent / "bare"
    bare.mkdir()
    patch = "import orchestrator.adapters.prompt as p\np._fitted = lambda compose, most: ''\n"
    (bare / "sitecustomize.py").write_text(patch, encoding="utf-8")
    scene.squad.environment["PYTHONPATH"] = f"{bare}:{Path(__file__).parents[2]}"
    without = scene.run("T2")

    assert any(f"# Look at T2\n\n{TEXT.strip()}" in said for said in scene.said())
    assert not any("Rules of this run" in said for said in scene.said())
    print(f"\n{scene.name}: {with_squad} fresh tokens with squad's words, {without} without: {with_squad - without}", end="")
    assert 150 < with_squad - without <= MOST
