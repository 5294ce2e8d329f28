"""Shell commands that are tried one after another, and what became of each."""

import shlex
from pathlib import Path

#: Lets git commit.
WHO = "export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org\n"
#: Says of each command whether the kernel let it be done.
TRIES = WHO + 'try() { if sh -c "$1" >/dev/null 2>&1; then echo "$1: allowed"; else echo "$1: refused"; fi; }\n'


def trying(*commands: str) -> str:
    """Give a script that tries commands; what became of them stands in its log."""
    return TRIES + "\n".join(f"try {shlex.quote(command)}" for command in commands)


def rows_in(log: Path) -> list[tuple[str, str]]:
    """Give each command that was tried, and what became of it."""
    rows = (line.rpartition(": ") for line in log.read_text(encoding="utf-8").splitlines())
    return [(command, answer) for command, _, answer in rows if answer in {"allowed", "refused"}]
