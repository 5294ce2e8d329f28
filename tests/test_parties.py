"""Whose a change is in a tree in which several work: rights first, then walls, then who was there."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.claims import Claim
from orchestrator.events import Event
from orchestrator.model import AttemptId
from orchestrator.parties import Changed, Kind, Party, Scene, Whose, parties_of, share_out
from tests.support.builders import (
    ONE,
    TWO,
    area,
    ended,
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

FREE = Party(attempt=AttemptId("T1.1"), task="T1", agent=ONE, title="One", claims=(Claim("a/"),))
OTHER = Party(attempt=AttemptId("T2.1"), task="T2", agent=TWO, title="Two", claims=(Claim("b/"),))


def walled(party: Party, *beside: str) -> Party:
    return replace(party, walls=party.claims, beside=tuple(map(Claim, beside)))


def whose(path: str, *parties: Party, new: bool = False, at: float | None = None, persons: Iterable[str] = ()) -> Whose:
    changed = Changed(path=path, is_new=new, at=lambda: at)
    [found] = share_out([changed], parties, persons=lambda: set(persons))
    return found


def test_who_has_the_right_to_a_path_has_changed_it() -> None:
    assert whose("a/x", FREE, OTHER).attempt == "T1.1"
    assert whose("b/x", FREE, OTHER).attempt == "T2.1"
    assert whose("b/x", FREE, walled(OTHER)).kind is Kind.AGENT


def test_an_area_counts_where_no_task_or_lock_says_anything() -> None:
    owner = replace(FREE, area=(Claim("c/"), Claim("b/mine/")))

    assert whose("c/x", owner, OTHER).agent == ONE
    assert whose("b/mine/x", owner, OTHER).agent == TWO


def test_who_may_write_anything_has_changed_what_is_nobody_elses() -> None:
    anything = replace(FREE, claims=None)

    assert whose("z", anything).agent == ONE
    assert whose("b/x", anything, OTHER).agent == TWO


def test_what_two_may_write_is_unsure_between_them() -> None:
    both = whose("a/x", FREE, replace(OTHER, claims=(Claim("a/x"),)))

    assert (both.kind, both.among, both.blames) == (Kind.UNSURE, (ONE, TWO), False)


def test_what_nobody_may_write_is_unsure_among_all_that_could() -> None:
    found = whose("stray", FREE, OTHER)

    assert (found.kind, found.among, found.blames) == (Kind.UNSURE, (ONE, TWO), False)
    assert found.why == "agent-1 and agent-2 were at work in the same folder"


def test_it_is_held_against_the_only_one_that_could() -> None:
    assert whose("stray", FREE).blames
    assert whose("stray", FREE, walled(OTHER)).blames
    assert whose("stray", FREE, walled(OTHER)).attempt == "T1.1"


def test_what_a_person_was_changing_before_is_held_against_nobody() -> None:
    found = whose("notes", FREE, persons=["notes"])

    assert (found.kind, found.among, found.blames) == (Kind.UNSURE, (ONE,), False)


def test_what_walls_would_have_refused_is_a_persons() -> None:
    found = whose("notes", walled(FREE), walled(OTHER))

    assert (found.kind, found.among) == (Kind.PERSON, ())
    assert "no agent that was at work could write there" in found.why


def test_in_a_folder_that_is_open_for_a_file_only_new_things_can_be_made() -> None:
    party = walled(FREE, "*")

    assert whose("notes", party).kind is Kind.PERSON
    assert whose("notes", party, new=True).blames


def test_without_an_agent_at_work_it_is_a_persons_and_not_worth_a_word() -> None:
    assert whose("a/x") == Whose(kind=Kind.PERSON)


def test_what_was_made_after_the_last_process_had_ended_is_a_persons() -> None:
    """Between the death of squad and its resuming people work on; that was once taken for the agent's."""
    gone = replace(FREE, gone_at=100.0)

    assert whose("a/x", gone, at=99.0).attempt == "T1.1"
    assert whose("a/x", gone, at=None).attempt == "T1.1"
    assert whose("a/x", gone, at=102.0) == Whose(kind=Kind.PERSON)


def test_what_checks_leave_is_nobodys_work() -> None:
    checked = replace(FREE, checks=True)

    assert whose("a/x", checked).kind is Kind.CHECKS
    assert whose("stray", checked, walled(OTHER)).kind is Kind.CHECKS
    unsure = whose("stray", checked, OTHER)
    assert (unsure.kind, unsure.among, unsure.blames) == (Kind.UNSURE, (TWO,), False)


@given(
    st.lists(st.sampled_from(["a/x", "b/x", "stray", "a"]), unique=True),
    st.lists(st.sampled_from([FREE, OTHER, walled(FREE), replace(FREE, checks=True), replace(OTHER, gone_at=1.0)]), max_size=3),
)
def test_every_change_is_somebodys_and_only_once(paths: list[str], parties: list[Party]) -> None:
    shares = share_out([Changed(path=path, is_new=False, at=lambda: 5.0) for path in paths], parties, persons=frozenset)

    assert sorted(path for share in shares.values() for path in share) == sorted(paths)
    assert all(one.among for one in shares if one.kind is Kind.UNSURE or one.blames)


PLAN = plan(
    planned(task("T1", writes=["a.txt", "gen/*.ts"])),
    planned(task("T2", writes=["b"]), agent=TWO),
    seats=[seat(ONE), seat(TWO)],
    matrix=[area("mine", ONE)],
)
SCENE = Scene(
    tasks={str(one.task.id): one for one in PLAN.tasks}, matrix=PLAN.matrix, is_dir=lambda path: path == "b", scratch=("dist/",)
)


def test_parties_are_those_at_work_and_those_whose_results_are_checked() -> None:
    begun: list[Event] = [
        run_started(),
        prepared("T1.1"),
        started("T1.1", level="deny"),
        prepared("T2.1", agent=TWO),
        started("T2.1", agent=TWO),
    ]
    lock = granted("shared.ts", TWO, fence=7)
    begun.append(granted("a.txt", declared=True))

    both = parties_of(state_after(PLAN, *begun, lock), SCENE)
    before = parties_of(state_after(PLAN, *begun, lock), SCENE, besides=7)
    after = parties_of(state_after(PLAN, *begun, ended("T1.1", outcome="done")), SCENE)

    one, two = both
    assert one.walls == ("a.txt", "gen/*.ts", "a.txt", "mine", "dist/")
    assert one.beside == ("gen",), "a file that is declared is open alone, for who does not ask for each"
    assert two.beside == ("*",), "and under a lock in its folder"
    assert (two.walls, two.claims) == (None, ("b", "shared.ts"))
    assert before[1].claims == ("b",), "a lock that is only just granted says nothing of what was written before"
    assert [(party.agent, party.checks) for party in after] == [(ONE, True), (TWO, False)]
