"""What agents and people ask for, and what becomes of it in table, journal and answer."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.claims import Claim
from orchestrator.control.protocol import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, REJECTED, Rejected
from orchestrator.errors import JournalError
from orchestrator.granted import kept_grant
from orchestrator.locks import LockTable
from orchestrator.model import Access, AgentId, AgentState, Operation
from orchestrator.refusals import Advice
from orchestrator.rights import Allow, Deny
from tests.support.builders import ONE, THREE, TWO, area
from tests.support.desks import AGENTS, Office, office

LOCKS = (ev.LockRequested, ev.LockGranted, ev.LockReleased, ev.LockRefused)
MATRIX = (area("backend/", TWO), area("shared/", access=Access.SEQUENTIAL), area("docs/api.md", access=Access.READ_ONLY))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    """A desk at which everybody is seated."""
    with office(tmp_path, matrix=MATRIX) as opened:
        for agent in AGENTS:
            opened.sit(agent)
        yield opened


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


def in_queue(of: Office) -> list[tuple[str, str]]:
    return [(ticket.holder, ticket.path) for ticket in of.table.waiting()]


def told(of: Office) -> list[tuple[str, str, str]]:
    """Give what the journal tells of locks: kind, holder, path."""
    return [(type(event).__name__, event.holder, event.path) for event in of.events(*LOCKS) if isinstance(event, LOCKS)]


async def refusal(of: Office, agent: AgentId | None, method: str, **params: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await of.ask(agent, method, **params)
    return caught.value


# lock


async def test_a_free_path_is_granted_at_once_and_journalled(desk: Office) -> None:
    answer = await desk.ask(ONE, "lock", path="shared/types.ts", wait=0, purpose="add a field")

    assert answer == {"path": "shared/types.ts", "fence": 1, "waited_s": 0.0}
    [granted] = desk.events(ev.LockGranted)
    assert isinstance(granted, ev.LockGranted)
    assert (granted.path, granted.holder, granted.purpose) == ("shared/types.ts", ONE, "add a field")
    assert granted.expires_at == "1970-01-01T00:46:40Z"


async def test_asking_again_for_a_held_path_is_no_second_grant(desk: Office) -> None:
    first = await desk.ask(ONE, "lock", path="a")
    second = await desk.ask(ONE, "lock", path="a")

    assert first["fence"] == second["fence"]
    assert told(desk) == [("LockGranted", ONE, "a")]


async def test_an_agent_that_waits_gets_the_path_when_it_is_given_back(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    async with anyio.create_task_group() as group:
        answers: list[object] = []

        async def wait() -> None:
            answers.append(await desk.ask(TWO, "lock", path="a", wait=60))

        group.start_soon(wait)
        await settle()
        assert desk.recorder.state.agents[TWO].state is AgentState.WAITING
        desk.time[0] += 5
        await desk.ask(ONE, "unlock", path="a")

    assert answers == [{"path": "a", "fence": 2, "waited_s": 5.0}]
    assert desk.recorder.state.agents[TWO].state is AgentState.WORKING
    assert told(desk) == [
        ("LockGranted", ONE, "a"),
        ("LockRequested", TWO, "a"),
        ("LockReleased", ONE, "a"),
        ("LockGranted", TWO, "a"),
    ]


async def test_trying_once_is_refused_with_the_holder(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")

    assert (await refusal(desk, TWO, "lock", path="a", wait=0)).reason == (
        "a is held by agent-1 until it gives it back or its task T1 has ended;"
        " stale from 1970-01-01T00:46:40Z on unless agent-1 shows life\nwait for it: squad agent lock a --wait 10m"
    )
    assert told(desk)[-1] == ("LockRefused", TWO, "a")


async def test_a_wait_that_ends_in_vain_names_the_holder_and_leaves_the_queue(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")

    assert (await refusal(desk, TWO, "lock", path="a", wait=0.01)).reason == (
        "a was not free within 0.01 s: held by agent-1 until it gives it back or its task T1 has ended;"
        " stale from 1970-01-01T00:46:40Z on unless agent-1 shows life\nwait for it: squad agent lock a --wait 10m"
    )
    assert in_queue(desk) == []
    assert desk.recorder.state.waiting == []
    assert told(desk)[-1] == ("LockRefused", TWO, "a")


async def test_an_exclusive_path_of_another_is_refused_with_the_command_that_helps(desk: Office) -> None:
    refused = await refusal(desk, ONE, "lock", path="backend/api.py", wait=60)

    assert refused.code == REJECTED
    assert "backend/api.py belongs to agent-2" in refused.reason
    assert "squad agent handoff backend/api.py --to agent-2" in refused.reason


async def test_a_read_only_path_is_refused_to_everybody(desk: Office) -> None:
    assert "docs/api.md is read-only" in (await refusal(desk, TWO, "lock", path="docs/api.md")).reason


@pytest.mark.parametrize("key", ["op:", " op: ", "table:"])
async def test_an_operation_without_a_name_is_none(desk: Office, key: str) -> None:
    assert "without a name: write op:install" in (await refusal(desk, ONE, "lock", path=key)).reason


async def test_a_path_that_was_locked_in_two_spellings_is_given_back_in_both(desk: Office) -> None:
    for path in ("free/New.txt", "free/new.txt"):
        await desk.ask(ONE, "lock", path=path)
    await desk.ask(ONE, "unlock", path="free/new.txt")

    await desk.ask(TWO, "lock", path="free/NEW.txt")


async def test_a_folder_that_takes_in_anothers_area_is_refused(desk: Office) -> None:
    assert "agent-2" in (await refusal(desk, ONE, "lock", path="/", wait=60)).reason


async def test_a_circle_is_refused_at_once_and_the_other_goes_on(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    await desk.ask(TWO, "lock", path="b")
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            await desk.ask(ONE, "lock", path="b", wait=60)

        group.start_soon(wait)
        await settle()
        assert "agent-2 -> agent-1 -> agent-2" in (await refusal(desk, TWO, "lock", path="a", wait=60)).reason
        await desk.ask(TWO, "unlock", path="b")

    assert desk.table.granted_to(ONE, "b")


async def test_one_who_hangs_up_leaves_the_queue_and_lets_the_next_through(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="src/a.py")
    async with anyio.create_task_group() as group:
        gone = anyio.CancelScope()

        async def wait_wide() -> None:
            with gone:
                await desk.ask(TWO, "lock", path="src", wait=60)

        async def wait_narrow() -> None:
            await desk.ask(THREE, "lock", path="src/b.py", wait=60)

        group.start_soon(wait_wide)
        await settle()
        group.start_soon(wait_narrow)
        await settle()
        assert in_queue(desk) == [(TWO, "src"), (THREE, "src/b.py")]
        gone.cancel()

    assert desk.table.granted_to(THREE, "src/b.py")
    assert ("LockRefused", TWO, "src") in told(desk)
    assert desk.recorder.state.agents[TWO].state is AgentState.WORKING


async def test_what_is_granted_to_one_who_hangs_up_in_the_same_moment_is_given_back(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    async with anyio.create_task_group() as group:
        gone = anyio.CancelScope()

        async def wait() -> None:
            with gone:
                await desk.ask(TWO, "lock", path="a", wait=60)

        group.start_soon(wait)
        await settle()
        await desk.ask(ONE, "unlock", path="a")
        gone.cancel()

    assert desk.table.grants() == ()
    assert desk.recorder.state.locks == {}
    assert told(desk)[-1] == ("LockReleased", TWO, "a")


async def test_an_agent_whose_attempt_ends_while_it_waits_is_answered(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    refusals: list[Rejected] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            refusals.append(await refusal(desk, TWO, "lock", path="a", wait=float("inf")))

        group.start_soon(wait)
        await settle()
        desk.end(TWO)

    assert [one.reason for one in refusals] == ["the attempt of agent-2 has ended"]
    assert desk.recorder.state.waiting == []
    assert told(desk)[-1] == ("LockRefused", TWO, "a")


async def test_two_requests_of_an_agent_for_one_path_are_both_answered_by_one_grant(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    fences: list[object] = []
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            fences.append((await desk.ask(TWO, "lock", path="a", wait=60))["fence"])

        group.start_soon(wait)
        group.start_soon(wait)
        await settle()
        await desk.ask(ONE, "unlock", path="a")

    assert fences == [2, 2]
    assert desk.recorder.state.waiting == []


async def test_trying_once_does_not_end_the_waiting_of_the_same_agent(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            await desk.ask(TWO, "lock", path="a", wait=60)

        group.start_soon(wait)
        await settle()
        await refusal(desk, TWO, "lock", path="a", wait=0)
        assert [wait.holder for wait in desk.recorder.state.waiting] == [TWO]
        await desk.ask(ONE, "unlock", path="a")

    assert desk.table.granted_to(TWO, "a")


@pytest.mark.parametrize("wait", [float("nan"), -1, "10m", None, True, [1], {}])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(desk: Office, wait: object) -> None:
    assert (await refusal(desk, ONE, "lock", path="a", wait=wait)).code == INVALID_PARAMS
    assert desk.table.grants() == ()


@pytest.mark.parametrize("wait", [float("inf"), 10**400, 1e300, 0, 0.0])
async def test_any_other_number_of_seconds_will_do(desk: Office, wait: object) -> None:
    assert (await desk.ask(ONE, "lock", path="a", wait=wait))["path"] == "a"


@pytest.mark.parametrize("path", ["", "  ", None, 5, ["a"], "a\0b", "x" * 2000])
@pytest.mark.parametrize("method", ["lock", "unlock", "owns"])
async def test_what_is_no_path_is_refused_as_a_parameter(desk: Office, method: str, path: object) -> None:
    assert (await refusal(desk, ONE, method, path=path)).code == INVALID_PARAMS


@pytest.mark.parametrize("path", ["../x", "/../x", "a/../../x", "link/x"])
async def test_a_path_that_leaves_the_project_is_refused(desk: Office, path: str) -> None:
    (desk.folder / "link").symlink_to("/etc")

    assert "leaves the project" in (await refusal(desk, ONE, "lock", path=path)).reason


async def test_an_agent_without_a_task_gets_no_lock(tmp_path: Path) -> None:
    with office(tmp_path) as desk:
        assert (await refusal(desk, ONE, "lock", path="a")).reason == "agent-1 has no task now"
        assert (await refusal(desk, ONE, "done")).reason == "agent-1 has no task now"
        assert (await desk.ask(ONE, "owns", path="a"))["path"] == "a"


async def test_what_another_task_will_declare_can_be_locked_until_that_task_starts(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="shared/types.ts")

    assert desk.table.acquire_all(TWO, ["shared"], now=0) != ()
    assert [grant.holder for grant in desk.table.grants()] == [ONE]


# paths


async def test_paths_below_workspace_and_project_are_made_relative(tmp_path: Path) -> None:
    with office(tmp_path) as desk:
        workspace = desk.folder / ".squad" / "worktrees" / "w"
        workspace.mkdir(parents=True)
        desk.sit(ONE, workspace=workspace)

        for number, path in enumerate([f"{workspace}/src/a", f"{desk.folder}/src/b", "/src/c", "src/d", "./src//e/"]):
            assert (await desk.ask(ONE, "lock", path=path))["path"] == f"src/{'abcde'[number]}"


async def test_a_workspace_reached_through_a_symlink_is_the_same_workspace(tmp_path: Path) -> None:
    with office(tmp_path) as desk:
        alias = tmp_path / "alias"
        alias.symlink_to(desk.folder)
        desk.sit(ONE)

        assert (await desk.ask(ONE, "lock", path=f"{alias}/src/a.py"))["path"] == "src/a.py"
        assert (await desk.ask(ONE, "lock", path=f"{alias}/src/"))["path"] == "src"


async def test_a_symlink_inside_the_workspace_is_locked_as_what_it_points_to(desk: Office) -> None:
    (desk.folder / "real").mkdir()
    (desk.folder / "link").symlink_to("real")

    assert (await desk.ask(ONE, "lock", path="link/x"))["path"] == "real/x"
    assert "agent-1" in (await refusal(desk, TWO, "lock", path="real/x")).reason


# unlock


async def test_what_was_asked_for_is_given_back(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="shared/")

    assert await desk.ask(ONE, "unlock", path="SHARED") == {"released": ["shared"]}
    assert desk.recorder.state.locks == {}


async def test_what_the_task_declared_stays_and_is_said_so(tmp_path: Path) -> None:
    with office(tmp_path) as desk:
        desk.sit(ONE, declares=["src/a.py"])

        assert (await desk.ask(ONE, "lock", path="src/a.py"))["fence"] == 1
        refused = await refusal(desk, ONE, "unlock", path="src/a.py")

        assert refused.reason == "src/a.py is declared by T1: it stays locked until the task has ended"
        assert desk.table.granted_to(ONE, "src/a.py")


async def test_a_lock_inside_a_declared_folder_can_be_given_back(tmp_path: Path) -> None:
    with office(tmp_path) as desk:
        desk.sit(ONE, declares=["src"])
        await desk.ask(ONE, "lock", path="src/a.py")

        assert await desk.ask(ONE, "unlock", path="src/a.py") == {"released": ["src/a.py"]}
        assert [lock.path for lock in desk.recorder.state.locks.values()] == ["src"]


async def test_what_one_does_not_hold_is_not_given_back(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")

    assert (await refusal(desk, TWO, "unlock", path="a")).reason == "agent-2 holds no lock on a"


# messages


async def test_a_handoff_goes_to_an_agent_by_id_role_or_label_and_to_nobody_else(desk: Office) -> None:
    await desk.ask(ONE, "handoff", file="/backend/api.py", to="BACKEND", note="add a route")

    [asked] = desk.events(ev.HandoffRequested)
    assert asked == ev.HandoffRequested(from_=ONE, to=TWO, file="backend/api.py", status="", note="add a route")
    refused = await refusal(desk, ONE, "handoff", file="a", to="agent-9")
    assert refused.reason == "there is no agent 'agent-9'; agents: agent-1, agent-2, agent-3"


async def test_a_handoff_that_names_no_sender_comes_from_who_asks_for_it(desk: Office) -> None:
    """It once came from the first agent without a label: no name is a name of nobody."""
    unlabelled = [replace(seat, label="") for seat in desk.recorder.plan.agents]
    desk.recorder.plan = replace(desk.recorder.plan, agents=tuple(unlabelled))

    await desk.ask(TWO, "handoff", file="backend/api.py", to="agent-3")

    assert [(one.from_, one.to) for one in desk.events(ev.HandoffRequested) if isinstance(one, ev.HandoffRequested)] == [
        (TWO, THREE)
    ]


async def test_a_handoff_of_a_file_outside_is_refused(desk: Office) -> None:
    assert "leaves the project" in (await refusal(desk, ONE, "handoff", file="../x", to=TWO)).reason


@pytest.mark.parametrize(
    ("method", "params"),
    [("handoff", {"to": TWO}), ("handoff", {"file": "a"}), ("blocked", {}), ("ask", {"text": 5}), ("file", {})],
)
async def test_a_message_without_what_it_is_about_is_refused(desk: Office, method: str, params: dict[str, object]) -> None:
    assert (await refusal(desk, ONE, method, **params)).code == INVALID_PARAMS


@pytest.mark.parametrize("method", ["limit", "stop", "ping", "", "__class__", "take"])
async def test_an_agent_may_ask_for_less_than_a_person(desk: Office, method: str) -> None:
    assert (await refusal(desk, ONE, method)).code == METHOD_NOT_FOUND
    assert desk.lead.stopped == []


async def test_an_agent_sees_its_task_and_locks(desk: Office) -> None:
    await desk.ask(ONE, "status", message="writing", progress="3/5")
    await desk.ask(ONE, "lock", path="a")

    seen = await desk.ask(ONE, "me")

    assert (seen["task"], seen["progress"], seen["locks"]) == ("T1", {"done": 3, "total": 5}, [{"path": "a", "fence": 1}])


async def test_every_request_is_a_sign_of_life(desk: Office) -> None:
    await refusal(desk, ONE, "unlock", path="a")

    assert desk.lead.lives == [ONE]


async def test_a_bug_in_one_answer_is_noted_and_ends_nothing_else(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(desk.table, "request", lambda *_, **__: 1 // 0)
        assert (await refusal(desk, ONE, "lock", path="a")).code == INTERNAL_ERROR

    [noticed] = desk.events(ev.Noticed)
    assert noticed == ev.Noticed(text="a bug in squad: lock: ZeroDivisionError: integer division or modulo by zero")
    assert (await desk.ask(ONE, "lock", path="a"))["path"] == "a"


async def test_a_journal_that_cannot_be_written_is_no_refusal(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(desk.journal, "append_all", full)

    with pytest.raises(JournalError):
        await desk.ask(ONE, "lock", path="a")


# people


async def test_a_person_stops_the_supervisor_and_frees_what_is_stale(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a")

    assert "showed life" in (await refusal(desk, None, "unlock", path="a")).reason
    desk.time[0] += 1800
    assert await desk.ask(None, "unlock", path="/a") == {"released": ["a"]}
    assert told(desk)[-1] == ("LockReleased", ONE, "a")
    assert await desk.ask(None, "stop", now=True) == {"stopping": True}
    assert desk.lead.stopped == [True]


async def test_a_person_gets_no_lock(desk: Office) -> None:
    assert (await refusal(desk, None, "lock", path="a")).code == METHOD_NOT_FOUND
    assert (await refusal(desk, None, "unlock", path=5)).code == INVALID_PARAMS


# what an agent asks by a protocol of its own


async def test_what_an_agent_asks_by_its_own_protocol_is_answered_as_its_requests_are(desk: Office) -> None:
    desk.rights.begin(ONE, (Claim("mine/"),))
    asked = ("mine/a", str(desk.folder / "mine/b"), "free.txt", "backend/a", "docs/api.md", "..", "/etc/passwd", "")

    decisions = {path: await desk.desk.permit(ONE, (path,), Operation.WRITE) for path in asked}

    assert [path for path, decision in decisions.items() if isinstance(decision, Allow)] == list(asked[:3])
    refused = decisions["backend/a"]
    assert isinstance(refused, Deny)
    assert refused.advice == (Advice(call="handoff", arguments={"file": "backend/a", "to": "agent-2"}, why="ask its owner"),)
    assert [grant.path for grant in desk.table.grants()] == ["free.txt"], "its own write set needs no second lock"
    assert [path for kind, _, path in told(desk) if kind == "LockRefused"] == [*asked[3:]]


async def test_an_edit_of_several_files_is_allowed_when_all_of_them_are_free(desk: Office) -> None:
    await desk.ask(TWO, "lock", path="b.txt", wait=0)
    got: list[Allow | Deny] = []

    async def ask() -> None:
        got.append(await desk.desk.permit(ONE, ("a.txt", "b.txt"), Operation.WRITE))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await settle()
        assert got == []
        assert in_queue(desk) == [(ONE, "b.txt")]
        desk.end(TWO)

    assert got == [Allow()]


async def test_a_wait_that_is_withdrawn_leaves_the_queue(desk: Office) -> None:
    await desk.ask(TWO, "lock", path="b.txt", wait=0)

    with anyio.move_on_after(0.05):
        await desk.desk.permit(ONE, ("b.txt",), Operation.WRITE)

    assert in_queue(desk) == []


async def test_a_wait_that_would_close_a_circle_is_refused_with_the_circle(desk: Office) -> None:
    await desk.ask(ONE, "lock", path="a.txt", wait=0)
    await desk.ask(TWO, "lock", path="b.txt", wait=0)

    async with anyio.create_task_group() as group:
        group.start_soon(desk.desk.permit, ONE, ("b.txt",), Operation.WRITE)
        await settle()
        decision = await desk.desk.permit(TWO, ("a.txt",), Operation.WRITE)
        group.cancel_scope.cancel()

    assert isinstance(decision, Deny)
    assert "agent-1" in decision.reason


async def test_an_agent_that_asks_without_a_task_is_refused(desk: Office) -> None:
    desk.end(ONE)

    assert isinstance(await desk.desk.permit(ONE, ("a.txt",), Operation.WRITE), Deny)


# journal and table tell the same

PATHS = st.sampled_from(["a", "A", "a/b", "a/c", "d", "a/*", "op:x", "../x"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "wait", "try", "hang up", "unlock", "unlock", "end", "force"]),
        st.sampled_from(AGENTS),
        PATHS,
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(steps=STEPS)
def test_whatever_happens_the_journal_adds_up_to_the_table(steps: list[tuple[str, AgentId, str]]) -> None:
    asyncio.run(_live(steps))


@pytest.mark.soak
@settings(max_examples=300)
@given(steps=STEPS)
def test_whatever_happens_the_journal_adds_up_to_the_table_for_long(steps: list[tuple[str, AgentId, str]]) -> None:
    asyncio.run(_live(steps))


async def _live(steps: list[tuple[str, AgentId, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, office(Path(folder)) as desk:
        async with anyio.create_task_group() as group:
            lines: dict[AgentId, list[anyio.CancelScope]] = {agent: [] for agent in AGENTS}
            for agent in AGENTS:
                desk.sit(agent, declares=[f"own-{agent}"])
            for what, agent, path in steps:
                desk.time[0] += 1
                await _step(desk, group, lines, (what, agent, path))
                await settle()
                _compare(desk)
            group.cancel_scope.cancel()
        _compare(desk)
        assert desk.table.waiting() == ()


async def _step(
    desk: Office, group: anyio.abc.TaskGroup, lines: dict[AgentId, list[anyio.CancelScope]], step: tuple[str, AgentId, str]
) -> None:
    what, agent, path = step

    async def request(method: str, **params: object) -> None:
        scope = anyio.CancelScope()
        lines[agent].append(scope)
        with scope, contextlib.suppress(Rejected):
            await desk.ask(agent, method, path=path, **params)

    match what:
        case "wait":
            group.start_soon(lambda: request("lock", wait=1000))
        case "try":
            await request("lock", wait=0)
        case "unlock":
            await request("unlock")
        case "hang up" if lines[agent]:
            lines[agent].pop().cancel()
        case "end":
            desk.end(agent)
        case "force":
            desk.time[0] += 2000
            with contextlib.suppress(Rejected):
                await desk.ask(None, "unlock", path=path)


def _compare(desk: Office) -> None:
    for state in (desk.recorder.state, desk.replayed()):
        assert [(lock.path, lock.holder, lock.fence) for lock in state.locks.values()] == [
            (grant.path, grant.holder, grant.fence) for grant in desk.table.grants()
        ]
        assert [(wait.path, wait.holder, wait.ticket) for wait in state.waiting] == [
            (ticket.path, ticket.holder, ticket.number) for ticket in desk.table.waiting()
        ]
        waits = {ticket.holder for ticket in desk.table.waiting()}
        assert {agent for agent, status in state.agents.items() if status.state is AgentState.WAITING} == waits
    fences = [event.fence for event in desk.events(ev.LockGranted) if isinstance(event, ev.LockGranted)]
    assert fences == sorted(set(fences))
    again = LockTable(fence=desk.recorder.state.fence)
    again.restore(tuple(kept_grant(lock, expires=0.0) for lock in desk.replayed().locks.values()))
    assert [(one.path, one.holder, one.fence) for one in again.grants()] == [
        (one.path, one.holder, one.fence) for one in desk.table.grants()
    ]
    assert set(desk.desk.locks._parked) == {ticket.number for ticket in desk.table.waiting()}, "somebody was not woken"


# refusals


async def test_a_refusal_says_by_its_parts_what_helps(desk: Office) -> None:
    refused = await refusal(desk, ONE, "lock", path="backend/api.py")

    advice = [{"tool": "handoff", "arguments": {"file": "backend/api.py", "to": "agent-2"}, "why": "ask its owner"}]
    assert refused.data == {
        "reason": "backend/api.py belongs to agent-2 (backend/: EXCLUSIVE) for the whole run",
        "advice": advice,
    }


async def test_what_a_task_declares_is_held_until_the_task_has_ended(desk: Office) -> None:
    desk.table.acquire_all(TWO, ["a"], now=1000.0)

    assert "a is held by agent-2 until its task T2 has ended\n" in (await refusal(desk, ONE, "lock", path="a", wait=0)).reason


async def test_refusals_are_counted_by_agent_and_those_that_no_waiting_changes_by_their_row_too(desk: Office) -> None:
    await desk.ask(TWO, "lock", path="busy")
    for path in ("backend/a", "backend/b", "docs/api.md", "../y", "../x", "busy"):
        await refusal(desk, ONE, "lock", path=path, wait=0)

    state = desk.recorder.state
    assert state.agents[ONE].refused == 6
    assert state.attempts["T1.1"].refused == {"backend/": 2, "docs/api.md": 1, "..": 2}
    assert state.agents[TWO].refused == 0
