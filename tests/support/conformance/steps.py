"""What an agent does in a conformance test, whatever program it is."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file by the program's own way of editing, asking as it asks; a refusal is read, and gone on from."""

    path: str
    text: str = "written\n"


@dataclass(frozen=True, slots=True)
class Shell:
    """Run a command in its shell."""

    command: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on when a file is there."""

    path: str


@dataclass(frozen=True, slots=True)
class Limited:
    """Run into the usage limit of its account."""

    seconds: float  #: until it is lifted


@dataclass(frozen=True, slots=True)
class Longline:
    """Print a line of 100 MB, or have its shell print one."""


Step: TypeAlias = Write | Shell | Wait | Limited | Longline
LONG = 100_000_000  #: bytes
#: A shell command that prints a long line.
PRINT_LONG = f"head -c {LONG} /dev/zero | tr '\\0' x; echo"
