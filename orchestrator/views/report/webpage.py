"""The report as one HTML file: no script, nothing from outside, readable by day, by night, in print and by ear.

It is also well-formed XML, so that anything can read it. A rule in its head forbids whatever could be loaded or run, in
case a stranger's text should ever get past the escaping.
"""

from collections.abc import Iterator

from orchestrator.views.report.markup import markup, shown, tag
from orchestrator.views.report.model import Report
from orchestrator.views.report.parts import headline, parts
from orchestrator.views.report.style import STYLE
from orchestrator.views.report.table import Line, Part, Table
from orchestrator.views.report.timeline import legend, timeline
from orchestrator.views.text import utc

_RULE = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(report: Report) -> str:
    """Give the page."""
    title = f"{report.title}: run {report.run}"
    head = (
        '<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_RULE}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"{tag('title', title)}\n{markup('style', STYLE)}"
    )
    told = f"From {report.source}, begun {utc(report.started_at)}, told up to {utc(report.told_at)}."
    top = markup("header", tag("h1", title) + tag("p", headline(report), class_="state") + tag("p", told))
    body = markup("body", f"\n{top}\n{markup('main', _main(report))}\n")
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n{body}\n</html>\n'


def _main(report: Report) -> str:
    drawn = _figure(report)
    told = []
    for part in parts(report):
        told += [drawn] if part.title == "Attempts" and drawn else []
        told.append(_section(part))
    return "\n" + "\n".join(told) + "\n"


def _section(part: Part) -> str:
    name = "-".join(part.title.split(" (")[0].split(",")[0].replace("'", "").casefold().split())
    rows = "".join(markup("li", _line(line)) for line in part.lines)
    listed = markup("ul", rows) if rows else ""
    table = _table(part.table, name) if part.table else ""
    kind = {"class_": "needs"} if part.title == "Needs you" else {}
    return markup("section", tag("h2", part.title, id=name) + listed + table, aria_labelledby=name, **kind)


def _line(line: Line) -> str:
    return shown(line.text) + (f" {tag('code', line.help)}" if line.help else "")


def _table(table: Table, name: str) -> str:
    head = markup("tr", "".join(tag("th", cell, scope="col") for cell in table.head))
    rows = "\n".join(markup("tr", "".join(_cells(table, row))) for row in table.rows)
    whole = markup("table", f"<thead>{head}</thead>\n<tbody>{rows}</tbody>", aria_labelledby=name)
    return markup("div", whole, class_="wide", tabindex="0", role="region", aria_labelledby=name)


def _cells(table: Table, row: tuple[str, ...]) -> Iterator[str]:
    for place, cell in enumerate(row):
        if place == 0:
            yield tag("th", cell, scope="row")
        elif place in table.numbers:
            yield tag("td", cell, class_="n")
        else:
            yield tag("td", cell)


def _figure(report: Report) -> str:
    drawn = timeline(report)
    if not drawn:
        return ""
    keys = "".join(_key(kind, told) for kind, told in legend(report))
    return markup("section", f'<h2 id="timeline">Timeline</h2>{drawn}{markup("p", keys, class_="legend")}')


def _key(kind: str, told: str) -> str:
    box = markup("svg", markup("rect", class_=kind, width="12", height="12"), viewBox="0 0 12 12", aria_hidden="true")
    return markup("span", box + shown(told)) + " "
