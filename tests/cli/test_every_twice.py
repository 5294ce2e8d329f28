"""Every command that changes something, given twice beside a living supervisor, and after its end: the second changes nothing."""

import json
import re

import pytest

from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.parser import commands
from tests.support.repositories import Repository
from tests.support.runs import shell, simulated

#: What is called twice, in this order; the exit codes of both; what the second says. Q1 is asked by T2 of agent-2.
#: A second restart finds the first under way or done, and is then one of its own.
WHILE_IT_LIVES = """
answer Q1 tabs                     0 0   Q1 has that answer already
answer Q1 spaces                   1 1   Q1 was answered already: tabs
answer Q7 tabs                     1 1   there is no question 'Q7'
answer agent tabs                  1 1   'agent' may be any of agent-1, agent-2
tell T1 hello                      0 0   R1 pending already
restart T1                         0 0   T1
pause                              0 0   tasks-1 is paused already
pause --now                        0 0   tasks-1 is paused already
resume                             0 0   tasks-1 goes on already
unlock README.md                   1 1   nobody holds a lock on README.md
unlock ../x                        3 3   '../x' leaves the project
with-lock mine.md -- true          0 0
with-lock ../x -- true             3 3   '../x' leaves the project
run tasks.json                     7 7   another supervisor (process
run tasks.json -d                  7 7   another supervisor (process
discard -y                         7 7   another supervisor (process
merge                              0 0   nothing to merge
open T1                            0 0
init -y                            1 1   squad.yaml is there already
retry T1                           0 0   T1 is under way already
add --title More --id T9           0 0
skip T9 -y                         0 0   already
reassign T1 --to agent-2           1 1   agent-2 may not do T1
scale 2                            0 0   already
stop                               0 0   stopped already
"""
#: The same when it has ended.
AFTERWARDS = """
pause                              0 0   tasks-1 is paused already
stop                               0 0   stopped already
restart T1                         1 1   nobody works on tasks-1
tell T1 more                       1 1   nobody works on tasks-1
answer Q1 spaces                   1 1   nobody works on tasks-1
unlock README.md                   1 1   nobody works on tasks-1
run tasks.json                     6 6   the run tasks-1 of tasks.json is unfinished
discard -y                         0 0   tasks-1 is dropped already
resume                             1 1   the run tasks-1 has ended: discarded
merge                              0 0   nothing to merge
demo .                             3 3   is not empty
"""
_ROW = re.compile(r"(?P<call>\S.*?) {2,}(?P<first>\d+) (?P<second>\d+) *(?P<told>.*)")
#: Commands that change nothing, or only a file that is named to them.
READING = {
    *("tasks", "plan", "verify", "status", "events", "logs", "wait", "locks", "owns", "ls", "inbox", "diff", "report", "compare"),
    *("cost", "doctor", "config", "completion"),
}


@pytest.fixture
def living(squad: Squad, repository: Repository) -> Here:
    """A run whose agents never end, one of which has asked a question."""
    ask = """echo '{"type": "ask", "text": "tabs or spaces?"}'; exec sleep 1000"""
    tasks = [simulated("T1", "hang", agents=["agent-1"]), shell("T2", ask, agents=["agent-2"])]
    agents = {"agent-1": {"use": "simulated"}, "agent-2": {"use": "command"}}
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": json.dumps({"agents": agents})})
    squad.start("run", "tasks.json", "-y")
    squad.wait_for_event("QuestionAsked")
    squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T1")
    return squad.here


def test_every_command_that_changes_something_is_given_twice() -> None:
    given = {row["call"].split()[0] for row in _ROW.finditer(WHILE_IT_LIVES + AFTERWARDS)}

    assert given | READING == set(commands())


def test_given_twice_a_command_is_done_once(living: Here) -> None:
    for row in _ROW.finditer(WHILE_IT_LIVES + AFTERWARDS):
        call = row["call"].split()
        once, twice = living(*call), living(*call)
        assert (call, once.code, twice.code) == (call, int(row["first"]), int(row["second"])), f"{once} {twice}"
        assert row["told"] in twice.out + twice.err, twice
        assert "Traceback" not in once.err + twice.err


def test_what_is_told_twice_stands_once_in_the_journal(squad: Squad, living: Here) -> None:
    orders = [living.ok("restart", "T1") for _ in range(2)]
    for call in (["tell", "T1", "hello"], ["answer", "Q1", "tabs"], ["pause"], ["resume"], ["stop"], ["stop"]):
        for _ in range(2):
            living.ok(*call)

    for kind in ("RemarkMade", "QuestionAnswered", "WorkPaused", "WorkResumed", "RunPaused"):
        assert len(squad.events(kind)) == 1, kind
    restarted = [row["attempt"] for row in squad.events("RestartOrdered")]
    assert restarted[0] == "T1.1"
    assert len({*restarted}) == len(restarted), "of one attempt more than once"
    second = f"restarted T1: T1.3 by agent-1 goes on from the work of {restarted[-1]}"
    assert orders[1].splitlines()[0] == (second if len(restarted) > 1 else "T1.1 is being restarted already: T1.2 follows")
