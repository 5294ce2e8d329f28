"""The one tree in which all agents work: evidence without git, and nobody is blamed for another's work."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.claims import Claim
from orchestrator.git import Git
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.parties import Party
from orchestrator.project import find
from orchestrator.workspaces import Doubt, Signed, Work
from orchestrator.workspaces.shared import SharedTree
from tests.support.ordinary_user import bound_by_modes
from tests.support.repositories import Repository

RUN = RunId("demo-1")
ONE, TWO = AttemptId("T1.1"), AttemptId("T2.1")
SIGNED = Signed(agent=AgentId("agent-1"), title="Write it", trailers={})


def party(attempt: AttemptId, *claims: str) -> Party:
    task = attempt.rpartition(".")[0]
    return Party(
        attempt=attempt, task=task, agent=AgentId(f"agent-{task[1:]}"), title=f"Do {task}", claims=tuple(map(Claim, claims))
    )


@dataclass
class Tree:
    root: Path
    parties: list[Party] = field(default_factory=lambda: [party(ONE, ".")])

    def open(self) -> SharedTree:
        return SharedTree(project=find(self.root), run=RUN, company=lambda _: tuple(self.parties))

    def write(self, name: str, text: str = "new\n") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def make(self, shared: SharedTree, *attempts: AttemptId) -> None:
        for attempt in attempts:
            assert not shared.make(attempt, self.root, start=None)

    def harvest(self, shared: SharedTree, attempt: AttemptId = ONE) -> Work:
        return shared.harvest(attempt, self.root, base=None, signed=SIGNED)

    def changed(self, do: Callable[[], object]) -> tuple[str, ...]:
        shared = self.open()
        self.make(shared, ONE)
        do()
        return self.harvest(shared).paths

    @property
    def kept(self) -> Git:
        return Git(find(self.root).state / "shadow.git")

    def written(self) -> list[tuple[str, str]]:
        """Give by whom each path was changed, oldest first."""
        log = self.kept.run("log", "--reverse", "--format=%x01%an", "--name-only", "refs/squad/tree/demo-1")
        pieces = [piece.split() for piece in log.split("\x01")[2:]]  # the first is how the tree stood at the beginning
        return [(author, path) for author, *paths in pieces for path in paths]


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
    assert tree.kept.line("show", "refs/squad/kept/demo-1/T1.1:a.txt") == "changed"
    assert tree.kept.line("show", "refs/squad/before/demo-1/T1.1:b.txt") == "b"


def test_a_by_product_that_a_task_names_is_looked_at_and_no_other(tree: Tree) -> None:
    """A task that declared such a file once ended unchanged."""
    tree.write("vendor/node_modules/there.js")
    tree.parties = [party(ONE, "notes/a.swp", "vendor/node_modules/there.js", "vendor/node_modules/p", "cache/**/*.pyc")]

    def work() -> None:
        for name in ("notes/a.swp", "notes/b.swp", "vendor/node_modules/p/x.js", "vendor/node_modules/y.js", "cache/d/x.pyc"):
            tree.write(name)

    assert tree.changed(work) == ("cache/d/x.pyc", "notes/a.swp", "vendor/node_modules/p/x.js")


def test_what_a_task_left_shut_is_told_of_and_is_not_opened(tree: Tree) -> None:
    """It was left out without a word."""
    shared = tree.open()
    tree.make(shared, ONE)
    for name in ("own/deep/x.txt", "own/shut.txt", "theirs/x.txt", "own/fine.txt"):
        tree.write(name)
    closed = [tree.root / name for name in ("own/deep", "own/shut.txt", "theirs", "a.txt")]
    for path in closed:
        path.chmod(0)

    harvest = partial(shared.harvest, ONE, tree.root, base=None, signed=SIGNED, named=["own", "a.txt"])
    work = bound_by_modes(harvest)

    assert [one.path for one in work.untaken] == ["a.txt", "own/deep", "own/shut.txt"]
    assert {path.stat().st_mode & 0o777 for path in closed} == {0}
    for path in closed:
        path.chmod(0o700)


def test_what_squad_keeps_below_the_tree_is_no_change_of_anybodys(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a home folder an agent was once blamed for squad's journal and evidence, which lie below it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tree.root / "my [own] state"))
    prepare(find(tree.root), now=0.0)

    def work() -> None:
        tree.write("a.txt", "changed\n")
        tree.write("my [own] state/squad/another-1/state.db")
        (find(tree.root).state / "logs").mkdir(exist_ok=True)
        (find(tree.root).state / "logs" / "squad.log").write_text("{}\n", encoding="utf-8")

    assert tree.changed(work) == ("a.txt",)


def test_each_commit_of_the_evidence_holds_the_changes_of_one_author(tree: Tree) -> None:
    """The commit of one agent once held all that had changed in the tree, a person's work too."""
    shared = tree.open()
    tree.parties = []
    tree.make(shared, ONE)
    tree.write("notes.txt", "mine\n")
    tree.parties = [party(ONE, "a.txt")]
    tree.make(shared, TWO)
    tree.parties = [party(ONE, "a.txt"), party(TWO, "b.txt")]
    tree.write("a.txt", "one's\n")
    tree.write("b.txt", "two's\n")
    tree.write("stray.txt")

    assert tree.harvest(shared, ONE).paths == ("a.txt",)
    assert tree.harvest(shared, TWO).paths == ("b.txt",)
    assert tree.written()[0] == ("unsure", "notes.txt")
    assert tree.written()[1:] == [("unsure", "stray.txt"), ("agent-1", "a.txt"), ("agent-2", "b.txt")]


def test_what_two_write_in_turn_under_a_lock_is_parted(tree: Tree) -> None:
    """Both were once said to have changed all of it, or neither."""
    shared = tree.open()
    tree.parties = [party(ONE), party(TWO)]
    tree.make(shared, ONE, TWO)
    for holder in (ONE, TWO):
        other = TWO if holder == ONE else ONE
        tree.parties = [party(holder, "a.txt"), party(other)]
        tree.write("a.txt", f"{(tree.root / 'a.txt').read_text(encoding='utf-8')}{holder}\n")
        shared.look(within="a.txt")

    assert tree.written() == [("agent-1", "a.txt"), ("agent-2", "a.txt")]
    assert (tree.harvest(shared, ONE).paths, tree.harvest(shared, TWO).paths) == (("a.txt",), ("a.txt",))
    assert "+T2.1" in tree.kept.run("show", "refs/squad/tree/demo-1")
    assert "+T1.1" not in tree.kept.run("show", "refs/squad/tree/demo-1")


def test_a_lock_says_nothing_of_what_was_written_before_it(tree: Tree) -> None:
    asked: list[int | None] = []

    def company(besides: int | None) -> tuple[Party, ...]:
        asked.append(besides)
        return (party(ONE, *([] if besides == 7 else ["a.txt"])),)

    shared = SharedTree(project=find(tree.root), run=RUN, company=company)
    tree.make(shared, ONE)
    tree.write("a.txt", "before the lock\n")
    shared.look(within="a.txt", besides=7)
    tree.write("a.txt", "under the lock\n")
    shared.look(within="a.txt")

    assert list(dict.fromkeys(asked)) == [None, 7], "the first was asked before the attempt began"
    assert tree.written() == [("unsure", "a.txt"), ("agent-1", "a.txt")]


def test_doubts_are_told_with_those_who_may_have_done_it(tree: Tree) -> None:
    shared = tree.open()
    tree.parties = [party(ONE, "a.txt"), party(TWO, "b.txt")]
    tree.make(shared, ONE, TWO)
    tree.write("stray.txt")

    assert [(doubt.paths, doubt.among, doubt.attempt) for doubt in tree.harvest(shared).doubts] == [
        (("stray.txt",), ("agent-1", "agent-2"), "")
    ]


def test_who_alone_could_have_done_it_answers_for_it(tree: Tree) -> None:
    tree.parties = [party(ONE, "a.txt")]
    shared = tree.open()
    tree.make(shared, ONE)
    tree.write("stray.txt")

    [doubt] = tree.harvest(shared).doubts
    assert doubt == Doubt(paths=("stray.txt",), among=("agent-1",), why=doubt.why, attempt="T1.1")


def test_a_file_that_the_user_has_uncommitted_changes_in_is_held_against_nobody(repository: Repository) -> None:
    repository.write({"loose.txt": "mine\n"})
    prepare(find(repository.root), now=0.0)
    tree = Tree(repository.root, parties=[party(ONE, "a.txt")])
    shared = tree.open()
    tree.make(shared, ONE)
    tree.write("loose.txt", "mine still\n")

    assert [(doubt.among, doubt.attempt) for doubt in tree.harvest(shared).doubts] == [(("agent-1",), "")]


def test_what_an_earlier_attempt_left_counts_and_what_a_person_did_between_does_not(tree: Tree) -> None:
    """Done again in the tree that held its work already, a task was once `unchanged`, and failed for it."""
    again = AttemptId("T1.2")
    shared = tree.open()
    tree.make(shared, ONE)
    tree.write("new.txt")
    tree.harvest(shared)
    tree.parties = []
    tree.write("a.txt", "a person's\n")
    tree.make(shared, again)
    tree.parties = [party(again, ".")]

    assert tree.harvest(shared, again).paths == ("new.txt",)


def test_what_was_put_back_as_it_was_is_no_change(tree: Tree) -> None:
    shared = tree.open()
    tree.make(shared, ONE)
    tree.write("a.txt", "changed\n")
    tree.write("new.txt")
    shared.look()
    tree.write("a.txt", "a\n")
    (tree.root / "new.txt").unlink()

    assert tree.harvest(shared).paths == ()


def test_the_begin_of_an_attempt_outlives_the_supervisor_and_is_noted_once(tree: Tree) -> None:
    """A resumed run once took the tree as it was by then for the begin of a result that it was still to check."""
    tree.make(tree.open(), ONE)
    tree.write("new.txt")
    tree.make(tree.open(), ONE)

    assert tree.harvest(tree.open()).paths == ("new.txt",)


def test_an_attempt_that_never_began_left_nothing(tree: Tree) -> None:
    assert tree.harvest(tree.open()) == Work(commit=None, paths=())


def test_a_foreign_change_is_kept_but_not_taken_back_since_another_may_have_made_it(tree: Tree) -> None:
    shared = tree.open()
    tree.make(shared, ONE)
    tree.write("a.txt", "scribbled\n")
    work = tree.harvest(shared)

    ref = shared.set_aside(ONE, tree.root, work, ("a.txt",), base=None)

    assert tree.kept.line("show", f"{ref}:a.txt") == "scribbled"
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


def test_in_a_repository_too_changes_in_one_inside_are_seen(repository: Repository) -> None:
    """Git was once asked in its own folder, which lies in the tree, and so told of nothing inside."""
    inner = Repository.init(repository.root / "inner")
    prepare(find(repository.root), now=0.0)

    assert Tree(repository.root).changed(lambda: inner.write({"x.txt": "x\n"})) == ("inner/x.txt",)


def test_an_empty_repository_inside_does_not_stop_the_evidence(tree: Tree) -> None:
    Repository.init(tree.root / "inner", commit=False)

    assert tree.changed(lambda: tree.write("new.txt")) == ("new.txt",)


def test_ignored_folders_and_by_products_are_no_evidence(tree: Tree) -> None:
    tree.write(".gitignore", "huge/\n")

    def work() -> None:
        for name in ("huge/data.bin", "node_modules/x.js", "src/__pycache__/x.pyc", ".squad/comms/x", "src/x.py"):
            tree.write(name)

    assert tree.changed(work) == ("src/x.py",)


def test_what_an_ignore_file_hides_since_the_start_is_looked_at_all_the_same(repository: Repository) -> None:
    repository.commit({"known.gen": "x\n", "theirs.txt": "theirs\n", "deep/theirs.txt": "theirs\n"})
    repository.commit({".gitignore": "*.gen\n"})
    repository.write({"own.gen": "x\n", "untracked.txt": "x\n", "gone.txt": "x\n"})
    prepare(find(repository.root), now=0.0)
    tree = Tree(repository.root, [party(ONE, ".gitignore")])
    seen = ["deep/theirs.txt", "known.gen", "theirs.txt", "untracked.txt"]
    shared = tree.open()
    tree.make(shared, ONE)

    tree.write(".gitignore", "*.txt\n*.gen\ndeep/\n")
    tree.write(".git/info/exclude", "/theirs.txt\nnew.md\n")
    for name in (*seen, "own.gen", "new.md"):
        tree.write(name, "foreign\n")
    (tree.root / "gone.txt").unlink()

    again = tree.open()  # by a supervisor after the one that began
    assert [doubt.paths for doubt in tree.harvest(again).doubts if doubt.attempt == ONE] == [
        ("deep/theirs.txt", "known.gen", "new.md", "theirs.txt")
    ]
    assert [doubt.paths for doubt in tree.harvest(again).doubts if not doubt.attempt] == [("gone.txt", "untracked.txt")]


def test_a_file_beyond_a_link_keeps_no_other_ignored_one_from_being_looked_at(repository: Repository, tmp_path: Path) -> None:
    """Git takes in nothing at all of what it is told together with such a file."""
    repository.commit({"build/a.txt": "a\n", "keep.log": "x\n"})
    repository.commit({".gitignore": "/build\n*.log\n"})
    (repository.root / "build").rename(tmp_path / "elsewhere")
    (repository.root / "build").symlink_to(tmp_path / "elsewhere")
    prepare(find(repository.root), now=0.0)
    tree = Tree(repository.root)

    assert tree.changed(lambda: tree.write("keep.log")) == ("keep.log",)


def test_what_only_the_users_own_excludes_ignore_is_never_copied(repository: Repository, tmp_path: Path) -> None:
    """Secrets that stood in `.git/info/exclude` once came into the hidden repository."""
    (repository.root / ".git" / "info" / "exclude").write_text("/secrets\n", encoding="utf-8")
    (tmp_path / "ignore").write_text("*.key\n", encoding="utf-8")
    repository.git("config", "core.excludesFile", str(tmp_path / "ignore"))
    prepare(find(repository.root), now=0.0)
    tree = Tree(repository.root)

    def work() -> None:
        for name in ("secrets/token", "own.key", "new.txt"):
            tree.write(name)

    assert tree.changed(work) == ("new.txt",)


def test_files_are_kept_byte_for_byte_whatever_attributes_say(repository: Repository) -> None:
    """Line ends that a file of attributes makes equal were once no change."""
    repository.commit({".gitattributes": "* text=auto eol=lf\n", "a.txt": "a\n"})
    prepare(find(repository.root), now=0.0)
    tree = Tree(repository.root)

    assert tree.changed(lambda: (tree.root / "a.txt").write_bytes(b"a\r\n")) == ("a.txt",)
    assert tree.kept.run("show", "refs/squad/tree/demo-1:a.txt") == "a\r\n"


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
    index = (repository.root / ".git" / "index").read_bytes()
    before = repository.git("for-each-ref"), repository.head()

    assert Tree(repository.root).changed(lambda: (repository.root / "README.md").write_text("x", encoding="utf-8")) == (
        "README.md",
    )

    assert (repository.root / ".git" / "index").read_bytes() == index
    assert (repository.git("for-each-ref"), repository.head()) == before


def test_what_has_come_together_is_packed_when_a_run_begins_and_stays(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tree.changed(lambda: tree.write("new.txt")) == ("new.txt",)
    monkeypatch.setattr("orchestrator.workspaces.hidden._MANY", 0)

    SharedTree(project=find(tree.root), run=RunId("demo-2"), company=lambda _: ()).look()

    assert tree.kept.line("count-objects").startswith("0 objects")
    assert tree.written() == [("agent-1", "new.txt")]


def test_the_lock_of_a_killed_git_does_not_stop_the_evidence(tree: Tree) -> None:
    tree.make(tree.open(), ONE)
    (find(tree.root).state / "shadow.git" / "index.lock").touch()
    tree.write("new.txt")

    assert tree.harvest(tree.open()).paths == ("new.txt",)
