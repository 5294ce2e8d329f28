"""The one tree in which all agents work: evidence without git, and nobody is blamed for another's work."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.git import Git
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import find
from orchestrator.workspaces import Signed, Work
from orchestrator.workspaces.shared import Beside, SharedTree
from tests.support.repositories import Repository

RUN = RunId("demo-1")
ONE, TWO = AttemptId("T1.1"), AttemptId("T2.1")
SIGNED = Signed(agent=AgentId("agent-1"), title="Write it", trailers={})


@dataclass
class Tree:
    root: Path
    beside: dict[AttemptId, Beside] = field(default_factory=dict)

    def open(self) -> SharedTree:
        return SharedTree(project=find(self.root), run=RUN, beside=lambda attempt: self.beside.get(attempt, Beside()))

    def write(self, name: str, text: str = "new\n") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def harvest(self, shared: SharedTree, attempt: AttemptId = ONE) -> Work:
        return shared.harvest(attempt, self.root, base=None, signed=SIGNED)

    def changed(self, do: Callable[[], object]) -> tuple[str, ...]:
        shared = self.open()
        shared.make(ONE, self.root, start=None)
        do()
        return self.harvest(shared).paths


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "plain"
    root.mkdir()
    made = Tree(root)
    made.write("a.txt", "a\n")
    made.write("b.txt", "b\n")
    prepare(find(root), now=0.0)
    return made


def test_the_folder_itself_is_the_workspace_and_stays_without_git(tree: Tree) -> None:
    shared = tree.open()

    assert shared.folder(ONE) == tree.root
    assert shared.branch(ONE) is None
    assert not shared.make(ONE, tree.root, start=None)
    assert not (tree.root / ".git").exists()


def test_what_changed_since_the_start_of_an_attempt_is_told_and_kept(tree: Tree) -> None:
    def work() -> None:
        tree.write("new.txt")
        tree.write("a.txt", "changed\n")
        (tree.root / "b.txt").unlink()

    assert tree.changed(work) == ("a.txt", "b.txt", "new.txt")
    kept = Git(find(tree.root).state / "shadow.git")
    assert kept.line("show", "refs/squad/kept/demo-1/T1.1:a.txt") == "changed"
    assert kept.line("show", "refs/squad/before/demo-1/T1.1:b.txt") == "b"


def test_what_another_task_under_way_may_write_is_left_to_that_one(tree: Tree) -> None:
    tree.beside = {ONE: Beside(others=("b.txt",), alone=False), TWO: Beside(others=("a.txt",), alone=False)}
    shared = tree.open()
    shared.make(ONE, tree.root, start=None)
    shared.make(TWO, tree.root, start=None)
    tree.write("a.txt", "one's\n")
    tree.write("b.txt", "two's\n")

    assert tree.harvest(shared, ONE).paths == ("a.txt",)
    assert tree.harvest(shared, TWO).paths == ("b.txt",)


def test_what_an_earlier_attempt_left_in_the_own_write_set_counts(tree: Tree) -> None:
    """Done again in the tree that held its work already, a task was once `unchanged`, and failed for it."""
    again = AttemptId("T1.2")
    tree.beside = {again: Beside(own=("new.txt",))}
    shared = tree.open()
    shared.make(ONE, tree.root, start=None)
    tree.write("new.txt")
    tree.write("stray.txt")
    shared.make(again, tree.root, start=None)

    assert tree.harvest(shared, again).paths == ("new.txt",)


def test_the_base_of_an_attempt_outlives_the_supervisor(tree: Tree) -> None:
    tree.open().make(ONE, tree.root, start=None)
    tree.write("new.txt")

    assert tree.harvest(tree.open()).paths == ("new.txt",)


def test_an_attempt_that_never_began_left_nothing(tree: Tree) -> None:
    assert tree.harvest(tree.open()) == Work(commit=None, paths=())


def test_a_foreign_change_is_kept_but_not_taken_back_since_another_may_have_made_it(tree: Tree) -> None:
    shared = tree.open()
    shared.make(ONE, tree.root, start=None)
    tree.write("a.txt", "scribbled\n")
    work = tree.harvest(shared)

    ref = shared.set_aside(ONE, tree.root, work, ("a.txt",), base=None)

    assert Git(find(tree.root).state / "shadow.git").line("show", f"{ref}:a.txt") == "scribbled"
    assert (tree.root / "a.txt").read_text(encoding="utf-8") == "scribbled\n"


@pytest.mark.parametrize("commits", [True, False])
def test_changes_in_a_repository_inside_are_seen(tree: Tree, commits: bool) -> None:  # noqa: FBT001
    inner = Repository.init(tree.root / "inner", commit=commits)
    inner.write({"x.txt": "x\n"})

    def work() -> None:
        inner.write({"x.txt": "changed\n", "y.txt": "y\n"})
        tree.write("new.txt")

    assert tree.changed(work) == ("inner/x.txt", "inner/y.txt", "new.txt")
    assert inner.git("status", "--porcelain", check=False) == ("?? x.txt\n?? y.txt")


def test_an_empty_repository_inside_does_not_stop_the_evidence(tree: Tree) -> None:
    Repository.init(tree.root / "inner", commit=False)

    assert tree.changed(lambda: tree.write("new.txt")) == ("new.txt",)


def test_ignored_folders_and_by_products_are_no_evidence(tree: Tree) -> None:
    tree.write(".gitignore", "huge/\n")

    def work() -> None:
        for name in ("huge/data.bin", "node_modules/x.js", "src/__pycache__/x.pyc", ".squad/comms/x", "src/x.py"):
            tree.write(name)

    assert tree.changed(work) == ("src/x.py",)


def test_what_cannot_be_read_does_not_stop_the_evidence(tree: Tree) -> None:
    (tree.root / "loop").symlink_to("loop")
    os.mkfifo(tree.root / "pipe")
    tree.write("secret.txt")
    (tree.root / "secret.txt").chmod(0)

    assert tree.changed(lambda: tree.write("new.txt")) == ("new.txt",)


def test_in_a_repository_the_users_own_index_and_branch_are_not_touched(repository: Repository) -> None:
    repository.write({"staged.txt": "staged\n", "loose.txt": "loose\n"})
    repository.git("add", "staged.txt")
    prepare(find(repository.root), now=0.0)
    before = repository.git("status", "--porcelain=v2"), repository.git("for-each-ref"), repository.head()

    assert Tree(repository.root).changed(lambda: (repository.root / "README.md").write_text("x", encoding="utf-8")) == (
        "README.md",
    )

    repository.git("checkout", "--", "README.md")
    assert (repository.git("status", "--porcelain=v2"), repository.git("for-each-ref"), repository.head()) == before


def test_the_lock_of_a_killed_git_does_not_stop_the_evidence(tree: Tree) -> None:
    tree.open().make(ONE, tree.root, start=None)
    (find(tree.root).state / "shadow.git" / "index.lock").touch()
    tree.write("new.txt")

    assert tree.harvest(tree.open()).paths == ("new.txt",)
