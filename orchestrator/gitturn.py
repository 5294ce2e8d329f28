"""`op:git` where squad's own work and agents' commands meet.

squad's steps in git come one at a time, and no command of an agent that changes what worktrees share begins during one.
squad waits for such a command that runs already, but not for ever: one that hangs must not stop the run, and git's own
locks keep the two apart then.
"""

from collections import Counter
from types import TracebackType

import anyio

PATIENCE = 10.0  #: seconds that squad waits for agents' commands


class GitTurn:
    """Whose turn it is: squad's, inside of `async with`, or that of agents' commands."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        """Begin with nobody at work."""
        self._own = anyio.Lock()
        self._patience = patience
        self._commands: Counter[str] = Counter()  #: running ones, by whose they are
        self._quiet = anyio.Event()

    async def __aenter__(self) -> None:
        await self._own.acquire()
        try:
            with anyio.move_on_after(self._patience):
                while self._commands:
                    await self._quiet.wait()
        except BaseException:
            self._own.release()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._own.release()

    async def begin(self, name: str) -> None:
        """Let a command of an agent begin, once squad is not at work; at once within another one of its own."""
        if self._commands[name]:
            self._commands[name] += 1
            return
        async with self._own:
            self._commands[name] += 1
            self._quiet = anyio.Event()

    def go_on(self, name: str) -> None:
        """Note that a command runs that began under a supervisor before; squad is not at work yet."""
        self._commands[name] += 1
        self._quiet = anyio.Event()

    def end(self, name: str) -> None:
        """Note that a command has ended."""
        self._commands[name] -= 1
        self._commands += Counter()  # drops those of whom none runs
        if not self._commands:
            self._quiet.set()
