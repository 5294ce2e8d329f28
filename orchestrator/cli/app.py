"""The command line as a whole: global options, commands, and the one place where errors become exit codes."""

import errno
import io
import itertools
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from orchestrator.cli import (
    add,
    completion,
    configuring,
    demo,
    doctor,
    documents,
    harvest,
    init,
    opening,
    options,
    orders,
    report,
    run,
    shape,
    steer,
    stopping,
    watch,
    with_lock,
)
from orchestrator.cli.context import Context, complain, drop_output, is_output_lost, out, say
from orchestrator.cli.exits import BUG, INTERRUPTED
from orchestrator.cli.options import HELP
from orchestrator.cli.usage import HOME, explained, of_command, overall, unknown_command
from orchestrator.errors import FolderError, SquadError, UsageError
from orchestrator.text.spelling import nearest

_THEIRS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENAMETOOLONG}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_WRONG_CALL = cast("type[Exception]", typer.BadParameter.__mro__[1])  #: every usage error that typer finds

_FLAGS: dict[str, Callable[[Context], Context]] = {
    options.JSON: partial(replace, as_json=True),
    **dict.fromkeys(options.QUIET, partial(replace, quiet=True)),
    **dict.fromkeys(options.VERBOSE, partial(replace, verbose=True)),
    **dict.fromkeys(options.YES, partial(replace, yes=True)),
    options.NO_INPUT: partial(replace, no_input=True),
}
_VALUES = {options.FOLDER: "folder", **dict.fromkeys(options.CONFIG, "config"), options.COLOR: "color"}


_GROUPS = (
    documents,
    run,
    watch,
    steer,
    with_lock,
    harvest,
    doctor,
    demo,
    report,
    init,
    configuring,
    completion,
    orders,
    stopping,
    opening,
    shape,
    add,
)


def make_app() -> typer.Typer:
    """Give the application with all its commands, in the order of a run's life."""
    app = typer.Typer(
        name="squad",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": list(HELP)},
    )
    for group in _GROUPS:
        group.register(app)
    return app


@cache
def whole() -> TyperGroup:
    """Give all commands as typer carries them out; it makes them of a thousand annotations, and they keep nothing of a call."""
    return cast("TyperGroup", get_command(make_app()))


def run_app(arguments: list[str]) -> int:
    """Carry a command line out; gives the exit code."""
    context = Context(as_json="--json" in arguments)
    _require_streams()
    try:
        context, rest = split_globals(arguments)
        code = _carry_out(context, rest) if rest else _home(context)
        sys.stdout.flush()
    except SquadError as error:
        complain(error, as_json=context.as_json)
        return error.exit_code
    except OSError as error:
        return _output_lost(error) if is_output_lost(error) else _other(error, context)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes exit code 70
        return _other(error, context)
    return code


def _require_streams() -> None:
    """Give closed streams somewhere to go, and let what a stream cannot encode be escaped rather than fail."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, not a path
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def split_globals(arguments: list[str]) -> tuple[Context, list[str]]:
    """Take the global options out of a command line, wherever they stand before `--`.

    Raises:
        UsageError: One lacks its value, or has an impossible one.
    """
    context = Context()
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            return context, [*rest, word, *words]
        if re.fullmatch("-[qvy]{2,}|-[Cc][^=].*", word):
            words = [f"-{letter}" for letter in word[1:]] + words if word[1] in "qvy" else [word[:2], word[2:], *words]
            continue
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            context = _FLAGS[word](context)
        elif name in _VALUES and (equals or words):
            context = _with(context, _VALUES[name], value if equals else words.pop(0))
        elif name in _VALUES:
            raise UsageError(f"{name} wants a value", hint="see: squad --help")
        else:
            rest.append(word)
    return context, rest


def _with(context: Context, name: str, value: str) -> Context:
    if name == "color" and value not in {"auto", "always", "never"}:
        raise UsageError(
            f"--color {value}: expected auto, always or never", hint=nearest(value, ("auto", "always", "never")) or None
        )
    if name == "folder":
        return replace(context, folder=Path(value))
    return replace(context, config=value) if name == "config" else replace(context, color=value)


def _carry_out(context: Context, rest: list[str]) -> int:
    """Find the command and call it, or show its help."""
    group = whole()
    commands: dict[str, Any] = dict(group.commands)
    rest = rest[1:] if rest[0] == "--" and rest[1:] else rest
    name, *given = rest
    if name in HELP:
        out(overall(commands))
        return 0
    if name not in commands:
        raise unknown_command(name, commands)
    if any(word in HELP for word in itertools.takewhile(lambda word: word != "--", given)):
        out(of_command(name, commands[name]))
        return 0
    try:
        with group.make_context("squad", rest, obj=context) as called:  # not main(), which ends by itself when a pipe breaks
            code = group.invoke(called)
    except _WRONG_CALL as error:
        raise explained(error, name, commands[name]) from error
    return code if isinstance(code, int) else 0


def _home(context: Context) -> int:
    if not sys.stdout.isatty() or context.as_json:
        raise UsageError("no command given", hint="see: squad --help")
    out(HOME)
    return 0


def _output_lost(error: OSError) -> int:
    """End quietly when the reader has gone away; say so when what was asked for could not be written."""
    drop_output()
    if error.errno in {errno.EPIPE, errno.EIO}:
        return 0
    say(f"squad: cannot write the output: {error.strerror}")
    return SquadError.exit_code


def _other(error: Exception, context: Context) -> int:
    """Tell what a group of tasks ended with from a bug in squad; a bug's traceback is kept where it can be sent from."""
    causes = [_cause(one) for one in _leaves(error)]
    if all(causes) and (first := causes[0]) is not None:
        complain(first, as_json=context.as_json)
        return first.exit_code
    told = "".join(traceback.format_exception(error))
    if context.verbose:
        say(told)
    message = f"a bug in squad: {type(error).__name__}: {error}"
    complain(SquadBug(message, hint=_kept(told)), as_json=context.as_json)
    return BUG


def _kept(told: str) -> str:
    """Keep a traceback in a file; gives the sentence that says where."""
    try:
        descriptor, path = tempfile.mkstemp(prefix="squad-bug-", suffix=".txt", text=True)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(told)
    except OSError:
        return "once more with -v shows the details"
    return f"the details are in {path}"


def _leaves(error: Exception) -> Iterator[Exception]:
    for one in error.exceptions if isinstance(error, ExceptionGroup) else ():
        yield from _leaves(one)
    if not isinstance(error, ExceptionGroup):
        yield error


def _cause(error: Exception) -> SquadError | None:
    """Give what squad's user can mend; None for a bug in squad."""
    if isinstance(error, OSError) and error.errno in _THEIRS:
        if error.errno in _FULL:  # of two files the second is written
            what = error.filename2 or error.filename or "a file"
            return FolderError(f"cannot write {what}: {error.strerror}", hint="free some space: df -h")
        hint = "see to its permissions and the disk"
        return FolderError(f"cannot use {error.filename or 'a file'}: {error.strerror}", hint=hint)
    return error if isinstance(error, SquadError) else None


class SquadBug(SquadError):
    """Something in squad itself is wrong."""

    exit_code = BUG
