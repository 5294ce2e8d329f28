"""The console entry: a fast door for what agents call all day, else the whole command line.

Everything behind the fast door is the standard library; typer and what it loads cost more than such a call itself.
"""

import errno
import os
import sys

from orchestrator.cli.options import FLAGS, VALUES


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    code = _quick(arguments)
    if code is None:
        from orchestrator.cli.app import run_app

        code = run_app(arguments)
    sys.exit(code)


def _quick(arguments: list[str]) -> int | None:
    """Carry out what needs nothing heavy; None if the whole command line is called for."""
    try:
        place = _command_at(arguments)
        if place is None and _asks_version(arguments):
            from orchestrator import __version__

            told = f'{{"schema_version": 1, "version": "{__version__}"}}' if "--json" in arguments else f"squad {__version__}"
            print(told, flush=True)
            return 0
        if arguments[:2] == ["completion", "--words"]:
            from orchestrator.cli.completing import run

            return run(arguments[2:])
        if place is None or arguments[place] not in {"agent", "with-lock"}:
            return None
        code = _for_agents(arguments[place], arguments[:place], arguments[place + 1 :])
        print(end="", flush=True)  # unless there is no output at all
    except KeyboardInterrupt:
        return 130  # as a shell tells of an interrupt
    except OSError as error:
        return _lost(error)
    return code


def _for_agents(command: str, before: list[str], after: list[str]) -> int | None:
    """Carry out what agents call; None if a person calls what people may too."""
    if command == "agent":
        from orchestrator.cli.agent import run

        return run(after, before=before)
    if not (os.environ.get("AGENT_ID") and os.environ.get("SQUAD_SOCKET")):
        return None
    from orchestrator.cli.underlock import run as run_locked

    return run_locked(after, before=before)


def _lost(error: OSError) -> int:
    """Say that what was asked for could not be written, to those who can still hear it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what is still to be written must not fail once more, at the end of the interpreter
    if error.errno == errno.EPIPE:
        return 0
    try:
        print(f"squad: cannot write the output: {error.strerror}", file=sys.stderr, flush=True)
    except OSError:
        os.dup2(nowhere, 2)
    return 1


def _asks_version(words: list[str]) -> bool:
    """Tell whether nothing is asked for but the version, beside global options and their values."""
    version = {"--version", "-V"}
    return bool(version & {*words}) and {word for word in words if word.startswith("-")} <= version | FLAGS | VALUES


def _command_at(arguments: list[str]) -> int | None:
    """Give the place of the command behind global options."""
    place = 0
    while place < len(arguments):
        word = arguments[place]
        if not word.startswith("-"):
            return place
        place += 2 if word in VALUES else 1
    return None


if __name__ == "__main__":
    main()
