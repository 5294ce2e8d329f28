"""The shape of the package: what a visitor may rely on in every file."""

import ast
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "orchestrator"
MODULES = sorted(PACKAGE.rglob("*.py"))
#: Words that the vocabulary bans as names for squad's own things; what belongs to others keeps its name.
BANNED = frozenset(
    {"brief", "job", "story", "lane", "pipeline", "workflow", "session", "worker", "bot", "driver", "provider"}
    | {"reservation", "wrapper", "shim", "signal", "manager", "engine", "coordinator", "dispatcher", "gate", "validation"}
)


def parsed() -> Iterator[tuple[str, ast.Module]]:
    for path in MODULES:
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def test_every_module_says_what_it_owns() -> None:
    assert [name for name, tree in parsed() if tree.body and len(ast.get_docstring(tree) or "") <= 40] == []


def test_no_function_is_longer_than_a_screen() -> None:
    functions = (
        (name, node)
        for name, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )

    assert [(name, node.name) for name, node in functions if (node.end_lineno or 0) - node.lineno > 45] == []


def test_things_are_called_by_their_words() -> None:
    named = ((name, node.name) for name, tree in parsed() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))

    assert [row for row in named if BANNED & {word.casefold() for word in re.findall("[A-Z]?[a-z]+", row[1])}] == []


def test_no_modules_import_each_other_in_a_circle_not_even_inside_of_functions() -> None:
    known = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}

    TopologicalSorter({name: set(imported(path, known)) - {name} for name, path in known.items()}).prepare()


def imported(path: Path, known: Collection[str]) -> Iterator[str]:
    """Name the modules of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE.name:
            names = (f"{node.module}.{one.name}" for one in node.names)
            yield from (name if name in known else node.module or "" for name in names)


def test_the_package_imports_where_the_system_is_not_linux() -> None:
    program = """
import sys, os, select, signal
import anyio, asyncio, markdown_it, msgspec, pathspec, psutil, pydantic, typer, yaml, zoneinfo
sys.platform = "darwin"
for module, name in ((os, "pidfd_open"), (os, "splice"), (select, "epoll"), (signal, "pidfd_send_signal")):
    if hasattr(module, name):
        delattr(module, name)
import importlib, pkgutil, orchestrator
for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
    if found.name != "orchestrator.__main__":
        importlib.import_module(found.name)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["agent", "--help"], ["with-lock", "--help"], ["completion", "--words", "diff", ""]])
def test_the_fast_door_loads_nothing_heavy(words: list[str], home: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "orchestrator", "completion", "bash"], cwd=PACKAGE.parent, capture_output=True, check=True
    )

    program = f"""
import os, sys
os.environ.update(AGENT_ID="agent-1", SQUAD_SOCKET="/nowhere")
sys.argv = ["squad", *{words!r}]
from orchestrator.__main__ import main
try:
    main()
except SystemExit:
    pass
heavy = {{"typer", "pydantic", "msgspec", "anyio", "asyncio", "yaml", "psutil", "markdown_it", "pathlib"}}
print("heavy:", *sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy:"


@pytest.mark.parametrize("words", [["plan", "--help"], ["ls"], ["inbox"], ["config", "show", "--bogus"], ["init", "--bogus"]])
def test_a_command_that_reads_no_configuration_does_not_load_what_reads_it(words: list[str], tmp_path: Path) -> None:
    """What squad and typer load for each call is the greater part of what a call costs."""
    program = f"""
import sys
sys.argv = ["squad", "-C", {str(tmp_path)!r}, *{words!r}]
from orchestrator.__main__ import main
try:
    main()
except SystemExit:
    pass
heavy = {{"pydantic", "orchestrator.config", "anyio", "yaml", "psutil", "markdown_it"}}
print("heavy:", *sorted(heavy & set(sys.modules)))
"""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy:"


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("tasks", {"pydantic", "orchestrator.config", "orchestrator.planning.planner", "anyio", "sqlite3", "pathspec"}),
        ("plan", {"anyio", "asyncio", "pathspec", "importlib.metadata"}),  # the last: loaded to build what validates
    ],
)
def test_reading_a_document_loads_nothing_of_planning_and_planning_it_nothing_of_runs(
    command: str, heavy: set[str], tmp_path: Path
) -> None:
    (tmp_path / "tasks.md").write_text("## Tasks\n- One\n", encoding="utf-8")
    program = f"""
import sys
sys.argv = ["squad", "-C", {str(tmp_path)!r}, {command!r}, "tasks.md", "--json"]
from orchestrator.__main__ import main
before = set(sys.modules)
try:
    main()
except SystemExit as end:
    print("ended:", end.code, *sorted({heavy!r} & set(sys.modules) - before))
"""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "ended: 0"
