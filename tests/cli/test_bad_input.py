"""Input that cannot be worked with: the place, the documented exit code, nothing started, nothing lost."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.here import Here
from tests.support.repositories import Repository

PRD = "# Feature: F\n## Tasks\n- Do it\n"
TASKS = "version: 1\ntasks:\n"


def refused(here: Here, repository: Repository, *arguments: str, code: int = 3) -> str:
    """Give what was said; nothing may have been started, and nothing changed."""
    before = (repository.git("for-each-ref"), repository.git("worktree", "list"), sorted(here.folder.rglob("*.md")))

    said = here("run", *arguments)

    assert (said.code, said.out) == (code, "")
    after = (repository.git("for-each-ref"), repository.git("worktree", "list"), sorted(here.folder.rglob("*.md")))
    assert before == after
    assert not (here.folder / ".git" / "squad" / "state.db").exists()
    return said.err


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("empty.md", b"", "empty.md: the document is empty"),
        ("binary.md", b"# F\n\0\1\2", "binary.md:2: a binary file"),
        ("latin.md", "# F\n## Tasks\n- caf\xe9\n".encode("latin-1"), "latin.md:3: not UTF-8"),
        ("prose.md", b"# F\n\nJust prose.\n", "prose.md: no task in this document"),
        (
            "cycle.yaml",
            f"{TASKS}  - {{id: A, title: a, needs: [B]}}\n  - {{id: B, title: b, needs: [A]}}\n".encode(),
            "A (cycle.yaml:3) -> B (cycle.yaml:4) -> A (cycle.yaml:3)",
        ),
        ("need.yaml", f"{TASKS}  - {{id: Alpha, title: a, needs: [Alhpa]}}\n".encode(), "need.yaml:3"),
        (
            "twice.yaml",
            f"{TASKS}  - {{id: A, title: a}}\n  - {{id: A, title: b}}\n".encode(),
            "twice.yaml:4:6: the id 'A' stands twice",
        ),
        ("up.yaml", f"{TASKS}  - {{id: A, title: a, writes: [../x]}}\n".encode(), "'../x' leaves the project"),
        ("root.yaml", f"{TASKS}  - {{id: A, title: a, writes: [/../x]}}\n".encode(), "'/../x' leaves the project"),
        ("link.yaml", f"{TASKS}  - {{id: A, title: a, writes: [out/x]}}\n".encode(), "'out/x' leaves the project"),
    ],
)
def test_a_document_that_cannot_be_worked_with(here: Here, repository: Repository, name: str, data: bytes, told: str) -> None:
    (here.folder / "out").symlink_to("/")
    (here.folder / name).write_bytes(data)

    assert told in refused(here, repository, name, "--agent", "simulated")
    assert not (here.folder / ".squad").exists()


def test_a_missing_document_names_those_that_are_there(here: Here, repository: Repository) -> None:
    assert "none.md: there is no such file\ndocuments here: README.md" in refused(here, repository, "none.md")


def test_a_document_of_50_mb_is_not_read_to_its_end(here: Here, repository: Repository) -> None:
    with (here.folder / "big.md").open("wb") as file:
        file.truncate(50 * 2**20)

    assert "big.md: 50 MiB is too large" in refused(here, repository, "big.md")
    assert "no regular file" in refused(here, repository, "/dev/zero")


def test_a_wrong_configuration_stops_every_command_that_needs_it(here: Here, repository: Repository) -> None:
    repository.write({"prd.md": PRD, "squad.yaml": "run: {agnets: 2}\n"})

    told = refused(here, repository, "prd.md", "--agent", "simulated")

    assert "squad.yaml:1:7: run.agnets: unknown key\n  run: {agnets: 2}\n        ^\ndid you mean 'agents'?" in told
    assert here("plan", "prd.md").err == told


@pytest.mark.parametrize(
    ("configuration", "code", "told"),
    [
        ("{use: command, command: [/no/such/program]}", 4, "'/no/such/program' is not installed"),
        ("{use: command}", 3, "agent-1 is to run a command, and none is configured"),
    ],
)
def test_an_agent_program_that_is_not_there(here: Here, repository: Repository, configuration: str, code: int, told: str) -> None:
    repository.write({"prd.md": PRD, "squad.yaml": f"agents: {{agent-1: {configuration}}}\n"})

    assert told in refused(here, repository, "prd.md", "-y", code=code)


def test_no_agent_program_at_all_names_what_to_install(
    here: Here, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write({"prd.md": PRD})
    bare = tmp_path / "bin"
    bare.mkdir()
    git = next(Path(folder, "git") for folder in os.environ["PATH"].split(":") if Path(folder, "git").exists())
    (bare / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.setattr(sys, "executable", str(bare / "python"))

    told = refused(here, repository, "prd.md", code=4)

    assert "no agent CLI found" in told
    assert "--agent simulated" in told


def test_a_level_that_is_not_to_be_had_is_never_replaced_by_a_weaker_one(here: Here, repository: Repository) -> None:
    settings = {"version": 1, "agents": {"agent-1": {"use": "command", "command": ["true"]}}}
    repository.write({"prd.md": PRD, "squad.yaml": json.dumps(settings)})

    told = refused(here, repository, "prd.md", "-y", "--enforce", "hook", code=4)

    assert "enforcement level 'hook'" in told
    assert "agree, detect" in told


def test_commands_nobody_agreed_to_start_nothing(here: Here, repository: Repository) -> None:
    repository.write({"prd.md": PRD, "squad.yaml": "run: {checks: [make check]}\n"})

    assert "check: make check" in refused(here, repository, "prd.md", "--agent", "simulated", code=6)
    assert not (here.folder / ".squad").exists()


def test_the_folder_of_another_tool_is_not_touched(here: Here, repository: Repository) -> None:
    repository.write({"prd.md": PRD, ".squad/memory/notes.md": "theirs"})

    assert "belongs to another tool: squad does not know memory" in refused(here, repository, "prd.md", "--agent", "simulated")
    assert [path.name for path in (here.folder / ".squad").iterdir()] == ["memory"]


def test_a_repository_without_a_commit(tmp_path: Path, here: Here) -> None:
    fresh = Repository.init(tmp_path / "fresh", commit=False)
    fresh.write({"prd.md": PRD})

    said = here("run", "prd.md", "--agent", "simulated", cwd=fresh.root)

    assert said.code == 3
    assert "no commit yet" in said.err
    assert "git commit" in said.err
    assert not (fresh.root / ".squad").exists()


@pytest.mark.parametrize(("name", "told"), [("rebase-merge", "git rebase --continue"), ("MERGE_HEAD", "git merge --continue")])
def test_a_rebase_or_merge_in_progress(here: Here, repository: Repository, name: str, told: str) -> None:
    repository.write({"prd.md": PRD, f".git/{name}": ""})

    said = here("run", "prd.md", "--agent", "simulated")

    assert (said.code, told in said.err) == (3, True)
    assert not (here.folder / ".squad").exists()


def test_a_bug_in_squad_ends_with_70_and_keeps_the_details(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("injected")

    monkeypatch.setattr("orchestrator.cli.context.find", broken)

    said = here("status", "--json")

    assert (said.code, said.error["message"]) == (70, "a bug in squad: ZeroDivisionError: injected")
    details = Path(said.error["hint"].removeprefix("the details are in "))
    assert "ZeroDivisionError: injected" in details.read_text()
    details.unlink()


DENIED = PermissionError(13, "Permission denied", "/somewhere")


@pytest.mark.parametrize("error", [DENIED, ExceptionGroup("tasks", [DENIED])])
def test_a_disk_that_refuses_is_no_bug(here: Here, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("orchestrator.cli.context.find", broken)

    said = here("status")

    assert (said.code, said.err) == (3, "squad: cannot use /somewhere: Permission denied\nsee to its permissions and the disk\n")
