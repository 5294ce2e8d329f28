"""What only the system can tell about processes and files."""

import os
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

from orchestrator.platform import (
    adopted,
    asleep,
    below,
    identity,
    is_frozen,
    is_living,
    newest_write,
    peer_uid,
    processes_marked,
    sweep,
    tree_cpu,
)
from tests.support.waiting import until


def test_a_process_is_told_from_another_with_its_number() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        who = identity(process.pid)
        assert who == identity(process.pid)
        assert who.born > 0
        for other in (replace(who, born=who.born + 1), replace(who, boot="another"), replace(who, node="elsewhere")):
            assert other != identity(process.pid), "in doubt it is not the one that was meant"
        process.kill()
        until(lambda: not is_living(who.pid), "its end, though it is not buried yet")
    assert identity(process.pid).born == 0


def test_a_sweep_ends_marked_processes_and_what_hides_below_them_and_nobody_else(tmp_path: Path) -> None:
    hidden = ["sh", "-c", "env -i sleep 1000 & wait"]
    other = subprocess.Popen(["sleep", "1000"], env={**os.environ, "MARK_OF_TEST": f"{tmp_path} not"})
    marked = subprocess.Popen(hidden, env={**os.environ, "MARK_OF_TEST": str(tmp_path)})
    until(lambda: len(below([marked.pid])) == 2, "the hidden child")
    family = below([marked.pid])
    assert processes_marked("MARK_OF_TEST", str(tmp_path)) == [marked.pid]

    assert set(sweep("MARK_OF_TEST", str(tmp_path))) == set(family)

    assert below([marked.pid])[1:] == []
    assert other.poll() is None
    marked.wait()
    other.kill()
    other.wait()


def test_who_adopts_nobody_has_no_strays() -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as process:
        assert adopted(besides="nothing") == []
        process.kill()


def test_a_stopped_process_is_frozen() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert not is_frozen(process.pid)
        process.send_signal(signal.SIGSTOP)
        until(lambda: is_frozen(process.pid), "the stop")
        process.kill()


def test_the_cpu_of_children_that_have_ended_counts() -> None:
    burn = "import subprocess\nsubprocess.run(['python3', '-c', 'for _ in range(10**7): pass'])\nprint(flush=True)\ninput()"
    with subprocess.Popen(["python3", "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert tree_cpu(process.pid) > 0.1
        process.kill()
    assert tree_cpu(process.pid) == 0


def test_the_newest_write_is_found_deep_down_but_not_in_git(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "old").touch()
    for path in (tmp_path / "a" / "b" / "old", tmp_path / "a" / "b", tmp_path / "a"):
        os.utime(path, (1, 1))
    assert newest_write(tmp_path, 60.0) is None

    (tmp_path / "a" / "b" / "old").write_text("new")
    age = newest_write(tmp_path, 60.0)
    assert age is not None
    assert age < 60.0


def test_who_speaks_on_a_socket_is_known() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert peer_uid(one) == os.getuid()


def test_the_time_asleep_never_runs_backwards() -> None:
    assert 0.0 - 1e-3 <= asleep() <= asleep() + 1e-3
