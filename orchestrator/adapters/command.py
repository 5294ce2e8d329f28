"""Any program as an agent.

The prompt goes where the command asks for it: `{prompt_file}`, `{prompt}`, else stdin and end of file. A task with a command
of its own runs that instead, stdin closed. What a program is that speaks squad's protocol, `speaking.py` knows.
"""

import shutil
from dataclasses import dataclass

from orchestrator.adapters.base import Invocation, Order, Reader
from orchestrator.adapters.known import NOT_KNOWN
from orchestrator.exchange.speech import Lines

_PROMPT_FILE = "prompt.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAdapter:
    """Starts a configured program."""

    name: str = "command"
    command: tuple[str, ...] = ()
    install: str = NOT_KNOWN  #: the command that installs it
    needs: tuple[str, ...] = ()

    @property
    def nudges(self) -> bool:
        """It does not listen."""
        return False

    @property
    def interrupts(self) -> bool:
        """Nothing is known of an arbitrary program's answer to an interrupt."""
        return False

    def missing(self, path: str) -> str | None:
        """Say that the program is not to be found."""
        if not self.command:
            return "it has no command, and not every task brings its own: set one in the configuration"
        if shutil.which(self.command[0], path=path) is None:
            return f"{self.command[0]!r} is not installed: {self.install}"
        return None

    def invoke(self, order: Order) -> Invocation:
        """Put the prompt where the command wants it."""
        if order.task.command:
            return Invocation(argv=order.task.command, exit_claims=True)
        file = str(order.scratch / _PROMPT_FILE)
        argv = tuple(part.replace("{prompt_file}", file).replace("{prompt}", order.prompt) for part in self.command)
        prompt = order.prompt.encode("utf-8", "surrogateescape")
        files = {_PROMPT_FILE: prompt} if any("{prompt_file}" in part for part in self.command) else {}
        stdin = None if files or any("{prompt}" in part for part in self.command) else prompt
        return Invocation(argv=argv, stdin=stdin, files=files, exit_claims=True)

    def reader(self) -> Reader:
        """Understand JSON lines and Markdown blocks."""
        return Lines()

    def tell(self, text: str) -> bytes:  # noqa: ARG002 - it does not listen
        """It cannot be spoken to."""
        return b""
