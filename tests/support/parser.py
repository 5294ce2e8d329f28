"""The commands as the parser of the command line knows them."""

from typing import Any

import typer

from orchestrator.cli.app import make_app


def commands() -> dict[str, Any]:
    """Give every command by its name."""
    found: dict[str, Any] = vars(typer.main.get_command(make_app()))["commands"]
    return found


def option_names() -> dict[str, list[list[str]]]:
    """Give each command with the spellings of its options."""
    return {name: [parameter.opts for parameter in command.params] for name, command in commands().items()}
