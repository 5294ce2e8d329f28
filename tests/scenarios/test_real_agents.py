"""Real agent programs under squad, with a model that does what a script says.

What each of them does by itself stands in the conformance list, what they do together in `test_three_agents.py`.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.confined import probed
from tests.support.conformance.subjects import CODEX
from tests.support.real_agents import program
from tests.support.repositories import Repository
from tests.support.stub_model import Call, Fail, Say, Step, StubModel
from tests.support.waiting import marked, until

#: What Codex does differently stands in its adapter's tests and in the conformance list.
BOTH = pytest.mark.parametrize("name", ["claude", pytest.param("codex", marks=pytest.mark.soak)])
WRITE = Call("write", {"path": "alpha.txt", "content": "written\n"})


@dataclass(slots=True)
class Scene:
    """A project with Claude Code and Codex at work on it: each has an area, and the task that a test gives it."""

    squad: Squad
    repository: Repository
    model: StubModel

    def tasks(self, *tasks: dict[str, Any]) -> None:
        self.repository.write({"tasks.json": json.dumps({"version": 1, "tasks": list(tasks)})})

    def one(self, name: str, **more: Any) -> None:
        """Give one agent a task whose prompts hold the word `alpha`."""
        agent = {"claude": "agent-1-claude", "codex": "agent-2-codex"}[name]
        self.tasks({"id": "T1", "title": "Write alpha", "writes": ["alpha.txt"], "agents": [agent], **more})

    def begin(self) -> "subprocess.Popen[str]":
        return self.squad.start("-y", "run", "tasks.json", "--no-input")

    def run(self) -> int:
        return self.begin().wait(LONGEST)

    def conversations(self) -> list[str]:
        return [row["session"] for row in self.squad.events("ConversationKnown")]

    def heard(self) -> str:
        """Give everything that the model was told."""
        return json.dumps([asked.body for asked in self.model.asked])

    def ends(self) -> dict[str, str]:
        return {row["attempt"]: row["outcome"] for row in self.squad.events("AttemptEnded")}


@pytest.fixture
def scene(squad: Squad, repository: Repository, home: Path, tmp_path: Path) -> Iterator[Scene]:
    folders = {str(Path(program(name)).parent) for name in ("claude", "codex")}
    temporary = tmp_path / "temporary"  # Codex refuses a home that lies below TMPDIR
    temporary.mkdir()
    repository.commit({".gitignore": ".squad/\n"})
    agents = {"agent-1-claude": {"use": "claude"}, "agent-2-codex": {"use": "codex"}, "agent-3": {"use": "simulated"}}
    ownership = {"theirs/**": {"owner": "agent-3"}}
    settings = {
        "agents": agents,
        "ownership": ownership,
        "run": {"restart": {"backoff": "10ms..1s"}, "on_quota": {"margin": "0s"}},
    }
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


def by_tool(name: str, path: str) -> list[Step]:
    """Have a model ask for a lock by squad's own tool; Codex's finds it by a search first."""
    found: list[Step] = [Call("tool_search", {"query": "lock a path"})] if name == "codex" else []
    return [*found, Call("mcp__squad__lock", {"path": path, "wait": "1m"})]


@pytest.mark.soak
@BOTH
def test_a_lock_is_taken_by_squads_own_tool_and_nobody_is_asked(scene: Scene, name: str) -> None:
    scene.model.play(alpha=[*by_tool(name, "shared.txt"), WRITE, Say()])
    scene.one(name)

    assert scene.run() == 0, scene.squad.output()

    assert [row["path"] for row in scene.squad.events("LockGranted") if not row["declared"]] == ["shared.txt"]
    assert "mcp__squad" in scene.heard()
    assert scene.squad.events("QuestionAsked") == []


@pytest.mark.soak
@BOTH
def test_an_agent_that_asks_in_vain_three_times_is_told_so_and_goes_on_another_way(scene: Scene, name: str) -> None:
    asked = by_tool(name, "theirs/b.txt")
    scene.model.play(alpha=[*asked, asked[-1], asked[-1], WRITE, Say()])
    scene.one(name)

    assert scene.run() == 0, scene.squad.output()

    reason = "theirs/b.txt belongs to agent-3 (theirs/**: EXCLUSIVE) for the whole run"
    [stalled] = scene.squad.events("AgentStalled")
    assert (stalled["verdict"], stalled["evidence"]) == ("refused", f"refused 3 times: {reason}")
    assert [row["rung"] for row in scene.squad.events("RungClimbed")] == ["nudge"]
    assert "squad has refused you the same thing 3 times" in scene.heard()


@pytest.mark.soak
@BOTH
def test_a_refusal_is_read_by_the_model_with_its_reason_and_the_next_attempt_knows_of_it(scene: Scene, name: str) -> None:
    theirs = Call("write", {"path": "theirs/b.txt", "content": "x\n"})
    given_up: list[Step] = [theirs, Say("I could not.")]
    again: list[Step] = [WRITE, Say()]
    scene.model.play(**{"alpha": given_up, "refused: ": again})
    scene.one(name)

    assert scene.run() == 0, scene.squad.output()

    assert scene.ends() == {"T1.1": "failed", "T1.2": "done"}
    assert "theirs/b.txt belongs to agent-3" in scene.heard()
    assert [row["path"] for row in scene.squad.events("LockRefused")] == ["theirs/b.txt"]


@pytest.mark.soak
@BOTH
def test_a_model_out_of_reach_is_no_fault_of_the_task(scene: Scene, name: str) -> None:
    scene.model.play(alpha=[Fail(529, times=1 if name == "claude" else 20), WRITE, Say()])
    scene.one(name)

    assert scene.run() == 0, scene.squad.output()

    assert set(list(scene.ends().values())[:-1]) <= {"transient"}
    assert list(scene.ends().values())[-1] == "done"


@pytest.mark.soak
@BOTH
def test_a_bad_key_parks_the_task_and_says_so(scene: Scene, name: str) -> None:
    scene.model.play(alpha=[Fail(401)])
    scene.one(name)

    assert scene.run() == 6, scene.squad.output()

    [parked] = scene.squad.events("TaskParked")
    assert "not signed in" in parked["reason"]
    assert set(scene.ends().values()) == {"environment"}


@BOTH
def test_a_turn_that_ends_with_a_question_goes_on_with_the_answer_in_the_same_conversation(scene: Scene, name: str) -> None:
    asked: list[Step] = [WRITE, Say(json.dumps({"type": "ask", "text": "Which colour?"}))]
    answered: list[Step] = [Say("Thanks.")]
    scene.model.play(**{"alpha": asked, "light blue": answered})
    scene.one(name)
    run = scene.begin()
    scene.squad.wait_for_event("TaskParked")

    scene.squad.ok("answer", "T1", "light blue")

    assert run.wait(LONGEST) == 0, scene.squad.output()
    assert scene.ends() == {"T1.1": "asked", "T1.2": "done"}
    assert len(set(scene.conversations())) == 1
    assert "Which colour?" in scene.heard()
    assert "Answer to your question Q1" in scene.heard()


@pytest.mark.soak
@BOTH
def test_a_question_that_nobody_may_answer_is_refused_in_the_same_process(scene: Scene, name: str) -> None:
    asked: list[Step] = [WRITE, Say(json.dumps({"type": "ask", "text": "Which colour?"}))]
    refused: list[Step] = [Say("Then blue.")]
    scene.model.play(**{"alpha": asked, "nobody is there": refused})
    scene.one(name)

    assert scene.squad.start("-y", "run", "tasks.json", "--unattended").wait(LONGEST) == 0, scene.squad.output()

    assert scene.ends() == {"T1.1": "done"}
    assert "decide yourself, write down what you assumed" in scene.heard()
    assert [row["way"] for row in scene.squad.events("QuestionTold")] == ["said"]


def test_what_claude_asks_by_its_shell_is_answered_while_it_waits(scene: Scene) -> None:
    ask = Call("shell", {"command": "squad agent ask 'Which colour?' --wait 30m"})
    scene.model.play(alpha=[ask, WRITE, Say()])
    scene.one("claude")
    run = scene.begin()
    scene.squad.wait_for_event("QuestionAsked")

    assert scene.squad.json("status")["agents"][0]["state"] == "waiting"
    scene.squad.ok("answer", "Q1", "light blue")

    assert run.wait(LONGEST) == 0, scene.squad.output()
    assert scene.ends() == {"T1.1": "done"}
    assert "light blue" in scene.heard()
    assert [row["way"] for row in scene.squad.events("QuestionTold")] == ["reply"]


@pytest.mark.parametrize(
    ("decision", "said"), [pytest.param("--allow", "", marks=pytest.mark.soak), ("--deny", "no network here")]
)
def test_a_tool_of_claude_that_squad_does_not_know_is_asked_of_a_person(scene: Scene, decision: str, said: str) -> None:
    fetch = Call("WebFetch", {"url": "https://squad.invalid/", "prompt": "what is it?"})
    scene.model.play(alpha=[fetch, WRITE, Say()])
    scene.one("claude")
    run = scene.begin()
    asked = scene.squad.wait_for_event("QuestionAsked")

    scene.squad.ok("answer", "Q1", decision, *([said] if said else []))

    assert run.wait(LONGEST) == 0, scene.squad.output()
    assert (asked["kind"], asked["text"].startswith("may it use WebFetch?")) == ("permission", True)
    assert said in scene.heard()
    assert scene.ends() == {"T1.1": "done"}


def test_codex_is_held_by_the_kernel_where_its_own_sandbox_works_inside_and_else_says_why_not(scene: Scene) -> None:
    """It works inside for ordinary users and not for root: then `deny` is refused, and `auto` says that it is weaker."""
    scene.model.play(alpha=[WRITE, Say()])
    scene.one("codex")
    why = "its own bubblewrap does not work inside ours"

    demanded = scene.squad("-y", "run", "tasks.json", "--no-input", "--enforce", "deny")

    if probed().nests:
        assert demanded.returncode == 0, demanded.stderr
        assert [row["level"] for row in scene.squad.events("AttemptStarted")] == ["deny"]
        return
    assert demanded.returncode == 4
    assert why in demanded.stderr
    assert "run squad as an ordinary user" in demanded.stderr
    assert scene.run() == 0, scene.squad.output()
    assert [row["level"] for row in scene.squad.events("AttemptStarted")] == ["hook"]
    assert [why in row["text"] for row in scene.squad.events("Noticed")].count(True) == 1
