"""Builds and tests of small projects still work for agents that the kernel confines."""

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


@pytest.mark.parametrize(
    ("files", "commands", "program"),
    [
        (PYTHON, "{python} -m pytest -q", "python3"),
        (NODE, "npm test && npm run build && test -s dist/out.js", "npm"),
        (C, "make test CC=cc", "cc"),
    ],
    ids=["python", "node", "c"],
)
def test_a_project_is_built_and_tested_by_an_agent_that_is_confined(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], commands: str, program: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    monkeypatch.delenv("SQUAD_CONFIG_ENFORCEMENT__WRITABLE")
    repository.commit({**files, ".gitignore": "dist/\nbuild/\n__pycache__/\n.pytest_cache/\n"})
    script = f"sh -ec {shlex.quote(commands.format(python=sys.executable))}; echo done > src/done.txt"

    ran = Runs(repository)(
        shell("T1", script, writes=["src/"]), settings={"enforcement": {"scratch": ["dist/", "build/"]}}, run={"attempts": 1}
    )

    log = repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log"
    assert ran.code == 0, log.read_text(encoding="utf-8")
    assert [one.level for one in ran.all(ev.AttemptStarted)] == ["deny"]
    assert "src/done.txt" in repository.files("squad/tasks-1")
