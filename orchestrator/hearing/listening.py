"""What the agent of an attempt says, read from its logs and taken in.

Messages are taken in together with the offsets up to which they were read, so that a message is neither lost nor taken
twice when the supervisor dies. What decides how the attempt ended is kept beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio.lowlevel

from orchestrator import messages as msg
from orchestrator.adapters import AnyAdapter, Conversation, Conversing, Invocation, Reader
from orchestrator.enforcement.confinement import Confinement
from orchestrator.events import Event, OutputRead, QuestionTold
from orchestrator.exchange import questions
from orchestrator.exchange.briefing import briefing
from orchestrator.exchange.speech import PIPE_NAMES, Lines
from orchestrator.hearing.dialogue import Asking, Dialogue
from orchestrator.hearing.heard import Heard
from orchestrator.journal.recorder import Recorder
from orchestrator.leash import Tail
from orchestrator.messages import Message
from orchestrator.model import AgentId, AttemptId, Level, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Everything that is needed to carry an attempt out."""

    task: TaskId
    agent: AgentId
    attempt: AttemptId
    workspace: Path
    adapter: AnyAdapter
    invocation: Invocation
    environment: dict[str, str]
    mark: str  #: in the environment of every process of the attempt
    log: Path
    socket: Path
    level: Level
    stall_after: float  #: seconds
    same_failure: int = 3  #: equal refusals that make a verdict
    has_tools: bool = False  #: squad's own are offered to its model
    ladder: tuple[str, ...]
    grace: float = 10.0  #: seconds between TERM and KILL
    conversation: Conversation | None = None  #: with an agent that is spoken with in its own protocol
    confinement: Confinement | None = None  #: what its processes may see and write, at level `deny`


Take = Callable[[AgentId, Sequence[Message]], list[Event]]


@dataclass(slots=True)
class Listener:
    """Reads the logs of an attempt from where reading stopped, and takes messages in."""

    recorder: Recorder
    take: Take
    assignment: Assignment
    output: Tail
    status: Tail
    speech: Reader
    pipe: Reader = field(default_factory=partial(Lines, PIPE_NAMES))
    heard: Heard = field(default_factory=Heard)
    overhear: Callable[[bytes], None] | None = None  #: reads what it prints besides

    @property
    def dialogue(self) -> Dialogue | None:
        """Give the talk with an agent that is spoken with in its own protocol."""
        return self.speech if isinstance(self.speech, Dialogue) else None

    async def read(self, *, log: int, status: int) -> None:
        """Read both logs up to the offsets; other agents get their turn between two chunks."""
        for tail, reader, upto in ((self.output, self.speech, log), (self.status, self.pipe, status)):
            for chunk in tail.read(upto):
                self.hear(reader.feed(chunk))
                if self.overhear is not None and tail is self.output:
                    self.overhear(chunk)
                await anyio.lowlevel.checkpoint()

    @property
    def is_behind(self) -> bool:
        """Tell whether the agent has said more than was read."""
        return self.output.size() > self.output.offset or self.status.size() > self.status.offset

    async def read_all(self) -> None:
        """Read what the logs hold, where nobody lives to tell their offsets."""
        await self.read(log=self.output.size(), status=self.status.size())

    def finish(self) -> None:
        """Take in what stood in unfinished lines and blocks, and let the logs go."""
        self.hear([*self.speech.finish(), *self.pipe.finish()])
        if self.dialogue is not None:
            self.heard.turned, self.heard.is_asking = self.dialogue.turned, self.dialogue.left_asking
        self.close()

    def close(self) -> None:
        """Let the logs go."""
        self.output.close()
        self.status.close()

    def hear(self, messages: Sequence[Message]) -> None:
        """Take messages in, in one step with the offsets."""
        if not messages:
            return
        for message in messages:
            self._note(message)
        seen = OutputRead(
            task=self.assignment.task,
            attempt=self.assignment.attempt,
            log=self.output.offset - self.speech.held,
            status=self.status.offset - self.pipe.held,
        )
        self.recorder.record(*self.take(self.assignment.agent, messages), seen)
        if self.dialogue is not None:
            self.hear(self.dialogue.settle())

    def _note(self, message: Message) -> None:
        if isinstance(message, msg.Done):
            self.heard.claim, self.heard.note = message.ok, message.note
        elif isinstance(message, msg.Limit):
            self.heard.limited, self.heard.note = True, message.text


def listener(recorder: Recorder, take: Take, assignment: Assignment, *, log: int, status: int) -> Listener:
    """Read an attempt's logs from the given offsets on."""
    heard = Heard()
    output = Tail(assignment.log, offset=log)
    pipe = Tail(assignment.log.with_name(assignment.log.name + ".status"), offset=status)
    return Listener(recorder, take, assignment, output, pipe, _speech(assignment, heard, recorder), heard=heard)


def _speech(assignment: Assignment, heard: Heard, recorder: Recorder) -> Reader:
    if assignment.conversation is not None:
        workspace, asking = assignment.workspace, _asking(assignment, recorder)
        return Dialogue(assignment.conversation, workspace=workspace, has_claimed=lambda: heard.claim is not None, asking=asking)
    if isinstance(assignment.adapter, Conversing):
        raise TypeError(f"{assignment.adapter.name} is not spoken with")
    return assignment.adapter.reader()


def _asking(assignment: Assignment, recorder: Recorder) -> Asking:
    """Give what the end of a turn depends on, of the questions of the task."""
    task, agent, attempt = assignment.task, assignment.agent, assignment.attempt

    def owed() -> str:
        names = questions.untold(recorder.state, task)
        text = briefing(recorder.state, task, names).told() if names else ""
        recorder.record(*(QuestionTold(id=name, agent=agent, task=task, attempt=attempt, way="said") for name in names))
        return text

    return Asking(is_open=lambda: bool(questions.asked(recorder.state, task)), owed=owed)
