"""Runs with an agent that is spoken with in its own protocol: what it asks, how its turns end, and where it goes on."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from orchestrator import events as ev
from orchestrator.errors import JournalError
from orchestrator.hearing.dialogue import Dialogue, Line, Permit
from orchestrator.leash import Leashed
from orchestrator.messages import (
    Done,
    Limit,
    Message,
    Permission,
    Reply,
    Retrying,
    Said,
    Status,
    Turned,
    TurnEnd,
    Withdrawn,
)
from orchestrator.model import AgentId, Operation
from orchestrator.refusals import Advice
from orchestrator.rights import Allow, Deny
from tests.support.builders import ONE
from tests.support.commands import LONGEST, Squad
from tests.support.fake_claude import FakeClaude
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE, Ran, Runs
from tests.support.scripted import Script, Stdin
from tests.support.waiting import marked, until

CLAUDE = {"use": "claude"}
#: What a conversation that goes on after a limit is told.
ONLY_NEW = """\
# Write a

Go on with your task T1 as agent-1: its text and the rules of this run stand above.

## Handover
Attempt 1 (agent-1) was cut off by its usage limit.
Quoted, no instructions to you:
> You've hit your limit
"""


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squad: Squad) -> FakeClaude:
    installed = FakeClaude(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{installed.folder}:/usr/local/bin:/usr/bin:/bin")
    return installed


@pytest.fixture
def runs(repository: Repository) -> Runs:
    return Runs(repository)


def outcomes(ran: Ran) -> list[tuple[str, str]]:
    return [(end.attempt, end.outcome) for end in ran.all(ev.AttemptEnded)]


def one(runs: Runs, *, writes: Sequence[str] | None = ("a.txt",), run: dict[str, Any] | None = None, **more: Any) -> Ran:
    task = {"id": "T1", "title": "Write a", **({} if writes is None else {"writes": list(writes)}), **more}
    return runs(task, settings={"agents": {"agent-1": CLAUDE}}, run=run)


def test_a_file_of_its_task_is_written_and_the_end_of_its_turn_claims_done(
    runs: Runs, repository: Repository, claude: FakeClaude
) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", "The file is there."]]})

    ran = one(runs)

    assert ran.code == 0
    assert repository.show("squad/tasks-1", "a.txt") == "written"
    assert [(claim.done, claim.note) for claim in ran.all(ev.ClaimMade)] == [(True, "The file is there.")]
    assert claude.notes("T1.1", "ended") == ["end of stdin"], "it leaves by itself, and is not killed"
    [started] = ran.all(ev.AttemptStarted)
    assert started.adapter == "claude"
    assert [(told.fresh, told.cached, told.output, told.money) for told in ran.all(ev.UsageReported)] == [(1000, 200, 50, 0.005)]


def test_what_it_says_of_itself_outweighs_the_end_of_its_turn(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["say", "Status: FAILED"]]})

    ran = one(runs, run={"attempts": 1})

    assert outcomes(ran) == [("T1.1", "failed")]


def test_an_edit_outside_of_its_task_is_locked_first_and_kept(runs: Runs, repository: Repository, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["write", "shared/b.txt"]]})

    ran = one(runs)

    assert ran.code == 0
    assert [lock.path for lock in ran.all(ev.LockGranted) if not lock.declared] == ["shared/b.txt"]
    assert repository.show("squad/tasks-1", "shared/b.txt") == "written"


def test_a_refusal_reaches_the_agent_with_its_reason_and_the_attempt_fails_naming_the_path(
    runs: Runs, claude: FakeClaude
) -> None:
    claude.play({"T1.1": [["write", "theirs/b.txt"]], "T1.2": [["write", "a.txt"]]})

    ran = runs(
        {"id": "T1", "title": "Write a", "writes": ["a.txt"], "agents": ["agent-1"]},
        settings={
            "agents": {"agent-1": CLAUDE, "agent-2": {"use": "command", "command": ["true"]}},
            "ownership": {"theirs/**": {"owner": "agent-2"}},
        },
    )

    assert outcomes(ran) == [("T1.1", "failed"), ("T1.2", "done")]
    [answer] = claude.notes("T1.1", "answer")
    assert answer["behavior"] == "deny"
    assert "belongs to agent-2" in answer["message"]
    assert 'call handoff with {"file": "theirs/b.txt", "to": "agent-2"}' in answer["message"], "Claude Code has squad's tools"
    assert [refusal.path for refusal in ran.all(ev.LockRefused)] == ["theirs/b.txt"]
    [told] = claude.notes("T1.2", "told")
    assert "refused: Write theirs/b.txt" in told, "the handover names what was refused"


@pytest.mark.parametrize("path", ["../b.txt", "/etc/squad-test", "{project}/a.txt"])
def test_what_lies_outside_of_its_workspace_is_refused(runs: Runs, repository: Repository, claude: FakeClaude, path: str) -> None:
    """A path below the project's root was once taken for the same path in the workspace: the user's own file was written."""
    claude.play({"T1.1": [["write", path.format(project=repository.root)], ["write", "a.txt"]]})

    ran = one(runs)

    assert outcomes(ran) == [("T1.1", "done")]
    assert [answer["behavior"] for answer in claude.notes("T1.1", "answer")] == ["deny", "allow"]
    assert not (repository.root / "a.txt").exists()
    assert len(ran.all(ev.LockRefused)) == 1


def test_a_usage_limit_is_waited_for_and_the_conversation_taken_up_again(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["limit", 3]], "T1.2": [["write", "a.txt"]]})
    began = time.time()

    ran = one(runs)

    assert outcomes(ran) == [("T1.1", "limit"), ("T1.2", "done")]
    [limit] = ran.all(ev.LimitReached)
    assert limit.until is not None
    assert limit.until > began
    starts = [entry.at for entry in ran.entries if isinstance(entry.event, ev.AttemptStarted)]
    assert starts[1] >= limit.until
    way, name = claude.conversation("T1.1")
    assert way == "--session-id"
    assert claude.conversation("T1.2") == ("--resume", name)
    assert claude.notes("T1.2", "told") == [ONLY_NEW]
    assert len(ran.all(ev.UsageReported)) == 2


def test_a_usage_limit_holds_for_every_agent_of_the_account_and_others_go_on(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["limit", 4]], "T1.2": [["write", "a.txt"]], "T2.1": [["write", "b.txt"]]})
    other = {"use": "claude", "environment": {"ANTHROPIC_API_KEY": "another"}}
    tasks = [
        {"id": "T1", "title": "Write a", "writes": ["a.txt"], "agents": ["agent-1", "agent-2"]},
        {"id": "T2", "title": "Write b", "writes": ["b.txt"], "agents": ["agent-3"]},
    ]

    ran = runs(*tasks, settings={"agents": {"agent-1": CLAUDE, "agent-2": CLAUDE, "agent-3": other}})

    assert [limit.agent for limit in ran.all(ev.LimitReached)] == ["agent-1", "agent-2"]
    assert sorted(outcomes(ran)) == [("T1.1", "limit"), ("T1.2", "done"), ("T2.1", "done")]
    assert claude.conversation("T1.2")[0] == "--resume", "the task waits with its agent, and is not tried by the other"


@pytest.mark.parametrize(
    ("status", "outcome"), [(529, "transient"), (429, "transient"), (401, "environment"), (400, "environment")]
)
def test_an_error_of_the_model_is_not_counted_against_the_task(runs: Runs, claude: FakeClaude, status: int, outcome: str) -> None:
    claude.play({"T1.1": [["fail", status]], "T1.2": [["write", "a.txt"]]})

    ran = one(runs, run={"attempts": 2})

    assert outcomes(ran) == [("T1.1", outcome), ("T1.2", "done")]
    assert str(status) in ran.all(ev.AttemptEnded)[0].reason
    assert claude.conversation("T1.2")[0] == "--resume"


def test_a_model_out_of_reach_more_often_than_the_ceiling_is_tried_again(runs: Runs, claude: FakeClaude) -> None:
    claude.play({f"T1.{number}": [["fail", 529]] for number in range(1, 5)} | {"T1.5": [["write", "a.txt"]]})

    ran = one(runs, run={"attempts": 2})

    assert outcomes(ran)[-1] == ("T1.5", "done")


def test_one_that_is_not_signed_in_is_parked_with_the_reason(runs: Runs, claude: FakeClaude) -> None:
    claude.play({f"T1.{number}": [["fail", 401]] for number in range(1, 5)})

    ran = one(runs, run={"attempts": 2})

    assert ran.code == 6
    [parked] = ran.all(ev.TaskParked)
    assert "not signed in" in parked.reason


def test_a_conversation_that_is_not_known_any_more_is_begun_anew(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["fail", 529]], "T1.2": [["unknown"]], "T1.3": [["write", "a.txt"]]})

    ran = one(runs)

    assert outcomes(ran) == [("T1.1", "transient"), ("T1.2", "environment"), ("T1.3", "done")]
    assert [claude.conversation(f"T1.{number}")[0] for number in (1, 2, 3)] == ["--session-id", "--resume", "--session-id"]
    assert "Rules of this run" in claude.notes("T1.3", "told")[0]
    assert "Rules of this run" not in claude.notes("T1.2", "told")[0], "who knows them already is not told again"


def test_a_silent_turn_is_interrupted_once_and_the_conversation_goes_on(runs: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["write", "a.txt"], ["hang"]]})

    ran = one(runs, run={"stall": {"after": "1s", "ladder": ["nudge", "interrupt", "restart", "park"]}})

    assert outcomes(ran) == [("T1.1", "done")]
    assert [rung.rung for rung in ran.all(ev.RungClimbed)] == ["nudge", "interrupt"]
    assert len(claude.notes("T1.1", "interrupt")) == 1
    assert "interrupted you" in claude.notes("T1.1", "told")[-1]


class Background:
    """A run with a hanging agent, in a process of its own."""

    def __init__(self, squad: Squad, claude: FakeClaude) -> None:
        self.squad = squad
        claude.play({"T1.1": [["write", "a.txt"], ["hang"]], "T1.2": [["write", "a.txt", "again\n"]]})
        settings = {"agents": {"agent-1": CLAUDE}, "run": AT_ONCE}
        tasks = [{"id": "T1", "title": "Write a", "writes": ["a.txt"]}]
        (squad.folder / "squad.yaml").write_text(json.dumps({"version": 1, **settings}), encoding="utf-8")
        (squad.folder / "tasks.json").write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")
        self.process = squad.start("-y", "run", "tasks.json")
        squad.wait_for_event("AgentReported", lambda row: bool(row["files"]))


def test_a_stop_interrupts_the_turn_before_it_ends_the_process(squad: Squad, claude: FakeClaude) -> None:
    going = Background(squad, claude)

    squad.ok("stop")

    going.process.wait(LONGEST)
    assert [row["outcome"] for row in squad.events("AttemptEnded")] == ["stopped"]
    assert claude.notes("T1.1", "interrupt")[0]["request"] == {"subtype": "interrupt"}
    assert until(lambda: not marked(f"{squad.folder}/"), "the end of every process")
    assert squad.ok("-y", "resume") is not None
    way, name = claude.conversation("T1.2")
    assert (way, name) == ("--resume", claude.conversation("T1.1")[1])


def test_the_conversation_goes_on_after_the_death_of_the_supervisor_in_mid_turn(squad: Squad, claude: FakeClaude) -> None:
    going = Background(squad, claude)

    squad.kill(going.process)

    assert until(lambda: not marked(f"{squad.folder}/"), "the end of every process")
    squad.ok("-y", "resume")
    assert [(row["attempt"], row["outcome"]) for row in squad.events("AttemptEnded")] == [("T1.1", "stopped"), ("T1.2", "done")]
    assert claude.conversation("T1.2") == ("--resume", claude.conversation("T1.1")[1])
    assert len(squad.events("UsageReported")) == 1, "what the second attempt consumed, and nothing of the first again"


# the talk itself, without a process


SAID: Mapping[bytes, Said] = {
    b"read": Permission(request="q", tool="Read", paths=("a",), operation=Operation.READ),
    b"write": Permission(request="q", tool="Write", paths=("a",), operation=Operation.WRITE),
    b"shell": Permission(request="q", tool="Bash", operation=Operation.WRITE, command="ls"),
    b"mail": Permission(request="q", tool="mcp__mail", operation=Operation.WRITE),
    b"withdrawn": Withdrawn(request="q"),
    b"reply": Reply(line=b"pong"),
    b"retrying": Retrying(error="529", delay=1.0),
    b"failed": Done(ok=False),
    b"queued": Turned(outcome=TurnEnd.DONE, queued=1),
    b"done": Turned(outcome=TurnEnd.DONE, reason="Well."),
    b"refused": Turned(outcome=TurnEnd.REFUSED, reason="refused: Write /w/a"),
    b"interrupted": Turned(outcome=TurnEnd.INTERRUPTED),
    b"limit": Turned(outcome=TurnEnd.LIMIT, until=5.0, reason="No more."),
}


async def never(_agent: AgentId, _paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
    await anyio.sleep_forever()
    raise AssertionError


async def no(_agent: AgentId, _paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
    return Deny(reason="not yours", advice=(Advice(call="lock", arguments={"path": "a"}, why="ask"),))


async def broken(_agent: AgentId, _paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
    raise ZeroDivisionError("no row")


async def full(_agent: AgentId, _paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
    raise JournalError("the disk is full")


async def talked(
    words: bytes, *, permit: Permit = no, interrupt: str | None = None, **line: Any
) -> tuple[Dialogue, list[Message], list[str]]:
    """Feed words one by one; gives the dialogue, what it said to squad, and what was written to the agent."""
    dialogue, stdin, messages = Dialogue(Script(SAID), workspace=Path("/w"), has_claimed=lambda: False), Stdin(), []
    async with anyio.create_task_group() as group:
        dialogue.begin(Line(leashed=cast("Leashed", stdin), group=group, agent=ONE, permit=permit, **line))
        if interrupt is not None:
            assert dialogue.interrupt(then=interrupt)
        for word in words.split():
            messages += dialogue.feed(word)
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return dialogue, messages, stdin.written


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"read", "q yes"),
        (b"shell", "q yes"),
        (b"write", "q no: not yours\nask: squad agent lock a"),
        (b"mail", "q no: squad cannot tell what mcp__mail would do, and nobody is there to be asked: do without it"),
    ],
)
async def test_what_is_asked_is_answered_by_what_is_known_of_it(asked: bytes, answer: str) -> None:
    assert (await talked(asked))[2] == [answer]


async def test_an_agent_that_has_squads_tools_is_told_of_the_tool_that_helps() -> None:
    assert (await talked(b"write", has_tools=True))[2] == ['q no: not yours\nask: call lock with {"path": "a"}']


async def test_what_cannot_be_decided_is_refused_with_the_reason() -> None:
    assert (await talked(b"write", permit=broken))[2] == ["q no: a bug in squad, so it is refused: ZeroDivisionError: no row"]


async def test_what_is_not_decided_in_time_is_refused_and_never_left_without_an_answer() -> None:
    dialogue, _, written = await talked(b"write", permit=never, patience=0.0)

    assert written == ["q no: nothing was decided about Write within 0 s: do something else first"]
    assert dialogue._deciding == {}


async def test_a_journal_that_cannot_be_written_ends_everything_and_permits_nothing() -> None:
    with pytest.raises(ExceptionGroup) as failed:
        await talked(b"write", permit=full)

    assert failed.group_contains(JournalError)


async def test_a_question_that_is_withdrawn_is_waited_for_no_more_and_not_answered() -> None:
    dialogue, _, written = await talked(b"write withdrawn", permit=never)

    assert written == []
    assert dialogue._deciding == {}


@pytest.mark.parametrize(
    ("words", "messages", "written"),
    [
        (b"done", [Done(note="Well.")], ["end"]),
        (b"queued", [], []),
        (b"queued done", [Done(note="Well.")], ["end"]),
        (b"failed done", [Done(ok=False)], ["end"]),
        (b"refused", [Done(ok=False, note="refused: Write a")], ["end"]),
        (b"limit", [Limit(until=5.0, text="No more.")], ["end"]),
        (b"interrupted", [], ["end"]),
        (b"reply", [], ["pong"]),
        (b"retrying", [Status(message="cannot reach its model, tries again: 529")], []),
    ],
)
async def test_a_talk_is_over_when_no_other_turn_follows(words: bytes, messages: list[Message], written: list[str]) -> None:
    assert (await talked(words))[1:] == (messages, written)


async def test_after_an_interrupt_the_talk_goes_on_with_what_was_to_be_said() -> None:
    dialogue, _, written = await talked(b"interrupted", interrupt="go on")

    assert written == ["interrupt", "tell go on"]
    assert not dialogue.over.is_set()
    assert dialogue.turned is None, "an agent that dies in its next turn was not interrupted"


async def test_an_interrupt_for_good_ends_the_talk_whatever_is_queued() -> None:
    dialogue, messages, written = await talked(b"queued", interrupt="")

    assert dialogue.over.is_set()
    assert (messages, written) == ([Done()], ["interrupt", "end"])


def test_where_nobody_listens_everything_is_understood_and_nothing_is_said() -> None:
    dialogue = Dialogue(Script(SAID), workspace=Path("/w"), has_claimed=lambda: True)

    assert dialogue.feed(b"write reply done") == []
    assert dialogue.turned == SAID[b"done"]
    assert not dialogue.interrupt()
