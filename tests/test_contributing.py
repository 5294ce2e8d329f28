"""The worked example of CONTRIBUTING.md is carried out to the letter, in a copy of squad, and a task is run with it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.adapters import NAMES
from orchestrator.config import AgentSettings
from tests.support.repositories import Repository

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: The imaginary program, as the page describes it: it tries to write a file of somebody else's, and then its own.
PARROT = """\
import json, os, sys

def say(**line):
    print(json.dumps(line), flush=True)

def hear():
    return json.loads(sys.stdin.readline() or "{}")

say(opened=hear()["open"] or "c1", version="1.2")
while "say" in (told := hear()):
    for number, path in enumerate(["theirs.txt", "mine.txt"]):
        say(may=f"q{number}", file=os.path.abspath(path))
        answer = hear()
        if answer["ok"]:
            open(path, "w").write("written\\n")
        else:
            print("refused:", answer["why"], flush=True)
    say(end="done", tokens=50)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of squad in which the steps of the page were carried out."""
    folder = tmp_path / "copy"
    for name in ("orchestrator", "tests/support", "tests/conftest.py", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    [(entry, table, adapters)] = re.findall(r'`("parrot": ParrotAdapter\(\))` into `(\w+)` of `([\w/.]+)`', PAGE)
    [row] = re.findall(r"<!-- row: \S+known.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    _change(folder / "orchestrator/adapters/known.py", re.compile(r"^_TABLE = \($\n", re.MULTILINE), rf"\g<0>{row.rstrip()},\n")
    line = re.compile(rf"^{table}\b.* = {{$", re.MULTILINE)
    _change(folder / adapters, line, rf"from orchestrator.adapters.parrot import ParrotAdapter\n\g<0>\n    {entry},")
    _change(folder / "orchestrator/sections.py", re.compile(r"^Named: .* = Literal\[", re.MULTILINE), r'\g<0>"parrot", ')
    return folder


def _change(file: Path, where: re.Pattern[str], to: str) -> None:
    changed, times = where.subn(to, file.read_text(encoding="utf-8"))
    assert times == 1, f"{file} has changed: so must the page, or this test"
    file.write_text(changed, encoding="utf-8")


def _run(copy: Path, *arguments: str, cwd: Path, path: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(copy), "PATH": f"{path}:{os.environ['PATH']}"}
    argv = [sys.executable, "-m", *arguments]
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_test_of_the_example_passes(copy: Path) -> None:
    done = _run(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/adapters/test_parrot.py", cwd=copy)

    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


def test_a_task_is_run_with_the_example(copy: Path, repository: Repository, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "parrot"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{PARROT}", encoding="utf-8")
    program.chmod(0o755)
    agents = {"agent-1": {"use": "parrot"}, "agent-2": {"use": "simulated"}}
    settings = {"agents": agents, "ownership": {"theirs.txt": {"owner": "agent-2"}}}
    tasks = [{"id": "T1", "title": "Write", "writes": ["mine.txt"], "agents": ["agent-1"]}]
    files = {"squad.yaml": settings, "tasks.json": {"version": 1, "tasks": tasks}}
    repository.commit({name: json.dumps(told) for name, told in files.items()})

    done = _run(copy, "orchestrator", "-y", "run", "tasks.json", cwd=repository.root, path=str(program.parent))

    assert done.returncode == 0, done.stderr + done.stdout
    assert repository.show("squad/tasks-1", "mine.txt") == "written"
    assert "theirs.txt" not in repository.files("squad/tasks-1")
    report = json.loads(_run(copy, "orchestrator", "report", "--json", cwd=repository.root).stdout)
    assert report["usage"]["output"] == 50
    logs = _run(copy, "orchestrator", "logs", cwd=repository.root).stdout
    assert "refused: theirs.txt belongs to agent-2" in logs


def test_every_known_program_can_be_configured() -> None:
    configurable = get_args(AgentSettings.model_fields["use"].annotation)

    assert set(configurable) == set(NAMES)
