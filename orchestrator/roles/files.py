"""Files with a role's text: squad's form, which is plain Markdown, and that of Claude Code's agents, with front matter.

Of front matter only `name` is taken: tools and model are for the agent's own program and squad's configuration to say. A file
that is meant and cannot be used is an error with its place; none is passed over.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ConfigError, Where

LINES, CHARACTERS = 25, 4000  #: most of a role
_LARGEST = 256 * 1024  #: bytes that are read
_NAME = re.compile(r"^name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)


class TooLong(ConfigError):
    """A role's text is longer than one may be."""

    def __init__(self, shown: str, lines: int) -> None:
        message = f"{lines} lines: a role has at most {LINES}, and {CHARACTERS} characters"
        hint = "keep what counts, and name the page where the rest stands"
        super().__init__(message, where=Where(shown, LINES + 1 if lines > LINES else None), hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file with a role's text."""

    name: str  #: by its front matter, else of the file
    text: str
    shown: str  #: for people

    @property
    def lines(self) -> int:
        """Give how many lines its text has."""
        return len(self.text.splitlines())

    @property
    def is_long(self) -> bool:
        """Tell whether it is longer than a role may be."""
        return self.lines > LINES or len(self.text) > CHARACTERS


def read_written(path: Path, shown: str, *, within: Path | None = None) -> Written:
    """Read a file; one that a repository names must lie inside of it, links followed.

    Raises:
        ConfigError: It is missing, no regular file, no UTF-8, too large, or lies elsewhere.
    """
    text = _text(path, shown, within)
    head, body = _parted(text, shown)
    found = _NAME.search(head)
    name = found[1].strip("\"'") if found else ""
    return Written(name=name or path.stem, text=body.strip(), shown=shown)


def _text(path: Path, shown: str, within: Path | None) -> str:
    where = Where(shown)
    if within is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(within)):
        raise ConfigError("leads out of the project", where=where, hint="your own roles: ~/.config/squad/roles/NAME.md")
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError("no regular file", where=where, hint="name a file with the text of the role")
        if found.st_size > _LARGEST:
            raise ConfigError(f"{found.st_size // 1024} KiB is no text of a role", where=where, hint=f"at most {LINES} lines")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError("there is no such file", where=where, hint="write it, or take its name out of roles:") from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=where, hint="look at it: ls -l") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8", where=Where(shown, line), hint="save it as UTF-8") from error


def _parted(text: str, shown: str) -> tuple[str, str]:
    """Give front matter and what stands below it."""
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        return "", text
    end = next((place for place, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), None)
    if end is None:
        raise ConfigError("its front matter has no end", where=Where(shown, 1), hint="close it with a line of ---")
    return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :])
