"""A terminal of tmux, typed into and looked at.

Nothing waits for time: what comes next is typed when what was awaited stands on the screen. Each look that differs from the
one before is kept with its moment, so that the whole can be played.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from tests.support.waiting import until

WIDTH, HEIGHT = 120, 40
NEVER = 120.0  #: seconds after which what is awaited counts as never coming
PROMPT = r"^\$\Z"  #: alone in the last line: nothing is under way
_PAUSE = 0.05  #: seconds between two looks
_SETTINGS = "set -g status off\nset -g history-limit 5000\nset -g default-terminal screen-256color\nset -g escape-time 0\n"
_CURSOR = "#{cursor_x} #{cursor_y}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stood on the screen from a moment on, with its colours."""

    at: float  #: seconds since the beginning
    lines: tuple[str, ...]
    cursor: tuple[int, int]  #: column and line, from 0


class Pane:
    """A shell in a terminal of its own."""

    def __init__(self, folder: Path, *, cwd: Path, environment: Mapping[str, str]) -> None:
        self.frames: list[Frame] = []
        settings = folder / "tmux.conf"
        settings.write_text(_SETTINGS, encoding="utf-8")
        folder.joinpath("bashrc").write_text("PS1='$ '\nunset HISTFILE\n", encoding="utf-8")
        shell = f"bash --noprofile --rcfile {folder}/bashrc"
        self._tmux = [shutil.which("tmux") or "tmux", "-S", str(folder / "tmux"), "-f", str(settings)]
        self._environment = {**environment, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        self._run("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), "-c", str(cwd), shell)
        self._began = time.monotonic()
        try:
            self.see(PROMPT)
        except BaseException:
            self.close()
            raise

    def type(self, text: str) -> None:
        """Type a line, and send it once it can be seen."""
        self._run("send-keys", "-l", "--", text)
        self.see(re.escape(text[-20:]))
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press a key, by its name in tmux."""
        self._run("send-keys", key)

    def see(self, pattern: str) -> str:
        """Wait until something can be seen; gives what can be seen then."""
        try:
            return until(lambda: self._found(pattern), f"{pattern!r} on the screen", seconds=NEVER, pause=_PAUSE)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text()}") from None

    def clear(self) -> None:
        """Begin with an empty screen, that remembers nothing above it."""
        self.press("C-l")
        until(lambda: self._run("capture-pane", "-p").strip() == "$", "an empty screen", pause=_PAUSE)
        self._run("clear-history")
        self._look()

    def text(self) -> str:
        """Give what was written since the screen was cleared, also what has gone out at its top; broken lines are whole."""
        whole = self._run("capture-pane", "-p", "-J", "-S", "-")
        return "\n".join(line.rstrip() for line in whole.splitlines()).strip("\n")

    def close(self) -> None:
        """End the shell and what it runs, so that nobody writes into the folder any more."""
        shell = int(self._run("display-message", "-p", "#{pane_pid}"))
        self._run("kill-server")
        until(lambda: not psutil.pid_exists(shell), "the end of the shell")

    def _found(self, pattern: str) -> str | None:
        self._look()
        text = self.text()
        return text if re.search(pattern, text, re.MULTILINE) else None

    def _look(self) -> None:
        column, _, line = self._run("display-message", "-p", _CURSOR).partition(" ")
        lines = _alone(self._run("capture-pane", "-p", "-e").split("\n")[:HEIGHT])
        frame = Frame(at=time.monotonic() - self._began, lines=lines, cursor=(int(column), int(line)))
        if not self.frames or (self.frames[-1].lines, self.frames[-1].cursor) != (frame.lines, frame.cursor):
            self.frames.append(frame)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"tmux {arguments[0]}: {done.stderr}"
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _alone(lines: list[str]) -> tuple[str, ...]:
    """Let each line begin with the colours in which tmux left the one before it."""
    colours, made = "", []
    for line in lines:
        made.append(colours + line)
        for code in re.findall(r"\x1b\[[\d;]*m", line):
            colours = "" if code in {"\x1b[0m", "\x1b[m"} else colours + code
    return tuple(made)
