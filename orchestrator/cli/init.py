"""`init`: the first configuration of a project, from what is found and at most five answers."""

import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Context, out, out_json, say
from orchestrator.errors import Refused, UsageError
from orchestrator.project import Project
from orchestrator.views.first_config import SCHEMA, Answers, first_config, preview

_FILE = "squad.yaml"
_LINE = ".squad/"
_MOST = 3  #: agents that are proposed
_PROGRAMS = ("auto", "claude", "codex", "gemini", "aider", "simulated")
_OWN = "command"  #: the answer for a program of one's own, with its command line behind it
_NONE = "-"  #: the answer for: no checks


class Exists(Refused):
    """There is a configuration already."""

    def __init__(self, path: Path, text: str) -> None:
        said = f"{path} is there already ({path.stat().st_size} bytes) and stays as it is; this would have been written:"
        super().__init__(
            f"{said}\n{preview(text)}",
            hint="look at it: squad config show --origin   to have a new one, move it away first",
        )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)


def init(
    context: typer.Context,
    ignore: Annotated[
        bool, typer.Option("--gitignore", help="add .squad/ to .gitignore; .squad/ ignores itself besides")
    ] = False,
) -> None:
    """Example:  squad init --yes

    Write squad.yaml, with the agent programs, checks and isolation that are found here; at most five questions.

    With -y what is found is taken. A file that is there is never overwritten.
    """
    options: Context = context.obj
    project = options.project()
    path = project.root / _FILE
    if not (options.yes or options.is_interactive):
        raise UsageError("nobody can be asked here", hint="take what is found: squad init --yes")
    answers = replace(_found(project), ignore=ignore)
    if path.exists():
        raise Exists(path, first_config(answers))
    _write(options, project, answers if options.yes else _asked(answers, project))


def _found(project: Project) -> Answers:
    """Detect every answer."""
    from orchestrator.doctor.signs import checks, links, programs

    installed = programs(os.environ)
    return Answers(
        program=installed[0].name if installed else "auto",
        agents=max(1, min(_MOST, os.cpu_count() or 1)),
        checks=checks(project.root),
        isolation="worktree" if project.repository else "",
        links=links(project.root) if project.repository else (),
    )


def _asked(found: Answers, project: Project) -> Answers:
    """Ask for what may be otherwise; return alone takes what was found."""
    from orchestrator.config import AgentSettings
    from orchestrator.doctor.signs import programs

    shown = ", ".join(f"{one.name}{'' if one.signed_in else ' (not signed in)'}" for one in programs(os.environ))
    say(f"Return takes what is in brackets. Installed agent programs: {shown or 'none'}")
    asked = f"Which program do agents use: {', '.join(_PROGRAMS)}, or one of yours: {_OWN} my-agent {{prompt_file}}"
    program, *command = shlex.split(_ask(asked, found.program, _program))
    AgentSettings(use=program, command=tuple(command))  # type: ignore[arg-type]  # it is one of those words
    agents = int(_ask("How many agents at once", str(found.agents), _number))
    checks = _ask(f"Which checks, with ; between ({_NONE} for none)", "; ".join(found.checks) or _NONE, lambda _: "")
    isolation = found.isolation
    if project.repository:
        isolation = _ask("Where do they work: worktree or shared", isolation, _one_of(("worktree", "shared")))
    ignore = found.ignore or (
        project.repository and _ask("Add .squad/ to .gitignore (it ignores itself)", "no", _one_of(("yes", "no"))) == "yes"
    )
    listed = tuple(part.strip() for part in checks.split(";") if part.strip() not in {"", _NONE})
    links = found.links if isolation == "worktree" else ()
    return replace(
        found,
        program=program,
        command=tuple(command),
        agents=agents,
        checks=listed,
        isolation=isolation,
        links=links,
        ignore=ignore,
    )


def _ask(question: str, found: str, fault: Callable[[str], str]) -> str:
    """Ask until the answer can be used."""
    while True:
        sys.stderr.write(f"{question}? [{found}] ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise UsageError(
                "the questions were not answered, so nothing was written", hint="take what is found: squad init --yes"
            )
        answer = line.strip() or found
        if not (wrong := fault(answer)):
            return answer
        say(f"  {wrong}")


def _program(answer: str) -> str:
    """Say what is wrong with a program's name, or with the command line of one's own; empty: nothing."""
    try:
        name, *command = shlex.split(answer)
    except ValueError as error:
        return f"the command line cannot be read: {error}"
    if name == _OWN:
        return "" if command else f"its command line too: {_OWN} my-agent --prompt-file {{prompt_file}}"
    return "" if answer in _PROGRAMS else f"one of: {', '.join((*_PROGRAMS, _OWN))}"


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    return lambda answer: "" if answer in words else f"one of: {', '.join(words)}"


def _number(answer: str) -> str:
    return "" if answer.isdecimal() and 1 <= int(answer) <= 500 else "a number from 1 to 500"


def _write(options: Context, project: Project, answers: Answers) -> None:
    """Write the configuration and the schema it names; an existing file is left as it is, whoever made it meanwhile."""
    from orchestrator.adoption import prepare
    from orchestrator.cli.context import as_document
    from orchestrator.cli.writing import write_new, write_whole
    from orchestrator.views.config_schema import config_schema

    options.note(prepare(project, now=time.time()))
    text = first_config(answers)
    write_whole(project.root / SCHEMA, as_document(config_schema()).encode())
    try:
        write_new(project.root / _FILE, text.encode())
    except FileExistsError:
        raise Exists(project.root / _FILE, text) from None
    written = [_FILE, SCHEMA, *([".gitignore"] if answers.ignore and _ignore(project.root / ".gitignore") else [])]
    if options.as_json:
        out_json({"schema_version": 1, "written": written, "squad.yaml": text})
        return
    out(f"wrote {', '.join(written)}\n{preview(text)}")
    options.note("next: squad doctor   then: squad plan feature-prd.md")


def _ignore(path: Path) -> bool:
    """Add the line to .gitignore, unless it is there; tell whether it was added."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    if _LINE in (line.strip() for line in text.splitlines()):
        return False
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + f"{_LINE}\n")
    return True
