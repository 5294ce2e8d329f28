"""What the next attempt should know of the ones before: one test for each way an attempt ends."""

from collections.abc import Iterable

import pytest

from orchestrator import events as ev
from orchestrator.events import Event
from orchestrator.exchange.handover import Handover, handed_over
from tests.support.builders import ONE, TWO, ended, plan, planned, prepared, run_started, started, state_after, task

OF = plan(planned(task("T1", writes=["a.py", "b.py"])))
LOG = ".squad/logs/demo-1/T1.1.attempt-1.log"


def again(name: str = "T1.2", *, agent: str = ONE, base: str = "b0", same: bool = True) -> ev.AttemptPrepared:
    """Give the next attempt, in the workspace of the first or in its own."""
    place = "T1.1" if same else name
    branch = f"squad-work/demo-1/{place}"
    return ev.AttemptPrepared(task="T1", agent=agent, attempt=name, workspace=f"/w/{place}", branch=branch, base=base, locks=[])


def refused(cause: str, reason: str, *, log: str = "", merged: str | None = None, name: str = "T1.1") -> ev.ResultRefused:
    return ev.ResultRefused(task="T1", agent=ONE, attempt=name, cause=cause, reason=reason, counted=True, log=log, merged=merged)


def handover(*events: Event, start: str | None = "c0ffee0123456789", tail: Iterable[str] = ()) -> Handover:
    state = state_after(OF, run_started(), prepared(), started(), *events)
    made = handed_over(state, "T1", state.tasks["T1"].prepared, start=start, tail=lambda log: [f"{log}: {line}" for line in tail])
    assert made is not None
    return made


def told(made: Handover) -> str:
    return " ".join(fact.text.replace("{}", ", ".join(fact.paths)) for fact in (*made.ended, *made.left))


def done(**more: str) -> ev.AttemptEnded:
    return ended(commit="c0ffee0123456789", paths=["a.py"], **more)


def test_the_first_attempt_gets_none() -> None:
    state = state_after(OF, run_started(), prepared())

    assert handed_over(state, "T1", 1, start=None, tail=lambda _: []) is None


def test_a_failed_check_is_told_with_the_last_lines_of_its_output_and_where_the_work_is() -> None:
    made = handover(done(), refused("check", "check `pytest` failed (attempt)", log=LOG), again(), tail=["1 failed"])

    assert told(made) == (
        "Attempt 1 (agent-1) claimed done, but a check failed. "
        "Its work lies in your workspace (commit c0ffee0123 on squad-work/demo-1/T1.1): go on from there. Changed so far: a.py."
    )
    assert made.quoted == ("check `pytest` failed (attempt)", f"{LOG}: 1 failed")


def test_a_check_that_failed_on_the_merge_says_so_and_where_both_sides_are() -> None:
    merged = refused("check", "check `pytest` failed (combined)", log=LOG, merged="d00d")

    made = handover(done(), merged, again(same=False, base="t1"), start="d00d")

    assert "failed together with what others integrated meanwhile" in told(made)
    assert "Your workspace starts from its work" in told(made)


def test_a_conflict_names_the_paths_and_both_sides() -> None:
    made = handover(
        done(),
        ev.IntegrationStarted(task="T1", attempt="T1.1", commit="c0ffee0123456789", onto="t1"),
        ev.MergeConflicted(task="T1", agent=ONE, attempt="T1.1", paths=["a.py"]),
        refused("conflict", "conflicts with what was integrated before in a.py"),
        again(same=False, base="t1"),
        start="t1",
    )

    assert "conflicts with what others integrated meanwhile in a.py." in told(made)
    assert "Your workspace has their side; the attempt's is `git diff b0 c0ffee0123`." in told(made)
    assert "not in your workspace, but kept: commit c0ffee0123 on squad-work/demo-1/T1.1" in told(made)
    assert made.quoted == ()


def test_an_overlap_is_done_again_on_top() -> None:
    made = handover(done(), refused("overlap", "wrote a.py, ..."), again(same=False, base="t1"), start="t1")

    assert "is done again on top of that" in told(made)
    assert "not in your workspace" in told(made)


def test_a_foreign_change_is_named_with_the_ref_that_keeps_it_also_beside_another_end() -> None:
    ref = "refs/squad/kept/demo-1/T1.1-foreign"
    found = ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=["theirs/x"], ref=ref)

    foreign = handover(found, ended(outcome="foreign", reason="changed what it may not write: theirs/x"), again())
    stalled = handover(found, ended(outcome="stalled", reason="no sign of life for 600 s"), again())

    text = f"changed theirs/x, which it may not write: taken back, kept as {ref}."
    assert text in told(foreign)
    assert foreign.quoted == ()
    assert "showed no sign of life" in told(stalled)
    assert text in told(stalled)


@pytest.mark.parametrize(
    ("outcome", "reason", "says"),
    [
        ("failed", "exit 3", "Attempt 1 (agent-1) failed."),
        ("crashed", "ended by SIGSEGV", "crashed."),
        ("stalled", "no sign of life for 600 s", "start nothing that waits or never ends"),
        ("unchanged", "unchanged: it claims done", "changed nothing of what the task writes"),
        ("limit", "usage limit", "was cut off by its usage limit"),
        ("transient", "its model is out of reach: 529", "its model was out of reach"),
        ("environment", "setup `x` ended with exit 1", "for a reason outside of the task"),
        ("stopped", "squad itself was ended", "stopped in the middle of its work, by a person or by the end of squad"),
    ],
)
def test_every_other_end_is_told_and_its_reason_quoted(outcome: str, reason: str, says: str) -> None:
    made = handover(ended(outcome=outcome, reason=reason), again())

    assert says in told(made)
    assert made.quoted == (reason,)
    assert "It left no changes." in told(made)


def test_progress_and_last_words_are_handed_over_even_if_the_agent_was_at_something_else_since() -> None:
    said = ev.AgentReported(agent=ONE, task="T1", message="parser done, printer next", done=2, total=5)

    made = handover(said, ended(outcome="crashed", reason="ended by SIGKILL", paths=["a.py"]), again())

    assert "It had come to 2/5." in told(made)
    assert made.quoted == ("ended by SIGKILL", "parser done, printer next")


def test_another_agent_starts_from_the_kept_work() -> None:
    stalled = ended(outcome="stalled", reason="silent", commit="c0ffee0123456789", paths=["a.py"])
    moved = ev.TaskReassigned(task="T1", from_=ONE, to=TWO, reason="silent")

    made = handover(stalled, moved, again(agent=TWO, same=False))

    assert "Attempt 1 (agent-1)" in told(made)
    assert "Your workspace starts from its work (commit c0ffee0123 on squad-work/demo-1/T1.1)" in told(made)


def test_what_was_wrong_before_an_attempt_that_was_cut_off_is_not_forgotten() -> None:
    made = handover(
        done(),
        refused("check", "check `pytest` failed (attempt)", log=LOG),
        again(),
        started("T1.2"),
        ended("T1.2", outcome="limit", reason="usage limit", commit="beef", paths=["a.py", "b.py"]),
        again("T1.3"),
        tail=["1 failed"],
    )

    assert [fact.text for fact in made.ended] == ["Attempt 2 (agent-1) was cut off by its usage limit."]
    assert made.quoted == ("usage limit",), "that is all which is new to whoever knows the rest"
    assert "Attempt 1 (agent-1) claimed done, but a check failed." in told(made)
    assert "a.py, b.py" in told(made)
    assert made.known == ("check `pytest` failed (attempt)", f"{LOG}: 1 failed")


def test_the_same_failure_again_asks_for_another_way() -> None:
    fail = {"outcome": "failed", "reason": "exit 1"}

    made = handover(ended(**fail), again(), started("T1.2"), ended("T1.2", **fail), again("T1.3"))

    assert "So 2 times in a row: take another way." in told(made)


def test_in_a_shared_tree_the_work_lies_where_everybody_works() -> None:
    first, second = (
        ev.AttemptPrepared(task="T1", agent=ONE, attempt=name, workspace="/project", branch=None, base=None, locks=[])
        for name in ("T1.1", "T1.2")
    )
    ref = "refs/squad/kept/demo-1/T1.1-foreign"
    found = ev.ForeignChangeFound(task="T1", agent=ONE, attempt="T1.1", paths=["x"], ref=ref)

    state = state_after(OF, run_started(), first, started(), found, ended(outcome="foreign", paths=["a.py"]), second)
    made = handed_over(state, "T1", 2, start=None, tail=lambda _: [])

    assert made is not None
    assert "Its work lies in the folder you work in" in told(made)
    assert "left where it is" in told(made)
