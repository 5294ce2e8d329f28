"""From what a turn came to, to what it means for a program and what helps. Pure; the words of programs come in redacted.

Judged by the structured end of the turn, by the file and by the question that was or was not asked; a program's own words
are only shown, never believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.adapters.known import Known
from orchestrator.doctor.findings import Answer, Finding, fault, note, warning
from orchestrator.doctor.turn import Told
from orchestrator.messages import TurnEnd
from orchestrator.text.quantities import format_duration

Redact = Callable[[str], str]
_SHOWN = 160  #: signs of a program's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A turn with what it left behind."""

    told: Told
    asked: bool  #: whether the file may be written
    written: bool  #: the file is there
    limit: float  #: seconds that the program had


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a turn shows."""

    answer: Answer  #: to the question that the turn was about
    signed_in: Answer
    findings: tuple[Finding, ...] = ()


def judge_write(known: Known, tried: Tried, redact: Redact, *, converses: bool) -> Verdict:
    """Tell whether a program writes what it is told to write."""
    if tried.written:
        return Verdict(answer=Answer.YES, signed_in=Answer.YES, findings=_unasked(known, tried) if converses else ())
    broken, signed_in = _broken_off(known, tried, redact)
    if broken is None:
        broken = fault(f"it ended its turn and wrote nothing{_words(tried, redact)}", _by_hand(known))
    answer = Answer.UNKNOWN if signed_in is not Answer.YES or _is_limit(tried) else Answer.NO
    return Verdict(answer=answer, signed_in=signed_in, findings=(broken,))


def judge_refusal(known: Known, tried: Tried, redact: Redact) -> Verdict:
    """Tell whether a program that is refused an edit leaves it, and says that it was refused."""
    if tried.written and tried.asked:
        found = warning(
            "it was refused to write a file, and wrote it another way: what its shell writes is only found afterwards"
        )
        return Verdict(answer=Answer.NO, signed_in=Answer.YES, findings=(found,))
    if tried.written:
        return Verdict(answer=Answer.NO, signed_in=Answer.YES, findings=_unasked(known, tried))
    broken, signed_in = _broken_off(known, tried, redact)
    if broken is not None:
        return Verdict(answer=Answer.UNKNOWN, signed_in=signed_in, findings=(broken,))
    if not tried.asked:
        found = warning(f"it did not try to write, so that it could not be refused{_words(tried, redact)}", _again(known))
        return Verdict(answer=Answer.UNKNOWN, signed_in=Answer.YES, findings=(found,))
    quiet = tried.told.turned is not None and tried.told.turned.outcome is not TurnEnd.REFUSED
    said = (note("refused, it left the file alone, but called its turn done"),) if quiet else ()
    return Verdict(answer=Answer.YES, signed_in=Answer.YES, findings=said)


def _unasked(known: Known, tried: Tried) -> tuple[Finding, ...]:
    if tried.asked:
        return ()
    text = "it wrote without asking, so that its edits can only be looked at afterwards"
    return (fault(text, f"take the rules that allow edits out of its own settings, then: {_again(known)}"),)


def _broken_off(known: Known, tried: Tried, redact: Redact) -> tuple[Finding | None, Answer]:
    """Give why a turn came to no proper end, and what that says about the sign-in; None for one that did."""
    turned = tried.told.turned
    if turned is None:
        return _without_end(known, tried, redact), Answer.UNKNOWN
    reason = _short(redact(turned.reason))
    because = f": {reason}" if reason else ""
    match turned.outcome:
        case TurnEnd.AUTH:
            return fault(f"it is not signed in{because}", known.sign_in), Answer.NO
        case TurnEnd.LIMIT:
            until = f" until {_utc(turned.until)}" if turned.until is not None else ""
            return fault(f"its account is at its usage limit{until}{because}", f"wait, then: {_again(known)}"), Answer.YES
        case TurnEnd.TRANSIENT:
            help_ = f"look at the network (HTTPS_PROXY?), then: {_again(known)}"
            return fault(f"its model is out of reach{because}", help_), Answer.UNKNOWN
        case TurnEnd.PERMANENT:
            return fault(
                f"its model refuses to go on{because}", f"look at its model and account: {_by_hand(known)}"
            ), Answer.UNKNOWN
        case TurnEnd.INTERRUPTED:
            return fault(f"its turn was broken off{because}", _again(known)), Answer.UNKNOWN
        case TurnEnd.DONE | TurnEnd.REFUSED:
            return None, Answer.YES


def _without_end(known: Known, tried: Tried, redact: Redact) -> Finding | None:
    told = tried.told
    if told.failure:
        return fault(f"it cannot be started: {redact(told.failure)}", f"install it anew: {known.install}")
    if told.is_flood:
        return fault("it prints without end, and was ended", _by_hand(known))
    if told.is_late:
        return _late(known, tried, redact)
    if told.exit == 0:
        return fault(f"it ended and wrote nothing{_words(tried, redact)}", _by_hand(known))
    how = f"ended by {told.signal}" if told.signal else f"ended with exit {told.exit}"
    return fault(f"it {how}{_words(tried, redact)}", _by_hand(known))


def _late(known: Known, tried: Tried, redact: Redact) -> Finding:
    told, waits = tried.told, f"it did not end within {format_duration(tried.limit)}"
    network = f"look at the network (HTTPS_PROXY?), or give it more time: {_again(known)} --timeout 5m"
    if told.trying:
        return fault(f"{waits}: {redact(told.trying)}", network)
    if told.has_begun:
        return fault(f"{waits}: it began, and no answer of its model came", f"sign in anew ({known.sign_in}), or {network}")
    said = _words(tried, redact) or ", and printed nothing"
    return fault(f"{waits}{said}", f"answer what it may ask, such as a sign-in or trust in a folder: {_by_hand(known)}")


def _is_limit(tried: Tried) -> bool:
    return tried.told.turned is not None and tried.told.turned.outcome is TurnEnd.LIMIT


def _words(tried: Tried, redact: Redact) -> str:
    said = _short(redact(tried.told.last))
    return f"; the last that it said: {said}" if said else ""


def _by_hand(known: Known) -> str:
    return f"start it once by hand: {known.name}"


def _again(known: Known) -> str:
    return f"squad doctor {known.name}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
