"""Builds and tests of small projects still work where the kernel confines: for agents, and as checks."""

import shlex
import shutil
import sys

import pytest

from orchestrator import events as ev
from orchestrator.enforcement.confinement import Means
from tests.support.confined import needs
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

pytestmark = needs(Means.BUBBLEWRAP)

PYTHON = {
    "src/sums.py": "def add(a, b):\n    return a + b\n",
    "tests/test_sums.py": "from src.sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}
NODE = {
    "package.json": '{"name": "sums", "version": "1.0.0", "scripts": {"test": "node --test", "build": "node build.js"}}\n',
    "build.js": 'require("fs").mkdirSync("dist", {recursive: true}); require("fs").writeFileSync("dist/out.js", "built");\n',
    "src/sums.test.js": 'require("node:test")("adds", () => require("node:assert").equal(1 + 2, 3));\n',
}
C = {
    "Makefile": "build/sums: src/sums.c\n\tmkdir -p build && $(CC) -o $@ $<\ntest: build/sums\n\t./build/sums\n",
    "src/sums.c": "int main(void) { return 1 + 2 - 3; }\n",
}
PYTEST, NPM = "{python} -m pytest -q", "npm test && npm run build && test -s dist/out.js"


@pytest.mark.parametrize(
    ("files", "commands", "program", "checked"),
    [
        pytest.param(PYTHON, PYTEST, "python3", False, id="python"),
        pytest.param(NODE, NPM, "npm", False, id="node"),
        pytest.param(C, "make test CC=cc", "cc", True, id="c-checked"),
        pytest.param(PYTHON, PYTEST, "python3", True, id="python-checked", marks=pytest.mark.soak),
        pytest.param(NODE, NPM, "npm", True, id="node-checked", marks=pytest.mark.soak),
    ],
)
def test_a_project_is_built_and_tested_by_an_agent_and_by_checks_that_are_confined(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], commands: str, program: str, *, checked: bool
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    monkeypatch.delenv("SQUAD_CONFIG_ENFORCEMENT__WRITABLE")
    repository.commit({**files, ".gitignore": "dist/\nbuild/\n__pycache__/\n.pytest_cache/\n"})
    command = commands.format(python=sys.executable)
    script = f"sh -ec {shlex.quote(command)}; echo done > src/done.txt"
    settings = {"enforcement": {"scratch": ["dist/", "build/"]}}

    task = shell("T1", script, writes=["src/"], checks=[command] if checked else [])
    ran = Runs(repository)(task, settings=settings, run={"attempts": 1})

    log = repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log"
    assert ran.code == 0, log.read_text(encoding="utf-8")
    assert [one.level for one in ran.all(ev.AttemptStarted)] == ["deny"]
    assert [(check.ok, check.confined) for check in ran.all(ev.CheckEnded)] == ([(True, True)] * 2 if checked else [])
    assert "src/done.txt" in repository.files("squad/tasks-1")
