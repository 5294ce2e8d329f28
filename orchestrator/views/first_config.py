"""The first configuration of a project, from a handful of answers: short, commented, and right by the schema it names. Pure."""

from dataclasses import dataclass

from orchestrator.views.yaml_writing import MODELINE, scalar

SCHEMA = ".squad/schema.json"  #: beside squad's views, and made again by `squad init`


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was detected, or said instead."""

    program: str  #: as `use` takes it
    agents: int
    checks: tuple[str, ...] = ()
    isolation: str = "worktree"  #: empty: nothing is chosen, since there is no git to choose with
    command: tuple[str, ...] = ()  #: of a program `command`
    links: tuple[str, ...] = ()
    ignore: bool = False  #: a line in .gitignore


def first_config(answers: Answers) -> str:
    """Give the text of squad.yaml."""
    command = f", command: {scalar(list(answers.command))}" if answers.command else ""
    seats = [f"  agent-{number}: {{use: {answers.program}{command}}}" for number in range(1, answers.agents + 1)]
    checks = scalar(list(answers.checks))
    lines = [
        f"{MODELINE}{SCHEMA}",
        "# Everything else has a default: squad config show --comments tells of every key.",
        "version: 1",
        *_isolation(answers),
        "agents:                          # a role, an area as label and skills help to give each what fits: agent-1-frontend",
        *seats,
        "run:",
        f"  agents: {answers.agents:<22} # how many work at once",
        f"  checks: {checks:<22} # shell commands whose exit code is the evidence that a task is done",
        "  # limits: {time: 8h, money: 20}  # the run stops in order when one is reached",
    ]
    return "".join(f"{line}\n" for line in lines)


def _isolation(answers: Answers) -> list[str]:
    if not answers.isolation:
        return ["# isolation: {mode: shared}      # always so without git: one tree under locks; with git: worktree"]
    lines = [
        "isolation:",
        f"  mode: {answers.isolation:<24} # worktree: a worktree for each attempt; shared: one tree under locks",
    ]
    if answers.links:
        lines.append(f"  symlink: {scalar(list(answers.links)):<21} # git does not hold it, and each worktree needs it")
    return lines


def preview(text: str) -> str:
    """Give a file's text as it is shown in a message."""
    return "".join(f"  | {line}\n" for line in text.splitlines())
