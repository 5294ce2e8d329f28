"""Roles: which of squad's a name means, and whose text goes before it."""

import os
import tomllib
from pathlib import Path

import pytest

from orchestrator.errors import ConfigError
from orchestrator.model import AgentId, Seat
from orchestrator.roles import SHIPPED, Shelves, TooLong, role_of, shipped, template_of, unmeant
from orchestrator.text.tokens import tokens
from tests.support.builders import seat

AGENT = AgentId("agent-2-backend")
ARCHITECT = seat(AGENT, role="backend-system-architect")


@pytest.fixture
def shelves(tmp_path: Path, home: Path) -> Shelves:
    root = tmp_path / "project"
    root.mkdir()
    return Shelves(root=root, own=home / "config" / "squad" / "roles", claude=home / ".claude" / "agents")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def agent(name: str, text: str) -> str:
    """Give a file as people have them for Claude Code; its description is no YAML."""
    return f'---\nname: {name}\ndescription: Use it when: the user says "x: y"\ntools: Read, Edit\nmodel: opus\n---\n\n{text}\n'


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("frontend-ui-developer", "frontend"),
        ("backend-system-architect", "backend"),
        ("ml-engineer", "ml"),
        ("Machine Learning Engineer", "ml"),
        ("qa", "tests"),
        ("QAEngineer", "tests"),
        ("frontend-tester", "tests"),
        ("api-docs-writer", "docs"),
        ("code-reviewer", "reviewer"),
        ("security_auditor", "reviewer"),
        ("front-end", "frontend"),
        ("database-administrator", "backend"),
        ("general", "general"),
        ("ninja", "general"),
        ("", "general"),
        ("разработчик", "general"),
        *((name, name) for name in SHIPPED),
    ],
)
def test_the_last_telling_word_of_a_role_decides(name: str, template: str) -> None:
    assert template_of(name) == template


def test_where_the_role_says_nothing_the_label_does_and_then_the_skills() -> None:
    assert template_of("ninja", "frontend", "ml") == "frontend"
    assert template_of("ninja", "", "pytest", "qa") == "tests"


@pytest.mark.parametrize("name", SHIPPED)
def test_squads_own_are_short_and_say_something(name: str) -> None:
    role = shipped(name)

    assert 4 <= len(role.text.splitlines()) <= 25
    assert 50 <= tokens(role.text) <= 100
    assert role.text.startswith("Work as a senior ")


def test_without_anybodys_text_it_is_squads_own(shelves: Shelves) -> None:
    assert role_of(ARCHITECT, shelves) == shipped("backend")
    assert role_of(ARCHITECT, shelves).source == "backend, as squad ships it"


def test_texts_go_before_each_other_in_the_documented_order(shelves: Shelves) -> None:
    """From the weakest on, each that is added wins."""
    for path, text in (
        (shelves.claude / "any.md", agent("backend", "from the user's agents")),
        (shelves.own / "backend.md", "from the user's roles\n"),
        (shelves.root / ".claude" / "agents" / "it.md", agent("backend-system-architect", "from the project's agents")),
        (shelves.root / "docs" / "backend.md", "from the configuration\n"),
    ):
        write(path, text)
        named = {"backend": "docs/backend.md"} if path.parent.name == "docs" else {}
        role = role_of(ARCHITECT, Shelves(root=shelves.root, own=shelves.own, claude=shelves.claude, named=named))
        assert (role.text, role.is_own) == (text.rpartition("---\n")[2].strip(), False)
        assert path.name in role.source


@pytest.mark.parametrize("name", ["agent-2-backend", "Backend-System-Architect", "backend"])
def test_a_text_is_meant_by_id_by_role_or_by_label(shelves: Shelves, name: str) -> None:
    write(shelves.root / "x.md", "mine\n")
    write(shelves.own / f"{name}.md", "mine too\n")

    named = Shelves(root=shelves.root, own=shelves.own, claude=shelves.claude, named={name: "x.md"})

    assert role_of(ARCHITECT, named).text == "mine"
    assert role_of(ARCHITECT, shelves).text == "mine too"


def test_the_name_of_one_of_squads_means_all_whom_it_fits(shelves: Shelves) -> None:
    write(shelves.own / "frontend.md", "mine\n")

    assert role_of(seat(AgentId("agent-1"), role="react-developer"), shelves).text == "mine"
    assert role_of(seat(AgentId("agent-1"), role="vue-tester"), shelves).is_own


def test_an_agent_of_claude_code_without_a_name_has_that_of_its_file(shelves: Shelves) -> None:
    write(shelves.root / ".claude" / "agents" / "backend.md", "Just text.\n")
    write(shelves.root / ".claude" / "agents" / "other.md", agent("somebody-else", "Not this."))

    assert role_of(ARCHITECT, shelves).text == "Just text."


def test_an_empty_text_is_taken_as_no_text(shelves: Shelves) -> None:
    write(shelves.own / "backend.md", "")

    assert (role_of(ARCHITECT, shelves).text, role_of(ARCHITECT, shelves).is_own) == ("", False)


def test_a_long_role_is_refused_with_its_place(shelves: Shelves) -> None:
    write(shelves.own / "backend.md", "line\n" * 26)

    with pytest.raises(TooLong, match=r"backend\.md:26: 26 lines: a role has at most 25"):
        role_of(ARCHITECT, shelves)

    write(shelves.own / "backend.md", "line\n" * 25)
    assert role_of(ARCHITECT, shelves).text.count("line") == 25
    write(shelves.own / "backend.md", "x" * 4001)
    with pytest.raises(TooLong):
        role_of(ARCHITECT, shelves)


def test_a_long_agent_of_claude_code_is_not_copied_but_named_with_a_warning(shelves: Shelves) -> None:
    path = shelves.root / ".claude" / "agents" / "backend.md"
    write(path, agent("backend", "line\n" * 200))

    role = role_of(ARCHITECT, shelves)

    assert role.text == f"Read {path} first: it describes your role."
    assert ".claude/agents/backend.md is longer than a role's 25 lines (200)" in role.warning


def broken(path: Path, how: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match how:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/dev/zero")
        case "gone":
            path.symlink_to("nowhere.md")
        case "latin":
            path.write_bytes(b"fine\ncaf\xe9\n")
        case "huge":
            path.write_bytes(b"x" * 300_000)
        case "open":
            path.write_text("---\nname: backend\n", encoding="utf-8")


HOWS = {
    "folder": "no regular file",
    "pipe": "no regular file",
    "link": "leads out of the project|no regular file",
    "gone": "no such file",
    "latin": r"backend\.md:2: not UTF-8",
    "huge": "292 KiB is no text of a role",
    "open": r"backend\.md:1: its front matter has no end",
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("place", ["named", "own", "agents", "claude"])
def test_a_file_that_is_meant_and_cannot_be_used_is_an_error_with_its_place(shelves: Shelves, how: str, place: str) -> None:
    folder = {
        "named": shelves.root / "docs",
        "own": shelves.own,
        "agents": shelves.root / ".claude/agents",
        "claude": shelves.claude,
    }
    broken(folder[place] / "backend.md", how)
    named = {"backend": "docs/backend.md"} if place == "named" else {}

    with pytest.raises(ConfigError, match=HOWS[how]) as caught:
        role_of(ARCHITECT, Shelves(root=shelves.root, own=shelves.own, claude=shelves.claude, named=named))

    assert "backend.md" in str(caught.value.where)
    assert caught.value.hint


def test_a_file_that_is_named_and_not_there_is_an_error(shelves: Shelves) -> None:
    with pytest.raises(ConfigError, match=r"docs/x\.md: there is no such file"):
        role_of(ARCHITECT, Shelves(root=shelves.root, own=shelves.own, claude=shelves.claude, named={"backend": "docs/x.md"}))


@pytest.mark.parametrize("place", ["docs/backend.md", ".claude/agents/backend.md"])
def test_a_repository_cannot_carry_away_what_is_the_users(shelves: Shelves, tmp_path: Path, place: str) -> None:
    """A link in the repository would put a file of the user's into a prompt, and so in front of a model's provider."""
    write(tmp_path / "secret", "key\n")
    (shelves.root / place).parent.mkdir(parents=True)
    (shelves.root / place).symlink_to(tmp_path / "secret")

    with pytest.raises(ConfigError, match="leads out of the project"):
        role_of(ARCHITECT, Shelves(root=shelves.root, own=shelves.own, claude=shelves.claude, named={"backend": place}))


def test_a_name_in_the_configuration_that_means_nobody_is_told(shelves: Shelves) -> None:
    seats: list[Seat] = [ARCHITECT]

    assert unmeant(seats, {"backend": "x", "reviewer": "x", "agent-2-backend": "x", "Backend-System-Architect": "x"}) == []
    assert unmeant(seats, {"bakcend": "x"}) == ["roles: bakcend is the role of no agent here; did you mean 'backend'?"]


def test_squads_own_are_in_what_is_installed() -> None:
    project = Path(__file__).parents[2]
    patterns = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    shipped_files = {path for pattern in patterns["orchestrator"] for path in (project / "orchestrator").glob(pattern)}

    assert {path.stem for path in shipped_files if path.parent.name == "roles"} == set(SHIPPED)
