"""What all tests share: options, a home of their own, a repository, the command line, and runs in one process."""

import ctypes
import io
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from orchestrator import platform
from orchestrator.adoption import prepare
from orchestrator.project import Project, find
from tests.support.commands import Squad
from tests.support.conformance.subjects import LACKS
from tests.support.conformance.table import printed, results
from tests.support.here import Here
from tests.support.repositories import Repository

_SWITCHES = {
    "soak": "long runs and large draws",
    "benchmark": "ratios against a peer measured in the same run",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, meaning in _SWITCHES.items():
        parser.addoption(f"--{name}", action="store_true", help=f"run these too: {meaning}")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how examples are drawn, and take SIGINT back.

    Without --soak the same examples are drawn each time, so that a change never fails by chance for what it did not touch.
    A script that puts the tests in the background starts them, and all that they start, deaf to SIGINT.
    """
    drawn = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
    settings.register_profile("landing", drawn, max_examples=30, derandomize=True)
    settings.register_profile("soak", drawn, max_examples=1000, print_blob=True)
    settings.load_profile("soak" if config.getoption("--soak") else "landing")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for name in _SWITCHES:
        if not config.getoption(f"--{name}"):
            left_out = pytest.mark.skip(reason=f"only with --{name}")
            for item in items:
                if name in item.keywords:
                    item.add_marker(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the conformance table, if any of it was tried."""
    reports = [report for kind in ("passed", "failed", "skipped", "error") for report in terminalreporter.getreports(kind)]
    if cells := results(report for report in reports if isinstance(report, pytest.TestReport)):
        terminalreporter.section("conformance")
        for line in printed(cells, LACKS):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def runtime() -> Iterator[Path]:
    """A folder for the sockets of projects whose own paths are too long for one, as pytest's are."""
    with tempfile.TemporaryDirectory(prefix="squad-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that belongs to the test: nothing of the user's is read or written."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "SQUAD_SOCKET", "SQUAD_TOKEN", "AGENT_ID", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # a thousand commands would compile the package again
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


@pytest.fixture(autouse=True)
def adoption() -> Iterator[None]:
    """A run in the test's own process adopts orphans, as every supervisor does; those of later tests are not its own."""
    yield
    if platform.LINUX:
        ctypes.CDLL(None).prctl(platform._SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def at_detect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let agents do what the kernel would refuse: what is tried is what squad makes of it afterwards."""
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "detect")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A fresh repository with one commit; agents may leave marks for the test beside it, whatever confines them."""
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCEMENT__WRITABLE", f"[{tmp_path}]")
    return Repository.init(tmp_path / "project")


@pytest.fixture
def squad(repository: Repository) -> Iterator[Squad]:
    """The command line in that repository; whatever it started in the background is ended with the test."""
    with Squad(repository.root) as command:
        yield command


@pytest.fixture
def here(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command line in that repository, in the test's own process, with nothing to read."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Here(repository.root)


@pytest.fixture
def project(repository: Repository) -> Project:
    """Give a prepared project in a repository."""
    found = find(repository.root)
    prepare(found, now=0.0)
    return found
