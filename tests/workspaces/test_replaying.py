"""Changes put upon another state: what stands as it did moves, what moved apart is merged, and nothing is guessed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.git import Git
from orchestrator.workspaces.hidden import Change, Row
from orchestrator.workspaces.replaying import GONE, Replay, reverse, rows_of
from tests.support.repositories import Repository


def row(repository: Repository, text: str, mode: str = "100644") -> Row:
    blob = Git(repository.root).run("hash-object", "-w", "--stdin", stdin=text).strip()
    return Row(mode=mode, blob=blob)


def text(repository: Repository, one: Row) -> str:
    return Git(repository.root).run("cat-file", "blob", one.blob)


def test_both_sides_are_kept_where_they_do_not_meet(repository: Repository) -> None:
    old, new, ours = (row(repository, body) for body in ("1\n2\n3\n4\n5\n", "1 new\n2\n3\n4\n5\n", "1\n2\n3\n4\n5 ours\n"))
    onto = Replay(git=Git(repository.root), rows={"a": ours})

    done = onto.put({"a": Change(old=old, new=new)})

    assert text(repository, done["a"]) == "1 new\n2\n3\n4\n5 ours\n"
    assert (onto.at("a"), onto.conflicts) == (done["a"], set())


@pytest.mark.parametrize(
    ("ours", "old", "new"),
    [("1 ours\n", "1\n", "1 new\n"), ("1 ours\n", "1\n", None), (None, "1\n", "1 new\n"), ("\0ours", "\0", "\0new")],
    ids=["same line", "removed", "not there", "no text"],
)
def test_what_cannot_be_put_there_is_named_and_stays(
    repository: Repository, ours: str | None, old: str | None, new: str | None
) -> None:
    rows = [GONE if body is None else row(repository, body) for body in (ours, old, new)]
    onto = Replay(git=Git(repository.root), rows={"a": rows[0]})

    assert onto.put({"a": Change(old=rows[1], new=rows[2])}) == {}
    assert (onto.at("a"), onto.conflicts) == (rows[0], {"a"})


def test_a_mode_moves_with_its_own_side(repository: Repository) -> None:
    old, new = row(repository, "1\n"), row(repository, "1\n", "100755")
    onto = Replay(git=Git(repository.root), rows={"a": row(repository, "1\n2\n")})

    [moved] = onto.put({"a": Change(old=old, new=new)}).values()

    assert (moved.mode, text(repository, moved)) == ("100755", "1\n2\n")


ROWS = st.sampled_from([GONE, *(Row(mode="100644", blob=f"{number:040x}") for number in range(1, 4))])


@given(st.dictionaries(st.sampled_from("abc"), st.lists(ROWS, min_size=2, max_size=4)))
def test_what_was_put_there_can_be_taken_back(histories: dict[str, list[Row]]) -> None:
    onto = Replay(git=Git(Path("/nowhere")), rows={path: states[0] for path, states in histories.items()})
    steps = [
        {path: Change(old=states[at], new=states[at + 1]) for path, states in histories.items() if len(states) > at + 1}
        for at in range(3)
    ]

    for step in steps:
        onto.put(step)
    assert {path: onto.at(path) for path in histories} == {path: states[-1] for path, states in histories.items()}
    for step in reversed(steps):
        onto.put(reverse(step))

    assert onto.conflicts == set()
    assert {path: onto.at(path) for path in histories} == {path: states[0] for path, states in histories.items()}


def test_the_rows_of_a_tree_are_its_files(repository: Repository) -> None:
    repository.commit({"deep/ä b.txt": "x\n"})

    assert {path: one.mode for path, one in rows_of(Git(repository.root), "HEAD").items()} == {
        "README.md": "100644",
        "deep/ä b.txt": "100644",
    }
