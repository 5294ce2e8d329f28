"""What tests of commands share: projects in every situation, prepared once."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.situations import Places, environment_of, programs_in


@pytest.fixture(scope="session")
def places(runtime: Path) -> Iterator[Places]:
    """Give a folder for prepared projects, with a home of its own."""
    with tempfile.TemporaryDirectory(prefix="squad-", dir="/tmp", ignore_cleanup_errors=True) as name:
        room, home = Path(name), Path(name) / "home"
        home.mkdir()
        for folder in (room, home):
            folder.chmod(0o777)
        yield Places(room, environment_of(home, runtime, programs_in(room / "bin")))


@pytest.fixture
def around(places: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Call commands in the surroundings of the prepared projects."""
    for name, value in places.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return places
