"""The report for a terminal, and the last words of a run; nothing that a stranger wrote comes out raw."""

from collections.abc import Iterator

from orchestrator.text.quantities import format_duration
from orchestrator.views.report.layout import table_lines
from orchestrator.views.report.model import Report
from orchestrator.views.report.parts import headline, next_lines, parts
from orchestrator.views.report.table import Line, Part
from orchestrator.views.text import page, plain


def render_report(report: Report, *, width: int = 80) -> str:
    """Give the report as text; no table is wider than so many columns."""
    lines = [f"{plain(report.title)}: run {report.run}, {headline(report)}"]
    for part in parts(report):
        lines += ["", f"{part.title}:", *part_lines(part, width=width)]
    return page(lines)


def render_ending(report: Report) -> str:
    """Give the last words of a run: a few lines."""
    lines = [f"{report.run}: {headline(report)}"]
    lines += [f"  needs you: {plain(str(need))}" for need in report.attention]
    measured = report.figures
    wall, work = format_duration(measured.wall_s), format_duration(measured.work_s)
    faster = f": speed-up {measured.speed_up:.2f} (measured)" if measured.speed_up is not None and report.worked > 1 else ""
    lines.append(f"  {work} of work in {wall}{faster}")
    for line in next_lines(report):
        lines += [f"  {text}" for text in _next(line)]
    return page(lines)


def _next(line: Line) -> Iterator[str]:
    if line.help.startswith("squad"):
        yield f"{line.text}: {line.help}"
        return
    yield plain(line.text)
    if line.help:
        yield line.help


def part_lines(part: Part, *, width: int = 80) -> Iterator[str]:
    """Give the lines of one part below its title."""
    if part.title == "Next":
        for line in part.lines:
            yield from (f"  {text}" for text in _next(line))
        return
    for line in part.lines:
        yield f"  {plain(line.text)}" + (f" ({plain(line.help)})" if line.help else "")
    if part.table:
        yield from table_lines(part.table, width=width)
