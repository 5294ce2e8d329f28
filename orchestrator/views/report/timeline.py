"""The timeline of a run as SVG: a row for each agent, its attempts by outcome, and what it waited for.

Time in which no supervisor lived takes no room and is marked by a line. What is too narrow to be seen is left out, so that
the drawing stays small however long the run was; the tables tell all of it.
"""

from collections.abc import Iterator, Sequence

from orchestrator.text.quantities import format_duration
from orchestrator.views.report.markup import markup, tag
from orchestrator.views.report.model import Bar, Mark, Report
from orchestrator.views.text import shortened

_WIDTH, _LEFT, _RIGHT = 1000.0, 170.0, 10.0
_TOP, _ROW = 24.0, 30.0
_MOST = 3000  #: bars that are drawn
_LETTER = 6.5  #: width of a letter in a bar
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_HEIGHTS = {"work": (4.0, 20.0), "check": (8.0, 12.0), "integration": (8.0, 12.0)}
_THIN = (11.0, 6.0)  #: of a wait: from the top of its row, and its height
_NOW = "under way"
CAUSES = {
    "check": "checks",
    "integration": "workspace and integration",
    "lock": "waits for a lock",
    "answer": "waits for an answer",
    "limit": "waits for a usage limit",
    "stall": "waits to try again",
}


def timeline(report: Report) -> str:
    """Draw the timeline; empty where nothing was done."""
    length = max((bar.end_s for bar in report.bars), default=0.0)
    if not length:
        return ""
    rows = {row.id: _TOP + _ROW * place for place, row in enumerate(report.agents)}
    height = _TOP + _ROW * len(rows) + 4
    scale = (_WIDTH - _LEFT - _RIGHT) / length
    title = tag("title", "Timeline", id="timeline-title")
    told = f"{len(rows)} agents over {format_duration(length)}; the table of attempts below tells the same in words."
    drawn = [
        *(_agent(name, top) for name, top in rows.items()),
        *_axis(length, scale, height),
        *(_bar(bar, rows[bar.agent], scale) for bar in _visible(report.bars, scale)),
        *(_mark(mark, rows.get(mark.agent), scale, height) for mark in report.marks),
    ]
    body = title + tag("desc", told, id="timeline-told") + "".join(drawn)
    box = f"0 0 {_WIDTH:g} {height:g}"
    return markup("svg", body, viewBox=box, role="img", aria_labelledby="timeline-title timeline-told")


def legend(report: Report) -> list[tuple[str, str]]:
    """Give the classes that the timeline shows, each with what it means."""
    seen = sorted({bar.outcome or _NOW for bar in report.bars if bar.what == "work"})
    waits = {bar.what for bar in report.bars}
    ended = [(_class(outcome), f"attempt: {outcome}") for outcome in seen]
    return [*ended, *((cause, told) for cause, told in CAUSES.items() if cause in waits)]


def _class(outcome: str) -> str:
    return outcome.replace(" ", "-")


def _agent(name: str, top: float) -> str:
    line = markup("path", d=f"M{_LEFT:g} {top + _ROW - 2:g}H{_WIDTH - _RIGHT:g}", class_="grid")
    return line + tag("text", shortened(name, 24), x=f"{_LEFT - 8:g}", y=f"{top + 18:g}", class_="agent")


def _axis(length: float, scale: float, height: float) -> Iterator[str]:
    step = next((step for step in _STEPS if length / step <= 8), None) or 86400 * (int(length / 86400 / 8) + 1)
    for number in range(int(length / step) + 1):
        x = _LEFT + number * step * scale
        yield markup("path", d=f"M{x:.1f} {_TOP - 4:g}V{height - 4:g}", class_="grid")
        yield tag("text", format_duration(number * step), x=f"{x:.1f}", y=f"{_TOP - 9:g}", class_="tick")


def _visible(bars: Sequence[Bar], scale: float) -> Iterator[Bar]:
    """Leave out bars that nobody could see beside the one before them."""
    least = max(0.5, _WIDTH / _MOST * len({bar.agent for bar in bars}))
    last: dict[str, float] = {}
    for bar in bars:
        if (bar.end_s - bar.begin_s) * scale >= least or (bar.end_s - last.get(bar.agent, -1e9)) * scale >= least:
            last[bar.agent] = bar.end_s
            yield bar


def _bar(bar: Bar, top: float, scale: float) -> str:
    down, height = _HEIGHTS.get(bar.what, _THIN)
    x, width = _LEFT + bar.begin_s * scale, max(0.6, (bar.end_s - bar.begin_s) * scale)
    outcome = bar.outcome or _NOW
    kind, what = (_class(outcome), outcome) if bar.what == "work" else (bar.what, CAUSES[bar.what])
    told = f"{bar.attempt} {what}, {format_duration(bar.end_s - bar.begin_s)}".strip()
    drawn = markup(
        "rect", tag("title", told), class_=kind, x=f"{x:.1f}", y=f"{top + down:g}", width=f"{width:.1f}", height=f"{height:g}"
    )
    if bar.what != "work" or width < _LETTER * len(bar.attempt) + 6:
        return drawn
    return drawn + tag("text", bar.attempt, x=f"{x + 4:.1f}", y=f"{top + 18:g}", class_="in")


def _mark(mark: Mark, top: float | None, scale: float, height: float) -> str:
    x = _LEFT + mark.at_s * scale
    if top is None:
        return markup("path", tag("title", mark.text), d=f"M{x:.1f} {_TOP - 4:g}V{height - 4:g}", class_="gap")
    return markup("path", tag("title", mark.text), d=f"M{x:.1f} {top + 4:g}l5 -7h-10z", class_="mark")
