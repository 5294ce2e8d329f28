"""Agents that stand in a folder, or have it open, when something in it is opened to them and closed again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.scope import opening
from tests.support.confined import needs
from tests.support.inmates import Agent, agent
from tests.support.waiting import soon

pytestmark = needs(Means.BUBBLEWRAP)


async def opened(one: Agent, path: Path, *, wanted: str = "") -> None:
    """Open a path as squad does: of a file its folder, with what stands beside it held back."""
    if not wanted:
        assert await one.leashed.open(path, folder=True) is None
        return
    door = opening(path / wanted)
    assert await one.leashed.open(door.path, folder=door.is_folder, wanted=door.wanted, beside=door.beside) is None


async def closed(one: Agent, path: Path, *, wanted: str = "") -> None:
    assert await one.leashed.close(path, wanted=path / wanted if wanted else None) == ()


async def each(one: Agent, what: str, names: Sequence[str]) -> list[bool]:
    return [await one.tries(what, name) for name in names]


@pytest.mark.parametrize("name", ["file", "new"])
@pytest.mark.parametrize("at", ["", "deep", "held/deep"])
async def test_a_file_is_opened_to_who_stands_in_its_folder(tmp_path: Path, at: str, name: str) -> None:
    """Once the folder that a shell stood in stayed read-only for it: the shell looked past the new mount."""
    folder = tmp_path / "shared" / at
    folder.mkdir(parents=True, exist_ok=True)
    for entry in ("file", "beside"):
        (folder / entry).touch()
    async with agent(tmp_path) as one:
        assert await one.tries("change_to", folder)
        before = await each(one, "write", [name, "beside"])
        await opened(one, folder, wanted=name)
        during = [await one.tries("write", name), await one.tries("replace", name), await one.tries("write", "beside")]
        await closed(one, folder, wanted=name)
        after = [*await each(one, "write", [name, "beside"]), await one.tries("replace", name)]

    assert (before, during, after) == ([False, False], [True, True, False], [False, False, False])


async def test_a_file_is_opened_to_who_has_its_folder_open(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        assert await one.tries("keep_folder", one.shared / "deep")
        said = [await one.tries("write_in_kept_folder", "x")]
        await opened(one, one.shared / "deep", wanted="x")
        said.append(await one.tries("write_in_kept_folder", "x"))
        await closed(one, one.shared / "deep", wanted="x")
        said.append(await one.tries("write_in_kept_folder", "x"))

    assert said == [False, True, False]


@pytest.mark.parametrize("at", ["shared", "shared/held", "shared/held/deep"])
async def test_a_folder_is_opened_to_who_stands_in_it_or_deeper(tmp_path: Path, at: str) -> None:
    async with agent(tmp_path) as one:
        assert await one.tries("change_to", tmp_path / at)
        said = [await one.tries("write", "x")]
        await opened(one, one.shared)
        said += [await one.tries("write", "x"), await one.tries("replace", "x"), await one.tries("is_in", tmp_path / at)]
        await closed(one, one.shared)
        said += [await one.tries("write", "x"), await one.tries("write", tmp_path / "shared" / "file")]

    assert said == [False, True, True, True, False, False]


async def test_what_is_opened_a_second_time_is_opened_to_who_stands_in_it(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        assert await one.tries("change_to", one.shared / "held")
        said = []
        for where, wanted in ((one.shared / "held", "a"), (one.shared, ""), (one.shared / "held", "b"), (one.shared, "")):
            await opened(one, where, wanted=wanted)
            said.append(await one.tries("replace", wanted or "c"))
            await closed(one, where, wanted=wanted)
            said.append(await one.tries("write", wanted or "c"))

    assert said == [True, False] * 4


async def test_in_an_open_folder_one_thing_is_renamed_to_another_wherever_it_lies(tmp_path: Path) -> None:
    """Its folders are mounts beforehand, over whose borders nothing can be renamed; in an open folder they must be none."""
    async with agent(tmp_path) as one:
        await opened(one, one.shared)
        said = await each(one, "rename_to", ["shared/file shared/deep/file", "shared/held shared/deep/held"])
        said.append(await one.tries("remove_all", "shared/deep"))
        await closed(one, one.shared)
        said.append(await one.tries("create", "shared/x"))

    assert said == [True, True, True, False]


async def test_a_folder_made_while_it_was_open_is_opened_to_who_stands_in_it_later(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        await opened(one, one.shared)
        (one.shared / "young").mkdir()
        await closed(one, one.shared)
        await opened(one, one.shared, wanted="file")  # which comes after all that follows a closing
        await closed(one, one.shared, wanted="file")
        assert await one.tries("change_to", one.shared / "young")
        await opened(one, one.shared / "young", wanted="x")

        assert await one.tries("replace", "x")


async def test_what_is_protected_stays_so_for_who_stands_above_it_or_in_it(tmp_path: Path) -> None:
    async with agent(tmp_path, protected=(tmp_path / "shared" / "held" / "deep",)) as one:
        said = []
        for folder in ("held", "held/deep"):
            assert await one.tries("change_to", one.shared / folder)
            await opened(one, one.shared)
            said.append([await one.tries("write", "x"), await one.tries("write", one.shared / "held" / "deep" / "x")])
            await closed(one, one.shared)

    assert said == [[True, False], [False, False]]


# several things that are open at once


async def test_two_files_of_one_folder_are_open_at_once(tmp_path: Path) -> None:
    """The second opening once held back what the first had opened: it stood beside."""
    for name in ("a", "b", "c"):
        (tmp_path / "shared" / "deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "shared" / "deep" / name).touch()
    async with agent(tmp_path) as one:
        said = []
        folder = one.shared / "deep"
        for act, wanted in ((opened, "a"), (opened, "b"), (closed, "a"), (closed, "b")):
            await act(one, folder, wanted=wanted)
            said.append(await each(one, "replace", [f"shared/deep/{name}" for name in "abc"]))

    assert said == [[True, False, False], [True, True, False], [False, True, False], [False, False, False]]


async def test_a_folder_that_was_open_for_one_file_is_opened_with_all_in_it(tmp_path: Path) -> None:
    """What was held back beside the file once stayed so when the whole folder was opened."""
    (tmp_path / "shared" / "held").mkdir(parents=True)
    (tmp_path / "shared" / "beside").touch()
    tries = ["shared/file", "shared/beside", "shared/held/x"]
    async with agent(tmp_path) as one:
        said = []
        for act, wanted in ((opened, "file"), (opened, ""), (closed, ""), (opened, ""), (closed, "file"), (closed, "")):
            await act(one, one.shared, wanted=wanted)
            said.append(await each(one, "replace", tries))

    only, everything, nothing = [True, False, False], [True] * 3, [False] * 3
    assert said == [only, everything, only, everything, everything, nothing]


async def test_a_folder_beside_an_open_file_is_closed_with_its_own_closing(tmp_path: Path) -> None:
    async with agent(tmp_path) as one:
        said = []
        await opened(one, one.shared, wanted="file")
        await opened(one, one.shared / "deep")
        said.append(await each(one, "write", ["shared/file", "shared/deep/x", "shared/held/x"]))
        await closed(one, one.shared / "deep")
        said.append(await each(one, "write", ["shared/file", "shared/deep/x", "shared/held/x"]))

    assert said == [[True, True, False], [True, False, False]]


async def test_what_stands_beside_is_held_back_before_its_folder_is_opened(tmp_path: Path) -> None:
    """Once the folder was writable first, for as long as it took to hold back the rest."""
    (tmp_path / "shared" / "many").mkdir(parents=True)
    for number in range(300):
        (tmp_path / "shared" / "many" / f"f{number:03}").touch()
    async with agent(tmp_path) as one:
        one.leashed.send(b"hammer shared/many/f299\n")
        await opened(one, one.shared / "many", wanted="f000")
        (tmp_path / "own" / "stop").touch()
        await soon(one.lines, "its answer")

    assert one.spec.log.read_text(encoding="utf-8").startswith("refused")


async def test_what_is_open_when_a_floor_is_laid_above_it_is_closed_all_the_same(tmp_path: Path) -> None:
    """The floor takes a writable copy of what is open in it along, which once stayed so."""
    async with agent(tmp_path) as one:
        await opened(one, one.shared / "held")
        for name in ("young/er", "young/est"):
            (one.shared / "held" / name).mkdir(parents=True)
        await opened(one, one.shared / "held" / "young" / "er")
        await closed(one, one.shared / "held")  # after which `young` is made a floor
        await opened(one, one.shared / "held" / "deep")
        await closed(one, one.shared / "held" / "deep")
        said = await each(one, "write", ["shared/held/young/er/x", "shared/held/young/est/x"])
        await closed(one, one.shared / "held" / "young" / "er")
        said += await each(one, "write", ["shared/held/young/er/x", "shared/held/young/est/x"])

    assert said == [True, False, False, False]


async def test_what_is_opened_while_the_floors_are_still_laid_is_closed_all_the_same(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / "shared" / f"d{number % 20}" / f"e{number}").mkdir(parents=True)
    async with agent(tmp_path) as one:
        await opened(one, one.shared)
        said = [await one.tries("write", "shared/d19/e399/x")]
        await closed(one, one.shared)
        said.append(await one.tries("write", "shared/d19/e399/x"))
        await opened(one, one.shared / "d19" / "e399")
        said.append(await one.tries("write", "shared/d19/e399/x"))
        await closed(one, one.shared / "d19" / "e399")
        said.append(await one.tries("write", "shared/d19/e399/x"))

    assert said == [True, False, True, False]
