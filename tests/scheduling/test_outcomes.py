import itertools

import pytest

from orchestrator.messages import TurnEnd
from orchestrator.model import Outcome
from orchestrator.scheduling.outcomes import Ended, Facts, judge, weigh


def expected(facts: Facts) -> Outcome:
    """Say the outcome as design 3 and 10 put it, one sentence a line, the first that fits."""
    rules = [
        (facts.ended_by is not None, facts.ended_by or Outcome.STOPPED),  # who ended it knows why
        (facts.lost, Outcome.CRASHED),  # nobody saw how it ended
        (facts.turn is TurnEnd.TRANSIENT, Outcome.TRANSIENT),  # whatever it claimed in mid-turn
        (facts.turn in {TurnEnd.AUTH, TurnEnd.PERMANENT}, Outcome.ENVIRONMENT),
        (facts.turn is TurnEnd.INTERRUPTED, Outcome.FAILED),  # and nobody wanted it to go on
        (facts.turn is TurnEnd.LIMIT, Outcome.LIMIT),
        (facts.limited and facts.claim is not True, Outcome.LIMIT),  # the provider, not the agent
        (facts.claim is False, Outcome.FAILED),  # Status: FAILED
        (facts.claim is True and facts.settled, Outcome.DONE),  # claimed done and lingered
        (facts.signal is not None, Outcome.CRASHED),  # a signal that squad did not send
        (facts.asked != "" and facts.claim is None, Outcome.ASKED),  # and waits for the answer, whatever its exit code
        (facts.exit != 0, Outcome.FAILED),  # whatever it claims
        (facts.claim is True or facts.exit_claims, Outcome.DONE),
    ]
    return next((outcome for fits, outcome in rules if fits), Outcome.FAILED)  # ended without a claim


PROCESSES: list[tuple[int | None, str | None]] = [(0, None), (1, None), (None, "SIGKILL")]
CELLS = [
    Facts(
        exit=code,
        signal=signal,
        claim=claim,
        limited=limited,
        exit_claims=exit_claims,
        ended_by=ended_by,
        why="why" if ended_by else "",
        settled=settled,
        lost=lost,
        turn=turn,
        asked=asked,
    )
    for (code, signal), claim, limited, exit_claims, ended_by, settled, lost, turn, asked in itertools.product(
        PROCESSES,
        (True, False, None),
        (False, True),
        (False, True),
        (None, Outcome.STALLED, Outcome.STOPPED),
        (False, True),
        (False, True),
        (None, *TurnEnd),
        ("", "asked: Q1"),
    )
    if not (settled and claim is None)
]


def test_every_cell_of_the_table_of_outcomes() -> None:
    assert len(CELLS) == 3 * 2 * 2 * 3 * 2 * (3 * 2 - 1) * (1 + len(TurnEnd)) * 2
    for facts in CELLS:
        ended = judge(facts)
        assert ended.outcome is expected(facts), facts
        assert ended.reason or ended.outcome is Outcome.DONE, facts


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        (Facts(exit=0, claim=True, note="all good"), Outcome.DONE, "all good"),
        (Facts(exit=0), Outcome.FAILED, "ended without claiming done"),
        (Facts(exit=0, exit_claims=True), Outcome.DONE, "exit 0"),
        (Facts(exit=3, exit_claims=True), Outcome.FAILED, "exit 3"),
        (Facts(exit=3, claim=True), Outcome.FAILED, "claims done, but exit 3"),
        (Facts(exit=0, claim=False, note="no key"), Outcome.FAILED, "no key"),
        (Facts(exit=0, claim=False, exit_claims=True), Outcome.FAILED, "the agent says that it failed"),
        (Facts(signal="SIGKILL", claim=True), Outcome.CRASHED, "ended by SIGKILL"),
        (Facts(signal="SIGTERM", claim=True, settled=True), Outcome.DONE, ""),
        (Facts(exit=1, limited=True, note="until 5"), Outcome.LIMIT, "until 5"),
        (Facts(exit=0, limited=True, claim=True), Outcome.DONE, ""),
        (Facts(lost=True, claim=True), Outcome.CRASHED, "its leash was killed; output still in the pipe may be lost"),
        (Facts(signal="SIGKILL", ended_by=Outcome.STALLED, why="no life"), Outcome.STALLED, "no life"),
        (Facts(), Outcome.FAILED, "ended, and nobody knows how"),
        (Facts(exit=0, claim=True, turn=TurnEnd.DONE), Outcome.DONE, ""),
        (Facts(exit=0, claim=False, note="refused: Write a", turn=TurnEnd.REFUSED), Outcome.FAILED, "refused: Write a"),
        (Facts(exit=1, turn=TurnEnd.TRANSIENT, told="529"), Outcome.TRANSIENT, "its model is out of reach: 529"),
        (Facts(exit=1, turn=TurnEnd.AUTH, told="bad key"), Outcome.ENVIRONMENT, "it is not signed in: bad key"),
        (Facts(exit=1, turn=TurnEnd.PERMANENT), Outcome.ENVIRONMENT, "its model refuses to go on"),
        (Facts(exit=1, claim=True, turn=TurnEnd.TRANSIENT), Outcome.TRANSIENT, "its model is out of reach"),
        (Facts(exit=1, limited=True, turn=TurnEnd.LIMIT, note="until 5"), Outcome.LIMIT, "until 5"),
        (Facts(exit=0, turn=TurnEnd.INTERRUPTED), Outcome.FAILED, "its turn was interrupted"),
        (Facts(exit=0, turn=TurnEnd.INTERRUPTED, ended_by=Outcome.STOPPED, why="stop"), Outcome.STOPPED, "stop"),
    ],
)
def test_an_outcome_with_its_reason(facts: Facts, outcome: Outcome, reason: str) -> None:
    assert judge(facts) == Ended(outcome=outcome, reason=reason)


DONE = Ended(outcome=Outcome.DONE, reason="")


@pytest.mark.parametrize(
    ("writes", "paths", "foreign", "outcome"),
    [
        (("a",), ("a",), (), Outcome.DONE),
        (("a",), (), (), Outcome.UNCHANGED),
        (("a",), ("b",), ("b",), Outcome.FOREIGN),
        (("a",), (), ("b",), Outcome.FOREIGN),
        ((), (), (), Outcome.DONE),
        ((), ("b",), ("b",), Outcome.FOREIGN),
        (None, (), (), Outcome.DONE),
        (None, ("a",), (), Outcome.DONE),
        (None, ("a",), ("a",), Outcome.FOREIGN),
    ],
)
def test_a_claim_of_done_is_held_against_what_was_changed(
    writes: tuple[str, ...] | None, paths: tuple[str, ...], foreign: tuple[str, ...], outcome: Outcome
) -> None:
    assert weigh(DONE, writes=writes, paths=paths, foreign=foreign).outcome is outcome


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.DONE])
def test_what_does_not_claim_done_stays_what_it_is(outcome: Outcome) -> None:
    ended = Ended(outcome=outcome, reason="x")

    assert weigh(ended, writes=("a",), paths=(), foreign=("b",)) == ended


def test_a_claim_of_done_without_what_could_not_be_taken_in_is_a_failure() -> None:
    ended = weigh(DONE, writes=("a",), paths=("a",), foreign=(), untaken=("b (why)",))

    assert ended == Ended(outcome=Outcome.FAILED, reason="squad cannot take in what it wrote: b (why)")


def test_a_foreign_change_names_the_paths_but_not_all_of_many() -> None:
    many = tuple(f"f{number}" for number in range(100))

    assert (
        weigh(DONE, writes=None, paths=many, foreign=many).reason
        == "changed what it may not write: f0, f1, f2, f3, f4 and 95 more"
    )
