"""What holds for every view: a stranger's text never reaches a terminal raw."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.model import AgentId, Certificate, Document, Open, Plan, Skipped, TaskId
from orchestrator.state import State
from orchestrator.views.agent_plan import render_agent_plan
from orchestrator.views.board import board
from orchestrator.views.events import line
from orchestrator.views.inbox import render_inbox
from orchestrator.views.locks import owner_of, render_locks, render_owner
from orchestrator.views.plan_table import render_plan
from orchestrator.views.report import make_report, render_ending, render_html, render_markdown, render_report
from orchestrator.views.status import render_status
from orchestrator.views.tasks import render_tasks
from orchestrator.views.text import columns
from tests.support.builders import (
    ONE,
    answers,
    area,
    asks,
    ended,
    entries,
    granted,
    plan,
    planned,
    prepared,
    run_started,
    seat,
    started,
    state_after,
    task,
)

NASTY = st.lists(
    st.sampled_from(
        ["a", "Status:", " ", "漢", "\x1b[2J", "\x1b]0;t\x07", "\x9b", "\x07", "\r", "\n", "\x00", "\u202e", "\u2066", "\u2028"]
    ),
    min_size=1,
    max_size=8,
).map("".join)


class Nasty:
    """A plan and a run in which every text is a stranger's."""

    def __init__(self, text: str) -> None:
        claim = f"src/{text}"
        one = task("T1", title=text, writes=[claim], text=text)
        odd = planned(task(f"T{text}", title=text), why=[text])
        base = plan(planned(one, why=[text]), odd, seats=[seat(ONE, role=text, owns=[claim])], matrix=[area(claim, ONE)])
        self.plan: Plan = Plan(
            title=text,
            source=text,
            source_digest="",
            isolation=base.isolation,
            agents=base.agents,
            tasks=base.tasks,
            matrix=base.matrix,
            makespan=1.0,
            bound=1.0,
            certificate=Certificate(holds=True, open=(Open(a=TaskId("T1"), b=odd.task.id, why=text),)),
            warnings=(text,),
            done=(TaskId(text),),
        )
        self.document = Document(
            title=text,
            format="todo",
            path=text,
            tasks=(one, odd.task),
            skipped=(Skipped(line=1, text=text, reason=text),),
            warnings=(text,),
        )
        self.events = entries(
            run_started(title=text),
            prepared(),
            started(),
            ev.AgentReported(agent=ONE, task="T1", message=text, files={claim: "created"}),
            ev.AgentBlocked(agent=ONE, task="T1", on=text, meanwhile=text),
            asks(text=text),
            asks("Q2", text=text, kind="permission"),
            answers("Q2", text, allow=False),
            asks("Q3", text=text, refused=text),
            granted(claim),
            ev.LockRequested(path=claim, holder=text),
            ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=[text], ref=text),
            ended(outcome="failed", reason=text, paths=[text]),
            ev.TaskParked(task="T1", reason=text),
            ev.TaskSkipped(task=odd.task.id, reason=text),
        )
        self.state: State = state_after(self.plan, *(entry.event for entry in self.events))

    def views(self) -> dict[str, str]:
        report = make_report(self.events, self.plan, self.state, now=99.0)
        owned = owner_of(self.plan, self.state, self.plan.matrix[0].path)
        return {
            "agent plan": render_agent_plan(self.plan, AgentId(ONE)),
            "board": board(self.plan, self.state, now=99.0),
            "inbox": render_inbox(self.state, now=99.0, everything=True, supervised=True),
            "locks": render_locks(self.state),
            "owner": render_owner(owned),
            "plan": render_plan(self.plan),
            "report": render_report(report, width=10_000),
            "report in Markdown": render_markdown(report),
            "report in HTML": render_html(report),
            "ending": render_ending(report),
            "status": render_status(self.plan, self.state, supervised=True, now=99.0),
            "tasks": render_tasks(self.document),
            "events": "\n".join(map(line, self.events)),
        }


@settings(max_examples=25)
@given(NASTY)
def test_no_view_prints_a_control_character(text: str) -> None:
    for name, shown in Nasty(text).views().items():
        raw = [row for row in shown.split("\n") if not row.isprintable()]
        assert not raw, f"{name}: {raw}"


@settings(max_examples=25)
@given(NASTY)
def test_a_newline_in_a_strangers_text_makes_no_new_line(text: str) -> None:
    with_it, without = Nasty(f"{text}\nx").views(), Nasty(f"{text} x").views()

    for name, shown in with_it.items():
        assert shown.count("\n") == without[name].count("\n"), name


def test_every_event_line_is_json_that_begins_with_its_version() -> None:
    for row in Nasty("\x1b[2J\ud800").views()["events"].splitlines():
        assert row.startswith('{"v":1,"seq":')
        assert json.loads(row)["v"] == 1


@pytest.mark.parametrize("title", ["x" * 300, "漢字" * 100])
def test_the_plan_is_at_most_a_hundred_columns_wide(title: str) -> None:
    of = plan(
        planned(task("T1", title=title, writes=[f"src/{title}/{number}.py" for number in range(9)])),
        seats=[seat(ONE, owns=[f"area{number}" for number in range(40)])],
    )

    assert all(columns(row) <= 100 for row in render_plan(of).splitlines())
