"""A warning for each agent program of a run whose version squad was not tried with, once for each program and run.

Nothing waits for it. What a program that is spoken with says of itself costs nothing; of a plain command it is asked for
beside the run, since that takes up to seconds.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.abc

from orchestrator.adapters import AnyAdapter
from orchestrator.adapters.command import CommandAdapter
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.doctor.asking import ask_version
from orchestrator.environment import passed
from orchestrator.events import ConversationKnown, Noticed
from orchestrator.journal.feed import Subscription
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId


async def tell_untried(
    recorder: Recorder, adapters: Mapping[AgentId, AnyAdapter], news: Subscription, *, surroundings: Mapping[str, str]
) -> None:
    """Look at each program as soon as its version is known, until the run is over; ended from outside."""
    async with anyio.create_task_group() as group:
        for known in _silent(adapters):
            group.start_soon(_ask, recorder, known, surroundings)
        while True:
            await news.wait(ConversationKnown)
            for entry in news.drain():
                if isinstance(told := entry.event, ConversationKnown):
                    _tell(recorder, KNOWN.get(recorder.state.attempts[told.attempt].adapter), told.version)


def _silent(adapters: Mapping[AgentId, AnyAdapter]) -> list[Known]:
    """Give the programs that do not speak of their version by themselves; what the user configured is never called for it."""
    started = {(adapter.name, adapter.command) for adapter in adapters.values() if isinstance(adapter, CommandAdapter)}
    return [known for name, known in KNOWN.items() if known.headless and (name, known.headless) in started]


async def _ask(recorder: Recorder, known: Known, surroundings: Mapping[str, str]) -> None:
    environment = passed(surroundings, needs=known.needs)
    path = shutil.which(known.name, path=environment["PATH"])
    if path is None:
        return
    with tempfile.TemporaryDirectory(prefix="squad-version-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "version.log"
        answered = await ask_version(path, environment=environment, log=log, mark=folder)
    _tell(recorder, known, answered.version)


def _tell(recorder: Recorder, known: Known | None, version: str) -> None:
    if known is None or recorder.state.phase in {"paused", "ended"}:
        return
    text = known.untried(version)
    if text and text not in recorder.state.notices:
        recorder.record(Noticed(text=text))
