"""The afternoon, lived through in a scratch repository; what stood on the screen is kept, with the machine's paths masked."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.project import find
from orchestrator.supervised import supervisor_of
from tests.support.afternoon.pane import PROMPT, Frame, Pane
from tests.support.afternoon.steps import AFTERNOON, Answer, Press, See, Step, Type
from tests.support.commands import Squad
from tests.support.repositories import Repository

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data" / "afternoon"
_ADA = {"NAME": "Ada", "EMAIL": "ada@example.org"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A step with the screens that are worth a picture, of which the last one stands there at its end."""

    step: Step
    screens: tuple[str, ...]
    frames: tuple[Frame, ...]


def play(folder: Path) -> list[Seen]:
    """Live through the afternoon in an empty folder; the repository is left in its `project`."""
    project = _project(folder)
    with _nothing_left(project), Pane(folder, cwd=project, environment=_environment(folder)) as pane:
        return [_lived(pane, step, project, folder) for step in AFTERNOON]


def _lived(pane: Pane, step: Step, project: Path, folder: Path) -> Seen:
    first = len(pane.frames)
    pane.clear()
    screens, typed = [], ""
    for act in step.acts:
        match act:
            case Type(text):
                pane.see(PROMPT)
                typed = text.replace("{supervisor}", str(supervisor_of(find(project))))
                pane.type(typed)
            case Answer(text):
                pane.type(text)
            case Press(key):
                pane.press(key)
            case See(pattern, shown):
                seen = pane.see(pattern)
                screens += [f"$ {typed}\n{seen}"] if shown else []
    screens.append(pane.see(PROMPT).removesuffix("$").rstrip())
    frames = [
        Frame(at=frame.at, lines=tuple(_masked(line, folder) for line in frame.lines), cursor=frame.cursor)
        for frame in pane.frames[first:]
    ]
    return Seen(step=step, screens=tuple(_masked(screen, folder) for screen in screens), frames=tuple(frames))


def _project(folder: Path) -> Path:
    """Make the repository in which it happens, and a home for who works there."""
    (folder / "home").mkdir()
    repository = Repository.init(folder / "project", commit=False)
    shutil.copytree(DATA, repository.root, dirs_exist_ok=True)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "Say what is wanted")
    return repository.root


def _environment(folder: Path) -> Mapping[str, str]:
    """Give what the shell has: little of this machine's, and squad from this working tree."""
    programs = folder / "programs"
    programs.mkdir()
    squad = programs / "squad"
    squad.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m orchestrator "$@"\n', encoding="utf-8")
    squad.chmod(0o755)
    people = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _ADA.items()}
    return {
        **people,
        "PATH": f"{programs}:{os.defpath}:/usr/local/bin",
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        "GIT_PAGER": "cat",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


@contextmanager
def _nothing_left(project: Path) -> Iterator[None]:
    """See to it that no supervisor outlives an afternoon that went wrong."""
    try:
        yield
    finally:
        if supervisor_of(find(project)) is not None:
            Squad(project)("stop", "--now")


def _masked(text: str, folder: Path) -> str:
    return text.replace(str(folder / "home"), "~").replace(str(folder), "/tmp")
