"""The commands and options that exist, kept where they can be read without loading the command line.

The table is made from the command line itself, once for each state of squad's files, so it cannot tell of what is not there.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator import __version__


def table(commands: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Give what is known of each command: its help, the labels of its arguments, and of its options those that take a value.

    `commands` gives those of the command line itself, by name; asked only if the table is not there yet.
    """
    path = _place()
    with contextlib.suppress(OSError, ValueError):
        with open(path, encoding="utf-8") as file:
            known: dict[str, Any] = json.load(file)
        return known
    made = _made(commands())
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
            json.dump(made, file)
        os.replace(f"{path}.{os.getpid()}", path)
    return made


def _made(commands: Mapping[str, Any]) -> dict[str, Any]:
    from orchestrator.cli.usage import label_of, summary_of

    return {name: _entry(command, label_of, summary_of) for name, command in commands.items() if not command.hidden}


def _entry(command: Any, label_of: Any, summary_of: Any) -> dict[str, Any]:  # noqa: ANN401 - typer's own
    options = [one for one in command.params if one.param_type_name == "option" and "--help" not in one.opts]
    return {
        "help": summary_of(command),
        "arguments": [label_of(one) for one in command.params if one.param_type_name == "argument"],
        "options": {name: "" if one.is_flag else label_of(one) for one in options for name in one.opts},
        "helps": {name: one.help or "" for one in options for name in one.opts},
    }


def _place() -> str:
    """Give the file of the table for these very files of squad."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    here = os.path.dirname(__file__)
    newest = max(entry.stat().st_mtime_ns for entry in os.scandir(here) if entry.name.endswith(".py"))
    return os.path.join(home, "squad", f"words-{__version__}-{sys.hexversion:x}-{newest:x}.json")
