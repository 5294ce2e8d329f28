"""Commands under a lock where the agent's own walls cannot be opened: Landlock, in whole runs without bubblewrap."""

import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import events as ev
from orchestrator.enforcement.confinement import Means
from orchestrator.leash import beside, kernel, processes
from tests.support.confined import needs
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell
from tests.support.waiting import until

pytestmark = needs(Means.LANDLOCK)

SCRIPT = r"""set +e; mkdir -p src
said() { echo "$1: $?"; }
(echo stray > shared/one.txt) 2>/dev/null; said before
squad with-lock shared/held.txt -- sh -c 'touch src/holds; while [ ! -e src/go ]; do sleep 0.02; done' &
until [ -e src/holds ]; do sleep 0.02; done
squad with-lock shared/two.txt -- sh -c '(echo stray > shared/held.txt) 2>/dev/null && echo held was written'
touch src/go; wait $!
squad agent lock shared/one.txt || said lock
FOO=bar squad with-lock shared/one.txt -- sh -c '
  echo "$FOO $(cat) $(basename "$PWD")" > shared/one.txt
  (echo stray > shared/two.txt) 2>/dev/null && echo two was written
  squad with-lock shared/made.txt -- sh -c "echo nested > shared/made.txt && echo more >> shared/one.txt"
  squad with-lock shared/ -- true
  exit 7' <<X || said inside
stdin
X
(echo stray > shared/one.txt) 2>/dev/null || said after
squad with-lock shared/one.txt -- sh -c '(sleep 0.3; echo late >> shared/one.txt) & echo $! > src/left'
said daemon
kill -0 $(cat src/left) 2>/dev/null || said its-daemon
squad with-lock shared/one.txt -- sh -c 'trap "exit 3" TERM; touch src/waits; sleep 30 & wait' &
until [ -e src/waits ]; do sleep 0.02; done
kill $! && wait $! || said signalled
squad with-lock shared/one.txt -- sh -c 'squad with-lock shared/made.txt -- sh -c "echo \$\$ > src/inner; exec sleep 60" &
  while ! [ -s src/inner ]; do sleep 0.02; done'
kill -0 $(cat src/inner) 2>/dev/null || said its-inner
squad with-lock shared/one.txt -- no-such-program || said missing
squad with-lock 'shared/*.txt' -- true || said pattern
squad with-lock op:deploy -- true; said operation
"""


def programs_without(name: str, folder: Path) -> str:
    """Give a PATH on which everything is but one program."""
    folder.mkdir()
    for place in dict.fromkeys(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name != name and not os.path.lexists(folder / program.name):
                (folder / program.name).symlink_to(program)
    return str(folder)


def test_a_command_under_a_lock_writes_what_its_agent_cannot(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`with-lock` once was refused there: a lock was of no use to an agent that Landlock confines."""
    monkeypatch.setenv("PATH", programs_without("bwrap", tmp_path / "programs"))
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    assert shutil.which("bwrap") is None
    repository.commit({".gitignore": ".squad/\n", "shared/one.txt": "one\n", "shared/two.txt": "two\n"})

    ran = Runs(repository)(shell("T1", SCRIPT, writes=["src/"]))

    log = (repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log").read_text(encoding="utf-8")
    told = dict(line.split(": ") for line in log.splitlines() if line.count(": ") == 1 and line[-1].isdigit())
    wanted = {
        "lock": 1,
        "inside": 7,
        "after": 2,
        "daemon": 0,
        "its-daemon": 1,
        "signalled": 3,
        "its-inner": 1,
        "missing": 127,
        "pattern": 1,
    }
    assert told == {name: str(code) for name, code in {"before": 2, **wanted, "operation": 0}.items()}
    assert "run what writes it under the lock: squad with-lock shared/one.txt -- CMD" in log
    assert "two was written" not in log
    assert "held was written" not in log
    assert [one.outcome for one in ran.all(ev.AttemptEnded)] == ["done"]
    assert repository.show("squad/tasks-1", "shared/one.txt").splitlines() == ["bar stdin T1.1", "more"]
    assert repository.show("squad/tasks-1", "shared/made.txt") == "nested"
    assert {one.path for one in ran.all(ev.LockReleased)} >= {"shared/one.txt", "shared/made.txt", "op:deploy"}


@pytest.fixture
def asker() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


class Running:
    """A command beside, without a leash and a run around it."""

    def __init__(self, folder: Path, asker: int, *argv: str, writable: Sequence[tuple[str, bool]] = ()) -> None:
        self.told: list[dict[str, Any]] = []
        confine = {"private": {}, "writable": [str(folder)], "protected": []}
        asked = {"id": 1, "argv": argv, "pid": asker, "line": 0, "writable": writable}
        self.beside = beside.Beside(confine, asked, self.told.append)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.beside.read, selectors.EVENT_READ)

    def end(self) -> dict[str, Any]:
        """Hear it out; gives what is told of its end."""
        while not self.beside.hear(self.selector):
            pass
        self.selector.close()
        os.waitpid(self.beside.father, 0)
        return self.told[0]


def open_here() -> list[str]:
    return sorted(str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if os.path.lexists(one))


def is_alive(pid: int) -> bool:
    return not processes.parents().get(pid, (0, 0, True))[2]


def test_what_ends_a_tree_gently_ends_the_command_and_not_its_father(tmp_path: Path, asker: int) -> None:
    """Its death was told as the command's end, and the lock was free while the command lived on."""
    script = f'trap "sleep 0.1; echo late > {tmp_path}/late; exit 5" TERM; touch {tmp_path}/waits; while :; do sleep 0.02; done'
    running = Running(tmp_path, asker, "sh", "-c", script)
    until((tmp_path / "waits").exists, "the command")

    processes.signal_all([running.beside.father, *processes.descendants(running.beside.father)], signal.SIGTERM)

    assert running.end()["code"] == 5
    assert (tmp_path / "late").exists()


def test_nothing_of_a_command_whose_father_is_killed_is_left_when_its_end_is_told(tmp_path: Path, asker: int) -> None:
    running = Running(tmp_path, asker, "sh", "-c", f"sleep 600 & echo $! > {tmp_path}/below; touch {tmp_path}/waits; wait")
    until((tmp_path / "waits").exists, "the command")
    running.beside.hear(running.selector)

    os.kill(running.beside.father, signal.SIGKILL)

    assert running.end()["code"] == 128 + signal.SIGKILL
    assert not is_alive(running.beside.pid)
    assert not is_alive(int((tmp_path / "below").read_text(encoding="utf-8")))


def test_a_command_leaves_no_descriptor_open_and_no_file_that_it_did_not_write(tmp_path: Path, asker: int) -> None:
    before = open_here()

    with pytest.raises(OSError, match="plain"):
        Running(tmp_path, asker, "true", writable=[(f"{tmp_path}/made", False), ("/../one", False)])
    assert not (tmp_path / "made").exists()
    assert Running(tmp_path, asker, "true", writable=[(f"{tmp_path}/made", False)]).end()["code"] == 0

    assert not (tmp_path / "made").exists()
    assert open_here() == before


def test_a_signal_that_comes_before_the_command_is_known_reaches_it(tmp_path: Path, asker: int) -> None:
    """It once was dropped, and the command ran on."""
    running = Running(tmp_path, asker, "sleep", "600")

    running.beside.signal(signal.SIGTERM)

    assert running.end()["code"] == 128 + signal.SIGTERM


def test_no_signal_is_sent_to_the_number_of_a_command_whose_end_was_told(
    tmp_path: Path, asker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running(tmp_path, asker, "sh", "-c", f"until [ -e {tmp_path}/go ]; do sleep 0.02; done")
    running.beside.hear(running.selector)
    assert running.beside.pid
    (tmp_path / "go").touch()
    until(lambda: not is_alive(running.beside.father), "its end")
    sent: list[int] = []

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", lambda _pid, number: sent.append(number))
        running.beside.signal(signal.SIGTERM)

    assert running.end()["code"] == 0
    assert sent == []


def test_a_process_that_is_not_of_the_agent_lends_a_command_nothing(tmp_path: Path) -> None:
    """Its number may have been an agent's, and be another's by now."""
    ended = Running(tmp_path, os.getppid(), "touch", f"{tmp_path}/made").end()

    assert (ended["code"], ended["fault"]) == (beside.NOT_RUN, "the process that asked for it has ended")
    assert not (tmp_path / "made").exists()


def test_only_a_command_that_is_missing_is_told_as_not_found(tmp_path: Path, asker: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was gone once was told as "command not found"; a wall that could not be built as a kill."""
    missing = Running(tmp_path, asker, "no-such-program").end()
    (tmp_path / "cwd").mkdir()
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path / "cwd") as nowhere:
        (tmp_path / "cwd").rmdir()
        homeless = Running(tmp_path, nowhere.pid, "true").end()
        nowhere.kill()
    monkeypatch.setattr(kernel, "landlock_restrict", lambda _rules: 1 / 0)
    unwalled = Running(tmp_path, asker, "true").end()

    assert [one["code"] for one in (missing, homeless, unwalled)] == [beside.NOT_FOUND, beside.NOT_RUN, beside.NOT_RUN]
