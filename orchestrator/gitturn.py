"""`op:git` where squad's own work and commands under that lock meet.

squad's steps in git come one at a time, and no command that changes what worktrees share begins during one. squad waits for
a command that runs already, and goes on in the moment that it ends, but not for ever: one that hangs must not stop the run,
and git's own locks keep the two apart then. What was waited for in vain is waited for once, is told of, and costs no later
step anything.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType

import anyio

PATIENCE = 10.0  #: seconds that squad waits for commands


class GitTurn:
    """Whose turn it is: squad's, inside of `async with`, or that of commands."""

    def __init__(self, *, patience: float = PATIENCE, tell: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        """Begin with nobody at work; `tell` is called with those whose commands were waited for in vain."""
        self._tell = tell
        self._own = anyio.Lock()
        self._patience = patience
        self._commands: Counter[str] = Counter()  #: running ones, by whose they are
        self._in_vain: set[str] = set()  #: whose commands are waited for no more, until the last of them has ended
        self._ended = anyio.Event()  #: somebody's last one

    async def __aenter__(self) -> None:
        await self._own.acquire()
        try:
            with anyio.move_on_after(self._patience):
                while self._awaited():
                    await self._ended.wait()
            if late := self._awaited():
                self._in_vain.update(late)
                self._tell(late)
        except BaseException:
            self._own.release()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._own.release()

    async def begin(self, name: str) -> None:
        """Let a command begin, once squad is not at work; at once within another one of the same holder."""
        if self._commands[name]:
            self._commands[name] += 1
            return
        async with self._own:
            self._commands[name] += 1

    def go_on(self, name: str) -> None:
        """Note that a command runs that began under a supervisor before; squad is not at work yet."""
        self._commands[name] += 1

    def end(self, name: str) -> None:
        """Note that a command has ended."""
        self._commands[name] -= 1
        if self._commands[name]:
            return
        del self._commands[name]
        self._in_vain.discard(name)
        self._ended.set()
        self._ended = anyio.Event()

    def _awaited(self) -> tuple[str, ...]:
        return tuple(name for name in self._commands if name not in self._in_vain)
