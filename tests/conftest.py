"""What all tests share: options, a home of their own, a repository, the command line, and runs in one process."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.project import Project, find
from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.repositories import Repository

_SWITCHES = {
    "soak": "long runs and large draws",
    "benchmark": "ratios against a peer measured in the same run",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, meaning in _SWITCHES.items():
        parser.addoption(f"--{name}", action="store_true", help=f"run these too: {meaning}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for name in _SWITCHES:
        if not config.getoption(f"--{name}"):
            left_out = pytest.mark.skip(reason=f"only with --{name}")
            for item in items:
                if name in item.keywords:
                    item.add_marker(left_out)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that belongs to the test: nothing of the user's is read or written."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "SQUAD_SOCKET", "SQUAD_TOKEN", "AGENT_ID", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A fresh repository with one commit."""
    return Repository.init(tmp_path / "project")


@pytest.fixture
def squad(repository: Repository) -> Iterator[Squad]:
    """The command line in that repository; whatever it started in the background is ended with the test."""
    with Squad(repository.root) as command:
        yield command


@pytest.fixture
def here(repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command line in that repository, in the test's own process; for commands that start nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Here(repository.root, capsys, monkeypatch.chdir)


@pytest.fixture
def project(repository: Repository) -> Project:
    """Give a prepared project in a repository."""
    found = find(repository.root)
    prepare(found, now=0.0)
    return found
