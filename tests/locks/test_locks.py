"""The lock table: by example, and against a plain model of what it promises."""

from collections.abc import Iterable

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from orchestrator.claims import covers, is_operation, meets
from orchestrator.locks import Blocked, Denied, Freed, Grant, LockTable, Ticket
from orchestrator.model import AgentId
from tests.support.builders import ONE, THREE, TWO

NOW = 1000.0


@pytest.fixture
def table() -> LockTable:
    return LockTable()


def ask(table: LockTable, who: AgentId, path: str) -> Grant:
    answer = table.request(who, path, now=NOW)
    assert isinstance(answer, Grant), answer
    return answer


def wait(table: LockTable, who: AgentId, path: str) -> Ticket:
    answer = table.request(who, path, now=NOW, wait=True)
    assert isinstance(answer, Ticket), answer
    return answer


def refused(table: LockTable, who: AgentId, path: str, *, waits: bool = True) -> str:
    answer = table.request(who, path, now=NOW, wait=waits)
    assert isinstance(answer, Denied), answer
    return answer.reason


def held(table: LockTable) -> list[tuple[str, str]]:
    return [(grant.holder, grant.path) for grant in table.grants()]


# who may hold what


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("src", "src/app.py"),
        ("src/app.py", "src"),
        ("src/*.py", "src/app.py"),
        ("src/**", "src/deep/app.py"),
        ("src/App.py", "src/app.py"),
        ("caf\u00e9", "cafe\u0301"),
        (".", "anything"),
        ("op:install", "op:install"),
    ],
)
def test_keys_that_meet_are_never_held_by_two(table: LockTable, first: str, second: str) -> None:
    ask(table, ONE, first)

    assert "agent-1" in refused(table, TWO, second, waits=False)


@pytest.mark.parametrize(("first", "second"), [("src/a", "src/ab"), ("src/*.py", "src/a.ts"), ("op:install", "op:migrate")])
def test_keys_that_do_not_meet_are_held_side_by_side(table: LockTable, first: str, second: str) -> None:
    ask(table, ONE, first)
    ask(table, TWO, second)


def test_an_operation_is_held_by_as_many_as_its_capacity() -> None:
    table = LockTable(capacities={"op:deploy": 2})
    ask(table, ONE, "op:deploy")
    ask(table, TWO, "op:deploy")
    waiting = wait(table, THREE, "op:deploy")

    freed = table.release(ONE, "op:deploy", now=NOW)

    assert [(grant.holder, grant.ticket) for grant in freed.granted] == [(THREE, waiting.number)]


def test_what_a_task_declares_is_granted_whole_or_not_at_all(table: LockTable) -> None:
    ask(table, ONE, "b")

    assert table.acquire_all(TWO, ["a", "b", "c"], now=NOW) == Blocked(path="b", holders=(ONE,))
    assert held(table) == [(ONE, "b")]


def test_a_key_declared_twice_under_two_spellings_is_granted_once(table: LockTable) -> None:
    grants = table.acquire_all(ONE, ["src/A.py", "src/a.py", "src/A.py"], now=NOW)

    assert isinstance(grants, tuple)
    assert [grant.path for grant in grants] == ["src/A.py"]
    assert all(grant.declared for grant in grants)


# the holder itself


def test_asking_again_gives_the_same_grant(table: LockTable) -> None:
    first = ask(table, ONE, "src/a.py")

    assert ask(table, ONE, "src/a.py").fence == first.fence
    assert held(table) == [(ONE, "src/a.py")]


def test_a_held_lock_is_given_back_in_any_spelling(table: LockTable) -> None:
    first = ask(table, ONE, "src/A.py")

    assert table.release(ONE, "SRC/a.py", now=NOW).released == (first,)


def test_each_grant_keeps_the_spelling_of_its_asker_though_all_of_them_are_one_key(table: LockTable) -> None:
    """The first spelling was once handed on to who asked for another: its grant opened what did not exist."""
    ask(table, ONE, "SRC/A.py")
    wait(table, TWO, "src/a.py")

    freed = table.release(ONE, "src/a.py", now=NOW)

    assert [(grant.holder, grant.path) for grant in freed.granted] == [(TWO, "src/a.py")]
    assert refused(table, ONE, "SRC/A.py", waits=False) == "SRC/A.py is held by agent-2"


def test_where_two_spellings_exist_their_holder_has_a_grant_of_each_and_gives_back_the_one_it_names(table: LockTable) -> None:
    first, second = ask(table, ONE, "src/A.py"), ask(table, ONE, "src/a.py")

    assert (first.path, second.path) == ("src/A.py", "src/a.py")
    assert refused(table, TWO, "src/a.py", waits=False) == "src/a.py is held by agent-1"
    assert table.release(ONE, "src/a.py", now=NOW).released == (second,)
    assert held(table) == [(ONE, "src/A.py")]


def test_a_part_of_what_an_agent_holds_is_granted_to_it_although_others_wait_for_that_part(table: LockTable) -> None:
    ask(table, ONE, "src")
    wait(table, TWO, "src/a.py")

    ask(table, ONE, "src/a.py")

    assert held(table) == [(ONE, "src"), (ONE, "src/a.py")]


def test_an_agent_widens_its_lock_from_a_file_to_its_folder(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")

    ask(table, ONE, "src")

    assert refused(table, TWO, "src/b.py", waits=False) == "src/b.py is held by agent-1"


def test_widening_waits_for_another_in_the_folder(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")
    ask(table, TWO, "src/b.py")
    wait(table, ONE, "src")

    freed = table.release(TWO, "src/b.py", now=NOW)

    assert [(grant.holder, grant.path) for grant in freed.granted] == [(ONE, "src")]


def test_one_grant_answers_all_requests_of_an_agent_for_a_path(table: LockTable) -> None:
    ask(table, ONE, "a")
    wait(table, TWO, "a")
    wait(table, TWO, "a")

    freed = table.release(ONE, "a", now=NOW)

    assert len(freed.granted) == 1
    assert held(table) == [(TWO, "a")]
    assert table.waiting() == ()


# waiting


def test_requests_are_served_in_the_order_of_asking(table: LockTable) -> None:
    ask(table, ONE, "a")
    wait(table, TWO, "a")
    wait(table, THREE, "a")

    assert [grant.holder for grant in table.release(ONE, "a", now=NOW).granted] == [TWO]
    assert [grant.holder for grant in table.release(TWO, "a", now=NOW).granted] == [THREE]


def test_nobody_overtakes_a_waiting_request_that_it_meets(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")
    wait(table, TWO, "src")

    assert refused(table, THREE, "src/b.py", waits=False) == "src/b.py is waited for by agent-2"
    assert table.acquire_all(THREE, ["src/b.py"], now=NOW) == Blocked(path="src/b.py", holders=(TWO,))
    ask(table, THREE, "docs")


def test_a_request_that_is_withdrawn_lets_the_next_through(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")
    wide = wait(table, TWO, "src")
    wait(table, THREE, "src/b.py")

    assert [grant.holder for grant in table.withdraw(wide, now=NOW).granted] == [THREE]


def test_the_time_of_waiting_stands_in_the_grant(table: LockTable) -> None:
    ask(table, ONE, "a")
    wait(table, TWO, "a")

    assert table.release(ONE, "a", now=NOW + 7).granted[0].waited == 7.0


def test_the_end_of_an_agent_frees_what_it_holds_and_drops_what_it_waits_for(table: LockTable) -> None:
    ask(table, ONE, "a")
    ask(table, TWO, "b")
    ticket = wait(table, ONE, "b")
    wait(table, THREE, "a")

    freed = table.release_all(ONE, now=NOW)

    assert [grant.path for grant in freed.released] == ["a"]
    assert [grant.holder for grant in freed.granted] == [THREE]
    assert freed.dropped == (ticket,)


def test_what_a_task_declared_cannot_be_given_back_before_its_end(table: LockTable) -> None:
    table.acquire_all(ONE, ["a"], now=NOW)

    assert table.release(ONE, "a", now=NOW) == Freed()
    assert held(table) == [(ONE, "a")]


def test_nobody_gives_back_what_another_holds(table: LockTable) -> None:
    ask(table, ONE, "a")

    assert table.release(TWO, "a", now=NOW) == Freed()


# circles


def test_a_circle_of_two_is_refused_by_name(table: LockTable) -> None:
    ask(table, ONE, "a")
    ask(table, TWO, "b")
    wait(table, ONE, "b")

    assert "agent-2 -> agent-1 -> agent-2" in refused(table, TWO, "a")
    assert len(table.waiting()) == 1


def test_a_circle_through_what_runs_inside_of_a_command_is_refused(table: LockTable) -> None:
    """Two scripts of a person's that lock inside of a lock, each what the other has, once waited out their time."""
    outer, other, inner, last = (AgentId(name) for name in ("you", "you-2", "you-3", "you-4"))
    table.within = lambda name: {outer: (inner,), other: (last,)}.get(name, ())
    ask(table, outer, "a")
    ask(table, other, "b")
    wait(table, inner, "b")

    assert "would close a circle" in refused(table, last, "a")


def test_a_circle_through_three_and_a_glob_is_refused_by_name(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")
    ask(table, TWO, "b")
    ask(table, THREE, "c")
    wait(table, TWO, "c")
    wait(table, THREE, "src/*.py")

    assert "agent-1 -> agent-2 -> agent-3 -> agent-1" in refused(table, ONE, "b")


def test_a_circle_through_the_queue_is_refused(table: LockTable) -> None:
    ask(table, THREE, "a")
    ask(table, ONE, "b")
    wait(table, TWO, "b")
    wait(table, TWO, "a")

    assert "agent-1 -> agent-2 -> agent-1" in refused(table, ONE, "a")


def test_a_circle_with_one_of_several_holders_is_refused(table: LockTable) -> None:
    ask(table, ONE, "src/a.py")
    ask(table, TWO, "src/b.py")
    ask(table, THREE, "c")
    wait(table, TWO, "c")

    assert "agent-3 -> agent-2 -> agent-3" in refused(table, THREE, "src")


def test_an_operation_for_several_is_waited_for_while_one_of_them_may_end() -> None:
    table = LockTable(capacities={"op:deploy": 2})
    ask(table, ONE, "op:deploy")
    ask(table, TWO, "op:deploy")
    ask(table, THREE, "a")
    wait(table, ONE, "a")

    wait(table, THREE, "op:deploy")
    assert "agent-2 -> agent-3 -> agent-2" in refused(table, TWO, "a")
    freed = table.release(TWO, "op:deploy", now=NOW)

    assert [(grant.holder, grant.path) for grant in freed.granted] == [(THREE, "op:deploy")]


def test_a_circle_with_all_who_hold_an_operation_is_refused() -> None:
    table = LockTable(capacities={"op:deploy": 2})
    ask(table, ONE, "op:deploy")
    ask(table, TWO, "op:deploy")
    ask(table, THREE, "a")
    wait(table, ONE, "a")
    wait(table, TWO, "a")

    assert "agent-3 -> agent-1 -> agent-3" in refused(table, THREE, "op:deploy")


def test_a_circle_through_what_a_task_declared_is_refused(table: LockTable) -> None:
    table.acquire_all(ONE, ["a"], now=NOW)
    table.acquire_all(TWO, ["b"], now=NOW)
    wait(table, ONE, "b")

    assert "circle" in refused(table, TWO, "a")


# life, expiry, force


def test_a_lock_is_freed_by_a_person_only_when_its_holder_is_silent_for_long() -> None:
    table = LockTable(stale_after=1800)
    ask(table, ONE, "a")
    wait(table, TWO, "a")

    early = table.force("a", now=NOW + 1799)
    late = table.force("a", now=NOW + 1800)

    assert isinstance(early, Denied)
    assert early.reason == "agent-1 showed life 29m59s ago; a lock is stale after 30m; to take it away: squad restart agent-1"
    assert isinstance(late, Freed)
    assert [grant.holder for grant in late.granted] == [TWO]


def test_a_sign_of_life_puts_the_expiry_off_and_never_forward() -> None:
    table = LockTable(stale_after=1800)
    ask(table, ONE, "a")

    table.renew(ONE, now=NOW + 100)
    table.renew(ONE, now=NOW + 50)

    assert isinstance(table.forcible("a", now=NOW + 1899), Denied)
    assert table.forcible("a", now=NOW + 1900) == table.grants()


def test_nobody_holds_what_is_forced_in_vain(table: LockTable) -> None:
    assert table.force("a", now=NOW) == Denied(path="a", holder=None, reason="nobody holds a lock on a")


def test_a_silence_is_told_of_once_and_again_after_the_next_life() -> None:
    table = LockTable(warn_after=600)
    ask(table, ONE, "a")

    assert table.next_suspicion() == NOW + 600
    assert table.suspects(NOW + 599) == ()
    assert [grant.path for grant in table.suspects(NOW + 600)] == ["a"]
    assert table.suspects(NOW + 700) == ()
    assert table.next_suspicion() is None
    table.renew(ONE, now=NOW + 700)
    assert [grant.path for grant in table.suspects(NOW + 1300)] == ["a"]


def test_a_table_restored_from_grants_goes_on_with_larger_fences(table: LockTable) -> None:
    first = ask(table, ONE, "a")
    again = LockTable(fence=7)

    again.restore((replace(first, fence=9),))

    assert refused(again, TWO, "a", waits=False) == "a is held by agent-1"
    assert ask(again, TWO, "b").fence == 10


def test_a_fence_is_valid_while_its_grant_lasts(table: LockTable) -> None:
    grant = ask(table, ONE, "src")

    assert table.valid(grant.fence, "src/a.py")
    table.release(ONE, "src", now=NOW)
    assert not table.valid(grant.fence, "src/a.py")


def test_the_table_shows_who_holds_and_who_waits(table: LockTable) -> None:
    ask(table, ONE, "a")
    wait(table, TWO, "a")

    assert repr(table) == "<LockTable a: agent-1; waiting: agent-2 for a>"


# many


def test_a_thousand_agents_that_ask_for_a_hundred_paths_are_served_alike_and_in_order() -> None:
    table, rounds = LockTable(), 6
    agents = [AgentId(f"agent-{number}") for number in range(1000)]
    paths = [f"src/part-{number}/file.py" for number in range(100)]
    served = dict.fromkeys(agents, 0)
    holding: dict[str, AgentId] = {}
    for place, agent in enumerate(agents):
        answer = table.request(agent, paths[place % 100], now=NOW, wait=True)
        if isinstance(answer, Grant):
            holding[answer.path] = agent

    for turn in range(rounds * 10):
        for place, path in enumerate(paths):
            last = holding[path]
            served[last] += 1
            [grant] = table.release(last, path, now=NOW + turn).granted
            holding[path] = grant.holder
            # it asks for another path each time, and so does everybody
            assert isinstance(table.request(last, paths[(place + turn) % 100], now=NOW + turn, wait=True), Ticket)

    assert min(served.values()) >= 0.9 * max(served.values()), (min(served.values()), max(served.values()))


def test_a_circle_through_hundreds_that_wait_for_one_path_is_refused_by_name(table: LockTable) -> None:
    agents = [AgentId(f"agent-{number}") for number in range(200)]
    for agent in agents[1:]:
        ask(table, agent, f"own/{agent}")
    ask(table, agents[0], "wanted")
    for agent in agents[1:]:
        wait(table, agent, "wanted")

    assert "agent-0 -> agent-199 -> agent-0" in refused(table, agents[0], "own/agent-199")


# against the model

AGENTS = st.sampled_from([AgentId(f"agent-{number}") for number in range(1, 6)])
PATHS = st.sampled_from(["a", "a/b", "a/b/c", "a/d", "A/b", "e", "e/*.py", "e/x.py", "**/x.py", ".", "op:one", "op:two"])
CAPACITIES = {"op:two": 2}


class TableMachine(RuleBasedStateMachine):
    """Any history of asking and freeing keeps what the table promises."""

    def __init__(self) -> None:
        super().__init__()
        self.table = LockTable(capacities=CAPACITIES)
        self.now = NOW
        self.fences: list[int] = []
        self.tasks: set[AgentId] = set()

    def _before(self) -> tuple[tuple[Grant, ...], tuple[Ticket, ...]]:
        self.now += 1
        return self.table.grants(), self.table.waiting()

    def _note(self, grants: Iterable[Grant]) -> None:
        self.fences += [grant.fence for grant in grants]

    def _served(self, granted: tuple[Grant, ...], queue: tuple[Ticket, ...]) -> None:
        """Hold what was handed over against the queue as it stood: nobody who waits was overtaken."""
        self._note(granted)
        left = {ticket.number for ticket in self.table.waiting()}
        for grant in granted:
            asked = next(ticket for ticket in queue if ticket.number == grant.ticket)
            assert (asked.holder, asked.path) == (grant.holder, grant.path)
            overtaken = [
                one
                for one in queue
                if one.number < asked.number and one.number in left and one.holder != asked.holder and meets(one.path, asked.path)
            ]
            assert not overtaken or CAPACITIES.get(asked.path, 1) > len(overtaken)

    @rule(who=AGENTS, paths=st.lists(PATHS, max_size=3))
    def declare(self, who: AgentId, paths: list[str]) -> None:
        assume(who not in self.tasks and all(grant.holder != who for grant in self.table.grants()))
        assume(all(ticket.holder != who for ticket in self.table.waiting()))
        grants, queue = self._before()
        answer = self.table.acquire_all(who, paths, now=self.now)
        if isinstance(answer, Blocked):
            assert answer.holders
            assert (self.table.grants(), self.table.waiting()) == (grants, queue)
            return
        self.tasks.add(who)
        self._note(answer)
        assert all(self.table.holds(who, path) for path in paths)

    @rule(who=AGENTS, path=PATHS, waits=st.booleans())
    def ask(self, who: AgentId, path: str, *, waits: bool) -> None:
        grants, queue = self._before()
        had = self.table.holds(who, path)
        answer = self.table.request(who, path, now=self.now, wait=waits)
        if isinstance(answer, Grant):
            assert self.table.holds(who, path)
            if answer.fence > max((grant.fence for grant in grants), default=0):
                self._note([answer])
            return
        assert not had
        assert self.table.grants() == grants
        if isinstance(answer, Ticket):
            assert waits
            assert self.table.waiting() == (*queue, answer)
            return
        assert self.table.waiting() == queue
        blockers = _blockers(self.table, who, answer.path)
        back = [name for name in blockers if who in _reached_from(who, {name}, self.table)]
        assert not waits or len(back) >= CAPACITIES.get(answer.path, 1)

    @precondition(lambda self: self.table.waiting())
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        _, queue = self._before()
        ticket = data.draw(st.sampled_from(queue))
        self._served(self.table.withdraw(ticket, now=self.now).granted, queue)
        assert ticket not in self.table.waiting()

    @precondition(lambda self: self.table.grants())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        grants, queue = self._before()
        grant = data.draw(st.sampled_from(grants))
        freed = self.table.release(grant.holder, grant.path, now=self.now)
        assert freed.released == (() if grant.declared else (grant,))
        self._served(freed.granted, queue)

    @rule(who=AGENTS)
    def end(self, who: AgentId) -> None:
        grants, queue = self._before()
        freed = self.table.release_all(who, now=self.now)
        self.tasks.discard(who)
        assert set(freed.released) == {grant for grant in grants if grant.holder == who}
        assert set(freed.dropped) == {ticket for ticket in queue if ticket.holder == who}
        self._served(freed.granted, queue)

    @rule(path=PATHS)
    def force_when_stale(self, path: str) -> None:
        _, queue = self._before()
        freed = self.table.force(path, now=self.now + 1e6)
        if isinstance(freed, Freed):
            self._served(freed.granted, queue)

    @rule(who=AGENTS)
    def renew(self, who: AgentId) -> None:
        self.now += 10
        self.table.renew(who, now=self.now)

    @invariant()
    def no_two_hold_what_meets(self) -> None:
        grants = self.table.grants()
        for place, one in enumerate(grants):
            for other in grants[place + 1 :]:
                if one.holder != other.holder and not is_operation(one.path):
                    assert not meets(one.path, other.path), (one, other)
        for path in {grant.path for grant in grants if is_operation(grant.path)}:
            assert sum(grant.path == path for grant in grants) <= CAPACITIES.get(path, 1)

    @invariant()
    def an_agent_holds_a_key_once_in_each_spelling(self) -> None:
        keys = [(grant.holder, grant.path) for grant in self.table.grants()]
        assert len(set(keys)) == len(keys)

    @invariant()
    def fences_only_grow(self) -> None:
        assert self.fences == sorted(set(self.fences))

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        queue = self.table.waiting()
        for ticket in queue:
            assert _blockers(self.table, ticket.holder, ticket.path, before=ticket.number), ticket

    @invariant()
    def nobody_waits_for_itself(self) -> None:
        waiting = {ticket.holder for ticket in self.table.waiting()}
        while ending := {name for name in waiting if _may_end(self.table, name, waiting)}:
            waiting -= ending
        assert not waiting, self.table

    def teardown(self) -> None:
        """Whoever does not wait ends in time: then everybody gets what it waits for."""
        for _ in range(50):
            waits = {ticket.holder for ticket in self.table.waiting()}
            if not waits:
                return
            idle = {grant.holder for grant in self.table.grants()} - waits
            assert idle, self.table
            for who in sorted(idle):
                self.table.release_all(who, now=self.now)
        raise AssertionError(self.table)


def _blockers(table: LockTable, who: AgentId, path: str, *, before: int = 10**9) -> set[AgentId]:
    """Say again, slowly, whom a request has to wait for."""
    if any(grant.holder == who and covers(grant.path, path) for grant in table.grants()):
        return set()
    others = [grant.holder for grant in table.grants() if grant.holder != who and meets(grant.path, path)]
    others += [one.holder for one in table.waiting() if one.number < before and one.holder != who and meets(one.path, path)]
    return set(others) if len(others) >= (CAPACITIES.get(path, 1) if is_operation(path) else 1) else set()


def _all_blockers(table: LockTable, who: AgentId) -> set[AgentId]:
    own = [ticket for ticket in table.waiting() if ticket.holder == who]
    return {name for ticket in own for name in _blockers(table, who, ticket.path, before=ticket.number)}


def _may_end(table: LockTable, who: AgentId, stuck: set[AgentId]) -> bool:
    """Tell whether all that an agent waits for comes free if everybody ends in time but those who are stuck."""
    own = [ticket for ticket in table.waiting() if ticket.holder == who]
    return all(len(_blockers(table, who, one.path, before=one.number) & stuck) < CAPACITIES.get(one.path, 1) for one in own)


def _reached_from(who: AgentId, first: set[AgentId], table: LockTable) -> set[AgentId]:
    reached: set[AgentId] = set()
    todo = set(first)
    while todo:
        name = todo.pop()
        reached.add(name)
        if name != who:
            todo |= _all_blockers(table, name) - reached
    return reached


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=30, stateful_step_count=30)


@pytest.mark.soak
class TestTableLong(TableMachine.TestCase):  # type: ignore[misc, valid-type] # the class is made at run time
    settings = settings(max_examples=1500, stateful_step_count=80)
