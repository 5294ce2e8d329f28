"""What attempts wrote, by git's numbers."""

import shutil
from pathlib import Path

from orchestrator.model import RunId
from orchestrator.project import find
from orchestrator.state import AttemptStatus, State
from orchestrator.workspaces.written import Lines, written
from tests.support.repositories import Repository


def attempt(base: str | None, commit: str | None, *paths: str) -> AttemptStatus:
    return AttemptStatus(
        task="T1", agent="agent-1", number=1, workspace="/gone", branch=None, base=base, commit=commit, paths=list(paths)
    )


def state(**attempts: AttemptStatus) -> State:
    return State(run=RunId("demo-1"), branch="squad/demo-1", attempts=attempts)


def test_lines_are_counted_whatever_a_file_is_called_and_holds(repository: Repository) -> None:
    odd = "tab\tnew\nline 1 2\n"
    base = repository.commit({"a.txt": "1\n2\n3\n", "gone.txt": "x\ny\n", odd: "a\n"}, "Base")
    (repository.root / "gone.txt").unlink()
    (repository.root / "picture").write_bytes(b"\0\1\2")
    repository.write({"a.txt": "1\nzwei\n3\n4\n", odd: "a\nb\n", "moved.txt": "x\ny\n"})
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Work")
    commit = repository.head()

    found = written(find(repository.root), state(one=attempt(base, commit, "a.txt", odd, "gone.txt", "picture", "moved.txt")))

    assert found["one"] == {
        "a.txt": Lines(2, 1),
        odd: Lines(1, 0),
        "gone.txt": Lines(0, 2),
        "picture": Lines(None, None),
        "moved.txt": Lines(2, 0),
    }


def test_attempts_of_the_same_span_and_of_none_are_told_apart(repository: Repository) -> None:
    base = repository.head()
    commit = repository.commit({"a.txt": "1\n", "others.txt": "1\n"})

    found = written(
        find(repository.root),
        state(
            one=attempt(base, commit, "a.txt"),
            two=attempt(base, commit, "others.txt"),
            nothing=attempt(commit, commit),
            unstarted=attempt(base, None),
            baseless=attempt(None, commit, "a.txt"),
        ),
    )

    assert found == {"one": {"a.txt": Lines(1, 0)}, "two": {"others.txt": Lines(1, 0)}, "nothing": {}}


def test_what_git_has_no_more_is_left_out_and_the_rest_is_told(repository: Repository) -> None:
    base = repository.head()
    commit = repository.commit({"a.txt": "1\n"})

    found = written(find(repository.root), state(one=attempt(base, commit, "a.txt"), lost=attempt("1" * 40, commit, "a.txt")))

    assert found == {"one": {"a.txt": Lines(1, 0)}}


def test_without_a_repository_nothing_is_told_and_nothing_fails(repository: Repository, tmp_path: Path) -> None:
    commit = repository.head()
    project = find(repository.root)
    shutil.rmtree(repository.root / ".git")

    assert written(project, state(one=attempt(commit, commit, "a.txt"))) == {}
    shared = State(run=RunId("demo-1"), branch=None, attempts={"one": attempt(None, commit, "a.txt")})
    assert written(find(tmp_path), shared) == {}
