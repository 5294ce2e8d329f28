"""What the stand-ins for agent programs share: they do what a script says, and note how they were started and answered.

A test installs one into a folder for PATH, with a script for each attempt: `{"T1.1": [["write", "a.txt"], ["say", "Done."]]}`.
As a program it needs nothing but the standard library. Each speaks the protocol of the program that it stands for.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

_SCRIPT, _NOTES = "script.json", "notes.jsonl"
_ROOT = str(Path(__file__).parents[2])
#: Tokens of every turn.
FRESH, CACHED, OUTPUT = 1000, 200, 50


class FakeAgent:
    """What a test knows of the program it has installed."""

    name: ClassVar[str]  #: of the program
    module: ClassVar[str]  #: whose `main` it is

    def __init__(self, folder: Path) -> None:
        """Install it in the folder."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / self.name
        start = f"import sys\nsys.path.insert(0, {_ROOT!r})\nfrom {self.module} import main\nsys.exit(main())\n"
        program.write_text(f"#!{sys.executable} -IS\n{start}", encoding="utf-8")
        program.chmod(0o755)

    def play(self, scripts: dict[str, list[list[Any]]]) -> None:
        """Say what each attempt does; one without a script says that it is done."""
        (self.folder / _SCRIPT).write_text(json.dumps(scripts), encoding="utf-8")

    def notes(self, attempt: str, kind: str) -> list[Any]:
        """Give what an attempt noted: `argv`, `told`, `answer`, `consumed`, `ended`."""
        return [what for name, of, what in self.all_notes() if (name, of) == (attempt, kind)]

    def all_notes(self) -> list[tuple[str, str, Any]]:
        """Give what was noted, with its attempt and its kind."""
        file = self.folder / _NOTES
        return [tuple(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


class Program:
    """One process of a stand-in: each step of its script is a method, which tells whether to go on."""

    def __init__(self) -> None:
        """Learn which attempt it is."""
        self.folder = Path(sys.argv[0]).parent
        self.attempt = os.environ["SQUAD_ATTEMPT_MARK"].rpartition("/")[2]
        self.note("argv", sys.argv[1:])

    def steps(self) -> list[list[Any]]:
        """Give the script of this attempt."""
        scripts = json.loads((self.folder / _SCRIPT).read_text(encoding="utf-8"))
        return list(scripts.get(self.attempt, []))

    def carry_out(self) -> bool:
        """Take the steps; tells whether all of them were taken."""
        return all(getattr(self, name)(*details) for name, *details in self.steps())

    def shell(self, command: str) -> bool:
        """Run a command that the user's own settings allow, in a session of its own as real agents do; deaf meanwhile."""
        subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True, check=False)
        return True

    def wait(self, path: str) -> bool:
        """Go on when a file is there."""
        while not Path(path).exists():
            time.sleep(0.02)
        return True

    def flood(self, length: int) -> bool:
        """Print a line of that many bytes."""
        block = "x" * 1_000_000
        for _ in range(length // len(block)):
            sys.stdout.write(block)
        sys.stdout.write("\n")
        return True

    def put(self, path: Path, text: str) -> None:
        """Write a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def print(self, line: dict[str, Any]) -> None:
        """Say something to squad."""
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def note(self, kind: str, what: Any) -> None:
        """Note something for the test."""
        with (self.folder / _NOTES).open("a", encoding="utf-8") as file:
            file.write(json.dumps([self.attempt, kind, what]) + "\n")


def whole(path: str) -> Path:
    """Give the whole path of a file."""
    return Path(os.getcwd()) / path  # noqa: PTH109 - where the process stands, links and all
