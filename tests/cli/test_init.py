"""`squad init`: what it finds, asks, writes and leaves alone."""

import io
import json
import sys
from pathlib import Path

import pytest

from orchestrator import config as configuration
from orchestrator.config import Config
from orchestrator.doctor.signs import checks, links, programs
from tests.support.here import Here
from tests.support.programs import Programs
from tests.support.repositories import Repository
from tests.test_configs import faults


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs.only(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(found.folder))
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return found


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person types, a line each, on a terminal."""
    lines: list[str] = []
    monkeypatch.setattr("orchestrator.cli.context.Context.is_interactive", property(lambda _: True))
    monkeypatch.setattr(Terminal, "readline", lambda _: lines.pop(0) + "\n" if lines else "", raising=False)
    monkeypatch.setattr(sys, "stdin", Terminal())
    return lines


def written(repository: Repository) -> Config:
    text = (repository.root / "squad.yaml").read_text(encoding="utf-8")
    assert faults(text) == []
    return configuration.combine([configuration.layer(text, name="squad.yaml")])


def test_with_yes_what_is_found_is_written_and_fits_the_schema_it_names(
    here: Here, repository: Repository, installed: Programs
) -> None:
    installed.script("claude", "exit 0")
    repository.write(
        {"package.json": '{"scripts": {"test": "vitest run"}}', "node_modules/x": "", "Makefile": "build:\n\ncheck: build\n"}
    )

    said = here.ok("init", "--yes")

    config = written(repository)
    assert config.run.checks == ("npm test", "make check")
    assert {agent.use for agent in config.agents.values()} == {"claude"}
    assert (config.isolation.mode, config.isolation.symlink) == ("worktree", ("node_modules",))
    assert said.startswith("wrote squad.yaml, .squad/schema.json\n")
    first = (repository.root / "squad.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = repository.root / first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(schema.read_text(encoding="utf-8")) == json.loads(here.ok("config", "schema"))
    assert here.ok("config", "check") == "squad.yaml: valid\n"
    assert not (repository.root / ".gitignore").exists()


def test_a_file_that_is_there_is_left_and_what_would_have_been_written_is_shown(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "run: {agents: 9}\n"})

    said = here("init", "--yes")

    assert said.code == 1
    assert "squad.yaml is there already (17 bytes) and stays as it is" in said.err
    assert "  | version: 1" in said.err
    assert (repository.root / "squad.yaml").read_text(encoding="utf-8") == "run: {agents: 9}\n"
    assert not (repository.root / ".squad").exists()


def test_where_nobody_can_be_asked_the_way_out_is_told(here: Here, repository: Repository) -> None:
    said = here("init")

    assert said.code == 2
    assert "squad init --yes" in said.err
    assert not (repository.root / "squad.yaml").exists()


def test_five_questions_are_asked_and_answers_that_cannot_be_are_asked_again(
    here: Here, repository: Repository, answers: list[str]
) -> None:
    answers += ["cluade", "codex", "0", "2", "make a; make b", "", "yes"]
    repository.write({".gitignore": "*.log"})

    said = here("init")

    assert said.code == 0
    config = written(repository)
    assert [agent.use for agent in config.agents.values()] == ["codex"] * 2
    assert (config.run.agents, config.run.checks) == (2, ("make a", "make b"))
    assert (repository.root / ".gitignore").read_text(encoding="utf-8") == "*.log\n.squad/\n"
    assert said.err.count("? [") == 5 + 2
    assert said.err.count("use: auto, claude, codex, gemini, aider, simulated, or one of yours: command my-agent") == 2


def test_a_program_of_ones_own_is_answered_with_its_command_line(here: Here, repository: Repository, answers: list[str]) -> None:
    answers += ["command", "command 'my agent", "command 'my agent' --file {prompt_file}", "1", "-", "", ""]

    said = here("init")

    assert (said.code, said.err.count("? [")) == (0, 5 + 2)
    [agent] = written(repository).agents.values()
    assert (agent.use, agent.command) == ("command", ("my agent", "--file", "{prompt_file}"))


def test_without_git_nothing_is_written_that_would_hold_once_there_is_git(tmp_path: Path) -> None:
    Here(tmp_path).ok("init", "--yes")

    text = (tmp_path / "squad.yaml").read_text(encoding="utf-8")
    plain = configuration.layer(text, name="squad.yaml").document.plain
    assert isinstance(plain, dict)
    assert (faults(text), "isolation" in plain) == ([], False)


def test_whoever_goes_away_in_between_finds_nothing_written(here: Here, repository: Repository, answers: list[str]) -> None:
    answers += ["claude"]

    assert here("init").code == 2
    assert not (repository.root / "squad.yaml").exists()


def test_return_alone_takes_what_was_found(here: Here, repository: Repository, answers: list[str]) -> None:
    answers += [""] * 5
    repository.write({"Cargo.toml": ""})

    assert here("init").code == 0
    assert written(repository).run.checks == ("cargo test",)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ()),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, ()),
        ({"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""}, ("pnpm test",)),
        ({"package.json": "[1"}, ()),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, ("pytest -q",)),
        ({"tests/unit/test_a.py": ""}, ("pytest -q",)),
        ({"Makefile": "test-all:\n\ntest: x\n"}, ("make test",)),
        ({"Makefile": "test := x\n"}, ()),
        ({"Cargo.toml": "", "pyproject.toml": "a = ["}, ("cargo test",)),
    ],
)
def test_checks_are_found_by_the_files_of_a_project(tmp_path: Path, files: dict[str, str], found: tuple[str, ...]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert checks(tmp_path) == found
    assert links(tmp_path) == ()


def test_a_program_that_seems_signed_in_comes_first(installed: Programs, home: Path) -> None:
    installed.script("claude", "exit 0")
    installed.script("codex", "exit 0")
    (home / ".codex").mkdir()
    (home / ".codex" / "auth.json").write_text("{}", encoding="utf-8")
    environment = {"PATH": str(installed.folder), "HOME": str(home)}

    assert [(one.name, one.signed_in) for one in programs(environment)] == [("codex", True), ("claude", False)]
    assert [one.name for one in programs({**environment, "ANTHROPIC_API_KEY": "x"})] == ["claude", "codex"]
