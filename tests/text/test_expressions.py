"""Patterns that are compiled when they are first asked."""

import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator import planning, prd
from orchestrator.text.expressions import expression

TEXT = "one 1, two 22"
Asked = Callable[[re.Pattern[str]], object]


@pytest.mark.parametrize(
    "ask",
    [
        lambda it: it.pattern,
        lambda it: (it.flags, it.groups, dict(it.groupindex)),
        lambda it: it.match(TEXT),
        lambda it: it.match(TEXT, 7, 12)[0],
        lambda it: it.search(TEXT)["number"],
        lambda it: it.fullmatch("ONE 1")[1],
        lambda it: it.findall(TEXT),
        lambda it: [found.span() for found in it.finditer(TEXT)],
        lambda it: it.split(TEXT, maxsplit=1),
        lambda it: it.sub(r"\2 \1", TEXT),
        lambda it: it.subn("", TEXT, count=1),
    ],
)
def test_an_expression_answers_as_its_pattern_does(ask: Asked) -> None:
    text, flags = r"(\w+) (?P<number>\d+)", re.IGNORECASE
    first, again = ask(expression(text, flags)), ask(re.compile(text, flags))

    assert repr(first) == repr(again)


def test_it_is_compiled_once_and_stands_between_nobody_and_the_pattern_afterwards() -> None:
    it = expression("a")
    it.search("b")

    [pattern] = {getattr(vars(it)[name], "__self__", None) for name in ("search", "match", "fullmatch", "sub", "finditer")}

    assert isinstance(pattern, re.Pattern)


def test_what_a_pattern_does_not_have_an_expression_does_not_have() -> None:
    with pytest.raises(AttributeError, match="searched"):
        _ = expression("a").searched  # type: ignore[attr-defined] # that it is missing is what is tried


def test_every_expression_of_the_readers_and_the_planner_compiles_without_a_warning() -> None:
    assert all(re.compile(it.pattern, it.flags) for it in _expressions())


def test_no_pattern_is_compiled_where_the_readers_and_the_planner_are_only_loaded() -> None:
    """Most documents are of one format: what tells the others is not worth a quarter of a second of each command."""
    program = """
import re, sys
compiled, compile = [], re.compile
def noticed(text, flags=0):
    compiled.append(sys._getframe(1).f_globals["__name__"])
    return compile(text, flags)
re.compile = noticed
import orchestrator.prd, orchestrator.planning.planner
ours = ("orchestrator.prd", "orchestrator.planning", "orchestrator.text.expressions")
print("compiled:", *sorted({name for name in compiled if name.startswith(ours)}))
"""
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)

    assert done.stdout == "compiled:\n"


def _expressions() -> Iterator[re.Pattern[str]]:
    kind = type(expression(""))
    for found in (one for package in (planning, prd) for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")):
        values = [*vars(importlib.import_module(found.name)).values()]
        values += [one for value in values if isinstance(value, dict) for one in value.values()]
        yield from (value for value in values if isinstance(value, kind))
