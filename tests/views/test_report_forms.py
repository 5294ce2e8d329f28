"""The forms of a report tell the same: whatever happened, no figure in one differs from that in another."""

import json
import re
from dataclasses import asdict, replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator import events as ev
from orchestrator.events import Entry
from orchestrator.fold import fold
from orchestrator.model import Plan
from orchestrator.state import initial
from orchestrator.views.report import make_report, render_html, render_markdown, render_report, report_json
from orchestrator.views.report.model import Report
from orchestrator.views.report.parts import CAUSES, headline, parts
from orchestrator.views.text import plain
from tests.support.builders import ONE, RUN, TWO, ended, entries, plan, planned, prepared, run_started, started, task
from tests.support.drawn_runs import THREE_TASKS, runs

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</td></table></title></style><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07",
    "| pipe | \\ `code` **bold** [link](http://evil) ![i](http://evil/i.png) <!-- -->",
    "&lt;b&gt; &#x27; ]]> http://evil www.evil.com a@evil.com $x$",
    "\ufffe\uffff\x00\u202e\ud800",
]


def told(rows: list[Entry], of: Plan, *, now: float) -> Report:
    state = initial(RUN, of)
    for entry in rows:
        fold(state, entry)
    return make_report(rows, of, state, now=now)


def page(report: Report) -> ET.Element:
    """Parse the page as XML, which forgives nothing."""
    return ET.fromstring(render_html(report).removeprefix("<!DOCTYPE html>\n"))


def words(element: ET.Element) -> str:
    return "".join(element.itertext())


def of_page(report: Report) -> list[tuple[str, list[list[str]]]]:
    """Give the title and the rows of each part of the page, save of the drawing."""
    sections = [one for one in page(report).iter("section") if one.get("aria-labelledby")]
    return [
        (words(section[0]), [[words(cell) for cell in row] for row in section.iter("tr")] or lines(section))
        for section in sections
    ]


def lines(section: ET.Element) -> list[list[str]]:
    return [[(item.text or "").strip(), *(words(code) for code in item)] for item in section.iter("li")]


def of_markdown(report: Report) -> list[tuple[str, list[list[str]]]]:
    """Give the same of the Markdown, as a reader of GitHub's kind shows it."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(render_markdown(report))
    found: list[tuple[str, list[list[str]]]] = []
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h2":
            found.append((shown(token), []))
        elif token.type in {"tr_open", "list_item_open"} and found:
            found[-1][1].append([])
        elif token.type == "inline" and before.type in {"th_open", "td_open"}:
            found[-1][1][-1].append(shown(token))
        elif token.type == "inline" and before.type == "paragraph_open" and found:
            found[-1][1][-1] += split(token)
    return found


def shown(token: Token) -> str:
    """Give what a reader sees of a line; that it holds nothing but text is a part of what is tried."""
    assert {child.type for child in token.children or ()} <= {"text", "text_special", "code_inline"}
    return "".join(child.content for child in token.children or ())


def split(token: Token) -> list[str]:
    code = [child.content for child in token.children or () if child.type == "code_inline"]
    text = shown(token)
    return [text.removesuffix(f" ({', '.join(code)})"), " ".join(code)] if code else [text]


def of_parts(report: Report) -> list[tuple[str, list[list[str]]]]:
    """Give what is to be told."""
    return [
        (
            part.title,
            [[clean(cell) for cell in row] for row in (part.table.head, *part.table.rows)]
            if part.table
            else [[clean(line.text), *([clean(line.help)] if line.help else [])] for line in part.lines],
        )
        for part in parts(report)
    ]


def clean(text: str) -> str:
    return re.sub("[\ufffe\uffff]", "\ufffd", plain(text))


@given(runs())
def test_every_form_tells_the_same_figures(run: tuple[list[Entry], float]) -> None:
    rows, now = run
    report = told(rows, THREE_TASKS, now=now)

    document = json.loads(json.dumps(report_json(report)))
    text = render_report(report, width=1000)
    assert of_page(report) == of_markdown(report) == of_parts(report)
    flat = " ".join(text.split())
    for title, part in of_parts(report):
        assert f"{title}:" in text
        for row in part:
            assert all(cell in flat for cell in row if len(cell) <= 60), row
    [table] = [part for title, part in of_parts(report) if title.startswith("Where")]
    hours = {row[0]: row[1:] for row in table}
    for agent in (*document["agents"], {"id": "all", "work_s": document["figures"]["work_s"], "idle": document["idle"]}):
        seconds = [agent["work_s"], *(agent["idle"][f"{cause}_s"] for cause in CAUSES)]
        assert [durations(cell) for cell in hours[agent["id"]]] == pytest.approx(seconds, rel=0.06, abs=61)
        total = document["figures"]["wall_s"] * (2 if agent["id"] == "all" else 1)
        assert sum(seconds) == pytest.approx(total, abs=0.02)


def durations(cell: str) -> float:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", cell))


@given(runs())
def test_the_timeline_shows_each_second_that_is_told_of(run: tuple[list[Entry], float]) -> None:
    rows, now = run
    report = told(rows, THREE_TASKS, now=now)

    for row in report.agents:
        mine = [bar for bar in report.bars if bar.agent == row.id]
        for what, seconds in {"work": row.work_s, **{cause: asdict(row.idle)[f"{cause}_s"] for cause in CAUSES[1:]}}.items():
            drawn = sum(bar.end_s - bar.begin_s for bar in mine if bar.what == what)
            assert drawn == pytest.approx(seconds, abs=0.01)
        assert all(one.end_s <= other.begin_s + 1e-6 for one, other in pairwise(mine))


def nasty(text: str) -> Report:
    of = plan(planned(task("T1", title=text), locks=["x"]), planned(task("T2", title=text), agent=TWO))
    rows = entries(
        run_started(title=text),
        prepared(),
        started(adapter=text),
        ev.ClaimMade(agent=ONE, task="T1", attempt="T1.1", done=True, note=text),
        ev.LockRequested(path=text, holder=ONE),
        ev.LockRefused(path=text, holder=ONE, reason=text),
        ev.AgentStalled(agent=ONE, task="T1", attempt="T1.1", verdict="silent", evidence=text),
        ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=[text], ref=text, why=text),
        ev.CheckEnded(task="T1", attempt="T1.1", command=text, ok=False, where="attempt", log=text, exit=1, seconds=1.0),
        ended(outcome="failed", reason=text, paths=[text]),
        ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason=text),
        ev.TaskFailed(task="T1", reason=text),
    )
    return told(rows, of, now=99.0)


@example("".join(HOSTILE))
@given(st.lists(st.sampled_from([*HOSTILE, " ", "a", "# ", "1. ", "- ", "\n"]), min_size=1, max_size=4).map("".join))
def test_what_strangers_wrote_is_text_in_every_form(text: str) -> None:
    report = nasty(text)

    html = render_html(report)
    elements = {element.tag for element in page(report).iter()}
    assert elements <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "h1", "h2", "p", "ul", "li", "code"),
        *("div", "table", "thead", "tbody", "tr", "th", "td", "svg", "desc", "path", "rect", "text", "span"),
    }
    attributes = {name for element in page(report).iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on")} | ({"href", "src", "style", "xlink:href"} & attributes)
    assert "\x1b" not in html + render_markdown(report) + render_report(report)
    assert of_page(report) == of_parts(report)
    in_markdown = [(title, [[clean(cell) for cell in row] for row in rows]) for title, rows in of_markdown(report)]
    assert in_markdown == of_parts(report)


def test_the_head_of_each_form_says_how_the_run_stands() -> None:
    report = nasty("x")

    for form in (render_report, render_markdown, render_html):
        assert headline(report) in form(report)
        assert f"run {report.run}" in form(report)


def test_a_share_of_time_is_called_measured_only_beside_another_run() -> None:
    of = plan(planned(task("T1")), planned(task("T2"), agent=TWO))
    both = [("T1", ONE), ("T2", TWO)]
    begun = [(0.0, make(f"{name}.1", agent=agent)) for name, agent in both for make in (prepared, started)]
    over = [(10.0, ended(f"{name}.1", agent=agent)) for name, agent in both]
    done = [(10.0, ev.TaskDone(task=name, attempt=f"{name}.1", checked=False)) for name, _ in both]
    rows = entries((0.0, run_started()), *begun, *over, *done, (10.0, ev.RunEnded(outcome="done")))
    report = told(rows, of, now=20.0)

    assert "50 %, an estimate" in render_report(report, width=300)
    assert report.saved is not None
    beside = replace(report, saved=replace(report.saved, beside="demo-0"))
    assert "50 %, measured beside demo-0" in render_report(beside, width=300)
    assert report_json(report)["time_saved"] == {"share": 0.5, "beside": None, "measured": False}
    assert report_json(beside)["time_saved"] == {"share": 0.5, "beside": "demo-0", "measured": True}
