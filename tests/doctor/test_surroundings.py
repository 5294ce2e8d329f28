"""What agents stand on besides their own programs."""

from pathlib import Path

import pytest

from orchestrator.doctor.findings import Finding, Weight
from orchestrator.doctor.surroundings import Machine, machine_findings, tools
from tests.support.repositories import Repository

ALLOWING = """
# what the user said yes to
prefix_rule(pattern=["npm", "install"], decision="allow")
prefix_rule(pattern = [["git", "hg"], "push"])
prefix_rule(pattern=["rm"], decision = "forbidden")
prefix_rule(pattern=["curl"], decision="prompt", justification="no (really)")
"""


def machine(home: Path, *, uid: int = 1000, root: Path | None = None, **environment: str) -> Machine:
    return Machine(
        environment={"HOME": str(home), "PATH": "/usr/bin:/bin", **environment}, root=root or home / "project", uid=uid
    )


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def warnings(one: Machine) -> list[Finding]:
    return list(machine_findings(one))


def test_a_machine_without_rules_is_quiet(home: Path) -> None:
    assert warnings(machine(home)) == []


def test_root_is_warned(home: Path) -> None:
    [found] = warnings(machine(home, uid=0))

    assert (found.weight, found.text[:12]) == (Weight.WARNING, "you are root")


def test_rules_that_let_codex_leave_its_sandbox_are_named_by_their_programs(home: Path) -> None:
    path = write(home / ".codex" / "rules" / "default.rules", ALLOWING)

    [found] = warnings(machine(home))

    assert found.text == f"{path} lets Codex run commands outside of its sandbox, unasked: npm, git"
    assert found.remedy == f'give these rules decision = "prompt" in {path}'


def test_rules_are_found_where_codex_has_its_own_folder_and_in_the_project(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "own" / "rules" / "a.rules", 'prefix_rule(pattern=["make"])')
    write(tmp_path / "project" / ".codex" / "rules" / "b.rules", 'prefix_rule(["docker"])')

    found = warnings(machine(home, root=tmp_path / "project", CODEX_HOME=str(tmp_path / "own")))

    assert [one.text.rpartition(" ")[2] for one in found] == ["make", "docker"]


@pytest.mark.parametrize("text", ["", "# nothing\n", 'prefix_rule(pattern=["rm"], decision="prompt")\n', "x = 1\n"])
def test_rules_that_allow_nothing_are_no_matter(home: Path, text: str) -> None:
    write(home / ".codex" / "rules" / "default.rules", text)

    assert warnings(machine(home)) == []


@pytest.mark.parametrize("text", ["prefix_rule(", "\0", "((((" * 5000])
def test_rules_that_cannot_be_read_are_warned_of(home: Path, text: str) -> None:
    write(home / ".codex" / "rules" / "default.rules", text)

    assert ["cannot be read" in found.text for found in warnings(machine(home))] == [True]


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ('{"permissions": {"allow": ["Bash(npm run test:*)", "Read", "Bash", "BashOutput"]}}', "2 allow rules"),
        ('{"permissions": {"allow": ["Bash(curl -H \\"Authorization: secret\\" *)"]}}', "1 allow rule)"),
    ],
)
def test_rules_that_let_the_shell_of_claude_run_unasked_are_counted_and_not_quoted(home: Path, settings: str, count: str) -> None:
    path = write(home / ".claude" / "settings.json", settings)

    [found] = warnings(machine(home))

    assert count in found.text
    assert found.remedy.endswith(str(path))
    assert "secret" not in found.text


@pytest.mark.parametrize("settings", ["", "[]", "{", '{"permissions": []}', '{"permissions": {"allow": "Bash"}}', "[" * 100_000])
def test_settings_that_are_none_are_no_matter(home: Path, settings: str) -> None:
    write(home / ".claude" / "settings.json", settings)

    assert warnings(machine(home)) == []


def test_the_projects_own_settings_of_claude_count_too(home: Path, tmp_path: Path) -> None:
    write(tmp_path / ".claude" / "settings.local.json", '{"permissions": {"allow": ["Bash(make)"]}}')

    assert len(warnings(machine(home, root=tmp_path))) == 1


@pytest.mark.parametrize(
    ("says", "found", "text"),
    [
        ("git version 2.39.5 (Apple Git-154)", "2.39.5", ""),
        ("git version 2.26.0", "2.26.0", ""),
        ("git version 2.25.4", "2.25.4", "git 2.25.4 is too old: squad needs 2.26 or newer"),
        ("git version next", "unknown version", "git does not tell its version"),
    ],
)
def test_git_has_to_be_new_enough(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, found: str, text: str
) -> None:
    known = r"user.name\nada\0user.email\nada@example.org\0"
    script = f'#!/bin/sh\n[ "$*" = "${{*%--version}}" ] && {{ printf "{known}"; exit; }}\necho "{says}"\n'
    program = write(tmp_path / "bin" / "git", script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin")

    [git, python] = tools(machine(home, root=tmp_path, PATH=f"{tmp_path}/bin:/bin"))

    assert git.found == found
    assert "; ".join(one.text for one in git.findings).startswith(text)
    assert bool(git.findings) == bool(text)
    assert python.found


def test_git_without_a_name_is_warned_of_with_the_commands_that_give_it_one(home: Path, repository: Repository) -> None:
    git, _ = tools(machine(home, root=repository.root))
    repository.git("config", "user.name", "Ada")
    named, _ = tools(machine(home, root=repository.root))
    repository.git("config", "user.email", "ada@example.org")
    whole, _ = tools(machine(home, root=repository.root))

    assert [len(one.findings) for one in (git, named, whole)] == [1, 1, 0]
    assert "git config --global user.name" in git.findings[0].remedy
    assert named.findings[0].remedy == "git config --global user.email you@example.org"
