"""A supervisor in the foreground: its sockets, its signals, its files and what the terminal shows."""

import signal
import sys
import time
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import structlog

from orchestrator.cli.context import Context, say, show
from orchestrator.cli.finish import conclude
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Server, serve
from orchestrator.events import Entry, LockRefused, fields, kind
from orchestrator.feed import Subscription
from orchestrator.model import AgentId, RunId
from orchestrator.platform import become_subreaper
from orchestrator.project import Project
from orchestrator.supervisor import Supervisor
from orchestrator.views.board import board, change_line
from orchestrator.views.comms import CommFiles
from orchestrator.views.events import line
from orchestrator.views.lockfiles import LockFiles

INTERRUPTED, TERMINATED = 130, 143
_TICK = 1.0  #: seconds between two looks at what agents appended to their comm files
_REWRITE = 170.0  #: seconds after which an unchanged comm file is written again
_SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminated"}


@dataclass(slots=True, kw_only=True)
class Conduct:
    """A run in the foreground."""

    options: Context
    project: Project
    supervisor: Supervisor
    log: structlog.typing.FilteringBoundLogger
    since: int  #: number of the last event before this supervisor's own
    ended_by: list[str] = field(default_factory=list)  #: signals that came


async def conduct(run: Conduct) -> int:
    """Run the supervisor until it is over; gives the exit code."""
    become_subreaper()
    recorder = run.supervisor.recorder
    with recorder.feed.subscribe() as shown, recorder.feed.subscribe() as kept, recorder.feed.subscribe() as logged:
        for entry in recorder.journal.entries(run=RunId(recorder.state.run), after=run.since):
            for news in (shown, kept, logged):
                news.offer(entry)
        async with serve(run.supervisor.desk.answer) as server, anyio.create_task_group() as group:
            await _listen(run, server)
            group.start_soon(_heed_signals, run)
            group.start_soon(_keep_files, run, kept)
            group.start_soon(_log, run, logged)
            group.start_soon(_show, run, shown)
            await run.supervisor.run()
            await _until_shown(shown, kept, logged)
            group.cancel_scope.cancel()
    return conclude(run.options, run.project, recorder, run.ended_by)


async def _listen(run: Conduct, server: Server) -> None:
    stage = run.supervisor.stage
    await server.listen(run.project.sockets / "control.sock")
    for agent, path in stage.sockets.items():
        await server.listen(path, agent=agent, token=stage.tokens[AgentId(agent)])


async def _heed_signals(run: Conduct) -> None:
    """End the run orderly at the first signal, at once at the second; a hangup that `nohup` ignores stays ignored."""
    heeded = [one for one in _SIGNALS if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*heeded) as signals:
        async for number in signals:
            again = bool(run.ended_by)
            run.ended_by.append(_SIGNALS[number])
            run.supervisor.stop(now=again, reason=_SIGNALS[number])
            if not again and not run.options.quiet:
                say("stopping: agents get 10 s; once more to end them now")


async def _keep_files(run: Conduct, news: Subscription) -> None:
    """Keep comm files and lock files true, and take in what people and agents did to them."""
    supervisor = run.supervisor
    comms = CommFiles(run.project.folder / "comms", supervisor.plan, supervisor.hear)
    locks = LockFiles(run.project.folder / "locks")
    written = float("-inf")
    while True:
        state = supervisor.recorder.state
        if news.drain() or anyio.current_time() - written > _REWRITE:
            comms.write(state, now=time.time())
            written = anyio.current_time()
        for seat in supervisor.plan.agents:
            comms.take_in(seat.id)
        for key in locks.sync(supervisor.table.grants()):
            _force(run, key)
        with anyio.move_on_after(_TICK):
            await news.wait()


def _force(run: Conduct, key: str) -> None:
    """Honour that a person removed a lock file, if the lock is stale; else say why not."""
    try:
        run.supervisor.desk.force(key)
    except Rejected as refusal:
        run.supervisor.recorder.record(LockRefused(path=key, holder="a person", reason=refusal.reason))


async def _log(run: Conduct, news: Subscription) -> None:
    """Write squad's own structured log."""
    while True:
        await news.wait()
        for entry in news.drain():
            _log_entry(run.log, entry)


def _log_entry(log: structlog.typing.FilteringBoundLogger, entry: Entry) -> None:
    log.info(
        kind(entry.event),
        seq=entry.seq,
        run=entry.run,
        **{f"{name}_" if name in {"event", "level"} else name: value for name, value in fields(entry.event).items()},
    )


async def _show(run: Conduct, news: Subscription) -> None:
    """Show the run: a live table on a terminal, else one plain line for each change."""
    if not sys.stdout.isatty() or run.options.as_json or run.options.quiet or run.options.verbose:
        await _show_lines(run, news)
    screen = Screen()
    while True:
        news.drain()
        state = run.supervisor.recorder.state
        screen.draw(board(run.supervisor.plan, state, now=time.time(), color=run.options.colors))
        if state.phase in {"paused", "ended"}:
            await anyio.sleep_forever()
        with anyio.move_on_after(_TICK):
            await news.wait()


async def _show_lines(run: Conduct, news: Subscription) -> None:
    while True:
        await news.wait()
        for entry in news.drain():
            if text := _line(run, entry):
                show(f"{text}\n")


def _line(run: Conduct, entry: Entry) -> str:
    """Give what an event amounts to on standard output: nothing, a plain line, or with -v the event itself."""
    if run.options.as_json or run.options.quiet:
        return ""
    return line(entry) if run.options.verbose else change_line(run.supervisor.plan, entry)


async def _until_shown(*news: Subscription) -> None:
    """Let those who look on see the last events."""
    for _ in range(100):
        if all(one.is_empty for one in news):
            break
        await anyio.sleep(0.01)
    await anyio.lowlevel.checkpoint()


class Screen:
    """Redraws a few lines at the bottom of a terminal."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._drawn = 0

    def draw(self, text: str) -> None:
        """Replace what was drawn last."""
        lines = text.rstrip("\n").split("\n")
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        show(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._drawn = len(lines)
