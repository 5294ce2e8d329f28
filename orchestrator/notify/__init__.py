"""Tells a person what they want to know while they do something else; never twice, and never in the way of the run.

That something is told stands in the journal before it is done: a squad that dies in between leaves a message out rather than
send it again. What quiet hours hold back is told when they end, by a small process of its own if the run is over by then.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

import anyio
import anyio.abc
import anyio.to_thread

from orchestrator.events import Entry, Noticed, Notified, QuestionAsked
from orchestrator.journal.feed import Subscription
from orchestrator.journal.recorder import Recorder
from orchestrator.notify.notices import Notice, document, is_news, notice_of, still_stands
from orchestrator.notify.quiet import quiet_until
from orchestrator.notify.ways import call, desktop_command, post, ring, show, terminal_of
from orchestrator.sections import NotifySettings

Way: TypeAlias = Callable[[Notice, Mapping[str, object]], str]
_SHORTEST = 0.1  #: seconds between two rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """By which ways a person is told."""

    settings: NotifySettings
    root: Path  #: of the project
    log: Path  #: what commands write
    streams: tuple[IO[str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def ways(self) -> dict[str, Way]:
        """Give the ways that there are now, by name; each gives what went wrong."""
        settings = self.settings
        found: dict[str, Way] = {}
        terminal = terminal_of(self.streams) if settings.bell else None
        desktop = desktop_command(self.environment) if settings.desktop else ()
        if terminal is not None:
            found["bell"] = lambda notice, _: ring(terminal, "squad", notice.text, environment=self.environment)
        if desktop:
            found["desktop"] = lambda notice, _: show(desktop, "squad", notice.text, log=self.log)
        if settings.command:
            found["command"] = self._call
        if (address := settings.webhook) is not None:
            found["webhook"] = lambda _, told: post(address, told, timeout=settings.timeout)
        return found

    def _call(self, _: Notice, told: Mapping[str, object]) -> str:
        body = json.dumps(told).encode() + b"\n"
        return call(self.settings.command, body, cwd=self.root, log=self.log, timeout=self.settings.timeout)


class Teller:
    """Tells of a run while it is supervised."""

    def __init__(self, recorder: Recorder, reach: Reach) -> None:
        """Begin with what a former supervisor had told."""
        self._recorder = recorder
        self._reach = reach
        self._ways = reach.ways()
        self._told: set[str] = set()
        self._held: list[Notice] = []

    async def run(self, news: Subscription, is_over: Callable[[], bool]) -> None:
        """Tell what happens until the run is over."""
        settings = self._reach.settings
        if not (self._ways and settings.events) or self._recorder.state.split:
            return
        async with anyio.create_task_group() as group:
            for entry in self._unanswered():
                self._take(entry, group)
            while True:
                ending = is_over()
                for entry in news.drain():
                    self._take(entry, group)
                self._release(group)
                if ending and news.is_empty:
                    break
                with anyio.move_on_after(self._patience()):
                    await news.wait()
                if not is_over():
                    await anyio.sleep(_SHORTEST)
            self._hand_over()

    def _unanswered(self) -> list[Entry]:
        """Give the questions that a former supervisor died over before it told of them."""
        recorder, state = self._recorder, self._recorder.state
        waiting = {name for name, question in state.questions.items() if question.state == "open"} - set(state.notified)
        entries = recorder.journal.entries(run=state.run) if waiting else ()  # type: ignore[arg-type]  # the same id
        return [entry for entry in entries if isinstance(entry.event, QuestionAsked) and entry.event.id in waiting]

    def _take(self, entry: Entry, group: anyio.abc.TaskGroup) -> None:
        state, settings = self._recorder.state, self._reach.settings
        notice = notice_of(entry, state)
        if notice is None or notice.what not in settings.events or not is_news(notice, state, self._told):
            return
        self._told.add(notice.about)
        if notice.what not in settings.urgent and quiet_until(settings.quiet, self._recorder.clock()) is not None:
            self._held.append(notice)
        else:
            self._tell(notice, group)

    def _release(self, group: anyio.abc.TaskGroup) -> None:
        """Tell what was held back, when the quiet hours are over and it still matters."""
        if self._held and quiet_until(self._reach.settings.quiet, self._recorder.clock()) is None:
            held, self._held = self._held, []
            for notice in held:
                if still_stands(notice, self._recorder.state):
                    self._tell(notice, group)

    def _tell(self, notice: Notice, group: anyio.abc.TaskGroup) -> None:
        self._note(notice, later=None)
        told = document(notice, self._recorder.state, root=str(self._reach.root))
        for name, way in self._ways.items():
            group.start_soon(self._by, name, partial(way, notice, told))

    async def _by(self, name: str, way: Callable[[], str]) -> None:
        if fault := await anyio.to_thread.run_sync(way):
            self._recorder.record(Noticed(text=f"notify: {name}: {fault}"))

    def _note(self, notice: Notice, *, later: float | None) -> None:
        ways = list(self._ways)
        self._recorder.record(Notified(what=notice.what, about=notice.about, of=notice.of, ways=ways, later=later))

    def _patience(self) -> float | None:
        """Give the seconds until the quiet hours end, if something waits for that."""
        now = self._recorder.clock()
        until = quiet_until(self._reach.settings.quiet, now) if self._held else None
        return None if until is None else max(_SHORTEST, min(until - now, 60.0))  # the clock on the wall may be set

    def _hand_over(self) -> None:
        """Leave what is still held back to a process of its own, which needs neither squad nor its journal."""
        state, settings = self._recorder.state, self._reach.settings
        held = [notice for notice in self._held if still_stands(notice, state)]
        later = quiet_until(settings.quiet, self._recorder.clock())
        if not held or later is None:
            return
        for notice in held:
            self._note(notice, later=later)
        told = [document(notice, state, root=str(self._reach.root)) for notice in held]
        tell_later(self._reach, told, at=later)


def tell_later(reach: Reach, told: list[dict[str, object]], *, at: float) -> int:
    """Start the process that waits for the end of the quiet hours; gives its id."""
    settings = reach.settings.model_dump_json(by_alias=True)
    body = {"at": at, "settings": settings, "root": str(reach.root), "log": str(reach.log), "told": told}
    process = subprocess.Popen(  # it outlives squad on purpose
        [sys.executable, "-P", "-m", "orchestrator.notify.later"],
        cwd="/",
        env={**reach.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(body).encode())
    process.stdin.close()
    process.returncode = 0  # nobody waits for it
    return process.pid
