"""What can go wrong for squad's user, and with which exit code it ends.

Every error here is for a person: it says what is wrong, where, and what helps. A module that refuses something
defines its own subclass beside the code that raises it. An agent that fails is no error but an outcome.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file that the user wrote."""

    file: str
    line: int | None = None  #: counted from 1
    column: int | None = None  #: counted from 1

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class SquadError(Exception):
    """Something that squad's user can mend."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: Where | None = None, hint: str | None = None) -> None:
        """Keep the message, the place it speaks of, and the way out."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        way_out = f"\n{self.hint}" if self.hint else ""
        return f"{place}{self.message}{way_out}"


class Refused(SquadError):
    """A request was understood and refused."""


class UsageError(SquadError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class InputError(SquadError):
    """A document, configuration, repository or folder that cannot be worked with."""

    exit_code = 3


class PrdError(InputError):
    """The requirements document cannot be read."""


class PlanError(InputError):
    """The tasks cannot be planned, or a plan does not hold."""


class ConfigError(InputError):
    """The configuration cannot be used."""


class RepositoryError(InputError):
    """The git repository is in a state that squad does not work in."""


class FolderError(InputError):
    """The project's folder cannot be used."""


class JournalError(InputError):
    """The journal cannot be read or written."""


class ToolMissing(SquadError):
    """A program is not installed, not signed in, or a demanded enforcement level is not to be had."""

    exit_code = 4


class NeedsYou(SquadError):
    """Only a person can decide this."""

    exit_code = 6


class AlreadySupervised(SquadError):
    """Another supervisor works on this project."""

    exit_code = 7
