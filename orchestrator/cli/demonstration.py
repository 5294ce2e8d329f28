"""The demo from its first line to its exit code.

Its run is one like any other, launched as `squad run` launches it; only what is shown of it differs. What it is to show is
counted from the journal, and what did not happen makes it fail.
"""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.cli.conduct import Conduct, oversee
from orchestrator.cli.context import Context, out, out_json, say, show
from orchestrator.cli.early import heed_early_signals
from orchestrator.cli.exits import FAILED, INTERRUPTED, TERMINATED
from orchestrator.cli.finish import conclude
from orchestrator.cli.launch import Wishes, launch
from orchestrator.cli.reporting import report_of
from orchestrator.cli.scratch import Scratch, scratch
from orchestrator.cli.screen import display
from orchestrator.events import Entry
from orchestrator.journal.feed import Subscription
from orchestrator.model import RunId
from orchestrator.text.quantities import format_duration
from orchestrator.views.demo import Happened, Narration, count_lines, happened, happened_json
from orchestrator.views.report import render_report, report_json
from orchestrator.views.text import page

_WISHES = Wishes(file="tasks.yaml", count=None, agent=None, enforce=None, new=False, unattended=True)
_LOOK = "squad status   squad report   squad diff   squad merge"


@dataclass(slots=True, kw_only=True)
class Demonstration:
    """What is left of a run when its supervisor is gone."""

    options: Context
    happened: Happened | None = None
    report: str = ""  #: as `squad report` writes it
    document: Mapping[str, object] = field(default_factory=dict)  #: the same with --json

    @property
    def is_told(self) -> bool:
        """Tell whether somebody reads along."""
        return not (self.options.quiet or self.options.as_json)

    async def conduct(self, run: Conduct) -> int:
        """Carry the run out and tell of it; gives its exit code."""
        await oversee(run, self._narrate)
        recorder = run.supervisor.recorder
        entries = list(recorder.journal.entries(run=RunId(recorder.state.run)))
        self.happened = happened(entries)
        made = report_of(run.project, recorder.journal, recorder.plan, recorder.state)
        self.report, self.document = render_report(made), report_json(made)
        return conclude(run.options, run.project, recorder, run.ended_by)

    async def _narrate(self, run: Conduct, news: Subscription) -> None:
        narration = Narration(run.supervisor.plan)
        while self.is_told:
            is_over = run.is_over
            if not await display(page(_lines(narration, news.drain()))) or (is_over and news.is_empty):
                return
            await news.wait()


def _lines(narration: Narration, entries: Sequence[Entry]) -> list[str]:
    return [line for entry in entries if (line := narration.line(entry))]


def demonstrate(options: Context, folder: str | None, *, keep: bool) -> int:
    """Let the demo happen in a scratch repository, show what came of it; gives the exit code.

    Raises:
        SquadError: Nothing was started.
    """
    began = time.monotonic()
    shown = Demonstration(options=options)
    with scratch(options.folder / folder if folder else None, keep=keep) as place:
        if shown.is_told:
            show(_opening(place))
        inner = replace(options, folder=place.folder, config=None, quiet=True, as_json=False, yes=True, no_input=True)
        code = _launched(inner, shown, place)
        heed_early_signals()
        if code in {INTERRUPTED, TERMINATED} or shown.happened is None:
            options.note(
                f"go on: squad -C {shlex.quote(str(place.folder))} resume" if place.keep else "nothing of the demo is left"
            )
            return code
        code = code or (FAILED if shown.happened.missing else 0)
        place.keep = place.keep or code != 0
        _tell(shown, place, seconds=time.monotonic() - began)
        return code


def _launched(options: Context, shown: Demonstration, place: Scratch) -> int:
    """Carry the run out; should it end by a bug in squad, what is left of it stays to be looked at."""
    try:
        return launch(options, _WISHES, carry=shown.conduct)
    except ExceptionGroup:
        place.keep = True
        say(f"squad: what is left of the demo is in {place.folder}")
        raise


def _opening(place: Scratch) -> str:
    stays = "" if place.keep else ", removed at the end (--keep keeps it)"
    return page(
        [
            "Three simulated agents carry out a PRD: no model, no key, no network. The",
            "supervisor, the locks, the leashes and what is enforced are those of every run.",
            f"in {place.folder}{stays}",
            "",
        ]
    )


def _tell(shown: Demonstration, place: Scratch, *, seconds: float) -> None:
    assert shown.happened is not None
    kept = str(place.folder) if place.keep else None
    if shown.options.as_json:
        told = {"seconds": round(seconds, 3), "folder": kept, "happened": happened_json(shown.happened)}
        out_json({"schema_version": 1, **told, "report": shown.document})
    elif shown.is_told:
        lines = ["", *count_lines(shown.happened), f"in {format_duration(seconds)}", "", *_where(kept)]
        out(f"\n{shown.report}{page(lines)}")
    elif shown.happened.missing:
        say("\n".join([*count_lines(shown.happened), *_where(kept)]))


def _where(kept: str | None) -> list[str]:
    if kept is None:
        return ["look around in it yourself: squad demo --keep, then in its folder", f"  {_LOOK}"]
    return [f"look around: cd {shlex.quote(kept)}", f"  {_LOOK}"]
