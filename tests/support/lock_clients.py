"""Clients of locks that cost nearly nothing themselves: bytes made beforehand, one write and one read a request.

The supervisor and its peers are asked by the same code, so that a ratio between them says something about the servers.
"""

import fcntl
import json
import multiprocessing
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import Squad
from tests.support.waiting import until

HELD = 3600  #: seconds that an agent of the benchmark would sleep
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How a lock is taken and given back over a socket."""

    socket: str
    lock: bytes
    unlock: bytes
    granted: bytes  #: stands in the answer to a lock that was granted

    @contextmanager
    def connected(self) -> Iterator[Callable[[bytes], bytes]]:
        """Open a connection; gives what sends a request and reads its answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)

            def ask(request: bytes) -> bytes:
                connection.sendall(request)
                answer = connection.recv(65536)
                while not answer.endswith(b"\n"):
                    if not (more := connection.recv(65536)):
                        raise ConnectionResetError
                    answer += more
                return answer

            yield ask


def squads(path: str, token: str, key: str) -> Pair:
    """Give how an agent of squad locks a path."""

    def line(method: str, **params: object) -> bytes:
        said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"token": token, "path": key, **params}}
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"

    return Pair(socket=path, lock=line("lock", wait=0), unlock=line("unlock"), granted=b'"fence"')


def rediss(path: str, key: str) -> Pair:
    """Give how Redis' own way of locking takes a key."""

    def line(*words: str) -> bytes:
        parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        return f"*{len(words)}\r\n{parts}".encode()

    return Pair(socket=path, lock=line("SET", key, "agent-1", "NX"), unlock=line("DEL", key), granted=b"+OK")


def latencies(pair: Pair, rounds: int) -> list[float]:
    """Give how long each of so many grants took, in seconds; each lock is given back before the next."""
    took = []
    with pair.connected() as ask:
        for _ in range(rounds):
            begun = time.perf_counter()
            answer = ask(pair.lock)
            took.append(time.perf_counter() - begun)
            assert pair.granted in answer, answer
            ask(pair.unlock)
    return took


def flock_latencies(path: Path, rounds: int) -> list[float]:
    """Give how long the kernel takes to lock a file, without any server and any journal."""
    took = []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        for _ in range(rounds):
            begun = time.perf_counter()
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            took.append(time.perf_counter() - begun)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
    return took


def throughput(pairs: Sequence[Pair], rounds: int) -> float:
    """Give the requests a second that as many processes as pairs get answered together."""
    barrier = _FORK.Barrier(len(pairs) + 1)
    clients = [_FORK.Process(target=_ask_often, args=(pair, rounds, barrier)) for pair in pairs]
    for client in clients:
        client.start()
    barrier.wait()
    begun = time.perf_counter()
    barrier.wait()
    took = time.perf_counter() - begun
    for client in clients:
        client.join()
        assert client.exitcode == 0
    return 2 * rounds * len(pairs) / took


def _ask_often(pair: Pair, rounds: int, barrier: "multiprocessing.synchronize.Barrier") -> None:
    with pair.connected() as ask:
        barrier.wait()
        for _ in range(rounds):
            assert pair.granted in ask(pair.lock)
            ask(pair.unlock)
        barrier.wait()


def bare_ends(count: int) -> list[float]:
    """Give how long after a kill a bare process, which only waits for that, has told of it over a socket: the least it can be."""
    took = []
    for _ in range(count):
        ours, theirs = socket.socketpair()
        with ours, theirs, subprocess.Popen(["sleep", str(HELD)]) as sleeper:
            watcher = _FORK.Process(target=_tell_of_end, args=(sleeper.pid, theirs))
            watcher.start()
            ours.recv(1)
            begun = time.perf_counter()
            sleeper.kill()
            ours.recv(1)
            took.append(time.perf_counter() - begun)
            watcher.join()
    return took


def _tell_of_end(pid: int, end: socket.socket) -> None:
    with os.fdopen(os.pidfd_open(pid)) as process:
        end.send(b"!")
        select.select([process], [], [])
        end.send(b"!")


@contextmanager
def redis(folder: Path, *, fsync: str) -> Iterator[str]:
    """Run a Redis of its own that journals every write; gives its socket."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: apt-get install redis-server"
    folder.mkdir()
    path = folder / "redis.sock"
    arguments = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", "", "--appendonly", "yes"]
    process = subprocess.Popen([program, *arguments, "--appendfsync", fsync], stdout=subprocess.DEVNULL)
    try:
        until(path.exists, "Redis")
        yield str(path)
    finally:
        process.kill()
        process.wait()


@contextmanager
def bare_protocol(folder: Path) -> Iterator[str]:
    """Run the least that a lock server in Python is; gives its socket."""
    folder.mkdir()
    path = folder / "bare.sock"
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("bare_protocol.py")), str(path), str(folder / "journal")]
    )
    try:
        until(path.exists, "the bare server")
        yield str(path)
    finally:
        process.kill()
        process.wait()


def sleeping_agents(squad: Squad, count: int) -> list[tuple[str, str, str, int]]:
    """Begin a run of agents that only sleep; gives id, socket, token and process of each."""
    sleeping_run(squad, count)
    return at_work(squad, count)


def sleeping_run(squad: Squad, count: int) -> subprocess.Popen[str]:
    """Begin a run of agents that only sleep; gives its supervisor."""
    tasks = [
        {"id": f"T{number}", "title": f"Sleep {number}", "writes": [f"own-{number}.md"], "command": ["sleep", str(HELD)]}
        for number in range(1, count + 1)
    ]
    (squad.folder / "tasks.json").write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")
    return squad.start("run", "tasks.json", "-n", str(count), "--enforce", "detect", "-y", "-q")


def at_work(squad: Squad, count: int, *, since: int = 0) -> list[tuple[str, str, str, int]]:
    """Wait for so many starts of agents after so many earlier ones; gives id, socket, token and process of each."""
    until(lambda: len(squad.events("AttemptStarted")) == since + count, f"{count} agents at work", seconds=300)
    return sorted(_door(row["pid"]) for row in squad.events("AttemptStarted")[since:])


def _door(pid: int) -> tuple[str, str, str, int]:
    rows = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    told = dict(row.split("=", 1) for row in rows if "=" in row)
    return told["AGENT_ID"], told["SQUAD_SOCKET"], told["SQUAD_TOKEN"], pid
