"""What the next attempt at a task is told of the questions that were asked about it.

Answers are a person's words and are told whole. All that squad says around them gives way: there is as much of an agent's own
questions as there is room for, and at last only their names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.exchange import remarks
from orchestrator.exchange.questions import DECIDE, QUESTION, open_of
from orchestrator.state import State
from orchestrator.text.tokens import tokens

_ROOM = 400  #: tokens, where nobody counts them
_QUOTED = 60  #: characters of a question that are repeated to who asked it
_LEAST = 4  #: tokens of a quotation that says anything; characters of one that is cut
_NAME = 4  #: tokens of a question's name in a list
_BARE = 8  #: tokens below which names are left out too: without their text they tell a new conversation nothing
_NAMED_AT_ONCE = 10  #: open questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What became of the questions of a task; each with its text, by its name."""

    texts: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, str] = field(default_factory=dict)  #: name -> why nobody answered
    still: tuple[str, ...] = ()  #: open
    said: tuple[str, ...] = ()  #: what a person has to tell besides

    @property
    def answered(self) -> int:
        """Count the tokens of a person's own words."""
        return sum(map(tokens, (*self.answers.values(), self.remarks)))

    @property
    def remarks(self) -> str:
        """Give the section of what a person has to tell besides, whole; empty if that is nothing."""
        return "\n".join(("## From a person", *(f"- {text}" for text in self.said))) if self.said else ""

    def told(self, room: int = _ROOM) -> str:
        """Give the lines, with so many tokens for all names and quotations together; empty if there was no question."""
        if room < _BARE and len(self.texts) > 1:
            return self._bare()
        share = room // max(1, len(self.texts))
        reasons = set(self.closed.values())
        why = reasons.pop() if len(reasons) == 1 else DECIDE
        lines = (
            *self._answered(share),
            f"- {self._named(tuple(self.closed), room, share)} not answered: {why}" if self.closed else "",
            f"- {self._named(self.still, room, share)} not answered yet." if self.still else "",
        )
        return "\n".join(filter(None, lines))

    def _bare(self) -> str:
        answers = ["Answers to your questions:", *(f"- {answer}" for answer in self.answers.values())] if self.answers else []
        return "\n".join((*answers, *(["Not answered: decide yourself."] if self.closed else ())))

    def _answered(self, share: int) -> list[str]:
        if share < _LEAST and len(self.answers) > 1:
            return ["Answers to your questions:", *(f"- {name}: {answer}" for name, answer in self.answers.items())]
        return [f"- Answer to your question {self._quoted(name, share)}: {answer}" for name, answer in self.answers.items()]

    def _named(self, names: Sequence[str], room: int, share: int) -> str:
        """Name questions, the last ones if there is no room for all."""
        shown = names[-max(1, room // _NAME) :]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        listed = ", ".join(self._quoted(name, share) for name in shown) + more
        return f"Your question {listed} is" if len(names) == 1 else f"Your questions {listed} are"

    def _quoted(self, name: str, share: int) -> str:
        quotation = _cut(self.texts[name], share)
        return f'{name} ("{quotation}")' if quotation else name


def told_with(state: State, task: str, attempt: str) -> Briefing:
    """Give what the prompt of an attempt says of the questions about its task."""
    told = [name for name, one in state.questions.items() if (one.told, one.way) == (attempt, "prompt")]
    return replace(briefing(state, task, told), said=remarks.told_in(state, attempt))


def briefing(state: State, task: str, names: Iterable[str]) -> Briefing:
    """Give what a new attempt at a task has to know of these settled questions, and of those that are open."""
    told = {name: state.questions[name] for name in names}
    still = open_of(state, task, kind=QUESTION)[-_NAMED_AT_ONCE:]
    return Briefing(
        texts={name: state.questions[name].text for name in (*told, *still)},
        answers={name: one.answer for name, one in told.items() if one.state == "answered"},
        closed={name: one.reason for name, one in told.items() if one.state != "answered"},
        still=tuple(still),
    )


def _cut(text: str, share: int) -> str:
    """Give the beginning of a text in one line, by characters and by tokens; empty if nothing of it can be said."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    cut, most = line if len(line) <= _QUOTED else f"{line[: _QUOTED - 1]}…", _QUOTED
    while tokens(cut) > share and most > _LEAST:
        most = most * 3 // 4
        cut = f"{line[:most]}…"
    return cut if tokens(cut) <= share and share >= _LEAST else ""
