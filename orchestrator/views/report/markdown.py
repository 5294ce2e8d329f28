"""The report in Markdown, for pull requests and chat; a stranger's text stays text there too: no markup, no links, no HTML."""

import re
from collections.abc import Iterator

from orchestrator.views.report.model import Report
from orchestrator.views.report.parts import APART, headline, parts
from orchestrator.views.report.table import Line, Part, Table
from orchestrator.views.text import plain, utc

_SIGNS = re.compile(r"[\\`*_\[\]|~$]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LINKS = re.compile(r"(?i)(?<=[a-z])(?=://)|(?<=\bwww)(?=\.)|(?<=\w)(?=@)")
_BEGINNINGS = re.compile(r"^(?:[#+=-]|\d+(?=[.)]))")  #: of a block


def render_markdown(report: Report) -> str:
    """Give the report as Markdown with tables."""
    lines = [f"# {escaped(report.title)}: run {escaped(report.run)}", "", escaped(headline(report)), ""]
    lines += [f"From {escaped(report.source)}, begun {utc(report.started_at)}, told up to {utc(report.told_at)}."]
    for part in parts(report):
        lines += ["", f"## {part.title}", "", *_part(part)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Give a text that Markdown shows as it is, in one line."""
    shown = _SIGNS.sub(r"\\\g<0>", plain(text)).translate(_ENTITIES)
    return _LINKS.sub(r"\\", shown)


def _part(part: Part) -> Iterator[str]:
    for line in part.lines:
        yield f"- {_line(line)}"
    if part.table:
        yield from _table(part.table)


def _line(line: Line) -> str:
    shown = escaped(line.text)
    begun = _BEGINNINGS.match(shown)
    if begun:
        shown = f"{begun[0]}\\{shown[begun.end() :]}" if begun[0].isdigit() else f"\\{shown}"
    return shown + (f" ({', '.join(map(_code, line.help.split(APART)))})" if line.help else "")


def _code(text: str) -> str:
    """Give a text as code, fenced by more backticks than stand in it."""
    shown = plain(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _table(table: Table) -> Iterator[str]:
    yield _row(table.head)
    yield _row(tuple("---:" if place in table.numbers else "---" for place in range(len(table.head))), is_rule=True)
    for row in table.rows:
        yield _row(row)


def _row(cells: tuple[str, ...], *, is_rule: bool = False) -> str:
    return f"| {' | '.join(cells if is_rule else map(escaped, cells))} |"
