"""What a turn means for a program, cell by cell."""

import pytest

from orchestrator.adapters.known import KNOWN
from orchestrator.doctor.findings import Answer, Weight
from orchestrator.doctor.judging import Tried, Verdict, judge_refusal, judge_write
from orchestrator.doctor.turn import Told
from orchestrator.messages import Turned, TurnEnd

CLAUDE = KNOWN["claude"]
DONE, REFUSED = Told(turned=Turned(outcome=TurnEnd.DONE)), Told(turned=Turned(outcome=TurnEnd.REFUSED))


def tried(told: Told, *, asked: bool = False, written: bool = False) -> Tried:
    return Tried(told=told, asked=asked, written=written, limit=90.0)


def ended(outcome: TurnEnd, reason: str = "", until: float | None = None) -> Told:
    return Told(turned=Turned(outcome=outcome, reason=reason, until=until))


def write(one: Tried, *, converses: bool = True) -> Verdict:
    return judge_write(CLAUDE, one, str.strip, converses=converses)


def refuse(one: Tried) -> Verdict:
    return judge_refusal(CLAUDE, one, str.strip)


def test_a_file_that_was_asked_for_and_is_there_shows_that_it_writes() -> None:
    assert write(tried(DONE, asked=True, written=True)) == Verdict(answer=Answer.YES, signed_in=Answer.YES)


def test_a_plain_command_need_not_ask() -> None:
    assert write(tried(Told(exit=0), written=True), converses=False) == Verdict(answer=Answer.YES, signed_in=Answer.YES)


def test_one_that_can_ask_and_did_not_is_at_fault() -> None:
    verdict = write(tried(DONE, written=True))

    assert verdict.answer is Answer.YES
    assert verdict.findings[0].weight is Weight.FAULT
    assert "wrote without asking" in verdict.findings[0].text


@pytest.mark.parametrize(
    ("told", "signed_in", "answer", "text", "remedy"),
    [
        (ended(TurnEnd.AUTH, "401"), Answer.NO, Answer.UNKNOWN, "not signed in: 401", "claude auth login"),
        (
            ended(TurnEnd.LIMIT, until=0.0),
            Answer.YES,
            Answer.UNKNOWN,
            "limit until 1970-01-01 00:00 UTC",
            "wait, then: squad doctor",
        ),
        (ended(TurnEnd.TRANSIENT, "529"), Answer.UNKNOWN, Answer.UNKNOWN, "out of reach: 529", "look at the network"),
        (
            ended(TurnEnd.PERMANENT, "404"),
            Answer.UNKNOWN,
            Answer.UNKNOWN,
            "refuses to go on: 404",
            "look at its model and account",
        ),
        (ended(TurnEnd.INTERRUPTED), Answer.UNKNOWN, Answer.UNKNOWN, "broken off", "squad doctor claude"),
        (DONE, Answer.YES, Answer.NO, "ended its turn and wrote nothing", "by hand: claude"),
        (REFUSED, Answer.YES, Answer.NO, "ended its turn and wrote nothing", "by hand: claude"),
        (Told(failure="Exec format error"), Answer.UNKNOWN, Answer.UNKNOWN, "cannot be started: Exec", "npm install -g"),
        (Told(exit=0), Answer.UNKNOWN, Answer.UNKNOWN, "ended and wrote nothing", "by hand: claude"),
        (Told(exit=3, last="no"), Answer.UNKNOWN, Answer.UNKNOWN, "ended with exit 3; the last that it said: no", "by hand"),
        (Told(signal="SIGSEGV"), Answer.UNKNOWN, Answer.UNKNOWN, "ended by SIGSEGV", "by hand"),
        (Told(is_late=True), Answer.UNKNOWN, Answer.UNKNOWN, "within 1m30s, and printed nothing", "answer what it may ask"),
        (Told(is_late=True, last="Trust?"), Answer.UNKNOWN, Answer.UNKNOWN, "the last that it said: Trust?", "trust in a folder"),
        (Told(is_late=True, has_begun=True), Answer.UNKNOWN, Answer.UNKNOWN, "no answer of its model", "--timeout 5m"),
        (Told(is_late=True, trying="cannot reach it"), Answer.UNKNOWN, Answer.UNKNOWN, "cannot reach it", "HTTPS_PROXY"),
    ],
)
def test_whatever_keeps_it_from_writing_is_a_fault_with_a_remedy(
    told: Told, signed_in: Answer, answer: Answer, text: str, remedy: str
) -> None:
    verdict = write(tried(told))

    [found] = verdict.findings
    assert (verdict.signed_in, verdict.answer, found.weight) == (signed_in, answer, Weight.FAULT)
    assert text in found.text
    assert remedy in found.remedy


def test_one_that_leaves_a_refused_file_alone_and_says_so_can_be_refused() -> None:
    assert refuse(tried(REFUSED, asked=True)) == Verdict(answer=Answer.YES, signed_in=Answer.YES)


def test_one_that_leaves_it_alone_and_calls_that_done_can_be_refused_too() -> None:
    verdict = refuse(tried(DONE, asked=True))

    assert verdict.answer is Answer.YES
    assert [found.weight for found in verdict.findings] == [Weight.NOTE]


@pytest.mark.parametrize(
    ("one", "answer", "weight", "text"),
    [
        (tried(REFUSED, asked=True, written=True), Answer.NO, Weight.WARNING, "wrote it another way"),
        (tried(DONE, written=True), Answer.NO, Weight.FAULT, "wrote without asking"),
        (tried(DONE), Answer.UNKNOWN, Weight.WARNING, "did not try to write"),
        (tried(ended(TurnEnd.LIMIT), asked=True), Answer.UNKNOWN, Weight.FAULT, "usage limit"),
        (tried(Told(is_late=True), asked=True), Answer.UNKNOWN, Weight.FAULT, "did not end"),
        (tried(Told(exit=1)), Answer.UNKNOWN, Weight.FAULT, "exit 1"),
    ],
)
def test_one_that_does_not_heed_a_refusal_is_told(one: Tried, answer: Answer, weight: Weight, text: str) -> None:
    verdict = refuse(one)

    [found] = verdict.findings
    assert (verdict.answer, found.weight) == (answer, weight)
    assert text in found.text
