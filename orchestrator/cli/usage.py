"""What the command line says about itself: its help, one screen each, and what is wrong with a call.

Every help begins with an example; every complaint names the nearest thing that exists. Nothing here depends on how
typer draws, only on the names of what it parsed.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Protocol

from orchestrator.cli.options import FLAGS, HELP, VALUES
from orchestrator.errors import UsageError
from orchestrator.text.spelling import nearest

HOME = """\
squad runs several coding agents on one repository, without conflicts and without watching.

  squad plan feature-prd.md      see who would do what, and why
  squad run feature-prd.md       do it
  squad status                   where it stands
  squad --help                   everything else
"""

GLOBALS = tuple(sorted(FLAGS | VALUES))
_GLOBALS_TEXT = """\
Before or after each command: -C DIR  -c FILE|NAME  --json  -q (quiet)
-v (more)  -y (confirm)  --no-input (never ask)  --color auto|always|never
"""
_WIDTH = 78
#: Commands that share the line of another, so that the help stays one screen.
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "inbox": ("answer", "tell"),
    "locks": ("unlock", "with-lock"),
    "doctor": ("demo", "config", "init", "completion"),
    "report": ("compare", "cost"),
    "pause": ("stop", "restart"),
    "diff": ("open",),
    "plan": ("verify",),
    "retry": ("reassign", "skip", "add", "scale"),
}
_AGENT = ("agent", "what agents call while they work: lock, handoff, ask, done ...")


class Parameter(Protocol):
    """What is used of an option or argument that typer made."""

    name: str | None
    opts: list[str]
    param_type_name: str
    required: bool


class Command(Protocol):
    """What is used of a command that typer made."""

    help: str | None
    params: list[Parameter]


def overall(commands: Mapping[str, Command]) -> str:
    """Give the text of `squad --help`."""
    beside = {other for others in _TOGETHER.values() for other in others}
    rows = [(" ".join((name, *_known(name, commands))), summary_of(one)) for name, one in commands.items() if name not in beside]
    lines = [_cut(f"  {name:<12} {shown}") for name, shown in (*rows, _AGENT)]
    return "\n".join(["Example:  squad run feature-prd.md      (more: squad COMMAND --help)", *lines, "", _GLOBALS_TEXT])


def _known(name: str, commands: Mapping[str, Command]) -> tuple[str, ...]:
    return tuple(other for other in _TOGETHER.get(name, ()) if other in commands)


def _cut(line: str) -> str:
    """Shorten a line to the width at a comma or semicolon."""
    while len(line) > _WIDTH and (cut := re.match("(.+)[,;:] ", line)):
        line = cut[1]
    return line


def of_command(name: str, command: Command) -> str:
    """Give the text of `squad COMMAND --help`."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
    rows = [(_shown(one), getattr(one, "help", None) or "") for one in (*arguments, *options)]
    usage = " ".join(["squad", name, *(_shown(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    parts = [*_paragraphs(command), f"Usage:  {usage}", *(["\n".join(_table(rows))] if rows else []), _GLOBALS_TEXT]
    return "\n\n".join(parts)


def unknown_command(word: str, commands: Iterable[str]) -> UsageError:
    """Give the complaint about a word that is no command."""
    known = [*commands, _AGENT[0]]
    if word.startswith("-"):
        return UsageError(f"there is no option {word}", hint=nearest(word, (*GLOBALS, *HELP)) or "see: squad --help")
    return UsageError(f"there is no command {word!r}", hint=nearest(word, known) or "see: squad --help")


def explained(error: Exception, name: str, command: Command) -> UsageError:
    """Give the complaint about a command that was called wrongly, from what typer found."""
    wrong = getattr(error, "option_name", None)
    if isinstance(wrong, str) and "No such" in str(error):
        known = [option for one in command.params if one.param_type_name == "option" for option in one.opts]
        hint = nearest(wrong, [*known, *GLOBALS, *HELP]) or f"see: squad {name} --help"
        return UsageError(f"{name} does not know the option {wrong}", hint=hint)
    show = getattr(error, "format_message", None)
    return UsageError(str(show() if show else error), hint=f"see: squad {name} --help")


def _paragraphs(command: Command) -> list[str]:
    return [textwrap.fill(" ".join(part.split()), _WIDTH) for part in (command.help or "").replace("  ", " ").split("\n\n")]


def summary_of(command: Command) -> str:
    """Give what a command does as the longest beginning of its sentence that fits and ends at a comma or semicolon."""
    sentence = " ".join(_paragraphs(command)[1].split()).split(". ")[0].rstrip(".")
    while len(sentence) > _WIDTH - 16 and (cut := re.match("(.+)[,;:] ", sentence)):
        sentence = cut[1]
    return sentence[:1].lower() + sentence[1:]


def _shown(parameter: Parameter) -> str:
    """Give an argument or option as it is written in a call."""
    label = label_of(parameter)
    if parameter.param_type_name == "argument":
        return label if parameter.required or label.startswith("[") else f"[{label}]"
    flag = getattr(parameter, "is_flag", False)
    return ", ".join(sorted(parameter.opts, key=len)) + ("" if flag else f" {label}")


def label_of(parameter: Parameter) -> str:
    """Give the word that stands for a value."""
    return getattr(parameter, "metavar", None) or (parameter.name or "").upper()


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    rows = list(rows)
    column = max(len(left) for left, _ in rows) + 4
    lines = []
    for left, right in rows:
        first, *more = textwrap.wrap(right, _WIDTH - column) or [""]
        lines += [f"  {left:<{column - 2}}{first}".rstrip(), *(" " * column + line for line in more)]
    return lines
