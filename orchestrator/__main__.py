"""The console entry: a fast door for what agents call all day, else the whole command line.

Everything behind the fast door is the standard library; typer and what it loads cost more than such a call itself.
"""

import os
import sys

from orchestrator.cli.options import VALUES


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from orchestrator import __version__

        print(f"squad {__version__}")
        sys.exit(0)
    if arguments[:2] == ["completion", "--words"]:
        from orchestrator.cli.completing import run

        sys.exit(run(arguments[2:]))
    place = _command_at(arguments)
    if place is not None and arguments[place] in {"agent", "with-lock"}:
        code = _for_agents(arguments[place], arguments[:place], arguments[place + 1 :])
        if code is not None:
            sys.exit(code)
    from orchestrator.cli.app import run_app

    sys.exit(run_app(arguments))


def _for_agents(command: str, before: list[str], after: list[str]) -> int | None:
    """Carry out what agents call; None if a person calls what people may too."""
    try:
        if command == "agent":
            from orchestrator.cli.agent import run

            return run(after, before=before)
        if not (os.environ.get("AGENT_ID") and os.environ.get("SQUAD_SOCKET")):
            return None
        from orchestrator.cli.underlock import run as run_locked

        return run_locked(after, before=before)
    except KeyboardInterrupt:
        return 130  # as a shell tells of an interrupt


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
