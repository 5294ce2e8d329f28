"""`diff`, `merge`, `discard` of a run in the project's own folder: what agents did, and nothing of the user's."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs, shell

SHARED = {"isolation": {"mode": "shared"}}
LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
CHANGED = LINES.replace("one", "ONE")
WORK = "printf 'ONE\\n' > T; tail -n +2 a.txt >> T; cat T > a.txt; rm T; echo new > new.txt; rm gone.txt"

pytestmark = pytest.mark.usefixtures("at_detect")


@pytest.fixture
def run(repository: Repository) -> Runs:
    repository.commit({"a.txt": LINES, "gone.txt": "gone\n", "notes.md": "notes\n"})
    return Runs(repository)


def worked(run: Runs, script: str = WORK, *, settings: Mapping[str, object] = SHARED) -> Ran:
    return run(shell("T1", script, writes=["a.txt", "new.txt", "gone.txt", "T"]), settings=settings)


def own(repository: Repository) -> str:
    """Give what git says of everything but what the test itself put there."""
    return repository.git("status", "--porcelain", "--", ":!squad.yaml", ":!tasks.yaml")


def contents(repository: Repository) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in repository.root.iterdir() if path.is_file()}


def test_what_an_agent_did_is_shown_and_what_the_user_did_is_not(run: Runs, here: Here) -> None:
    run.repository.write({"a.txt": LINES.replace("seven", "mine")})
    assert worked(run).code == 0
    run.repository.write({"notes.md": "mine too\n"})

    shown = here.ok("diff")

    assert [row for row in shown.splitlines() if row[0] in "+-" and row[:3] not in {"+++", "---"}] == [
        "-one",
        "+ONE",
        "-gone",
        "+new",
    ]
    assert [row["path"] for row in here.json("diff", "T1")["files"]] == ["a.txt", "gone.txt", "new.txt"]
    assert "3 files changed" in here.ok("diff", "--stat")


def test_merge_commits_it_as_the_agents_beside_the_users_own_changes(run: Runs, here: Here) -> None:
    repository = run.repository
    repository.git("config", "user.name", "Ada")
    repository.write({"a.txt": LINES.replace("seven", "mine"), "staged.txt": "s\n"})
    repository.git("add", "staged.txt", "a.txt")
    assert worked(run).code == 0
    before = repository.head()
    files = contents(repository)

    said = here.ok("merge")

    assert said == f"committed T1 to main; your own changes are as they were\nundo: git reset --soft {before}\n"
    assert repository.git("show", "-s", "--format=%an|%cn|%s", "HEAD") == "agent-1|Ada|Do T1"
    assert repository.show("HEAD", "a.txt") == CHANGED.rstrip()
    assert own(repository) == "M  a.txt\nA  staged.txt"
    assert repository.show("", "a.txt") == CHANGED.replace("seven", "mine").rstrip(), "what was staged is staged still"
    assert contents(repository) == files
    assert here.ok("merge") == "nothing to merge: main has all that agents did\n"


def test_merge_takes_only_what_is_new_since_the_last_time(run: Runs, here: Here) -> None:
    first = shell("T1", "echo one > one.txt", writes=["one.txt"])
    second = shell("T2", "echo two >> one.txt; test -e ready", writes=["one.txt"], needs=["T1"])
    assert run(first, second, settings=SHARED, run={"attempts": 1}).code == 1
    assert here.ok("merge").startswith("committed T1 to main")
    assert run.repository.show("HEAD", "one.txt") == "one"

    assert here.ok("merge") == "nothing to merge: main has all that agents did\n"
    assert here.json("merge")["tasks"] == []
    assert own(run.repository) == " M one.txt", "what a task that failed has left stays where it is"


def test_what_the_user_has_committed_by_hand_is_not_taken_again(run: Runs, here: Here) -> None:
    first = shell("T1", "sed -i s/one/ONE/ a.txt", writes=["a.txt"])
    assert run(first, shell("T2", "sed -i s/ONE/TWO/ a.txt", writes=["a.txt"], needs=["T1"]), settings=SHARED).code == 0
    run.repository.git("commit", "--quiet", "--message", "All of it", "a.txt")

    assert here.ok("merge") == "nothing to merge: main has all that agents did\n"


@pytest.mark.parametrize("staged", [False, True], ids=["committed", "staged"])
def test_merge_is_refused_where_both_changed_the_same(run: Runs, here: Here, staged: bool) -> None:  # noqa: FBT001
    repository = run.repository
    assert worked(run).code == 0
    repository.write({"a.txt": LINES.replace("one", "another")})
    repository.git("add", "a.txt")
    if not staged:
        repository.git("commit", "--quiet", "--message", "Mine")
    repository.write({"a.txt": CHANGED})
    index, head = (repository.root / ".git" / "index").read_bytes(), repository.head()

    said = here("merge")

    assert said.code == 1
    assert said.err.startswith("squad: a.txt: what agents wrote there meets ")
    assert "nothing was committed" in said.err
    assert ((repository.root / ".git" / "index").read_bytes(), repository.head()) == (index, head)


def test_merge_stores_files_as_the_repository_wants_them(run: Runs, here: Here) -> None:
    run.repository.commit({".gitattributes": "*.txt text\n"})
    assert worked(run, "printf 'a\\r\\n' > new.txt").code == 0

    here.ok("merge")

    assert run.repository.show("HEAD", "new.txt") == "a"
    assert (run.repository.root / "new.txt").read_bytes() == b"a\r\n"
    assert own(run.repository) == ""


def test_merge_leaves_out_what_lies_in_a_repository_of_its_own(run: Runs, here: Here) -> None:
    inner = Repository.init(run.repository.root / "inner")
    assert run(shell("T1", "echo x > inner/x.txt; echo a > new.txt", writes=["inner/", "new.txt"]), settings=SHARED).code == 0

    said = here("merge")

    assert "left out, since they lie in repositories of their own (commit them there): inner/x.txt" in said.err
    assert run.repository.git("show", "--name-only", "--format=", "HEAD") == "new.txt"
    assert inner.git("status", "--porcelain") == "?? x.txt"


def test_discard_takes_back_what_agents_did_and_leaves_what_a_person_did_since(run: Runs, here: Here) -> None:
    repository = run.repository
    repository.write({"loose.txt": "l\n"})
    assert worked(run).code == 0
    repository.write({"a.txt": CHANGED.replace("seven", "mine"), "notes.md": "mine\n"})

    assert here("discard").code == 6
    said = here.ok("discard", "-y")

    assert said.startswith("dropped tasks-1; taken back: 3 files\nundo: git --git-dir=")
    assert own(repository) == " M a.txt\n M notes.md\n?? loose.txt"
    assert (repository.root / "a.txt").read_text(encoding="utf-8") == LINES.replace("seven", "mine")
    undo = said.partition("undo: ")[2]
    dropped = here("merge")
    assert (dropped.code, undo.strip() in dropped.err) == (1, True), "what was dropped is not committed"
    subprocess.run(["sh", "-c", undo], cwd=repository.root, check=True)
    assert (repository.root / "a.txt").read_text(encoding="utf-8") == CHANGED.replace("seven", "mine")
    assert own(repository) == " M a.txt\n D gone.txt\n M notes.md\n?? loose.txt\n?? new.txt"
    assert here.ok("merge").startswith("committed T1 to main")


def test_discard_names_what_was_changed_too_much_to_be_taken_back(run: Runs, here: Here) -> None:
    assert worked(run).code == 0
    run.repository.write({"new.txt": "all mine\n"})

    assert "left as they are, since they were changed further: new.txt" in here.ok("discard", "-y")
    assert own(run.repository) == "?? new.txt"


def test_discard_after_a_merge_leaves_the_files(run: Runs, here: Here) -> None:
    assert worked(run).code == 0
    here.ok("merge")

    assert here.ok("discard", "-y") == "dropped tasks-1; it was merged, so the files stay\n"
    assert own(run.repository) == ""


def test_without_git_it_can_be_looked_at_and_taken_back_but_not_merged(tmp_path: Path) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    run, here = Runs(Repository(root)), Here(root)
    run.repository.write({"a.txt": LINES, "gone.txt": "gone\n"})
    assert worked(run, settings={}).code == 0

    assert "+ONE" in here.ok("diff")
    refused = here("merge")
    assert (refused.code, "worked in a folder without git" in refused.err) == (1, True)
    assert "taken back: 3 files" in here.ok("discard", "-y")
    assert (root / "a.txt").read_text(encoding="utf-8") == LINES
    assert sorted(path.name for path in root.glob("*.txt")) == ["a.txt", "gone.txt"]
