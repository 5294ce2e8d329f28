"""A stand-in for a program that speaks squad: JSON lines both ways."""

import json
import sys
import time
from typing import Any, ClassVar

from tests.support.fake_agent import CACHED, FRESH, OUTPUT, FakeAgent, Program, whole


class FakeSpeaker(FakeAgent):
    """The program, as far as a test knows of it."""

    name: ClassVar[str] = "speaker"
    module: ClassVar[str] = "tests.support.fake_speaker"


class _Speaker(Program):
    def run(self) -> int:
        self.note("told", self.hear("task")["prompt"])
        is_whole = self.carry_out()
        self.note("consumed", OUTPUT)
        self.print({"type": "usage", "fresh": FRESH, "cached": CACHED, "output": OUTPUT})
        if is_whole:
            self.print({"type": "done", "note": "Done."})
        return 0 if is_whole else 1

    def write(self, path: str, text: str = "written\n") -> bool:
        """Ask, and write if it is allowed."""
        self.print({"type": "lock", "path": path})
        answer = self.hear("granted", "denied")
        self.note("answer", answer)
        if answer["type"] == "granted":
            self.put(whole(path), text)
        return True

    def limit(self, seconds: float) -> bool:
        self.print({"type": "limit", "until": time.time() + seconds, "text": "no more"})
        return False

    def hear(self, *kinds: str) -> dict[str, Any]:
        """Give the next line of these kinds; leave when asked to, and at the end."""
        for line in sys.stdin:
            told = json.loads(line)
            if told["type"] in kinds:
                return dict(told)
            if told["type"] == "stop":
                break
        sys.exit(0)


def main() -> int:
    """Be the program."""
    return _Speaker().run()
