"""`may`: the matrix, the write sets and the table in one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim, canonical
from orchestrator.locks import LockTable
from orchestrator.model import PERSON, Access, AgentId, Area, Operation
from orchestrator.patterns import lies_in
from orchestrator.refusals import Advice
from orchestrator.rights import Allow, Decision, Deny, Rights, Wait
from tests.support.builders import ONE, THREE, TWO, area

EXCLUSIVE, SEQUENTIAL, READ_ONLY = Access.EXCLUSIVE, Access.SEQUENTIAL, Access.READ_ONLY


def rights(*rows: Area, table: LockTable | None = None) -> Rights:
    return Rights(rows, table or LockTable())


def may(of: Rights, agent: AgentId, path: str, operation: Operation = Operation.WRITE) -> Decision:
    return of.may(agent, Claim(path), operation)


# rows


def test_a_path_in_no_row_is_free() -> None:
    assert may(rights(), ONE, "notes.md") == Allow()


def test_an_exclusive_path_of_another_is_denied_with_the_owner_and_the_command_that_helps() -> None:
    answer = may(rights(area("backend/", TWO)), ONE, "backend/api.py")

    assert answer == Deny(
        reason="backend/api.py belongs to agent-2 (backend/: EXCLUSIVE) for the whole run",
        advice=(Advice(call="handoff", arguments={"file": "backend/api.py", "to": "agent-2"}, why="ask its owner"),),
        row="backend/",
    )


def test_an_owner_writes_in_its_own_area() -> None:
    assert may(rights(area("backend/", TWO)), TWO, "backend/api.py") == Allow()


def test_a_read_only_path_is_denied_to_everybody_and_read_by_everybody() -> None:
    of = rights(area("docs/", ONE), area("docs/api.md", ONE, access=READ_ONLY))

    assert may(of, ONE, "docs/api.md") == Deny(
        reason="docs/api.md is read-only (docs/api.md: READ-ONLY) for the whole run",
        advice=(_blocked("docs/api.md"),),
        row="docs/api.md",
    )
    assert may(of, ONE, "docs/api.md", Operation.READ) == Allow()
    assert may(of, ONE, "docs/guide.md") == Allow()


@pytest.mark.parametrize("path", [".git", ".GIT/hooks", "lib/.Git/config", ".git/info/", ".squad", ".Squad/comms/"])
def test_what_git_and_squad_keep_for_themselves_is_denied_to_every_agent(path: str) -> None:
    of = rights(area(".", ONE))
    of.begin(ONE, (Claim(path), Claim(".")))

    answer = may(of, ONE, path)

    assert isinstance(answer, Deny)
    assert answer.row == ".git"
    assert "no lock opens it" in answer.reason
    assert may(of, PERSON, path) == Allow()
    assert may(of, ONE, f"docs/{path.strip('/').replace('/', '-')}x") == may(of, ONE, ".github/ci.yaml") == Allow()


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.CREATE, Operation.DELETE])
def test_whatever_changes_a_path_is_decided_alike(operation: Operation) -> None:
    assert isinstance(may(rights(area("backend/", TWO)), ONE, "backend/new.py", operation), Deny)


def test_a_sequential_path_is_allowed_or_waited_for() -> None:
    table = LockTable()
    of = rights(area("shared/", access=SEQUENTIAL), table=table)
    assert may(of, ONE, "shared/types.ts") == Allow()

    table.request(TWO, "shared/types.ts", now=0)

    assert may(of, ONE, "shared/types.ts") == Wait(holder=TWO, reason="shared/types.ts is locked by agent-2")
    assert may(of, ONE, "shared/") == Wait(holder=TWO, reason="shared/ is locked by agent-2")
    assert may(of, TWO, "shared/types.ts") == Allow()


def test_the_longest_row_wins() -> None:
    of = rights(area(".", ONE), area("a", TWO), area("a/deep/", THREE), area("**/secret.md", access=READ_ONLY))

    assert of.owner("b").owners == (ONE,)
    assert of.owner("a/x").owners == (TWO,)
    assert of.owner("a/deep/x").owners == (THREE,)
    assert of.owner("a/deep/secret.md").access is READ_ONLY


def test_the_row_of_the_root_is_the_shortest_of_all() -> None:
    assert rights(area(".", ONE), area("a/", TWO)).owner("a/x").owners == (TWO,)
    assert rights(area("a/", TWO), area(".", ONE)).owner("a/x").owners == (TWO,)


def test_several_agents_of_one_role_share_their_area_under_locks() -> None:
    table = LockTable()
    of = rights(area("frontend/", ONE, TWO), table=table)
    table.request(ONE, "frontend/app.ts", now=0)

    assert isinstance(may(of, TWO, "frontend/app.ts"), Wait)
    assert may(of, TWO, "frontend/other.ts") == Allow()
    assert isinstance(may(of, THREE, "frontend/other.ts"), Deny)


# claims wider than a row


@pytest.mark.parametrize("wide", [".", "src", "src/", "src/**", "**/*.py", "s*"])
def test_what_takes_in_a_part_of_anothers_area_is_denied(wide: str) -> None:
    answer = may(rights(area("src/", access=SEQUENTIAL), area("src/core/", TWO)), ONE, wide)

    assert isinstance(answer, Deny)
    assert "agent-2" in answer.reason


def test_a_wide_claim_over_a_read_only_file_is_denied() -> None:
    answer = may(rights(area("docs/api.md", access=READ_ONLY)), ONE, "docs/")

    reason = "docs/api.md, which docs/ takes in, is read-only (docs/api.md: READ-ONLY) for the whole run"
    assert answer == Deny(reason=reason, advice=(_blocked("docs/"),), row="docs/api.md")


def test_a_shorter_row_of_another_does_not_matter_inside_an_own_area() -> None:
    assert may(rights(area("*", TWO), area("src/core/", ONE)), ONE, "src/core/") == Allow()


def test_the_lock_of_another_is_seen_behind_an_own_one() -> None:
    table = LockTable()
    of = rights(table=table)
    table.request(ONE, "src/a.py", now=0)
    table.request(TWO, "src/b.py", now=0)

    assert may(of, ONE, "src/") == Wait(holder=TWO, reason="src/ is locked by agent-2")


# write sets and locks


def test_the_right_to_a_write_set_moves_with_its_task() -> None:
    of = rights(area("ml/", TWO))
    of.begin(ONE, (Claim("ml/model.py"),))

    assert may(of, ONE, "ml/model.py") == Allow()
    assert isinstance(may(of, ONE, "ml/other.py"), Deny)
    of.end(ONE)
    assert isinstance(may(of, ONE, "ml/model.py"), Deny)


def test_an_unknown_write_set_gives_no_right_to_anothers_area() -> None:
    of = rights(area("ml/", TWO))
    of.begin(ONE, None)

    assert isinstance(may(of, ONE, "ml/model.py"), Deny)
    assert may(of, ONE, "notes.md") == Allow()


def test_a_wide_write_set_does_not_take_in_what_a_row_keeps_for_another_or_for_nobody() -> None:
    of = rights(area("src/", ONE), area("src/ml/", TWO), area("src/api.md", access=READ_ONLY))
    of.begin(ONE, (Claim("src/"),))

    assert may(of, ONE, "src/app.py") == Allow()
    assert isinstance(may(of, ONE, "src/ml/model.py"), Deny)
    assert isinstance(may(of, ONE, "src/api.md"), Deny)


def test_a_held_lock_allows_its_path_and_what_lies_below() -> None:
    table = LockTable()
    of = rights(table=table)
    table.request(ONE, "shared", now=0)

    assert of.has(ONE, "shared/deep/x.ts")
    assert not of.has(TWO, "shared/deep/x.ts")


# operations


def test_an_operation_belongs_to_nobody_and_is_waited_for() -> None:
    table = LockTable()
    of = rights(area(".", TWO), table=table)
    assert may(of, ONE, "op:install") == Allow()

    table.request(TWO, "op:install", now=0)

    assert isinstance(may(of, ONE, "op:install"), Wait)
    assert may(of, ONE, "op:migrate") == Allow()


# patterns


# the property behind it all

AGENTS = (ONE, TWO, THREE)
NAMES = st.sampled_from(["a", "b", "A", "*", "**", "a*"])
CLAIMS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: canonical("/".join(names)))
FILES = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4).map("/".join)
ROWS = st.builds(
    Area,
    path=CLAIMS | st.just(Claim(".")),
    owners=st.lists(st.sampled_from(AGENTS), max_size=2, unique=True).map(tuple),
    access=st.sampled_from(Access),
    why=st.just("configured"),
)


@given(rows=st.lists(ROWS, max_size=5).map(tuple), claim=CLAIMS, agent=st.sampled_from(AGENTS), file=FILES)
def test_who_is_allowed_a_claim_is_allowed_every_file_in_it(
    rows: tuple[Area, ...], claim: Claim, agent: AgentId, file: str
) -> None:
    of = Rights(rows, LockTable())

    if isinstance(of.may(agent, claim, Operation.WRITE), Allow) and lies_in(file, claim):
        assert isinstance(may(of, agent, file), Allow)
        owned = of.owner(file)
        assert owned.access is not READ_ONLY
        assert owned.access is SEQUENTIAL or agent in owned.owners


@given(
    rows=st.lists(ROWS, max_size=4).map(tuple),
    wishes=st.lists(st.tuples(st.sampled_from(AGENTS), CLAIMS), max_size=6),
    file=FILES,
)
def test_a_file_is_never_in_the_hands_of_two_agents(
    rows: tuple[Area, ...], wishes: list[tuple[AgentId, Claim]], file: str
) -> None:
    table = LockTable()
    of = Rights(rows, table)
    for agent, claim in wishes:
        if isinstance(of.may(agent, claim, Operation.WRITE), Allow):
            table.request(agent, claim.rstrip("/"), now=0)

    assert sum(of.has(agent, file) for agent in AGENTS) <= 1


def _blocked(path: str) -> Advice:
    return Advice(call="blocked", arguments={"on": path}, why="if you cannot go on without it, say so")
