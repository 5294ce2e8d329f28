"""Paths that are opened to a confined agent and closed again while it runs."""

import mmap
import os
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.leash import Holder, start
from orchestrator.leash.holders import Looked, Mounts
from tests.support import escaping
from tests.support.confined import needs
from tests.support.inmates import Agent, agent
from tests.support.leashing import followed, on_leash
from tests.support.waiting import soon, until

pytestmark = needs(Means.BUBBLEWRAP)

#: Some names as people make them, and one as nobody should.
NAMES = ["plain", "with space", "line\nbreak", "ünïcode-ß", "quote'\"$(x)", "-rf", "caf\udce9"]


async def test_a_file_is_writable_while_it_is_open(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        said = [await one.tries("write", "shared/file")]
        assert await one.leashed.open(one.shared / "file") is None
        said.append(await one.tries("write", "shared/file"))
        said.append(await one.tries("create", "shared/new"))
        assert await one.leashed.close(one.shared / "file") == ()
        said.append(await one.tries("write", "shared/file"))

    assert said == [False, True, False, False]


async def test_in_an_open_folder_everything_can_be_done(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        during = [await one.tries(what, "shared/file") for what in ("move_over", "write", "chmod", "utimes", "remove", "create")]
        await one.leashed.close(one.shared)
        after = [await one.tries(what, "shared/file") for what in ("move_over", "write", "chmod", "utimes", "remove")]

    assert (during, after) == ([True] * 6, [False] * 5)


@pytest.mark.parametrize("name", NAMES)
async def test_a_path_is_opened_by_whatever_name_it_has(tmp_path: Path, name: str) -> None:
    path = tmp_path / "shared" / name / name
    async with agent(tmp_path) as one:
        assert await one.leashed.open(path) is None
        path.parent.joinpath("pointer").symlink_to(path)
        assert "\n" in name or await one.tries("write", path)
        assert await one.leashed.close(path) == ()
        assert "\n" in name or not await one.tries("write", path)

    assert path.exists() == ("\n" not in name)


@pytest.mark.parametrize("at", ["file", "deep"])
async def test_what_is_opened_twice_is_closed_with_the_second_closing(tmp_path: Path, at: str) -> None:
    path = tmp_path / "shared" / at
    target = path if at == "file" else path / "x"
    async with agent(tmp_path) as one:
        said = []
        for act in (one.leashed.open, one.leashed.open, one.leashed.close, one.leashed.close, one.leashed.open):
            assert not await act(path)
            said.append(await one.tries("write", target))

    assert said == [True, True, True, False, True]


@pytest.mark.parametrize("first", ["outer", "inner"])
async def test_a_path_stays_open_while_one_above_it_is(tmp_path: Path, first: str) -> None:
    outer, inner = tmp_path / "shared", tmp_path / "shared" / "deep"
    order = (outer, inner) if first == "outer" else (inner, outer)
    async with agent(tmp_path) as one:
        for path in order:
            assert await one.leashed.open(path) is None
        await one.leashed.close(inner)
        both = [await one.tries("write", "shared/file"), await one.tries("write", "shared/deep/x")]
        await one.leashed.close(outer)
        none = [await one.tries("write", "shared/file"), await one.tries("write", "shared/deep/x")]

    assert (both, none) == ([True, True], [False, False])


@pytest.mark.parametrize("first", ["outer", "inner"])
async def test_a_path_stays_open_when_the_one_above_it_is_closed(tmp_path: Path, first: str) -> None:
    outer, inner = tmp_path / "shared", tmp_path / "shared" / "deep"
    order = (outer, inner) if first == "outer" else (inner, outer)
    async with agent(tmp_path) as one:
        for path in order:
            assert await one.leashed.open(path) is None
        await one.leashed.close(outer)
        said = [await one.tries("write", "shared/file"), await one.tries("write", "shared/deep/x")]
        await one.leashed.close(inner)
        said.append(await one.tries("write", "shared/deep/x"))

    assert said == [False, True, False]


async def test_a_hold_from_before_the_folder_above_was_opened_counts(tmp_path: Path) -> None:
    """The mount of the inner path is covered by the outer one's then, and was once forgotten."""
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "file")
        await one.tries("keep_open", one.shared / "file")
        await one.leashed.open(one.shared)
        await one.leashed.close(one.shared)
        held = await one.leashed.close(one.shared / "file", patience=0.0)

    assert [one.path for one in held] == [str(tmp_path / "shared" / "file")]


async def test_what_was_writable_from_the_start_stays_so(tmp_path: Path) -> None:
    async with agent(tmp_path, writable=(tmp_path / "shared" / "deep",)) as one:
        for path in (one.shared, one.shared / "deep", tmp_path / "own"):
            await one.leashed.open(path)
        for path in (tmp_path / "own", one.shared / "deep", one.shared):
            assert await one.leashed.close(path) == ()
        said = [await one.tries("write", at) for at in ("own/x", "shared/deep/x", "shared/file")]

    assert said == [True, True, False]


async def test_what_is_protected_stays_so_in_an_open_folder(tmp_path: Path) -> None:
    async with agent(tmp_path, protected=(tmp_path / "shared" / "held" / "deep",)) as one:
        await one.leashed.open(one.shared)
        said = [await one.tries("write", "shared/held/x"), await one.tries("write", "shared/held/deep/x")]
        said.append(await one.tries("replace_folder", tmp_path / "shared" / "held" / "deep" / "x"))
        said.append(await one.tries("replace_folder", tmp_path / "shared" / "held" / "x"))
        await one.leashed.close(one.shared)
        said.append(await one.tries("write", "shared/held/x"))

    assert said == [True, False, False, False, False]


# what does not exist yet


@pytest.mark.parametrize("is_folder", [False, True])
async def test_what_does_not_exist_is_made_and_vanishes_again_if_nobody_used_it(tmp_path: Path, is_folder: bool) -> None:  # noqa: FBT001
    path = tmp_path / "shared" / "new" / "deeper" / "thing"
    async with agent(tmp_path) as one:
        assert await one.leashed.open(path, folder=is_folder) is None
        assert (path.is_dir(), path.is_file()) == (is_folder, not is_folder)
        await one.leashed.close(path)
        assert not (one.shared / "new").exists()

        assert await one.leashed.open(path, folder=is_folder) is None
        assert await one.tries("write", path / "x" if is_folder else path)
        await one.leashed.close(path)
        assert path.exists()
        assert not await one.tries("write", path)


async def test_an_empty_file_that_the_agent_touched_is_its_work(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "new" / "__init__.py")
        assert await one.tries("touch", "shared/new/__init__.py")
        await one.leashed.close(one.shared / "new" / "__init__.py")

    assert (tmp_path / "shared" / "new" / "__init__.py").read_bytes() == b""


async def test_what_was_made_for_an_agent_that_ends_vanishes_with_it(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "new" / "file")

    assert sorted(path.name for path in one.shared.iterdir()) == ["deep", "file", "held"]


# what is refused


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("own/link/file", "a symlink stands in its way"),
        ("own/link", "a symlink stands in its way"),
        ("own/../shared", "it is not a plain absolute path"),
        ("own/fifo", "it is neither a file nor a folder"),
        ("hidden/secret", "the agent does not see it"),
    ],
)
async def test_what_cannot_be_opened_says_why(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "secret").touch()
    async with agent(tmp_path, hidden=(tmp_path / "hidden",)) as one:
        (tmp_path / "own" / "link").symlink_to(tmp_path / "shared")
        os.mkfifo(tmp_path / "own" / "fifo")

        assert await one.leashed.open(Path(f"{tmp_path}/{path}")) == reason
        assert not await one.tries("write", "shared/file")


async def test_what_the_agent_has_put_in_the_place_is_not_opened(tmp_path: Path) -> None:
    """A private folder may hold anything at a path that means something else outside."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "file").write_text("outside", encoding="utf-8")
    confinement = Confinement(
        means=Means.BUBBLEWRAP, writable=(tmp_path / "own",), private={tmp_path / "place": tmp_path / "mine"}
    )
    (tmp_path / "own").mkdir()
    spec = on_leash(tmp_path, (sys.executable, "-I", "-S", escaping.__file__), keep_stdin=True, grace=1.0)
    async with start(replace(spec, confinement=confinement)) as leashed, followed(leashed):
        one = Agent(folder=tmp_path, leashed=leashed, spec=spec)
        await one.tries("write", tmp_path / "place" / "file")

        assert await leashed.open(tmp_path / "place" / "file") == "something of the agent's own stands there"

    assert (tmp_path / "place" / "file").read_text(encoding="utf-8") == "outside"


async def test_what_is_not_open_cannot_be_closed(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        assert await one.leashed.close(one.shared) == ()
        await one.leashed.open(one.shared)
        assert await one.tries("write", "shared/file")


async def test_a_question_to_an_agent_that_is_gone_has_its_answer(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        one.leashed.stop(0.1)
        reason = await one.leashed.open(one.shared / "late")
        await soon(lambda: one.leashed.is_over, "its end")

    assert reason in {None, "the agent is gone", "the keeper of the mounts ended"}
    assert await one.leashed.open(one.shared) == "the agent is gone"
    assert await one.leashed.close(one.shared) == ()


async def test_an_agent_without_walls_can_write_anyway(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, ("/bin/cat",), keep_stdin=True)
    async with start(spec) as leashed, followed(leashed):
        assert await leashed.open(tmp_path) == "this attempt is not confined"


# what others do meanwhile


async def test_a_file_replaced_from_outside_is_opened_again(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "file")
        (tmp_path / "new").write_text("replaced\n", encoding="utf-8")
        (tmp_path / "new").rename(one.shared / "file")
        lost = await one.tries("write", "shared/file")
        assert await one.leashed.close(one.shared / "file") == ()
        assert await one.leashed.open(one.shared / "file") is None
        again = await one.tries("write", "shared/file")
        assert await one.leashed.close(one.shared / "file") == ()
        after = await one.tries("write", "shared/file")

    assert (lost, again, after) == (False, True, False)
    assert (tmp_path / "shared" / "file").read_text(encoding="utf-8") == "replaced\nstray\n"


async def test_a_folder_made_anew_from_outside_is_opened_again(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "deep")
        (one.shared / "deep").rmdir()
        (one.shared / "deep").mkdir()
        lost = await one.tries("write", "shared/deep/x")
        await one.leashed.close(one.shared / "deep")
        await one.leashed.open(one.shared / "deep")
        again = await one.tries("write", "shared/deep/x")

    assert (lost, again) == (False, True)


async def test_who_works_in_a_folder_that_is_closed_stays_in_it(tmp_path: Path) -> None:
    """A mount that is taken away leaves whoever works in it nowhere."""
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        assert await one.tries("change_to", one.shared)
        await one.leashed.close(one.shared)
        assert await one.tries("is_in", one.shared)
        assert not await one.tries("write", "file")


# who holds on


async def test_whoever_holds_a_closed_file_open_for_writing_is_named(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        await one.tries("keep_open", one.shared / "file")

        [holder] = await one.leashed.close(one.shared, patience=0.0)

        command = " ".join(one.spec.argv)
        assert holder == Holder(pid=one.leashed.pid, command=command, path=str(one.shared / "file"))


async def test_a_closing_waits_for_whoever_lets_go_in_time(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        await one.tries("keep_open", one.shared / "file")
        one.leashed.send(f"let_go_later {one.shared / 'file'}\n".encode())

        assert await one.leashed.close(one.shared, patience=60.0) == ()
        assert not await one.tries("write", "shared/file")


async def test_a_closing_waits_for_the_end_of_whoever_holds_on(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        await one.tries("child_keeps_open", one.shared / "file")

        assert await one.leashed.close(one.shared, patience=60.0) == ()


async def test_other_paths_are_opened_while_a_closing_waits(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared / "file")
        await one.tries("keep_open", one.shared / "file")
        one.leashed._send({"op": "close", "path": str(one.shared / "file"), "patience": 60.0, "id": 0})

        assert await one.leashed.open(one.shared / "deep") is None
        assert await one.tries("write", "shared/deep/x")


@pytest.mark.parametrize("how", ["keep_mapped", "keep_copy", "keep_folder_of_copy"])
async def test_whoever_keeps_a_way_in_without_an_open_file_is_named(tmp_path: Path, how: str) -> None:
    async with agent(tmp_path) as one:
        (one.shared / "file").write_bytes(b"x" * mmap.PAGESIZE)
        await one.leashed.open(one.shared)
        assert await one.tries(how, one.shared / "file")

        holders = await one.leashed.close(one.shared, patience=0.0)

        assert holders
        family = {process.pid for process in psutil.Process(one.leashed.leash_pid).children(recursive=True)}
        named = {holder.pid for holder in holders if not holder.command.startswith("sleep ")}  # of its loop, soon gone
        assert named
        assert named <= family
        assert {holder.path for holder in holders} <= {"a copy of the mounts", str(one.shared), str(one.shared / "file")}
    until(lambda: not [pid for pid in family if psutil.pid_exists(pid)], "the end of all")


async def test_what_no_list_of_open_files_shows_is_named_all_the_same(tmp_path: Path) -> None:
    """Each of these once was a way to write on after the end of a lock: a path counted as closed, and stayed writable."""
    ways = {
        "keep_on_its_way": "descriptors that lie in a socket",
        "keep_in_ring": "descriptors that are registered with io_uring",
        "keep_in_a_thread": str(tmp_path / "shared" / "keep_in_a_thread"),
        "keep_without_a_leader": str(tmp_path / "shared" / "keep_without_a_leader"),
        "keep_mapped_to_read": str(tmp_path / "shared" / "keep_mapped_to_read"),
    }
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        for way in ways:
            (one.shared / way).write_bytes(b"x" * mmap.PAGESIZE)
        done = [way for way in ways if await one.tries(way, one.shared / way)]

        holders = await one.leashed.close(one.shared, patience=0.0)

    assert {holder.path for holder in holders} == {ways[way] for way in done}
    assert set(ways) - set(done) <= {"keep_in_ring"}, "which not every kernel allows"


async def test_a_path_that_cannot_be_turned_is_not_called_closed_although_nobody_is_seen_to_hold_it(tmp_path: Path) -> None:
    """A call that waits holds its file, whoever closes the descriptor meanwhile."""
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        assert await one.tries("keep_in_a_call", one.shared / "file")

        [holder] = await one.leashed.close(one.shared, patience=0.0)

    assert holder.path == "something that is open for writing, and that no process shows"


async def test_a_copy_of_the_mounts_around_something_protected_is_named(tmp_path: Path) -> None:
    """In a folder that is the agent's the copy shows a locked file without what keeps it read-only, and once was not seen."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").touch()
    async with agent(tmp_path, protected=(tmp_path / "own" / "file",)) as one:
        file = tmp_path / "own" / "file"
        assert await one.leashed.open(tmp_path / "own", folder=True, wanted=file) is None
        assert await one.tries("keep_copy", file)

        holders = await one.leashed.close(tmp_path / "own", patience=0.0, wanted=file)

    assert {holder.path for holder in holders} == {"a copy of the mounts"}


def test_a_mapped_file_that_is_not_where_its_name_says_is_one_of_a_copy(tmp_path: Path) -> None:
    """Its namespace may be gone, and with it everything that led there."""
    file = tmp_path / "file"
    file.touch()
    found = file.stat()
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    closed = [(f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}", "/shared")]
    looked = Looked(set(), closed, set(), Mounts(""), str(tmp_path / "shared"))

    assert looked.mapping(device, found.st_ino, str(file)) == ""
    assert looked.mapping(device, found.st_ino, "/file-of-a-copy") == "a copy of the mounts"
    assert looked.mapping("ff:ff", found.st_ino, "/of-another-disk") == ""
    assert looked.mapping(device, 1, f"{tmp_path}/shared/x") == f"{tmp_path}/shared/x"


async def test_reading_holds_nothing(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await one.leashed.open(one.shared)
        assert await one.tries("keep_reading", one.shared / "file")

        assert await one.leashed.close(one.shared, patience=0.0) == ()
