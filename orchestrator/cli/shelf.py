"""Where the proposed tasks of a document are kept: a file that people read, edit and run.

There is one for each document. What stands there is never written over: a split of another text of the document puts it
aside first, since a person may have worked on it.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SquadError
from orchestrator.prd.proposal import origin
from orchestrator.project import Project, file_name

_LONGEST = 80  #: signs of a document's name that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The files of one document's split."""

    project: Project
    source: str  #: the document as plans name it

    @property
    def tasks(self) -> Path:
        """Give the tasks file."""
        return self._folder / f"{self._slug}.tasks.json"

    @property
    def refused(self) -> Path:
        """Give where the last proposal is kept that did not hold."""
        return self._folder / f"{self._slug}.refused.json"

    @property
    def shown(self) -> str:
        """Give the tasks file as it is called from the project's root."""
        return self.tasks.relative_to(self.project.root).as_posix()

    def holds(self, digest: str) -> bool:
        """Tell whether the tasks of this very text are there; a file that a person broke is for that person to mend."""
        try:
            return origin(self.tasks.read_text(encoding="utf-8-sig"), name=self.tasks.name) == (self.source, digest)
        except OSError:
            return False
        except (UnicodeDecodeError, SquadError):
            return True

    def keep(self, body: bytes) -> None:
        """Keep the tasks; whatever else is there is put aside."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self.tasks.exists() and self.tasks.read_bytes() != body:
            number = 1
            while (aside := self._folder / f"{self._slug}.tasks-{number}.json").exists():
                number += 1
            self.tasks.rename(aside)
        _write(self.tasks, body)
        self.refused.unlink(missing_ok=True)

    def refuse(self, body: bytes) -> None:
        """Keep a proposal that does not hold, as it came."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self.refused, body)

    @property
    def _folder(self) -> Path:
        return self.project.folder / "split"

    @property
    def _slug(self) -> str:
        name = self.source.rsplit(".", 1)[0] if "." in self.source.rpartition("/")[2] else self.source
        return file_name(re.sub(r"[\W_]+", "-", name.casefold()).strip("-")[:_LONGEST].strip("-") or "document")


def _write(path: Path, body: bytes) -> None:
    """Write a file whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(body)
    half.replace(path)
