"""That only one supervisor works on a project."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adoption import prepare
from orchestrator.holding import OWNER, hold
from orchestrator.project import Project, find
from orchestrator.supervised import Supervised, lock_of, outlast, supervisor_of
from tests.support.repositories import Repository
from tests.support.waiting import until

HERE = str(Path(__file__).parents[1])
#: Holds a project until its stdin ends.
HOLDER = """\
import sys
from pathlib import Path
from orchestrator.holding import hold
from orchestrator.project import find
with hold(find(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a project."""
    argv = [sys.executable, "-c", HOLDER, str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env={**os.environ, "PYTHONPATH": HERE}, **pipes) as other:  # type: ignore[call-overload]  # the pipes
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


def test_a_second_supervisor_is_refused_with_the_first_ones_number(project: Project) -> None:
    with holding(project.root) as other:
        assert supervisor_of(project) == other.pid
        with pytest.raises(Supervised, match=f"process {other.pid}"), hold(project):
            pass


def test_the_folder_thrown_away_does_not_let_a_second_supervisor_in(project: Project) -> None:
    with holding(project.root):
        subprocess.run(["rm", "-rf", str(project.folder)], check=True)
        prepare(project, now=1.0)

        with pytest.raises(Supervised), hold(project):
            pass


def test_two_worktrees_of_one_repository_have_one_supervisor_since_they_share_the_journal(
    repository: Repository, project: Project
) -> None:
    linked = repository.root.parent / "linked"
    repository.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    other = find(linked)
    prepare(other, now=0.0)

    with holding(project.root), pytest.raises(Supervised), hold(other):
        pass


def test_a_killed_supervisor_holds_nothing(project: Project) -> None:
    with holding(project.root) as other:
        other.kill()
        other.wait()

        assert supervisor_of(project) is None
        with hold(project):
            assert supervisor_of(project) == os.getpid()
    assert supervisor_of(project) is None


def test_those_who_only_look_never_keep_a_supervisor_out(project: Project) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            supervisor_of(project)

    onlookers = [threading.Thread(target=look) for _ in range(3)]
    for onlooker in onlookers:
        onlooker.start()
    try:
        for _ in range(30):
            with hold(project):
                pass
    finally:
        over.set()
        for onlooker in onlookers:
            onlooker.join()


def test_what_a_dead_supervisor_still_has_running_is_waited_for(project: Project) -> None:
    helper = subprocess.Popen(["sleep", "60"], env={**os.environ, OWNER: project.key})
    until(lambda: OWNER.encode() in Path(f"/proc/{helper.pid}/environ").read_bytes(), "the helper")
    held = threading.Event()

    def take() -> None:
        with hold(project):
            held.set()

    thread = threading.Thread(target=take)
    thread.start()
    until(lambda: supervisor_of(project), "the lock")
    assert not held.is_set()
    helper.send_signal(signal.SIGKILL)
    helper.wait()
    until(held.is_set, "the project")
    thread.join()


def test_the_end_of_a_supervisor_is_heard_of_although_its_folder_told_of_it_too_early(project: Project) -> None:
    """`squad stop` hung where it looked between the two: the system tells of a file's end before it unlocks the file."""
    with hold(project):
        pass
    held = os.open(lock_of(project), os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with open(lock_of(project), "a", encoding="ascii"):  # noqa: PTH123 - its end is told of, and the lock is still held
        waiting = threading.Thread(target=outlast, args=(project,))
        waiting.start()
    until(lambda: _waits_for(lock_of(project)), "the one who waits for its end")

    os.close(held)

    waiting.join(timeout=60)
    assert not waiting.is_alive()


def test_a_project_is_free_by_the_time_its_folder_tells_of_its_lock(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for changes of the folder, such as `squad wait`, looks but once at each."""
    free: list[bool] = []
    close = os.close

    def closing(descriptor: int) -> None:
        is_held = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
        if is_held and os.path.sameopenfile(descriptor, other):
            free.append(supervisor_of(project) is None)
        close(descriptor)

    with hold(project):
        other = os.open(lock_of(project), os.O_RDONLY)
        monkeypatch.setattr(os, "close", closing)
    monkeypatch.undo()
    os.close(other)

    assert free == [True]


def _waits_for(path: Path) -> bool:
    """Tell whether somebody stands in line for the lock of a file."""
    number = f":{path.stat().st_ino} "
    return any("-> FLOCK" in row and number in row for row in Path("/proc/locks").read_text(encoding="ascii").splitlines())


def test_of_many_processes_at_once_one_holds_the_project_and_when_it_is_killed_the_next_can(project: Project) -> None:
    argv = [sys.executable, "-c", HOLDER, str(project.root)]
    environment = {**os.environ, "PYTHONPATH": HERE}
    for _ in range(2):
        starters = [
            subprocess.Popen(
                argv, text=True, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            for _ in range(8)
        ]
        said = [starter.stdout.readline() for starter in starters if starter.stdout]

        assert sorted(said) == [""] * 7 + ["held\n"]
        [owner] = [starter for starter, word in zip(starters, said, strict=True) if word]
        assert supervisor_of(project) == owner.pid
        owner.kill()
        for starter in starters:
            starter.communicate()
        assert supervisor_of(project) is None
