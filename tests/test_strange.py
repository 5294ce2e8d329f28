"""Who is meant by a change that none may make, and how sure that is."""

from orchestrator import events as ev
from orchestrator import strange
from orchestrator.claims import Claim
from orchestrator.patterns import lies_in
from orchestrator.state import State
from orchestrator.views.attention import attention
from tests.support.builders import (
    ONE,
    PAIR,
    TWO,
    entries,
    granted,
    prepared,
    run_started,
    started,
    state_after,
)


def state(*history: ev.Event) -> State:
    """Give the state after events that happen a second apart, from second 1 on."""
    return state_after(PAIR, run_started(), *history)


FIRST, OTHER = (prepared("T1.1"), started("T1.1")), (prepared("T2.1", agent=TWO), started("T2.1", agent=TWO))


def test_what_lies_in_the_workspace_of_the_only_agent_at_work_is_surely_its_own() -> None:
    found = strange.foreign_change(state(*FIRST), "T1.1", {"x": ""}, "ref")

    assert (found.certainty, found.why) == ("sure", "it lies in its own workspace, and no other agent was at work")


def test_while_others_work_it_is_likely() -> None:
    found = strange.foreign_change(state(*FIRST, *OTHER), "T1.1", {"x": ""}, "ref")

    assert (found.certainty, found.why) == ("likely", f"it lies in its own workspace; {TWO} worked elsewhere meanwhile")


def test_whom_the_kernel_kept_in_their_workspaces_changed_nothing_elsewhere() -> None:
    """Whoever saved a file, or wrote what a run printed into one, was once told to look who changed it."""
    confined, loose = started("T1.1", level="deny"), started("T2.1", agent=TWO, level="detect")
    alone, beside_one = state(FIRST[0], confined), state(FIRST[0], confined, OTHER[0], loose)

    assert strange.is_out_of_reach(alone, "T1.1")
    assert not strange.is_out_of_reach(beside_one, "T1.1")
    [told] = strange.unsure(alone, "T1.1", "main", ["run.log"], why="", among=())
    assert strange.is_a_persons(told.where, told.among)
    assert list(attention(entries(told), PAIR, alone, supervised=True, now=9.0)) == []
    [told] = strange.unsure(beside_one, "T1.1", "main", ["run.log"], why="x")
    assert [need.help for need in attention(entries(told), PAIR, beside_one, supervised=True, now=9.0)] == ["look: git diff HEAD"]


def test_a_file_that_is_found_changed_again_and_again_waits_for_a_person_once() -> None:
    now = state(*FIRST, *OTHER)
    told = [*strange.unsure(now, "T1.1", "main", ["out"], why="x"), *strange.unsure(now, "T2.1", "main", ["out"], why="x")]
    other = strange.unsure(now, "T1.1", "main", ["more"], why="x")

    needs = [need.text for need in attention(entries(*told, *other), PAIR, now, supervised=True, now=9.0)]

    assert needs == ["unsure who changed out: x", "unsure who changed more: x"]


def test_what_is_told_of_a_shared_tree_is_told_once() -> None:
    told = strange.unsure(state(*FIRST, *OTHER), "T1.1", "tree", ["x"], why="both were there", among=[ONE, TWO])
    again = strange.unsure(state(*FIRST, *OTHER, *told), "T2.1", "tree", ["x"], why="both were there", among=[ONE, TWO])

    assert list(strange.untold(state(*FIRST, *OTHER), told)) == told
    assert list(strange.untold(state(*FIRST, *OTHER, *told), again)) == []


def test_a_change_after_the_lock_was_given_back_is_late_until_it_is_had_again() -> None:
    back = ev.LockReleased(path="shared/x", holder=ONE, fence=1, reason="unlocked")
    given = state(*FIRST, granted("shared/x"), back)
    again = state(*FIRST, granted("shared/x"), back, granted("shared/x", fence=2))

    def late(now: State, moment: float) -> tuple[str, ...]:
        return strange.too_late(now, "T1.1", ["shared/x"], lambda key, path: lies_in(path, Claim(key)), lambda _: moment)

    assert late(given, 100.0) == ("shared/x",)
    assert late(given, 0.0) == ()
    assert late(again, 100.0) == ()
