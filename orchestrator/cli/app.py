"""The command line as a whole: global options, commands, and the one place where errors become exit codes."""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer
from typer.main import get_command

from orchestrator.cli import documents, harvest, run, steer, watch
from orchestrator.cli.context import Context, complain, out, say
from orchestrator.errors import SquadError, UsageError
from orchestrator.places import nearest

BUG = 70
INTERRUPTED = 130

HOME = """\
squad runs several coding agents on one repository, without conflicts and without watching.

  squad plan feature-prd.md      see who would do what, and why
  squad run feature-prd.md       do it
  squad status                   where it stands
  squad --help                   everything else
"""

_EPILOG = (
    "Global options, before or after the command: -C DIR (work there), -c FILE|NAME (configuration), --json, -q, -v, "
    "-y (confirm), --no-input (never ask), --color auto|always|never."
)
_FLAGS: dict[str, Callable[[Context], Context]] = {
    "--json": partial(replace, as_json=True),
    "-q": partial(replace, quiet=True),
    "--quiet": partial(replace, quiet=True),
    "-v": partial(replace, verbose=True),
    "--verbose": partial(replace, verbose=True),
    "-y": partial(replace, yes=True),
    "--yes": partial(replace, yes=True),
    "--no-input": partial(replace, no_input=True),
}
_VALUES = {"-C": "folder", "-c": "config", "--config": "config", "--color": "color"}


def make_app() -> typer.Typer:
    """Give the application with all its commands, in the order of a run's life."""
    app = typer.Typer(
        name="squad",
        help="Example:  squad run feature-prd.md\n\nThe supervisor that people trust with their coding agents overnight.",
        epilog=_EPILOG,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for group in (documents, run, watch, steer, harvest):
        group.register(app)
    return app


def run_app(arguments: list[str]) -> int:
    """Carry a command line out; gives the exit code."""
    context = Context()
    try:
        context, rest = split_globals(arguments)
        if not rest:
            return _home(context)
        code = get_command(make_app()).main(args=rest, prog_name="squad", standalone_mode=False, obj=context)
        sys.stdout.flush()
    except SquadError as error:
        complain(error, as_json=context.as_json)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes exit code 70
        return _other(error, context)
    return code if isinstance(code, int) else 0


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


def _home(context: Context) -> int:
    if sys.stdout.isatty() and not context.as_json:
        out(HOME)
        return 0
    say("squad: no command given\nsee: squad --help")
    return UsageError.exit_code


def _other(error: Exception, context: Context) -> int:
    """Tell typer's own ends from a bug in squad; a bug's traceback is kept where it can be sent from."""
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, ExceptionGroup) and (ours := error.subgroup(SquadError)) is not None:
        first = next(_leaves(ours))
        complain(first, as_json=context.as_json)
        return first.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, typer.BadParameter.__mro__[1]):  # every usage error of the command line
        complain(UsageError(_message(error), hint="see: squad --help"), as_json=context.as_json)
        return UsageError.exit_code
    path = Path(tempfile.gettempdir()) / f"squad-bug-{os.getpid()}-{int(time.time())}.txt"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    complain(
        SquadError(f"a bug in squad: {type(error).__name__}: {error}", hint=f"the details are in {path}"), as_json=context.as_json
    )
    return BUG


def _leaves(group: ExceptionGroup[SquadError]) -> Iterator[SquadError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _message(error: Exception) -> str:
    show = getattr(error, "format_message", None)
    return str(show() if show else error)
