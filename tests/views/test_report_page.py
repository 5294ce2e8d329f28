"""The page of a report: one valid file that loads nothing, stays small, and can be read without seeing it."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.fold import fold
from orchestrator.model import AgentId
from orchestrator.state import initial
from orchestrator.views.report import make_report, render_html
from orchestrator.views.report.model import Report
from tests.support.builders import (
    ONE,
    RUN,
    TWO,
    ended,
    entries,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    task,
)

VOID = {"meta"}
Timed = tuple[float, Event]


class Checker(HTMLParser):
    """Reads a page as browsers do, and notes what is opened, closed and pointed at."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"an attribute stands twice in {tag}")
        for name, value in attrs:
            self.ids += [value or ""] if name == "id" else []
            self.referred |= set((value or "").split()) if name == "aria-labelledby" else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.faults.append(f"{tag} is no void element")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} is closed where it is not open")


def page_of(*history: Timed, agents: int = 2, tasks: int = 3) -> tuple[str, Report]:
    names = [AgentId(f"agent-{number + 1}") for number in range(agents)]
    of = plan(
        *(planned(task(f"T{number + 1}"), agent=names[number % agents]) for number in range(tasks)),
        seats=[seat(name) for name in names],
    )
    rows = entries(*history)
    state = initial(RUN, of)
    for entry in rows:
        fold(state, entry)
    report = make_report(rows, of, state, now=rows[-1].at)
    return render_html(report), report


HISTORY: list[Timed] = [
    (0.0, run_started()),
    (0.0, prepared("T1.1")),
    (0.0, prepared("T2.1", agent=TWO)),
    (1.0, started("T1.1")),
    (1.0, started("T2.1", agent=TWO)),
    (2.0, ev.LockRequested(path="x", holder=ONE)),
    (5.0, ev.LockRefused(path="x", holder=ONE, reason="not free", ticket=1)),
    (6.0, ev.AgentStalled(agent=TWO, task="T2", attempt="T2.1", verdict="silent", evidence="no output for 5 s")),
    (8.0, ended("T2.1", "stalled", agent=TWO)),
    (9.0, ended("T1.1")),
    (11.0, ev.CheckEnded(task="T1", attempt="T1.1", command="c", ok=True, where="attempt", log="", exit=0, seconds=2.0)),
    (11.0, ev.TaskDone(task="T1", attempt="T1.1", checked=True)),
    (3611.0, ev.RunResumed(reason="x")),
    (3612.0, prepared("T2.2")),
    (3612.0, started("T2.2")),
    (3620.0, ended("T2.2", "crashed")),
]


def rects(page: str) -> dict[str, list[tuple[float, float]]]:
    """Give the bars of the timeline by their class: left end and width."""
    drawing = next(svg for svg in ET.fromstring(page.removeprefix("<!DOCTYPE html>\n")).iter("svg"))
    found: dict[str, list[tuple[float, float]]] = {}
    for rect in drawing.iter("rect"):
        found.setdefault(rect.get("class", ""), []).append((float(rect.get("x", "")), float(rect.get("width", ""))))
    return found


def test_the_page_is_valid_and_loads_nothing() -> None:
    page, _ = page_of(*HISTORY)
    checker = Checker()

    checker.feed(page)

    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert (checker.faults, checker.open) == ([], [])
    assert len(checker.ids) == len(set(checker.ids))
    assert checker.referred <= set(checker.ids)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & checker.seen
    assert not re.search(r"https?://|url\(|@import|javascript:|\ssrc=|\shref=|\son\w+=", page)
    assert "default-src 'none'" in page


def test_the_page_has_a_style_for_night_and_for_print_and_says_its_language() -> None:
    page, _ = page_of(*HISTORY)

    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    used = set(re.findall(r'class="([\w-]+)"', page))
    assert {name for name in used if f".{name}" not in page} == set(), "each class has a style"


def test_the_timeline_has_a_row_for_each_agent_and_shows_what_it_did() -> None:
    page, _ = page_of(*HISTORY)
    bars = rects(page)

    assert {"done", "stalled", "crashed", "lock", "check", "integration"} <= bars.keys()
    # 20 s are 820 wide: the hour without a supervisor takes no room
    scale = 820 / 20
    assert bars["lock"] == [(round(170 + 2 * scale, 1), round(3 * scale, 1))]
    assert bars["check"] == [(round(170 + 9 * scale, 1), round(2 * scale, 1))]
    assert [left for left, _ in bars["crashed"]] == [round(170 + 12 * scale, 1)]
    assert sum(width for _, width in bars["done"]) + bars["lock"][0][1] == round(8 * scale, 1)
    assert "no supervisor for 1h" in page
    assert "silent: no output for 5 s" in page
    assert page.count('class="agent"') == 2


def test_who_does_not_see_the_timeline_reads_the_table_of_attempts_after_it() -> None:
    page, report = page_of(*HISTORY)
    tree = ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))

    drawing = next(tree.iter("svg"))
    assert drawing.get("role") == "img"
    assert [drawing[0].tag, drawing[1].tag] == ["title", "desc"]
    titles = ["".join(one.itertext()) for one in tree.iter("h2")]
    assert titles.index("Attempts") == titles.index("Timeline") + 1
    for row in report.tasks:
        assert all(f">{attempt.id}</th>" in page for attempt in row.history)
    assert page.count('scope="col"') > 20


def test_two_hundred_attempts_are_told_in_less_than_300_kb() -> None:
    history: list[Timed] = [(0.0, run_started(agents=8))]
    reason = "no sign of life for ten minutes, and then some more words about what was seen of it"
    for number in range(200):
        agent, at, name = f"agent-{number % 8 + 1}", number // 8 * 700.0, f"T{number + 1}.1"
        history += [(at, prepared(name, agent=agent)), (at + 5, started(name, agent=agent, adapter="claude"))]
        history += [(at + 60, ev.LockRequested(path=f"src/{number}", holder=agent))]
        history += [(at + 120, ev.LockRefused(path=f"src/{number}", holder=agent, reason="not free"))]
        paths = [f"src/module_{number}/file_{place}.py" for place in range(5)]
        history += [(at + 600, ended(name, "done" if number % 3 else "stalled", agent=agent, reason=reason, paths=paths))]
        history += [(at + 650, ev.TaskDone(task=f"T{number + 1}", attempt=name, checked=True))] if number % 3 else []
    history.sort(key=lambda row: row[0])

    page, report = page_of(*history, agents=8, tasks=200)

    assert sum(len(row.history) for row in report.tasks) == 200
    assert len(page.encode()) < 300_000
    assert sum(map(len, rects(page).values())) >= 400


def test_a_run_of_many_short_waits_is_still_drawn_small() -> None:
    history: list[Timed] = [(0.0, run_started()), (0.0, prepared("T1.1")), (0.0, started("T1.1"))]
    for number in range(5_000):
        history += [(number + 0.1, ev.LockRequested(path="x", holder=ONE, ticket=number))]
        history += [(number + 0.2, ev.LockRefused(path="x", holder=ONE, reason="", ticket=number))]

    page, _ = page_of(*history)

    assert sum(map(len, rects(page).values())) < 3_500
    assert len(page.encode()) < 600_000


def test_a_run_in_which_nothing_began_has_no_timeline() -> None:
    page, _ = page_of((0.0, run_started()))

    assert "<svg" not in page
    assert "0 of 3 tasks done" in page
