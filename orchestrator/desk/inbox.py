"""Squad's inbox: takes the questions of agents in, and hands the answers of a person out.

An answer is in the journal before anybody hears of it. Each attempt hears of it once: a call that waits gets it as its
reply, an agent that can be spoken to is told, and what no attempt has heard goes into the prompt of the next.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import anyio
import anyio.lowlevel
from msgspec import structs

from orchestrator import events as ev
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.exchange import questions
from orchestrator.exchange.questions import PERMISSION, QUESTION
from orchestrator.journal.recorder import Recorder
from orchestrator.messages import Permission
from orchestrator.model import AgentId, AttemptId, TaskId, TaskState
from orchestrator.rights import Allow, Deny
from orchestrator.state import QuestionStatus


class Inbox:
    """The questions of one run."""

    def __init__(self, recorder: Recorder, *, wait: float, tell: Callable[[AgentId, str], bool] = lambda *_: False) -> None:
        """Keep a question open for `wait` seconds, 0: nobody is there; `tell` says something to an agent if that is possible."""
        self._recorder = recorder
        self._wait = wait
        self._tell = tell
        self._last = max((int(name[1:]) for name in recorder.state.questions), default=0)
        self._fresh: dict[str, ev.QuestionAsked] = {}  #: taken in, and perhaps not yet recorded
        self._noticed: set[str] = set()
        self._awaited: Counter[str] = Counter()  #: by calls that wait

    # what agents ask

    def take(self, agent: AgentId, task: TaskId, attempt: AttemptId, text: str) -> list[ev.Event]:
        """Take in a question that nobody waits at; one too many is told of once and dropped."""
        if not text.strip():
            return []
        try:
            return self._ask(agent, task, attempt, text, waits=True)[1]
        except Rejected as refused:
            notice = f"{agent} asks too much: {refused.reason}"
            is_known = notice in self._noticed or notice in self._recorder.state.notices
            self._noticed.add(notice)
            return [] if is_known else [ev.Noticed(text=notice)]

    async def ask(self, agent: AgentId, task: TaskId, attempt: AttemptId, text: str, *, wait: float) -> dict[str, object]:
        """Ask, and wait so many seconds for what becomes of it; 0: it comes later.

        Raises:
            Rejected: Nobody will answer, nobody did in this time, or too much is asked.
        """
        name, events = self._ask(agent, task, attempt, text, waits=wait > 0)
        self._recorder.record(*events)
        with self._awaiting(name):
            await self._settled(name, wait)
        question = self._recorder.state.questions[name]
        if question.state == "open" and wait > 0:
            raise Rejected(f"{name} was not answered within {wait:g} s: it stays open, ask again in the same words to wait on")
        if question.state == "open":
            return {"accepted": True, "question": name}
        self._recorder.record(ev.QuestionTold(id=name, agent=agent, task=task, attempt=attempt, way="reply"))
        if question.state == "closed":
            raise Rejected(f"{name} is not answered: {question.reason}")
        return {"accepted": True, "question": name, "answer": question.answer}

    async def permit(self, agent: AgentId, task: TaskId, attempt: AttemptId, asked: Permission) -> Allow | Deny:
        """Ask for what squad cannot decide, and wait until it is decided."""
        unknown = f"squad cannot tell what {asked.tool} would do"
        text = f"may it use {asked.tool}?" + (f" {asked.detail}" if asked.detail else "")
        try:
            name, events = self._ask(agent, task, attempt, text, kind=PERMISSION, waits=True)
        except Rejected as refused:
            return Deny(reason=f"{unknown}, and {refused.reason}: do without it")
        self._recorder.record(*events)
        try:
            with self._awaiting(name):
                await self._settled(name, float("inf"))
        finally:
            self._withdraw(name)
        question = self._recorder.state.questions[name]
        if question.allow:
            return Allow()
        if question.state == "answered":
            return Deny(reason=question.answer or f"a person refused that {asked.tool} is used")
        return Deny(reason=f"{unknown}, and {question.reason}: do without it")

    def _ask(
        self, agent: AgentId, task: TaskId, attempt: AttemptId, text: str, *, waits: bool, kind: str = QUESTION
    ) -> tuple[str, list[ev.Event]]:
        """Give the question's name, and what is to be recorded: nothing if the same is asked already."""
        text = text.strip()
        text = text if len(text) <= questions.LONGEST else f"{text[: questions.LONGEST]}…"
        asked = ev.QuestionAsked(id="", agent=agent, task=task, attempt=attempt, kind=kind, text=text, waits=waits)
        if (same := self._same(asked)) is not None:
            known = self._recorder.state.questions.get(same)
            begins_to_wait = waits and known is not None and known.state == "open" and not known.waits
            return same, [structs.replace(asked, id=same)] if begins_to_wait else []
        self._require_room(task, attempt)
        refused = questions.refusal(self._recorder.state, task, wait=self._wait, kind=kind)
        self._last += 1
        name = f"Q{self._last}"
        self._fresh[name] = structs.replace(asked, id=name, refused=refused, waits=waits and not refused)
        return name, [self._fresh[name]]

    def _same(self, asked: ev.QuestionAsked) -> str | None:
        """Find what is asked again: an open question, or an answered one that this attempt has not been given by a reply."""
        for name, one in self._known(asked.task):
            is_open = one.refused == "" if isinstance(one, ev.QuestionAsked) else one.state == "open"
            is_news = asked.kind == QUESTION and _is_news(one, asked.attempt)
            if (one.text, one.kind) == (asked.text, asked.kind) and (is_open or is_news):
                return name
        return None

    def _require_room(self, task: str, attempt: str) -> None:
        known = [one for _, one in self._known(task)]
        is_open = [one.refused == "" if isinstance(one, ev.QuestionAsked) else one.state == "open" for one in known]
        if sum(is_open) >= questions.AT_ONCE:
            raise Rejected(f"{task} has {questions.AT_ONCE} open questions: wait for their answers")
        if sum(one.attempt == attempt for one in known) >= questions.MOST:
            raise Rejected(f"{attempt} has asked {questions.MOST} questions, and no attempt may ask more: {questions.DECIDE}")

    def _known(self, task: str) -> Iterator[tuple[str, QuestionStatus | ev.QuestionAsked]]:
        """Give the questions of a task, those taken in but not yet recorded with them."""
        recorded = self._recorder.state.questions
        self._fresh = {name: one for name, one in self._fresh.items() if name not in recorded}
        yield from ((name, one) for name, one in recorded.items() if one.task == task)
        yield from ((name, one) for name, one in self._fresh.items() if one.task == task)

    async def _settled(self, name: str, seconds: float) -> None:
        """Wait until a question is answered or closed, but not longer than so many seconds."""
        with anyio.move_on_after(seconds):
            while self._recorder.state.questions[name].state == "open":
                await self._recorder.changed()
        await anyio.lowlevel.checkpoint_if_cancelled()  # settled, but gone in the same moment

    @contextmanager
    def _awaiting(self, name: str) -> Iterator[None]:
        self._awaited[name] += 1
        try:
            yield
        finally:
            self._awaited[name] -= 1
            self._recorder.wake()  # what a call that broke off did not hear is told another way

    def _withdraw(self, name: str) -> None:
        """Close a request for permission at which nobody waits any more."""
        question = self._recorder.state.questions[name]
        if question.state == "open" and not self._awaited[name]:
            reason = f"{question.agent} does not wait for it any more"
            self._recorder.record(ev.QuestionClosed(id=name, agent=question.agent, task=question.task, how="moot", reason=reason))

    # what a person answers

    def answer(self, params: Mapping[str, object]) -> dict[str, object]:
        """Take a person's answer; the same one again changes nothing.

        Raises:
            Rejected: There is no such question, it is settled otherwise, or the answer does not fit it.
        """
        name, text, allow = _read(params)
        found, why_not = questions.find(self._recorder.state, name)
        if not found:
            raise Rejected(f"{why_not}\nsee: squad inbox")
        question = self._recorder.state.questions[found]
        _require_fit(found, question, text=text, allow=allow)
        again = question.state == "answered" and (question.answer, question.allow) == (text, allow)
        if question.state == "answered" and not again:
            raise Rejected(f"{found} was answered already: {_word(question)}")
        if question.state == "closed":
            raise Rejected(f"{found} is closed: {question.reason}")
        if not again:
            agent = self._recorder.state.tasks[question.task].agent
            self._recorder.record(
                ev.QuestionAnswered(id=found, agent=agent, task=question.task, by="person", answer=text, allow=allow)
            )
            self.settle()
        task = self._recorder.state.tasks[question.task]
        told = task.attempt if self._awaited[found] else question.told  # a call that waits is woken by what was recorded
        return {"id": found, "agent": task.agent, "task": question.task, "already": again, "told": told or None}

    def settle(self) -> None:
        """Close what waited long enough or is of no use any more, let go on what is answered, and tell who can be told."""
        state = self._recorder.state
        if closed := list(questions.closings(state, now=self._recorder.clock(), wait=self._wait)):
            self._recorder.record(*closed)
        if going_on := questions.answered(state):
            self._recorder.record(*(ev.TaskRevived(task=task, reason="its question is settled") for task in going_on))
        for task, status in state.tasks.items():
            if status.state is TaskState.RUNNING:
                self._say(task, AgentId(status.agent), status.attempt or "")

    def next_closing(self) -> float | None:
        """Give the next time at which a question has waited long enough; seconds since the epoch."""
        return questions.next_closing(self._recorder.state, wait=self._wait)

    def _say(self, task: str, agent: AgentId, attempt: str) -> None:
        """Tell an agent what became of its questions, unless a call waits for that."""
        state = self._recorder.state
        for name in questions.untold(state, task):
            if not self._awaited[name] and self._tell(agent, questions.said(name, state.questions[name])):
                self._recorder.record(ev.QuestionTold(id=name, agent=agent, task=task, attempt=attempt, way="said"))


def _is_news(one: QuestionStatus | ev.QuestionAsked, attempt: str) -> bool:
    if isinstance(one, ev.QuestionAsked) or one.state != "answered":
        return False
    return one.told != attempt or one.way == "prompt"


def _read(params: Mapping[str, object]) -> tuple[str, str, bool | None]:
    name, text, allow = params.get("id"), params.get("text", ""), params.get("allow")
    if not isinstance(name, str) or not name or not isinstance(text, str) or not (allow is None or isinstance(allow, bool)):
        raise Rejected("expected id, text, and allow as true or false", code=INVALID_PARAMS)
    if len(text.strip()) > questions.LONGEST:
        raise Rejected(f"an answer has at most {questions.LONGEST} characters: write it into a file, and name that")
    return name, text.strip(), allow


def _require_fit(name: str, question: QuestionStatus, *, text: str, allow: bool | None) -> None:
    if question.kind == PERMISSION and allow is None:
        raise Rejected(f"{name} asks for permission: squad answer {name} --allow, or: squad answer {name} --deny TEXT")
    if question.kind == QUESTION and (allow is not None or not text):
        raise Rejected(f"{name} is a question: squad answer {name} TEXT")


def _word(question: QuestionStatus) -> str:
    decided = "" if question.allow is None else "allowed" if question.allow else "denied"
    return " ".join(filter(None, (decided, question.answer)))
