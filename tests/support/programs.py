"""Agent programs of the tests' own, on a PATH that holds nothing else but git."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.fake_claude import FakeClaude


def squad_in(folder: Path) -> Path:
    """Put this squad into a folder, made if it is not there, as a program that the PATH finds; gives the folder."""
    folder.mkdir(exist_ok=True)
    root, python = shlex.quote(str(Path(__file__).parents[2])), shlex.quote(sys.executable)
    program = folder / "squad"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m orchestrator "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


#: What a claude does that can be worked with: it writes what it may, and leaves what it may not.
OBLIGING: dict[str, list[list[object]]] = {
    "claude.squad-doctor": [["write", "squad-doctor.txt"]],
    "claude.squad-refused": [["write", "squad-refused.txt"], ["say", "I was refused."]],
}


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder for PATH."""

    folder: Path

    @classmethod
    def only(cls, folder: Path) -> "Programs":
        """Begin with git, and what a script needs."""
        folder.mkdir()
        for name in ("git", "sh", "sleep", "cat"):
            (folder / name).symlink_to(os.path.realpath(shutil.which(name) or name))
        return cls(folder)

    def script(self, name: str, body: str, *, version: str = "echo 1.2.3") -> Path:
        """Add a shell script; `version` is what it does when it is asked for that."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then {version}; exit; fi\n{body}\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def claude(self, scripts: dict[str, list[list[object]]] | None = None, *, version: str = "2.1.330") -> FakeClaude:
        """Add a claude that does what it is told."""
        fake = FakeClaude(self.folder)
        fake.play(OBLIGING if scripts is None else scripts)
        fake.call_itself(version)
        return fake
