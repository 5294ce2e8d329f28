"""What was seen, as a recording that asciinema plays and as a page that can be read. Pure."""

import json
from collections.abc import Iterator, Sequence

from tests.support.afternoon.pane import HEIGHT, WIDTH, Frame
from tests.support.afternoon.playing import Seen

READING = 4.0  #: seconds for which the recording stands still after each step
_HEAD = """\
# An afternoon with squad

What follows was typed into a real terminal, and is what stood there: real processes, a real repository. The agents are a
shell script (`tests/data/afternoon/agents/agent.sh`), because a model does not have its bad luck when it is wanted. The
machine's folders are masked.

`asciinema play docs/recordings/afternoon.cast` plays it ([the file](afternoon.cast), asciicast v2); after each step it
stands still for {reading:g} s. `python -m tests.support.afternoon` makes both anew, with tmux;
`tests/scenarios/test_afternoon.py` lives through it again.
"""


def cast(afternoon: Sequence[Seen]) -> str:
    """Give the recording: what changed on the screen, and when."""
    env = {"TERM": "xterm-256color", "SHELL": "/bin/bash"}
    head = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "title": "An afternoon with squad",
        "idle_time_limit": READING,
        "env": env,
    }
    rows = [json.dumps([round(at, 3), "o", text], ensure_ascii=False) for at, text in _output(afternoon)]
    return "".join(f"{row}\n" for row in (json.dumps(head), *rows))


def page(afternoon: Sequence[Seen]) -> str:
    """Give the page: each step with a sentence and its screens."""
    parts = [_HEAD.format(reading=READING)]
    for number, seen in enumerate(afternoon, 1):
        parts.append(f"## {number}. {seen.step.title}\n\n{seen.step.told}\n")
        parts += [f"```\n{screen}\n```\n" for screen in seen.screens]
    return "\n".join(parts)


def _output(afternoon: Sequence[Seen]) -> Iterator[tuple[float, str]]:
    shown: tuple[str, ...] = ("",) * HEIGHT
    for number, seen in enumerate(afternoon):
        for frame in seen.frames:
            yield frame.at + number * READING, _change(shown, frame)
            shown = frame.lines


def _change(shown: Sequence[str], frame: Frame) -> str:
    """Give what turns one screen into the next."""
    column, row = frame.cursor
    changed = [
        f"\x1b[{place};1H\x1b[0m{line}\x1b[0m\x1b[K"
        for place, (before, line) in enumerate(zip(shown, frame.lines, strict=False), 1)
        if before != line
    ]
    return "\x1b[?25l" + "".join(changed) + f"\x1b[{row + 1};{column + 1}H\x1b[?25h"
