"""What an agent does to git hides no change from squad."""

import os
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.git import Git
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import find
from orchestrator.workspaces import Signed
from orchestrator.workspaces.branch import IntegrationBranch
from orchestrator.workspaces.worktree import Worktrees
from tests.support.repositories import IDENTITY, Repository

RUN, FIRST, SECOND = RunId("demo-1"), AttemptId("T1.1"), AttemptId("T2.1")
SIGNED = Signed(agent=AgentId("agent-1"), title="Write it", trailers={})


def worktrees(repository: Repository) -> Worktrees:
    project = find(repository.root)
    prepare(project, now=0.0)
    IntegrationBranch(project=project, run=RUN, place=project.folder / "worktrees").create(repository.head())
    return Worktrees(project=project, run=RUN, place=project.folder / "worktrees")


def made(trees: Worktrees, attempt: AttemptId, base: str) -> Path:
    folder = trees.folder(attempt)
    trees.make(attempt, folder, start=base)
    trees.finish(folder)
    return folder


@pytest.mark.parametrize(
    "hidden",
    [
        ["update-index --assume-unchanged a.txt"],
        ["update-index --skip-worktree a.txt"],
        ["config core.checkStat minimal", "config core.trustctime false"],
        ["config filter.hide.clean 'git show HEAD:a.txt'"],
        ["sparse-checkout set --no-cone /nothing"],
        ["checkout --quiet --orphan fresh"],
        ["replace HEAD HEAD^{tree}"],
    ],
)
def test_a_change_is_seen_whatever_git_is_told_of_it(repository: Repository, hidden: list[str]) -> None:
    base = repository.commit({"a.txt": "theirs\n", "b.txt": "b\n"})
    trees = worktrees(repository)
    folder = made(trees, FIRST, base)
    (Path(find(folder).state).parent / "info" / "attributes").write_text("a.txt filter=hide\n", encoding="utf-8")
    before = (folder / "a.txt").stat()
    for command in hidden:
        Git(folder).attempt("-c", "alias.x=!git " + command, *IDENTITY, "x")
    (folder / "a.txt").write_text("strays\n", encoding="utf-8")
    os.utime(folder / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))

    work = trees.harvest(FIRST, folder, base=base, signed=SIGNED)

    assert "a.txt" in work.paths
    assert repository.show(work.commit or "", "a.txt") == "strays"


def test_what_an_agent_has_set_does_not_fill_the_next_workspace(repository: Repository) -> None:
    base = repository.commit({"a.txt": "theirs\n"})
    trees = worktrees(repository)
    made(trees, FIRST, base)
    repository.git("config", "core.autocrlf", "true")

    folder = made(trees, SECOND, base)

    assert (folder / "a.txt").read_bytes() == b"theirs\n"
    assert trees.harvest(SECOND, folder, base=base, signed=SIGNED).paths == ()


def test_work_is_never_committed_to_a_branch_that_an_agent_has_put_its_workspace_on(repository: Repository) -> None:
    base = repository.commit({"a.txt": "theirs\n"})
    trees = worktrees(repository)
    folder = made(trees, FIRST, base)
    Git(folder).run("symbolic-ref", "HEAD", "refs/heads/main")
    (folder / "mine.txt").write_text("mine\n", encoding="utf-8")

    work = trees.harvest(FIRST, folder, base=base, signed=SIGNED)

    assert repository.head() == base
    assert work.paths == ("mine.txt",)
    assert Git(folder).line("symbolic-ref", "HEAD") == "refs/heads/squad-work/demo-1/T1.1"


def test_a_foreign_change_in_an_agents_own_commits_is_not_in_the_history_that_is_integrated(repository: Repository) -> None:
    base = repository.commit({"a.txt": "theirs\n"})
    trees = worktrees(repository)
    folder = made(trees, FIRST, base)
    Repository(folder).commit({"a.txt": "stray\n"}, "Not mine")
    Repository(folder).commit({"mine.txt": "mine\n"}, "Mine")
    work = trees.harvest(FIRST, folder, base=base, signed=SIGNED)

    ref = trees.set_aside(FIRST, folder, work, ("a.txt",), base=base)
    clean = trees.harvest(FIRST, folder, base=base, signed=SIGNED)

    assert clean.paths == ("mine.txt",)
    assert repository.git("log", "--format=%s", f"{base}..{clean.commit}") == "Write it"
    assert repository.git("log", "--format=%s", f"{base}..{ref}").splitlines() == ["Mine", "Not mine"]


def test_the_users_own_rules_and_settings_still_count(repository: Repository, home: Path) -> None:
    rules = home / "config" / "git"
    rules.mkdir(parents=True)
    (rules / "ignore").write_text("scratch/\n", encoding="utf-8")
    repository.git("config", "filter.shout.clean", "tr a-z A-Z")
    base = repository.commit({".gitattributes": "*.loud filter=shout\n"})
    trees = worktrees(repository)
    folder = made(trees, FIRST, base)
    Repository(folder).write({"scratch/x": "x", "a.loud": "word\n"})

    work = trees.harvest(FIRST, folder, base=base, signed=SIGNED)

    assert work.paths == ("a.loud",)
    assert repository.show(work.commit or "", "a.loud") == "WORD"
