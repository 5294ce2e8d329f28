"""What an attempt may not write any more, since it gave the lock back: the same as by asking each, however many there are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator import events as ev
from orchestrator.claims import covers
from orchestrator.fold import fold, locks
from orchestrator.state import State
from tests.support.builders import ONE, PAIR, granted, prepared, started, state_after
from tests.support.worlds import PATTERNS

KEYS = st.sampled_from(["a", "A", "a/b", "a/B/c", "a/bc", ".", "op:install", "op:git", "ä/x", "A\u0308/x", "a/*", "{a/b,c}/d"])
STEPS = st.lists(st.tuples(st.booleans(), KEYS | PATTERNS), max_size=12)


def begun() -> State:
    return state_after(PAIR, prepared("T1.1"), started("T1.1"))


def taken(state: State, event: ev.Event) -> None:
    fold(state, ev.Entry(state.seq + 1, float(state.seq), state.run, event))


def given_back(path: str) -> ev.LockReleased:
    return ev.LockReleased(path=path, holder=ONE, fence=1, reason="unlocked")


@given(STEPS)
@example([(True, "a/b"), (True, "a"), (False, "a/b"), (True, "a/b"), (False, ".")])
def test_a_lock_takes_back_what_it_covers_of_what_was_given_back(steps: list[tuple[bool, str]]) -> None:
    state, plainly = begun(), dict[str, float]()
    for number, (is_release, path) in enumerate(steps):
        if is_release:
            plainly[path] = float(state.seq)
            taken(state, given_back(path))
        else:
            plainly = {given: at for given, at in plainly.items() if not covers(path, given)}
            taken(state, granted(path, fence=number + 1))
        attempt = state.attempts["T1.1"]
        assert attempt.released == plainly
        assert bool(attempt.released_in) == bool(plainly)


def test_a_lock_costs_the_same_however_many_were_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each was held against all before it: an agent that locked thousands of files one after another took ever longer."""
    state, asked = begun(), list[str]()

    def counted(wide: str, narrow: str) -> bool:
        asked.append(narrow)
        return covers(wide, narrow)

    monkeypatch.setattr(locks, "covers", counted)
    for number in [*range(100), *range(100)]:
        taken(state, granted(f"src/{number}.py", fence=number + 1))
        taken(state, given_back(f"src/{number}.py"))

    assert asked == []
    assert len(state.attempts["T1.1"].released) == 100
