"""A crowd at the sockets: very many agents whose requests a desk answers in a process of its own, as in a run without processes.

Every agent has its socket, its token and its place; the journal is a real one.
"""

import resource
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path

import anyio

from orchestrator.control.server import serve
from orchestrator.desk.seats import Seated
from orchestrator.model import AgentId, AttemptId, TaskId
from tests.support.desks import office
from tests.support.lock_clients import Pair, squads

HERE = str(Path(__file__).parents[2])
TOKEN = "t0ken"
_ENDS = 20_000  #: descriptors


def paths_of(number: int, count: int) -> Iterator[str]:
    """Give what an agent asks for, one after another: each path as often as any other, and beginning at its own."""
    return islice(cycle(f"shared/{place}.md" for place in range(count)), number % count, None)


@contextmanager
def crowd(folder: Path, count: int) -> Iterator[list[str]]:
    """Open a desk for so many agents; gives their sockets."""
    argv = [sys.executable, "-m", "tests.support.crowd", str(folder), str(count)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, cwd=HERE, text=True, **pipes) as process:  # type: ignore[call-overload]  # the pipes
        assert process.stdout.readline() == "open\n"
        try:
            yield [str(_door(folder, number)) for number in range(count)]
        finally:
            process.stdin.close()


def grants_each(doors: Sequence[str], paths: int, total: int) -> tuple[list[int], list[float]]:
    """Let everybody lock, unlock and lock again until so many grants were given; gives how many each had, and its mean wait."""
    _raise_limit()
    grants, waits = [0] * len(doors), [0.0] * len(doors)
    with ExitStack() as ends, selectors.DefaultSelector() as selector:
        ways = [paths_of(number, paths) for number in range(len(doors))]
        pairs: list[deque[Pair]] = [deque() for _ in doors]
        asked = [0.0] * len(doors)
        lines = [ends.enter_context(socket.socket(socket.AF_UNIX)) for _ in doors]

        def ask(number: int) -> None:
            pairs[number].append(pair := squads(doors[number], TOKEN, next(ways[number])))
            asked[number] = time.perf_counter()
            lines[number].sendall(pair.lock.replace(b'"wait":0', b'"wait":600'))

        for number, line in enumerate(lines):
            line.connect(doors[number])
            selector.register(line, selectors.EVENT_READ, number)
            ask(number)
        while sum(grants) < total:
            for key, _ in selector.select():
                number = int(key.data)
                answer = lines[number].recv(65536)
                if b'"fence"' in answer:
                    grants[number] += 1
                    waits[number] += time.perf_counter() - asked[number]
                    lines[number].sendall(pairs[number].popleft().unlock)
                else:
                    assert b'"released"' in answer, answer
                    ask(number)
    return grants, [wait / max(1, given) for wait, given in zip(waits, grants, strict=True)]


def _door(folder: Path, number: int) -> Path:
    return folder / f"{number}.sock"


def _raise_limit() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most == resource.RLIM_INFINITY else min(_ENDS, most), most))


async def _answer(folder: Path, count: int) -> None:
    agents = [AgentId(f"agent-{number + 1}") for number in range(count)]
    with office(folder / "desk", agents=agents) as of:
        of.recorder.clock = time.time
        async with serve(of.desk.answer, settle=of.recorder.settle) as server:
            for number, agent in enumerate(agents):
                task = TaskId(f"T{number + 1}")
                of.desk.seat(agent, Seated(task=task, attempt=AttemptId(f"{task}.1"), workspace=of.folder))
                await server.listen(_door(folder, number), agent=agent, token=TOKEN)
            sys.stdout.write("open\n")
            sys.stdout.flush()
            await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    _raise_limit()
    anyio.run(_answer, Path(sys.argv[1]), int(sys.argv[2]))
