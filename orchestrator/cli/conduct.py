"""A supervisor in the foreground: its sockets, its signals, its files and what the terminal shows."""

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel

from orchestrator.adoption import restore
from orchestrator.cli import closing
from orchestrator.cli.beginning import lay_out
from orchestrator.cli.context import Context, say
from orchestrator.cli.finish import conclude
from orchestrator.cli.screen import Screen, display, is_terminal
from orchestrator.control.protocol import Rejected
from orchestrator.control.server import Later, Server, serve
from orchestrator.doctor.untried import tell_untried
from orchestrator.events import (
    AgentWarned,
    Entry,
    LockRefused,
    Noticed,
    QuestionAnswered,
    QuestionAsked,
    QuestionClosed,
    RemarkMade,
    RunStarted,
    StopRequested,
)
from orchestrator.exchange.questions import LONGEST
from orchestrator.journal import Journal
from orchestrator.journal.ahead import BEHIND
from orchestrator.journal.feed import Subscription
from orchestrator.model import AgentId, Haste, RunId
from orchestrator.notify import Reach, Teller
from orchestrator.platform import become_subreaper
from orchestrator.platform.watching import identities, watching
from orchestrator.project import Project
from orchestrator.run.supervisor import Supervisor
from orchestrator.runlog import RunLog
from orchestrator.views.board import board
from orchestrator.views.changes import change_line, lasts, question_note, remark_note
from orchestrator.views.comms import CommFiles
from orchestrator.views.events import line
from orchestrator.views.lockfiles import LockFiles
from orchestrator.views.plan_table import done_lines
from orchestrator.views.text import fitted, page

_TICK = 1.0  #: seconds after which the table is drawn again, for its clocks
_WHOLE = 2 * LONGEST  #: columns; what is asked and answered is not cut in the comm files
_SHORTEST = 0.1  #: seconds between two rounds of bringing files up to date, which are for eyes
_LONGEST_PAUSE = 1.0  #: seconds; files that take long to write are written less often, up to this
_IDLE = 15  #: times as long as a round took nothing is done for eyes
_LINES = 64  #: of the log that are written at once
_SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminated"}


@dataclass(slots=True, kw_only=True)
class Conduct:
    """A run in the foreground."""

    options: Context
    project: Project
    supervisor: Supervisor
    log: RunLog
    since: int  #: number of the last event before this supervisor's own
    ended_by: list[str] = field(default_factory=list)  #: signals that came
    screen: Screen | None = None  #: the table, where there is one
    stopping_at: float | None = None  #: since when it is being ended
    begun: Callable[[RunId], None] = lambda _: None  #: called once the run can be looked at and spoken to

    @property
    def is_over(self) -> bool:
        """Tell whether the last event was recorded."""
        return self.supervisor.recorder.state.phase in {"paused", "ended"}


#: What an agent reads in its comm file.
Noted: TypeAlias = QuestionAsked | QuestionAnswered | QuestionClosed | AgentWarned | RemarkMade
View = Callable[[Conduct, Subscription], Coroutine[Any, Any, None]]


async def conduct(run: Conduct) -> int:
    """Run the supervisor until it is over; gives the exit code."""
    await oversee(run, _show)
    return conclude(run.options, run.project, run.supervisor.recorder, run.ended_by)


async def oversee(run: Conduct, show: View) -> None:
    """Run the supervisor until it is over, with its sockets, signals, files and log; `show` tells a person of it."""
    become_subreaper()
    keeper = Keeper(run)
    recorder = run.supervisor.recorder
    run.supervisor.hear_out = keeper.hear_out
    subscribe, stage = recorder.feed.subscribe, run.supervisor.stage
    with (
        subscribe() as shown,
        subscribe() as kept,
        subscribe() as logged,
        subscribe() as versions,
        subscribe() as told,
    ):
        before = list(recorder.journal.entries(run=RunId(recorder.state.run), after=run.since))
        for news in (shown, kept, logged, told):
            news.offer(before)
        async with serve(run.supervisor.desk.answer, settle=recorder.settle) as server, anyio.create_task_group() as group:
            await _listen(run, server)
            group.start_soon(_take_in, recorder.journal)
            run.begun(RunId(recorder.state.run))
            group.start_soon(_listen_on, run, server)
            group.start_soon(_heed_signals, run)
            group.start_soon(partial(tell_untried, recorder, stage.accounts.own, versions, surroundings=stage.surroundings))
            async with anyio.create_task_group() as views:  # each ends by itself when it has told the end of the run
                views.start_soon(_keep_files, run, keeper, kept)
                views.start_soon(_log, run, logged)
                views.start_soon(_teller(run).run, told, lambda: run.is_over)
                views.start_soon(show, run, shown)
                await run.supervisor.run()
            group.cancel_scope.cancel()


def _teller(run: Conduct) -> Teller:
    """Give who tells a person what they want to know; without a terminal where nothing is to be shown."""
    recorder, settings = run.supervisor.recorder, run.supervisor.stage.config.notify
    log = run.project.logs / recorder.state.run / "notify.log"
    streams = () if run.options.quiet else (sys.stderr, sys.stdout)
    return Teller(recorder, Reach(settings=settings, root=run.project.root, log=log, streams=streams))


async def _listen(run: Conduct, server: Server) -> None:
    stage = run.supervisor.stage
    await server.listen(run.project.sockets / "control.sock")
    for agent, path in stage.sockets.items():
        await server.listen(path, agent=agent, token=stage.tokens[AgentId(agent)])


async def _take_in(journal: Journal) -> None:
    """Let steps that come in haste be written ahead of the journal's table, and take them in soon after."""
    behind = anyio.Event()
    with journal.writing_ahead(lambda: behind.set()):  # noqa: PLW0108 - it is another one each time
        while True:
            await behind.wait()
            behind = anyio.Event()
            await anyio.sleep(BEHIND)
            journal.absorb()


async def _listen_on(run: Conduct, server: Server) -> None:
    """Open the sockets of agents that join the run."""
    is_open = set(run.supervisor.stage.sockets)
    while True:
        await run.supervisor.recorder.changed()
        stage = run.supervisor.stage
        for agent in stage.sockets.keys() - is_open:
            is_open.add(agent)
            await server.listen(stage.sockets[agent], agent=agent, token=stage.tokens[agent])


async def _heed_signals(run: Conduct) -> None:
    """End the run more firmly with each signal, and at last without it; a hangup that `nohup` ignores stays ignored."""
    heeded = [one for one in _SIGNALS if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*heeded) as signals:
        async for number in signals:
            run.ended_by.append(_SIGNALS[number])
            haste = run.supervisor.haste + 1
            if haste > Haste.KILLED:
                os._exit(128 + number)  # the leashes end what is left, and the journal holds the rest
            if not run.options.quiet:
                (run.screen.say if run.screen else say)(closing.said(haste))
            run.supervisor.stop(now=haste >= Haste.NOW, kill=haste >= Haste.KILLED, reason=_SIGNALS[number])


async def _keep_files(run: Conduct, keeper: "Keeper", news: Subscription) -> None:
    """Keep comm files and lock files true, and take in what people and agents did to them.

    Looking begins before the files are brought up to date, so that no change falls between the two; squad's own writing
    is seen too, and costs one more round that finds nothing. It begins anew only where a folder is another one than
    before: to stop looking takes the system longer than a round.
    """
    views = run.supervisor.stage.views
    folders = (views, views / "comms", views / "locks")
    while True:
        with watching(*folders) as changes:
            watched = identities(folders)
            while watched == identities(folders):
                is_over = run.is_over
                keeper.keep(news.drain())
                while keeper.later:
                    await keeper.later.pop().come()
                if is_over and news.is_empty:
                    return
                if watched == identities(folders):
                    with anyio.move_on_after(keeper.patience):
                        await _first(news.wait, changes.changed)
                if not run.is_over:
                    await anyio.sleep(min(_LONGEST_PAUSE, max(_SHORTEST, _IDLE * keeper.took)))


async def _first(*waits: Callable[[], Awaitable[None]]) -> None:
    """Wait for whichever comes first."""

    async def wait_for(wait: Callable[[], Awaitable[None]]) -> None:
        await wait()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for wait in waits:
            group.start_soon(wait_for, wait)


def _note(event: Noted) -> str:
    """Give what an agent reads in its comm file."""
    match event:
        case AgentWarned(text=text):
            return " ".join(text.split())
        case RemarkMade():
            return remark_note(event)
        case _:
            return question_note(event)


class Keeper:
    """Keeps the files of a run true; a file that cannot be written is told once and does not end the run."""

    def __init__(self, run: Conduct) -> None:
        """Begin with files that say nothing yet."""
        self._run = run
        views = run.supervisor.stage.views
        self._plan = run.supervisor.plan
        self._comms = CommFiles(views / "comms", self._plan, run.supervisor.hear)
        self._locks = LockFiles(views / "locks")
        self._behind = True  #: the files do not show the newest state
        self.took = 0.0  #: seconds of CPU for the last round
        self.later: list[Later] = []  #: what a person has freed and whose doors are still to be closed
        self._told: set[str] = set()

    @property
    def patience(self) -> float:
        """Give the seconds after which the files are looked at again, also if nobody told of a change."""
        return self._comms.patience

    def keep(self, entries: Sequence[Entry]) -> None:
        """Bring all files up to date with what happened."""
        self._behind = self._behind or bool(entries)
        now, begun = time.time(), time.thread_time()
        for entry in entries:
            if isinstance(entry.event, Noted):
                self._comms.note(AgentId(entry.event.agent), _note(entry.event), now=now, width=_WHOLE)
        with self._told_once(".squad folder"):
            restore(self._run.project)
        if self._plan is not self._run.supervisor.plan:
            self._heed_plan()
        with self._told_once("comm files"):
            if self._behind:
                self._comms.write(self._run.supervisor.recorder.state, now=now)
            else:
                self._comms.look(now=now)
            self._behind = False
        with self._told_once("lock files"):
            self._locks.sync(self._run.supervisor.table.grants, self._force)
        self._run.supervisor.recorder.settle()
        self.took = time.thread_time() - begun

    def _heed_plan(self) -> None:
        """Write an amended plan where people look for it."""
        self._plan = self._run.supervisor.plan
        self._comms.heed(self._plan)
        with self._told_once("plan's files"):
            lay_out(self._run.project, self._run.supervisor.recorder)

    def hear_out(self, agent: AgentId) -> None:
        """Take in the last that an agent whose processes are gone wrote into its comm file."""
        with self._told_once("comm files"):
            self._comms.hear_out(agent, now=time.time())

    def _force(self, key: str) -> None:
        """Honour that a person removed a lock file, if the lock is stale; else say why not."""
        supervisor = self._run.supervisor
        holders = {grant.holder for grant in supervisor.table.grants() if grant.path == key}
        try:
            freed = supervisor.desk.locks.force(key)
            if isinstance(freed, Later):
                self.later.append(freed)
            said = f"a person freed the lock on {key}"
        except Rejected as refusal:
            said = f"the lock file of {key} was removed by hand and is put back: {refusal.reason}"
            supervisor.recorder.record(LockRefused(path=key, holder="a person", reason=refusal.reason))
        for holder in holders:
            self._comms.note(holder, said, now=time.time())

    @contextmanager
    def _told_once(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if what not in self._told:
                self._told.add(what)
                reason = f"cannot keep the {what}: {error.strerror or error} ({error.filename or self._run.project.folder})"
                self._run.supervisor.recorder.record(Noticed(text=reason))


async def _log(run: Conduct, news: Subscription) -> None:
    """Write squad's own structured log."""
    log = run.log
    while True:
        is_over = run.is_over
        entries = news.drain()
        for start in range(0, len(entries), _LINES):
            log.note(*entries[start : start + _LINES])
            await anyio.lowlevel.checkpoint()
        if log.failure and not log.told:
            log.told = True
            run.supervisor.recorder.record(Noticed(text=f"squad's own log cannot be written: {log.failure}"))
        if is_over and news.is_empty:
            return
        await news.wait()
        if not run.is_over:
            await anyio.sleep(_SHORTEST)


async def _show(run: Conduct, news: Subscription) -> None:
    """Show the run: a live table on a terminal, else one plain line for each change."""
    if run.options.quiet or run.options.as_json:
        return
    if run.options.verbose or not is_terminal():
        await _show_lines(run, news)
        return
    run.screen = Screen()
    while True:
        for entry in news.drain():
            if lasts(entry.event) and (kept := change_line(run.supervisor.plan, entry)):
                run.screen.say(kept)
            if isinstance(entry.event, RunStarted):
                for told in done_lines(run.supervisor.plan):
                    run.screen.say(told)
            if isinstance(entry.event, StopRequested):
                run.stopping_at = entry.at
        is_over = run.is_over
        if not await display(run.screen.frame(partial(_table, run))) or (is_over and news.is_empty):
            return
        with anyio.move_on_after(_TICK):
            await news.wait()


def _table(run: Conduct, width: int, height: int) -> str:
    state, color, now = run.supervisor.recorder.state, run.options.colors, time.time()
    below = _below(run, now=now)
    rows = height - (2 if below else 1)  # the cursor stands below all
    return board(run.supervisor.plan, state, now=now, color=color, width=width, height=rows) + fitted(below, width)


def _below(run: Conduct, *, now: float) -> str:
    """Give the line below the table: what a person has ordered, and what takes it back or hastens it."""
    state = run.supervisor.recorder.state
    if run.stopping_at is not None and state.phase == "ending":
        return closing.countdown(run.supervisor.haste, since=run.stopping_at, now=now)
    return "paused by a person; go on: squad resume" if state.phase == "running" and state.held else ""


async def _show_lines(run: Conduct, news: Subscription) -> None:
    """Write a line for each change; with -v the events themselves."""
    while True:
        is_over = run.is_over
        lines = [text for entry in news.drain() if (text := _line(run, entry))]
        if news.lagged:
            news.noted()
            lines.insert(0, "(more has happened than could be shown here: squad events)")
        if not await display(page(lines)) or (is_over and news.is_empty):
            return
        await news.wait()


def _line(run: Conduct, entry: Entry) -> str:
    return line(entry) if run.options.verbose else change_line(run.supervisor.plan, entry)
