"""A run with a program of a version that squad was not tried with."""

from pathlib import Path

import pytest

from tests.support.commands import Squad
from tests.support.programs import Programs
from tests.support.repositories import Repository
from tests.support.runs import Runs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs.only(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(found.folder))
    return found


@pytest.fixture
def runs(repository: Repository) -> Runs:
    return Runs(repository)


def notices(squad: Squad) -> list[str]:
    """Give what a person is told, besides the level that programs are held at, which depends on the machine."""
    return [row["text"] for row in squad.events("Noticed") if " is held at level " not in row["text"]]


def two(agents: dict[str, dict[str, object]]) -> tuple[list[dict[str, object]], dict[str, object]]:
    numbered = enumerate(agents, 1)
    tasks: list[dict[str, object]] = [
        {"id": f"T{n}", "title": f"Write {n}", "writes": [f"{n}.txt"], "agents": [name]} for n, name in numbered
    ]
    return tasks, {"agents": agents}


def test_one_that_tells_its_version_is_warned_of_once_in_the_run_and_in_its_report(
    programs: Programs, runs: Runs, squad: Squad
) -> None:
    programs.claude({"T1.1": [["write", "1.txt"]], "T2.1": [["write", "2.txt"]]}, version="1.0.9")
    tasks, settings = two({"agent-1": {"use": "claude"}, "agent-2": {"use": "claude"}})

    assert runs(*tasks, settings=settings).code == 0

    [text] = notices(squad)
    assert text.startswith("claude 1.0.9 is older than the range known to work, >=2.1.300,<3")
    assert [one for one in squad.json("report")["attention"] if " is held at level " not in one] == [text]


@pytest.mark.parametrize("version", ["2.1.330", "0-fake"])
def test_one_in_the_range_or_of_no_known_version_is_not(programs: Programs, runs: Runs, squad: Squad, version: str) -> None:
    programs.claude({"T1.1": [["write", "1.txt"]]}, version=version)
    tasks, settings = two({"agent-1": {"use": "claude"}})

    assert runs(*tasks, settings=settings).code == 0

    assert notices(squad) == []


def test_a_plain_command_is_asked_beside_the_run(programs: Programs, runs: Runs, squad: Squad, tmp_path: Path) -> None:
    told = tmp_path / "told"
    wait = f'while [ ! -e "{told}" ]; do sleep 0.05; done; echo x > 1.txt'
    programs.script("aider", wait, version=f'echo aider 7.0; : > "{told}"')
    tasks, settings = two({"agent-1": {"use": "aider"}})

    assert runs(*tasks, settings=settings).code == 0

    assert notices(squad)[0].startswith("aider 7.0 is newer than the range known to work")


def test_a_plain_command_that_never_tells_its_version_holds_nothing_up(programs: Programs, runs: Runs, squad: Squad) -> None:
    programs.script("aider", "echo x > 1.txt", version="exec sleep 1000")
    tasks, settings = two({"agent-1": {"use": "aider"}})

    assert runs(*tasks, settings=settings).code == 0
    assert notices(squad) == []


def test_a_command_of_the_users_own_is_never_called_for_its_version(
    programs: Programs, runs: Runs, squad: Squad, tmp_path: Path
) -> None:
    own = programs.script("my-aider", "echo x > 1.txt", version=f": > {tmp_path}/asked; echo 9.9")
    tasks, settings = two({"agent-1": {"use": "aider", "command": [str(own)]}})

    assert runs(*tasks, settings=settings).code == 0
    assert not (tmp_path / "asked").exists()
