"""`plan --prompt` and what agents are really told: the same, to the letter; and whose role it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_claude import FakeClaude
from tests.support.here import Here
from tests.support.listening import ListeningAgent
from tests.support.repositories import Repository

ROLE = "Write less.\n\nÜberlege zuerst.\n"
TASKS: list[dict[str, Any]] = [
    {
        "id": "T1",
        "title": "Build “it”",
        "text": "As told.\n\n- twice  ",
        "writes": ["web/a.txt"],
        "checks": ["test -e web/a.txt"],
    },
    {"id": "T2", "title": "Install it", "writes": ["b.txt"], "locks": ["op:install"], "agents": ["agent-2-api"]},
]


@pytest.fixture
def agent(tmp_path: Path) -> ListeningAgent:
    made = ListeningAgent(tmp_path / "agent")
    made.play(T1_1="mkdir -p web; echo a > web/a.txt", T2_1="echo b > b.txt")
    return made


def configure(repository: Repository, *, command: list[str] | None, **more: Any) -> None:
    starts = {"use": "claude"} if command is None else {"use": "command", "command": command}
    settings = {
        "agents": {"agent-1-web": {**starts, "role": "frontend-ui-developer"}, "agent-2-api": {**starts, "role": "backend-dev"}},
        "roles": {"backend": "docs/backend.md"},
        "never_parallel": {"op:install": ["npm install"], "op:migrate": ["alembic"]},
        "run": {"checks": ["true"]},
        **more,
    }
    repository.commit({"AGENTS.md": "Use tabs.\n", "web/CLAUDE.md": "No CSS.\n", "docs/backend.md": ROLE}, "Pages")
    repository.write({"squad.yaml": json.dumps(settings), "tasks.json": json.dumps({"version": 1, "tasks": TASKS})})


def shown(here: Here, task: str) -> str:
    return here.ok("plan", "tasks.json", "--prompt", task)


@pytest.mark.parametrize("way", ["stdin", "prompt_file"])
def test_what_is_shown_is_what_a_process_is_told(here: Here, repository: Repository, agent: ListeningAgent, way: str) -> None:
    command = agent.command
    if way != "stdin":
        command = ["sh", "-ec", command[2].replace("cat >", 'cat "$1" >'), "sh", "{prompt_file}"]
    configure(repository, command=command)
    before = {name: shown(here, name) for name in ("T1", "T2")}

    assert here("-y", "run", "tasks.json").code == 0

    assert {name: agent.heard(f"{name}.1") for name in before} == before
    assert {name: shown(here, name) for name in before} == before, "a run that exists changes nothing of it"
    one, two = before["T1"], before["T2"]
    assert one.startswith("# Build “it”\n\nAs told.\n\n- twice\n\n## Role\nWork as a senior frontend developer.\n")
    assert "Read first: `AGENTS.md`, `web/CLAUDE.md`.\n" in one
    assert "pass: `test -e web/a.txt`." in one
    assert "`npm install (op:install)`, `alembic (op:migrate)`" in one
    assert f"## Role\n{ROLE}" in two
    assert "Read first: `AGENTS.md`.\n" in two
    assert "pass: `true`." in two
    assert "npm install" not in two


def test_what_is_shown_is_what_claude_is_told(
    here: Here, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude = FakeClaude(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{claude.folder}:/usr/local/bin:/usr/bin:/bin")
    claude.play({"T1.1": [["write", "web/a.txt"]], "T2.1": [["write", "b.txt"]]})
    configure(repository, command=None)
    before = {name: shown(here, name) for name in ("T1", "T2")}

    assert here("-y", "run", "tasks.json").code == 0

    assert {name: claude.notes(f"{name}.1", "told") for name in before} == {name: [text] for name, text in before.items()}
    assert "Read first: `AGENTS.md`.\n" in before["T1"], "its own pages it reads by itself"


def test_beside_the_prompt_it_is_told_for_whom_it_is_and_whose_role(
    here: Here, repository: Repository, agent: ListeningAgent
) -> None:
    configure(repository, command=agent.command)

    one, two = (here("plan", "tasks.json", "--prompt", name) for name in ("T1", "T2"))

    assert one.err.startswith("for agent-1-web (command); role: frontend, as squad ships it; about ")
    assert "for agent-2-api (command); role: docs/backend.md; about " in two.err
    told = json.loads(here.ok("plan", "tasks.json", "--prompt", "T2", "--json"))
    assert (told["agent"], told["program"], told["role"], told["prompt"]) == (
        "agent-2-api",
        "command",
        "docs/backend.md",
        two.out,
    )
    assert here.ok("plan", "tasks.json", "--why", "T2").endswith("told the role docs/backend.md\n")


def test_who_reads_nothing_of_it_is_said(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "agents: {agent-1: {use: simulated}}\n"})
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [{"id": "T1", "title": "A"}]})})
    assert "agent-1 is simulated and reads nothing of this" in here("plan", "tasks.json", "--prompt", "T1").err

    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [{"id": "T1", "title": "A", "command": ["true"]}]})})
    assert "T1 has a command of its own: agent-1 runs it" in here("plan", "tasks.json", "--prompt", "T1").err


def test_a_role_that_cannot_be_told_is_an_error_before_anything_starts(
    here: Here, repository: Repository, agent: ListeningAgent
) -> None:
    configure(repository, command=agent.command, roles={"backend": "docs/gone.md"})

    for command in (["run", "tasks.json"], ["run", "tasks.json", "--dry-run"], ["plan", "tasks.json", "--prompt", "T2"]):
        said = here("-y", *command)
        assert said.code == 3
        assert said.err == "squad: docs/gone.md: there is no such file\nwrite it, or take its name out of roles:\n"
    assert not (repository.root / ".squad").exists()


def test_a_role_that_leads_out_of_the_project_is_an_error_of_the_configuration(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "roles:\n  backend: ../x.md\n", "tasks.md": "## Tasks\n- Do it\n"})

    said = here("plan", "tasks.md")

    assert said.code == 3
    assert "squad.yaml:2:3: roles.backend: '../x.md' leaves the project\n    backend: ../x.md\n    ^" in said.err


def test_what_a_person_should_know_of_roles_is_said_and_does_not_stop_the_run(
    here: Here, repository: Repository, agent: ListeningAgent
) -> None:
    configure(repository, command=agent.command, roles={"backnd": "docs/backend.md"})
    repository.write({".claude/agents/web.md": "---\nname: web\n---\n" + "line\n" * 100})

    said = here("-y", "run", "tasks.json")

    assert said.code == 0
    assert ".claude/agents/web.md is longer than a role's 25 lines (100): its agent is told to read it" in said.err
    assert "roles: backnd is the role of no agent here; did you mean 'backend'?" in said.err
    assert f"Read {repository.root}/.claude/agents/web.md first: it describes your role." in agent.heard("T1.1")


def test_a_role_is_no_command_and_asks_for_no_consent(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "agents: {agent-1: {use: simulated}}\nroles: {general: r.md}\n", "r.md": "Mine.\n"})
    repository.write({"tasks.md": "## Tasks\n- Do it\n"})

    assert here("run", "tasks.md", "--no-input").code == 0


def test_ones_own_roles_and_agents_are_found_where_they_lie(here: Here, repository: Repository, home: Path) -> None:
    repository.write({"tasks.md": "## Requirements\n1. Frontend: X\n2. Backend: Y\n## Tasks\n- Frontend page\n- Backend API\n"})
    for path, text in (
        (home / ".claude/agents/fe.md", "---\nname: frontend\n---\nAgent.\n"),
        (home / "config/squad/roles/backend.md", "Role.\n"),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")

    assert "## Role\nAgent.\n\n" in here.ok("plan", "tasks.md", "--prompt", "T1")
    assert "## Role\nRole.\n\n" in here.ok("plan", "tasks.md", "--prompt", "T2")
