"""The leash, with real processes: whatever an agent does, nothing of it is left and nothing it wrote is lost."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

from orchestrator.leash import (
    Exited,
    Full,
    Gone,
    Leashed,
    LeashSpec,
    Lost,
    Notice,
    Output,
    Room,
    StartFailed,
    Tail,
    outlast,
    read_ending,
    start,
)
from orchestrator.leash.commands import Command, run_command
from tests.support.leashing import changed_program, on_leash, python, see_through, supervised
from tests.support.waiting import marked, until

SLEEP = "import signal\nwhile True: signal.pause()"

#: Ignores what can be ignored, and says when it does.
DEAF = f"import signal, os\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nos.write(1, b'deaf\\n')\n{SLEEP}"

#: Writes numbered lines, whole ones since a pipe takes 4096 bytes in one piece; keeps the count of what was taken.
NUMBERED = """
import os
count = os.open("count", os.O_WRONLY | os.O_CREAT)
for number in range(100_000_000):
    os.write(1, b"%011d\\n" % number)
    os.pwrite(count, b"%011d" % number, 0)
"""


def log_of(spec: LeashSpec) -> bytes:
    return spec.log.read_bytes()


def nothing_is_left(spec: LeashSpec) -> None:
    until(lambda: not marked(spec.mark), "the end of every process of the attempt")


async def wait_for_output(leashed: Leashed, size: int) -> None:
    async for notice in leashed.notices():
        told = notice.log if isinstance(notice, Output) else notice.ending.log if isinstance(notice, Gone) else 0
        if told >= size:
            return
    raise AssertionError("the agent ended before it said so much")


# starting


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("no-such-program",), "No such file"),
        (("/etc/passwd",), "Permission denied"),
        (("/bin/echo", "x" * 4_000_000), "Argument list too long"),
        (("/bin/echo", "a\0b"), "null byte"),
        ((), "no command"),
    ],
)
async def test_a_program_that_cannot_be_started_is_told_with_its_reason(
    tmp_path: Path, argv: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(StartFailed, match=reason):
        await see_through(on_leash(tmp_path, argv))


async def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    spec = on_leash(tmp_path / "gone", ("/bin/true",))

    with pytest.raises(StartFailed, match="gone"):
        await see_through(replace(spec, log=tmp_path / "log", socket=None))


async def test_a_log_that_cannot_be_made_is_told_and_nothing_is_started(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(StartFailed, match="exists"):
        await see_through(on_leash(tmp_path, ("/bin/true",)))

    (tmp_path / "logs").unlink()
    (tmp_path / "logs" / "T1.1.log").mkdir(parents=True)
    with pytest.raises(StartFailed, match="its log cannot be written"):
        await see_through(on_leash(tmp_path, ("/bin/true",)))


async def test_a_socket_whose_path_is_too_long_hinders_nothing(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, ("/bin/echo", "hello"))

    await see_through(replace(spec, socket=tmp_path / ("s" * 120)))

    assert log_of(spec) == b"hello\n"


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(SLEEP))
    for patience in (0.0, 0.01, 0.03, 0.1):
        with anyio.move_on_after(patience):
            await see_through(spec)
        assert marked(spec.mark) == []


async def test_a_silent_agent_has_started_all_the_same(tmp_path: Path) -> None:
    """The leash once told of the start together with the first output, and gave up after 30 s."""
    async with start(on_leash(tmp_path, ("/bin/sleep", "1000"))) as leashed:
        assert psutil.pid_exists(leashed.pid)


async def test_values_that_are_no_utf_8_reach_the_agent(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, ("/bin/sh", "-c", 'printf %s "$NAME"'), environment={"NAME": os.fsdecode(b"caf\xe9")})

    await see_through(spec)

    assert log_of(spec) == b"caf\xe9"


async def test_other_agents_go_on_while_one_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    async with start(on_leash(tmp_path / "good", python("input(); print('on')"), stdin=b"", keep_stdin=True)) as good:
        with pytest.raises(StartFailed):
            await see_through(on_leash(tmp_path, ("no-such-program",)))
        good.send(b"\n")
        await wait_for_output(good, 3)


async def test_an_agent_inherits_three_descriptors_and_the_status_pipe(tmp_path: Path) -> None:
    code = """
    import os, signal, json
    fds = sorted(int(n) for n in os.listdir("/proc/self/fd"))
    status = open("/proc/self/status").read()
    words = dict(line.split(":\\t", 1) for line in status.splitlines())
    umask = os.umask(0)
    print(json.dumps({"fds": fds, "status_fd": os.environ["SQUAD_STATUS_FD"], "sid": os.getsid(0), "pid": os.getpid(),
        "ignored": words["SigIgn"], "blocked": words["SigBlk"], "umask": umask, "names": sorted(os.environ)}))
    """
    ignoring = "trap '' HUP INT QUIT TERM USR1 TSTP; exec \"$@\""
    spec = on_leash(tmp_path, ("/usr/bin/env", *python(code)))
    process, _, agent = _under_shell(spec, ignoring)
    process.communicate()

    told = json.loads(log_of(spec))
    inherited = {0, 1, 2, int(told["status_fd"])}
    assert inherited < set(told["fds"])
    assert len(set(told["fds"]) - inherited) == 1, "the listing itself needs one"
    assert int(told["status_fd"]) < 10
    assert told["sid"] == told["pid"] == agent
    # python itself ignores PIPE and XFSZ
    assert int(told["ignored"], 16) & ~((1 << signal.SIGPIPE - 1) | (1 << signal.SIGXFSZ - 1)) == 0
    assert int(told["blocked"], 16) == 0
    assert told["umask"] == 0o022
    assert set(told["names"]) - {"LC_CTYPE"} == {"PATH", "SQUAD_STATUS_FD", "SQUAD_ATTEMPT_MARK"}


# ending


@pytest.mark.parametrize(
    ("code", "exit_code", "name"),
    [
        ("raise SystemExit(7)", 7, None),
        ("import os; os.kill(os.getpid(), 9)", None, "SIGKILL"),
        ("import os; os.kill(os.getpid(), 37)", None, "SIG37"),
    ],
)
async def test_exit_code_and_signal_are_told_and_written_down(
    tmp_path: Path, code: str, exit_code: int | None, name: str | None
) -> None:
    """A real-time signal has no name, which once ended the leash."""
    spec = on_leash(tmp_path, python(code))

    notices = await see_through(spec)

    ending = notices[-1]
    assert isinstance(ending, Gone)
    assert (ending.ending.exit, ending.ending.signal, ending.ending.stopped) == (exit_code, name, None)
    assert Exited(exit_code, name) in notices
    assert read_ending(spec.log) == ending.ending


async def test_a_stop_kills_what_ignores_term_after_the_grace(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(DEAF), grace=0.2)
    async with start(spec) as leashed:
        await wait_for_output(leashed, 5)
        leashed.stop(0.2)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert (endings[0].signal, endings[0].stopped) == ("SIGKILL", "asked")


async def test_a_stop_reaches_members_that_ignore_term_though_their_leader_obeys(tmp_path: Path) -> None:
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-I', '-S', '-c', {DEAF!r}])\n{SLEEP}"
    spec = on_leash(tmp_path, python(code))
    async with start(spec) as leashed:
        await wait_for_output(leashed, 5)
        leashed.stop(0.2)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert (endings[0].signal, endings[0].survivors) == ("SIGTERM", [])
    assert marked(spec.mark) == []


async def test_a_stopped_agent_and_its_stopped_children_are_ended(tmp_path: Path) -> None:
    code = f"""
    import subprocess, sys, os, signal
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", {SLEEP!r}])
    os.kill(child.pid, signal.SIGSTOP)
    os.write(1, b"ready")
    os.kill(os.getpid(), signal.SIGSTOP)
    """
    spec = on_leash(tmp_path, python(code))
    async with start(spec) as leashed:
        await wait_for_output(leashed, 5)
        leashed.stop(5.0)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert endings[0].signal == "SIGTERM"
    assert marked(spec.mark) == []


#: A daemon in a session of its own, forked twice, deaf, with no environment, holding the pipe.
DAEMON = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
        os.write(1, b"%d\\n" % os.getpid())
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os._exit(0)
"""


async def test_a_daemon_that_hides_and_holds_the_pipe_is_ended_with_its_agent(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(f"{DAEMON}\nos.wait()\nos.write(1, b'bye\\n')"))

    notices = await see_through(spec)

    daemon = int(next(line for line in log_of(spec).split() if line != b"bye"))
    assert not psutil.pid_exists(daemon)
    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.exit, notices[-1].ending.survivors) == (0, [])


#: Fifty families whose members fork a successor and leave, each in a new group and every other in a new session.
STORM = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def respawn(number):
    while True:
        if os.fork():
            os._exit(0)
        if number % 2: os.setsid()
        else: os.setpgid(0, 0)
        if os.getppid() == 0: break
for number in range(50):
    if os.fork() == 0:
        respawn(number)
os.write(1, b"storm\\n")
while True: signal.pause()
"""


@pytest.mark.soak
async def test_a_fork_storm_is_ended(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(STORM))
    async with start(spec) as leashed:
        await wait_for_output(leashed, 6)
        leashed.stop(0.2)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert endings[0].survivors == []
    assert marked(spec.mark) == []


async def test_fifty_children_that_are_born_again_when_they_die_are_ended(tmp_path: Path) -> None:
    code = """
    import os, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    def child():
        return subprocess.Popen(["/bin/sleep", "1000"]).pid
    children = {child() for _ in range(50)}
    os.write(1, b"ready")
    while True:
        children.discard(os.wait()[0])
        children.add(child())
    """
    spec = on_leash(tmp_path, python(code))
    async with start(spec) as leashed:
        await wait_for_output(leashed, 5)
        leashed.stop(0.1)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert endings[0].survivors == []
    assert marked(spec.mark) == []


async def test_zombies_of_the_agent_are_buried_and_hinder_nothing(tmp_path: Path) -> None:
    code = """
    import os
    for _ in range(20):
        if os.fork() == 0:
            os.fork()
            os._exit(0)
    print("on")
    """

    notices = await see_through(on_leash(tmp_path, python(code)))

    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.exit, notices[-1].ending.survivors) == (0, [])


async def test_an_agent_that_closes_its_output_and_lives_costs_no_cpu(tmp_path: Path) -> None:
    spec = on_leash(
        tmp_path,
        python(f"import os\nos.write(1, b'x')\nos.close(1); os.close(2)\nos.close(int(os.environ['SQUAD_STATUS_FD']))\n{SLEEP}"),
    )
    async with start(spec) as leashed:
        await wait_for_output(leashed, 1)
        leash = psutil.Process(leashed.leash_pid)
        until(lambda: leash.status() == psutil.STATUS_SLEEPING, "the leash's sleep")
        before = leash.num_ctx_switches().voluntary
        with anyio.move_on_after(0.3):
            async for _ in leashed.notices():
                pass
        assert leash.num_ctx_switches().voluntary - before < 20
        assert leash.is_running()
        assert psutil.pid_exists(leashed.pid)


# the deaths of squad's own


def _assert_numbered(spec: LeashSpec) -> None:
    """Every line the agent wrote is in the log, in order and whole; one may be on the way while the count is kept."""
    lines = log_of(spec).split(b"\n")
    assert lines.pop() == b""
    assert lines == [b"%011d" % number for number in range(len(lines))]
    counted = int((Path(spec.cwd) / "count").read_bytes() or b"-1")
    assert len(lines) - 1 in {counted, counted + 1}


def _kill_a_supervisor(folder: Path, *, wait: float) -> None:
    folder.mkdir()
    spec = on_leash(folder, python(NUMBERED))
    process, leash, _ = supervised(spec)
    until(lambda: spec.log.stat().st_size > 10_000, "output")
    time.sleep(wait)
    process.kill()
    process.communicate()
    until(lambda: not marked(spec.mark) and not psutil.pid_exists(leash), "the end of agent and leash")
    ending = read_ending(spec.log)
    assert ending is not None
    assert ending.stopped == "supervisor gone"
    assert ending.log == spec.log.stat().st_size
    _assert_numbered(spec)


@pytest.mark.parametrize("number", range(5))
def test_a_killed_supervisor_leaves_no_process_and_loses_no_byte(tmp_path: Path, number: int) -> None:
    _kill_a_supervisor(tmp_path / "agent", wait=number * 0.006)


@pytest.mark.soak
def test_two_hundred_killed_supervisors_lose_no_byte(tmp_path: Path) -> None:
    for number in range(200):
        _kill_a_supervisor(tmp_path / str(number), wait=number % 40 * 0.001)


def test_a_killed_supervisor_leaves_no_hidden_deaf_daemon(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(f"{DAEMON}\n{SLEEP}"))
    process, leash, _ = supervised(spec)
    daemon = int(until(lambda: log_of(spec).strip(), "the daemon"))
    process.kill()
    process.communicate()

    until(lambda: not psutil.pid_exists(daemon) and not psutil.pid_exists(leash), "the end of daemon and leash")


def test_a_killed_leash_leaves_nothing_and_is_told_as_lost(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(f"{DAEMON}\n{SLEEP}"))
    process, leash, agent = supervised(spec)
    daemon = int(until(lambda: log_of(spec).strip(), "the daemon"))
    os.kill(leash, signal.SIGKILL)

    out, _ = process.communicate()
    assert out.split()[-1] == Lost.__name__
    assert not psutil.pid_exists(agent)
    assert not psutil.pid_exists(daemon), "it hid its mark, but became the supervisor's child"
    assert read_ending(spec.log) is None


async def test_when_supervisor_and_leash_are_killed_together_the_next_supervisor_sweeps(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(DEAF))
    process, leash, agent = supervised(spec)
    until(lambda: log_of(spec), "output")
    os.kill(leash, signal.SIGKILL)
    process.kill()
    process.communicate()
    assert agent in marked(spec.mark)

    assert spec.socket is not None
    await outlast(spec.socket, spec.log, mark=spec.mark)

    assert marked(spec.mark) == []
    assert read_ending(spec.log) is None


async def test_the_next_supervisor_waits_for_the_leash_of_the_last_one(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(DEAF))
    process, leash, _ = supervised(spec)
    until(lambda: log_of(spec), "output")
    process.kill()
    process.communicate()

    assert spec.socket is not None
    await outlast(spec.socket, spec.log, mark=spec.mark)

    ending = read_ending(spec.log)
    assert ending is not None
    assert ending.stopped == "supervisor gone"
    until(lambda: not _lives(leash), "the end of the leash")
    assert not spec.socket.exists()


async def test_a_leash_that_cannot_be_ended_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.leash._PATIENCE", 0.1)
    spec = on_leash(tmp_path, python(SLEEP), grace=0.1)
    async with start(spec) as leashed:
        os.kill(leashed.leash_pid, signal.SIGSTOP)

    assert marked(spec.mark) == []


async def test_a_check_whose_leash_is_killed_takes_no_other_check_with_it(tmp_path: Path) -> None:
    """All checks once had one mark, by which a sweep took those of other runs too."""
    codes: dict[str, int] = {}

    async def check(name: str) -> None:
        command = f"echo $$ > {name}.pid; test {name} = a && kill -9 $PPID; while ! test -e go; do sleep 0.01; done; exit 5"
        codes[name] = await run_command(check_of(command, tmp_path, name))
        (tmp_path / "go").touch()

    async with anyio.create_task_group() as group:
        group.start_soon(check, "b")
        await anyio.to_thread.run_sync(until, (tmp_path / "b.pid").exists, "the first check")
        group.start_soon(check, "a")

    assert codes["b"] == 5
    assert codes["a"] != 0


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -37 $$", 165), ("true", 0)])
async def test_a_command_gives_the_exit_code_that_a_shell_would(tmp_path: Path, command: str, code: int) -> None:
    assert await run_command(check_of(command, tmp_path, "check")) == code


def check_of(command: str, folder: Path, name: str) -> Command:
    return Command(text=command, cwd=folder, environment={"PATH": "/usr/bin:/bin"}, log=folder / f"{name}.log")


# bytes


async def test_the_status_pipe_has_a_log_of_its_own(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, ("/bin/sh", "-c", 'echo out; echo err >&2; echo "{}" >&$SQUAD_STATUS_FD'))

    notices = await see_through(spec)

    assert log_of(spec) == b"out\nerr\n"
    assert spec.log.with_name("T1.1.log.status").read_bytes() == b"{}\n"
    assert isinstance(notices[-1], Gone)
    assert (notices[-1].ending.log, notices[-1].ending.status, notices[-1].ending.lost) == (8, 3, 0)


async def test_stdin_reaches_an_agent_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 40_000
    spec = on_leash(
        tmp_path, python("import sys, hashlib\nprint(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"), stdin=data
    )

    await see_through(spec)

    assert log_of(spec).decode().strip() == hashlib.sha256(data).hexdigest()


async def test_stdin_that_is_never_read_hinders_nothing(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python("import os\nos.write(1, b'done')"), stdin=b"y" * 10_000_000)

    notices = await see_through(spec)

    assert isinstance(notices[-1], Gone)
    assert notices[-1].ending.exit == 0


async def test_an_agent_whose_stdin_stays_open_hears_what_it_is_told(tmp_path: Path) -> None:
    spec = on_leash(
        tmp_path,
        python("import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"),
        stdin=b"one\n",
        keep_stdin=True,
    )
    async with start(spec) as leashed:
        await wait_for_output(leashed, 4)
        leashed.send(b"two\n")
        await wait_for_output(leashed, 8)
        leashed.close_stdin()
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert log_of(spec) == b"ONE\nTWO\n"
    assert endings[0].exit == 0


async def test_bytes_of_any_kind_are_kept_as_they_are(tmp_path: Path) -> None:
    code = "import os\nos.write(1, bytes(range(256)) + b'\\xff\\xfe\\0' + b'\\xc3\\n')"
    spec = on_leash(tmp_path, python(code))

    await see_through(spec)

    assert log_of(spec) == bytes(range(256)) + b"\xff\xfe\0\xc3\n"


async def _flood(folder: Path, megabytes: int) -> None:
    """Flood beside an agent that answers; its answers must come while the flood lasts."""
    quiet, loud = folder / "quiet", folder / "loud"
    quiet.mkdir()
    loud.mkdir()
    flood = on_leash(loud, python(f"import os\nblock = b'z' * (1 << 20)\nfor _ in range({megabytes}):\n    os.write(1, block)"))
    answering = on_leash(
        quiet, python("import sys\nfor line in sys.stdin: print('pong', flush=True)"), stdin=b"", keep_stdin=True
    )
    answers_before_the_end = 0
    is_over = False

    async def see() -> None:
        nonlocal is_over
        notices = await see_through(flood)
        is_over = True
        assert isinstance(notices[-1], Gone)
        assert notices[-1].ending.log == megabytes << 20 == flood.log.stat().st_size

    async with start(answering) as leashed, anyio.create_task_group() as group:
        group.start_soon(see)
        for number in range(1, 200):
            leashed.send(b"ping\n")
            await wait_for_output(leashed, 5 * number)
            answers_before_the_end += not is_over
            if is_over:
                break
    assert answers_before_the_end > 5


async def test_a_flood_is_kept_whole_and_others_are_answered_meanwhile(tmp_path: Path) -> None:
    before = psutil.Process().memory_info().rss

    await _flood(tmp_path, 64)

    assert psutil.Process().memory_info().rss - before < 32 << 20


@pytest.mark.soak
async def test_a_gigabyte_is_kept_whole_in_bounded_memory(tmp_path: Path) -> None:
    before = psutil.Process().memory_info().rss

    await _flood(tmp_path, 1024)

    assert psutil.Process().memory_info().rss - before < 32 << 20


async def test_a_flooding_agent_can_be_stopped(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python("import os\nwhile True: os.write(1, b'z' * 65536)"))
    async with start(spec) as leashed:
        await wait_for_output(leashed, 1 << 20)
        leashed.stop(5.0)
        endings = [notice.ending async for notice in leashed.notices() if isinstance(notice, Gone)]

    assert endings[0].signal == "SIGTERM"
    assert endings[0].log == spec.log.stat().st_size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "squad-test", str(folder)], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("splices", ["in the kernel", "by hand"])
async def test_on_a_full_disk_an_agent_waits_and_goes_on_without_a_lost_byte(
    small_disk: Path, tmp_path: Path, splices: str
) -> None:
    (small_disk / "ballast").write_bytes(b"b" * 900_000)
    spec = on_leash(tmp_path, python(NUMBERED.replace("100_000_000", "40_000")))
    spec = replace(spec, log=small_disk / "log")
    told: list[Notice] = []
    with _without_splice(tmp_path) if splices == "by hand" else contextlib.nullcontext():
        async with start(spec) as leashed:
            async for notice in leashed.notices():
                told.append(notice)
                if isinstance(notice, Full):
                    (small_disk / "ballast").unlink()

    kinds = [type(notice) for notice in told]
    assert kinds.count(Full) == kinds.count(Room) == 1
    assert kinds.index(Full) < kinds.index(Room)
    assert isinstance(told[-1], Gone)
    assert (told[-1].ending.exit, told[-1].ending.lost) == (0, 0)
    _assert_numbered(spec)
    assert len(log_of(spec)) == 40_000 * 12


async def test_what_a_full_disk_cost_in_the_end_is_told(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk / "ballast").write_bytes(b"b" * 900_000)
    spec = on_leash(tmp_path, python("import os\nwhile True: os.write(1, b'z' * 4096)"), grace=0.1)
    spec = replace(spec, log=small_disk / "log")
    with changed_program(tmp_path, ("GIVE_UP = 10.0", "GIVE_UP = 0.3")):
        async with start(spec) as leashed:
            async for notice in leashed.notices():
                if isinstance(notice, Full):
                    leashed.stop(0.1)

    assert isinstance(notice, Gone)
    ending = notice.ending
    assert ending.log == spec.log.stat().st_size
    assert 0 < ending.lost <= 65536


async def test_a_log_that_takes_no_splice_gets_every_byte(tmp_path: Path) -> None:
    spec = on_leash(tmp_path, python(NUMBERED.replace("100_000_000", "100_000")))
    with _without_splice(tmp_path):
        notices = await see_through(spec)

    assert isinstance(notices[-1], Gone)
    assert notices[-1].ending.log == 1_200_000 == len(log_of(spec))
    _assert_numbered(spec)


# descriptors and files


async def test_twenty_agents_leave_no_descriptor_open(tmp_path: Path) -> None:
    await see_through(on_leash(tmp_path, ("/bin/true",)))
    before = psutil.Process().num_fds()

    for number in range(20):
        with contextlib.suppress(StartFailed):
            await see_through(on_leash(tmp_path, ("/bin/true",) if number % 5 else ("no-such-program",)))

    assert psutil.Process().num_fds() == before


def test_a_log_that_the_agent_deletes_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"onetwo")
    tail = Tail(path)
    first = b"".join(tail.read(3))
    path.unlink()

    assert (first, b"".join(tail.read(6)), tail.size()) == (b"one", b"two", 6)
    tail.close()


def test_a_log_that_is_not_there_has_nothing_to_read(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "log")

    assert (list(tail.read(10)), tail.offset, tail.size()) == ([], 0, 0)


def test_a_log_that_the_agent_cut_is_no_endless_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one")
    tail = Tail(path)

    assert b"".join(tail.read(1000)) == b"one"
    tail.close()


# what the tests need


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _under_shell(spec: LeashSpec, script: str) -> tuple[subprocess.Popen[str], int, int]:
    real = subprocess.Popen

    def popen(argv: list[str], **options: object) -> subprocess.Popen[str]:
        return real(["/bin/sh", "-c", script, "sh", *argv], **options)  # type: ignore[call-overload, no-any-return]  # passed through

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.support.leashing.subprocess.Popen", popen)
        return supervised(spec)


def _without_splice(folder: Path) -> contextlib.AbstractContextManager[None]:
    return changed_program(folder, ('self.splices = hasattr(os, "splice")', "self.splices = False"))
