"""Pages for agents: which are there, and which a program has to be told of."""

from pathlib import Path

import pytest

from orchestrator.adapters.known import own_page
from orchestrator.claims import Claim
from orchestrator.pages import committed, lying, unread
from tests.support.repositories import Repository

PAGES = {"AGENTS.md": "a", "CLAUDE.md": "c", "web/AGENTS.md": "wa", "api/v1/CLAUDE.md": "ac"}


@pytest.mark.parametrize(
    ("program", "writes", "named"),
    [
        ("claude", [], ["AGENTS.md"]),
        ("codex", [], ["CLAUDE.md"]),
        ("gemini", [], ["AGENTS.md", "CLAUDE.md"]),
        ("command", [], ["AGENTS.md", "CLAUDE.md"]),
        ("claude", ["web/src/a.ts"], ["AGENTS.md", "web/AGENTS.md"]),
        ("claude", ["api/"], ["AGENTS.md"]),
        ("codex", ["web/src/a.ts"], ["CLAUDE.md", "web/AGENTS.md"]),  # it reads its own at the root of its workspace only
        ("codex", ["api/v1/a.py", "docs/"], ["CLAUDE.md", "api/v1/CLAUDE.md"]),
        ("command", ["**/*.ts"], ["AGENTS.md", "CLAUDE.md", "web/AGENTS.md", "api/v1/CLAUDE.md"]),
        ("aider", None, ["AGENTS.md", "CLAUDE.md"]),
    ],
)
def test_a_program_is_told_of_what_it_does_not_read_near_its_task(
    program: str, writes: list[str] | None, named: list[str]
) -> None:
    claims = None if writes is None else [Claim(path) for path in writes]

    assert list(unread(PAGES, own_page(program), claims)) == named


def test_of_pages_that_say_the_same_none_is_named_twice_and_none_that_is_read_already() -> None:
    same = {"AGENTS.md": "x", "CLAUDE.md": "x", "web/AGENTS.md": "x"}

    assert unread(same, own_page("claude"), [Claim("web/")]) == ("web/AGENTS.md",)
    assert unread(same, own_page("command"), []) == ("AGENTS.md",)


def test_pages_of_a_commit_are_found_wherever_they_lie_and_what_is_not_committed_is_not(repository: Repository) -> None:
    commit = repository.commit(
        {"AGENTS.md": "a\n", "web/ui/CLAUDE.md": "b\n", "docs/MY-AGENTS.md": "c\n", "q/AGENTS.md/x": "d\n"}
    )
    repository.write({"GEMINI.md": "untracked\n"})

    assert set(committed(repository.root, commit)) == {"AGENTS.md", "web/ui/CLAUDE.md"}


@pytest.mark.parametrize("text", ["@AGENTS.md\n", "# Claude\n\n@./AGENTS.md\n\nMore.\n"])
def test_a_page_that_imports_another_says_what_that_one_says(repository: Repository, text: str) -> None:
    commit = repository.commit({"AGENTS.md": "Use tabs.\n", "CLAUDE.md": text})

    assert unread(committed(repository.root, commit), own_page("claude"), None) == ()


def test_a_link_to_another_page_says_what_that_one_says(repository: Repository) -> None:
    (repository.root / "CLAUDE.md").symlink_to("AGENTS.md")
    (repository.root / "GEMINI.md").symlink_to("elsewhere.md")
    repository.write({"AGENTS.md": "Use tabs.\n"})
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Pages")
    commit = repository.head()

    assert unread(committed(repository.root, commit), own_page("codex"), None) == ("GEMINI.md",)


def test_without_git_the_pages_on_the_way_to_the_tasks_are_found(tmp_path: Path) -> None:
    for name in ("AGENTS.md", "web/CLAUDE.md", "far/away/AGENTS.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")

    assert set(lying(tmp_path, [Claim("web/src/a.ts"), Claim("api/")])) == {"AGENTS.md", "web/CLAUDE.md"}
