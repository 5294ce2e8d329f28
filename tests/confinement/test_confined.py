"""Confined agents on their leashes: what holds for every agent holds for them, and the kernel refuses what it should."""

import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.enforcement.confinement import Confinement, Means
from orchestrator.leash import Exited, Gone, LeashSpec, StartFailed, start
from orchestrator.platform import tree_cpu
from tests.support.confined import needs
from tests.support.leashing import followed, on_leash, python, see_through, supervised
from tests.support.waiting import marked, soon, until

BOTH = [pytest.param(means, marks=needs(means), id=means) for means in Means]
sandboxed = needs(Means.BUBBLEWRAP)
landlocked = needs(Means.LANDLOCK)
SLEEP = "import signal\nwhile True: signal.pause()"


def confined(folder: Path, argv: Sequence[str], means: Means = Means.BUBBLEWRAP, **more: Any) -> LeashSpec:
    """Say how to start an agent that may write the folder `own` in its workspace."""
    (folder / "own").mkdir(parents=True, exist_ok=True)
    confinement = Confinement(means=means, writable=(folder / "own",), **more)
    return replace(on_leash(folder, argv), confinement=confinement)


def said(spec: LeashSpec) -> str:
    return spec.log.read_text(encoding="utf-8")


def mounts_that_name(text: str) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines() if text in line]


@pytest.mark.parametrize("means", BOTH)
async def test_it_writes_what_it_may_and_nothing_else(tmp_path: Path, means: Means) -> None:
    script = "echo a > own/a; echo b > b; echo c > /etc/squad-c; echo d > /dev/null && cat own/a; ls -d /"
    spec = confined(tmp_path, ("/bin/sh", "-c", f"({script}) 2>/dev/null"), means)

    await see_through(spec)

    assert said(spec) == "a\n/\n"
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.glob("[!l]*")} == {"own"}  # noqa: ASYNC240


@pytest.mark.parametrize("means", BOTH)
async def test_also_roots_agent_has_no_rights_and_tells_the_kernel_nothing(tmp_path: Path, means: Means) -> None:
    """Root's could once write below /proc/sys in a sandbox, and under Landlock read the memory of other agents."""
    code = """if True:
        import os
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"):
            try:
                os.close(os.open(path, os.O_WRONLY))  # nothing is written
                print("open", path)
            except OSError:
                pass
        status = open("/proc/self/status").read()
        print(int(status.split("CapEff:")[1].split()[0], 16) & ~(1 << 31), "NoNewPrivs:\\t1" in status)
        try:
            os.close(os.open("/proc/%d/environ", os.O_RDONLY))
            print("its memory can be read")
        except OSError:
            pass
    """
    spec = confined(tmp_path, python(code % os.getpid()), means)

    await see_through(spec)

    assert said(spec) == "0 True\n"


@sandboxed
async def test_a_socket_that_is_gone_when_the_sandbox_is_made_keeps_nobody_from_the_start(tmp_path: Path) -> None:
    """Another run of squad, also another user's, ended between the look at who listens and bubblewrap's mounts."""
    (tmp_path / "file").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "listens")
    away = [tmp_path / name for name in ("gone", "no-folder/gone", "file/none", "linked")]
    closed = tmp_path / "closed"
    closed.mkdir()
    with socket.socket(socket.AF_UNIX) as listens, socket.socket(socket.AF_UNIX) as theirs:
        listens.bind(str(tmp_path / "listens"))
        theirs.bind(str(closed / "theirs"))
        listens.listen()
        theirs.listen()
        if os.geteuid() == 0:
            os.chown(closed, 65534, 65534)
        closed.chmod(0)
        code = f"""if True:
            import socket
            for place in ({str(tmp_path / "listens")!r}, {str(closed / "theirs")!r}):
                try:
                    socket.socket(socket.AF_UNIX).connect(place)
                    print("spoken to")
                except OSError as error:
                    print(type(error).__name__)
        """
        spec = confined(tmp_path, python(code), silenced=(*away, tmp_path / "listens", closed / "theirs"))

        await see_through(spec)
    closed.chmod(0o700)

    assert said(spec) == "ConnectionRefusedError\nPermissionError\n"


@pytest.mark.parametrize(
    ("means", "code", "ended"),
    [
        pytest.param(Means.BUBBLEWRAP, "raise SystemExit(7)", (7, None), marks=sandboxed),
        pytest.param(Means.BUBBLEWRAP, "raise SystemExit(137)", (137, None), marks=sandboxed),
        pytest.param(Means.BUBBLEWRAP, "import os; os.kill(os.getpid(), 9)", (None, "SIGKILL"), marks=sandboxed),
        pytest.param(Means.BUBBLEWRAP, "import os; os.kill(os.getpid(), 37)", (None, "SIG37"), marks=sandboxed),
        pytest.param(Means.LANDLOCK, "import os; os.kill(os.getpid(), 9)", (None, "SIGKILL"), marks=landlocked),
    ],
)
async def test_the_agents_own_exit_code_or_signal_is_told(
    tmp_path: Path, means: Means, code: str, ended: tuple[int | None, str | None]
) -> None:
    notices = await see_through(confined(tmp_path, python(code), means))

    assert Exited(*ended) in notices
    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.exit, notices[-1].ending.signal, notices[-1].ending.survivors) == (*ended, [])


@sandboxed
@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("no-such-program",), "No such file or directory: 'no-such-program'"),
        (("/etc/passwd",), "Permission denied: '/etc/passwd'"),
        (("/bin/echo", "x" * 4_000_000), "Argument list too long"),
        (("/bin/echo", "a\0b"), "null byte"),
    ],
)
async def test_a_program_that_cannot_be_started_is_told_with_its_reason(
    tmp_path: Path, argv: tuple[str, ...], reason: str
) -> None:
    spec = confined(tmp_path, argv)

    with pytest.raises(StartFailed, match=reason):
        await see_through(spec)

    until(lambda: not marked(spec.mark), "the end of all")


@sandboxed
async def test_a_workspace_that_the_agent_would_not_see_is_told(tmp_path: Path) -> None:
    spec = confined(tmp_path, ("/bin/true",), hidden=(tmp_path,))
    spec = replace(spec, log=tmp_path.parent / "log", cwd=str(tmp_path / "logs"))

    with pytest.raises(StartFailed, match="logs"):
        await see_through(spec)


@sandboxed
async def test_what_cannot_be_mounted_is_told_in_bubblewraps_words(tmp_path: Path) -> None:
    spec = confined(tmp_path, ("/bin/true",), visible=(tmp_path / "missing",))

    with pytest.raises(StartFailed, match=r"bubblewrap made no sandbox: .*missing"):
        await see_through(spec)


@sandboxed
async def test_no_bubblewrap_is_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StartFailed, match="'bwrap'"):
        await see_through(confined(tmp_path, ("/bin/true",)))


@sandboxed
async def test_it_is_known_by_its_number_outside_and_has_another_inside(tmp_path: Path) -> None:
    spec = confined(tmp_path, python(f"import os\nos.write(1, b'%d' % os.getpid())\n{SLEEP}"))

    async with start(spec) as leashed:
        await soon(lambda: said(spec), "its number")
        process = psutil.Process(leashed.pid)
        assert process.cmdline() == list(spec.argv)
        assert int(said(spec)) != leashed.pid
        assert leashed.born > 0
        assert marked(spec.mark) == [leashed.pid]


@pytest.mark.parametrize("means", BOTH)
async def test_it_inherits_three_descriptors_and_the_status_pipe(tmp_path: Path, means: Means) -> None:
    code = """
    import os, json
    links = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
    fds = [os.readlink(link) for link in links if os.path.lexists(link)]
    words = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
    os.write(int(os.environ["SQUAD_STATUS_FD"]), b"told\\n")
    print(json.dumps({"fds": fds, "sid": os.getsid(0), "group": os.getpgid(0), "pid": os.getpid(), "tty": os.isatty(0),
        "ignored": words["SigIgn"], "blocked": words["SigBlk"], "rights": words["CapEff"], "names": sorted(os.environ)}))
    """
    spec = confined(tmp_path, python(code), means)

    await see_through(spec)

    told = json.loads(said(spec))
    assert len(told["fds"]) == 4, told["fds"]
    assert told["sid"] == told["group"] == told["pid"]
    assert not told["tty"]
    assert int(told["ignored"], 16) & ~((1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)) == 0
    assert int(told["blocked"], 16) == 0
    assert means is Means.LANDLOCK or int(told["rights"], 16) & ~(1 << 31) == 0
    assert set(told["names"]) - {"LC_CTYPE"} == {"PATH", "SQUAD_STATUS_FD", "SQUAD_ATTEMPT_MARK"}
    assert spec.log.with_name(f"{spec.log.name}.status").read_text(encoding="utf-8") == "told\n"


@pytest.mark.parametrize("means", BOTH)
async def test_it_reads_its_stdin_to_the_end(tmp_path: Path, means: Means) -> None:
    spec = replace(confined(tmp_path, ("/bin/cat",), means), stdin=b"one\n", keep_stdin=True)

    async with start(spec) as leashed:
        leashed.send(b"two\n")
        leashed.close_stdin()
        _ = [notice async for notice in leashed.notices()]

    assert said(spec) == "one\ntwo\n"


@sandboxed
async def test_an_interrupt_reaches_its_group_and_not_the_sandbox(tmp_path: Path) -> None:
    code = f"import os, signal\nsignal.signal(2, lambda *_: (os.write(1, b'heard'), os._exit(3)))\nos.write(1, b'on ')\n{SLEEP}"
    spec = confined(tmp_path, python(code))

    async with start(spec) as leashed:
        await soon(lambda: said(spec), "its start")
        leashed.interrupt()
        notices = [notice async for notice in leashed.notices()]

    assert said(spec) == "on heard"
    assert Exited(3, None) in notices


#: A daemon in a session of its own, forked twice, deaf, with no environment, holding the pipe; it notes a TERM.
DAEMON = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda *_: os.close(os.open("own/heard", os.O_CREAT | os.O_WRONLY)))
        os.write(1, b"ready\\n")
        os.close(os.open("own/ready", os.O_CREAT | os.O_WRONLY))
        while True: signal.pause()
    os._exit(0)
os.wait()
"""


@sandboxed
async def test_what_it_leaves_behind_is_asked_to_end_and_then_ended(tmp_path: Path) -> None:
    """bwrap alone would kill it together with the agent."""
    told = "while not os.path.exists('own/ready'): pass\nraise SystemExit(5)"
    spec = confined(tmp_path, python(DAEMON + told))

    notices = await see_through(spec)

    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.exit, notices[-1].ending.survivors) == (5, [])
    assert said(spec) == "ready\n"
    assert (tmp_path / "own" / "heard").exists()
    assert marked(spec.mark) == []


@sandboxed
async def test_a_stop_kills_the_deaf_after_the_grace_and_leaves_nothing(tmp_path: Path) -> None:
    deaf = (
        "import signal, os\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nos.fork()\nos.write(1, b'deaf\\n')\n" + SLEEP
    )
    spec = confined(tmp_path, python(deaf), hidden=(tmp_path / "logs",))
    (tmp_path / "logs").mkdir()

    async with start(spec) as leashed:
        await soon(lambda: said(spec).count("deaf") == 2, "both")
        sandbox = psutil.Process(leashed.leash_pid).children(recursive=True)
        leashed.stop(0.2)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert (endings[0].signal, endings[0].stopped, endings[0].survivors) == ("SIGKILL", "asked", [])
    assert not [process for process in sandbox if process.is_running()], "neither the agent nor its sandbox"
    assert mounts_that_name(str(tmp_path)) == []


@sandboxed
async def test_an_agent_that_ends_its_own_sandbox_has_ended_itself(tmp_path: Path) -> None:
    spec = confined(tmp_path, ("/bin/sh", "-c", "kill -9 -1; sleep 1000"))

    notices = await see_through(spec)

    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.signal, notices[-1].ending.survivors) == ("SIGKILL", [])


@sandboxed
@pytest.mark.parametrize("victim", ["supervisor", "leash"])
def test_a_death_of_squads_own_leaves_nothing_of_the_sandbox(tmp_path: Path, victim: str) -> None:
    spec = confined(tmp_path, python(f"{DAEMON}\n{SLEEP}"))
    process, leash, agent = supervised(spec)
    until(lambda: said(spec), "the daemon")
    family = [psutil.Process(leash), *psutil.Process(leash).children(recursive=True)]
    assert len(family) >= 6, "leash, agent, daemon, and the sandbox's three"

    os.kill(process.pid if victim == "supervisor" else leash, signal.SIGKILL)

    until(lambda: not any(_lives(one) for one in family), "the end of all")
    assert agent in [one.pid for one in family]
    process.kill()
    process.communicate()


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@sandboxed
async def test_its_work_and_its_calls_are_known_to_be_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU time is counted in its tree, and whoever calls on a socket is known by a number of the outside."""
    monkeypatch.chdir(tmp_path)  # a socket's whole path may be too long
    code = """
    import socket, time
    while time.process_time() < 0.1: pass
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("s")
    connection.recv(1)
    """
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind("s")
        outside.listen()
        spec = confined(tmp_path, python(code))
        async with start(spec) as leashed:
            connection, _ = outside.accept()
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            assert pid == leashed.pid
            assert tree_cpu(leashed.pid) > 0.05
            connection.close()


# Landlock alone


@landlocked
async def test_landlock_lists_the_neighbours_of_what_is_protected(tmp_path: Path) -> None:
    for path in ("own/kept/deep/f", "own/kept/near", "own/other/f"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "own" / "pointing").symlink_to("/etc")
    paths = "own/kept/deep/f own/kept/near own/other/f own/other/new own/pointing/hostname"
    script = f"for path in {paths}; do (echo x >> $path) 2>/dev/null && echo $path; done"
    spec = confined(tmp_path, ("/bin/sh", "-c", script), Means.LANDLOCK, protected=(tmp_path / "own" / "kept" / "deep",))

    await see_through(spec)

    assert said(spec).split() == ["own/kept/near", "own/other/f", "own/other/new"]


@landlocked
async def test_landlock_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    spec = confined(tmp_path, ("/bin/true",), Means.LANDLOCK)
    private = Confinement(means=Means.LANDLOCK, private={Path("/tmp"): tmp_path})

    with pytest.raises(StartFailed, match="Landlock cannot show another folder in the place of /tmp"):
        await see_through(replace(spec, confinement=private))

    (tmp_path / "link").symlink_to("/etc")
    linked = Confinement(means=Means.LANDLOCK, writable=(tmp_path / "link",))
    with pytest.raises(StartFailed, match="a symlink cannot be made writable"):
        await see_through(replace(spec, confinement=linked))


@landlocked
async def test_landlock_opens_nothing_later_and_says_why(tmp_path: Path) -> None:
    spec = replace(confined(tmp_path, ("/bin/cat",), Means.LANDLOCK), keep_stdin=True)

    async with start(spec) as leashed:
        reason: list[str | None] = []
        async with followed(leashed):
            reason.append(await leashed.open(tmp_path))

    assert reason == ["Landlock only narrows: what an attempt may write is settled when it starts"]
