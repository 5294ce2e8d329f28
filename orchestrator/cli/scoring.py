"""The user's own score function: found beside the configuration, agreed to with all that it imports from there, then called.

A repository's function is a program that runs at `plan`: nothing of it is executed before a person agreed to these very bytes.
Found without being imported, so that looking runs nothing either; what is compiled already is not taken instead of its source.
What is imported from elsewhere, or by names that only show when it runs, is the user's own Python and not looked at.
"""

import ast
import contextlib
import hashlib
import importlib
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from orchestrator.cli import settings
from orchestrator.cli.context import Context
from orchestrator.config import Config, Layer
from orchestrator.errors import ConfigError, Where
from orchestrator.planning.allocation import AgentFacts, Allocation, Score, TaskFacts
from orchestrator.project import Project

_KEY = ("allocation", "score")
_MEND = "mend it, or take allocation.score away"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A function as the configuration names it."""

    spec: str
    where: Where  #: of the key
    folders: tuple[str, ...]  #: that are looked into before Python's own

    @property
    def module(self) -> str:
        return self.spec.partition(":")[0]

    def fault(self, reason: str) -> ConfigError:
        return ConfigError(f"allocation.score: {reason}", where=self.where, hint=_MEND)


def allocation_for(options: Context, project: Project, config: Config) -> Allocation:
    """Give how agents are chosen, with the user's own function where there is one.

    Raises:
        Unconfirmed: Nobody agreed to that function.
        ConfigError: It cannot be found or imported.
    """
    if config.allocation.score is None:
        return Allocation(weights=config.allocation)
    named = _named(config.allocation.score, settings.layers(options, project, {}), project)
    sources = _sources(named)
    lines = tuple(
        f"score: {named.spec} ({_shown(path, project)}, sha256 {hashlib.sha256(body).hexdigest()})"
        for path, body in sources.items()
    )
    settings.agree(lines or (f"score: {named.spec} (installed, not of this project)",), options, project)
    return Allocation(weights=config.allocation, score=_guarded(named, _imported(named, list(sources))))


def _named(spec: str, layers: list[Layer], project: Project) -> _Named:
    """Find where the configuration names the function: it lies beside that file, else in the project's root."""
    source = next(one for one in layers if _says(one.document.plain))
    is_file = bool(source.document.text) and (project.root / source.name).is_file()
    beside = [str((project.root / source.name).parent)] if is_file else []
    where = source.document.where(_KEY) if is_file else Where(source.name)
    return _Named(spec=spec, where=where, folders=tuple(dict.fromkeys([*beside, str(project.root)])))


def _says(plain: object) -> bool:
    section = plain.get("allocation") if isinstance(plain, dict) else None
    return isinstance(section, dict) and section.get("score") is not None


def _sources(named: _Named) -> dict[Path, bytes]:
    """Give the files that would be executed: the module, the packages it lies in, and what these import from the folders."""
    if not _files(named.module, named.folders):
        if not any(spec is not None for spec in _walk(named.module, None)):
            places = " or ".join(dict.fromkeys([*named.folders, "Python's own path"]))
            raise named.fault(f"there is no module {named.module!r} in {places}")
        return {}
    found: dict[Path, bytes] = {}
    todo = [named.module]
    seen = set(todo)
    while todo:
        module = todo.pop()
        for name, path in _files(module, named.folders):
            if path not in found:
                found[path] = _bytes(path, named)
                more = [other for other in _imports(found[path], name, path) if other not in seen]
                seen.update(more)
                todo += more
    return dict(sorted(found.items()))


def _bytes(path: Path, named: _Named) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise named.fault(f"{path} cannot be read: {error.strerror}") from error


def _files(module: str, folders: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Give the files of a module and of the packages it lies in, each with its own name."""
    found = [(spec.name, Path(spec.origin)) for spec in _walk(module, list(folders)) if spec and spec.origin]
    return [(name, path) for name, path in found if path.is_file()]


def _walk(module: str, path: list[str] | None) -> Iterator[ModuleSpec | None]:
    """Find a module and the packages it lies in; importing nothing, unlike `importlib.util.find_spec`."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        yield spec
        if spec is None or spec.submodule_search_locations is None:
            return
        path = list(spec.submodule_search_locations)


def _imports(body: bytes, module: str, path: Path) -> Iterator[str]:
    """Give the modules that a source imports, and what could be a module among the names it takes from them."""
    try:
        tree = ast.parse(body)
    except (SyntaxError, ValueError, RecursionError):
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, (*above, node.module or "")))
            yield from (name for name in (base, *(f"{base}.{one.name}".lstrip(".") for one in node.names)) if name)


def _imported(named: _Named, sources: list[Path]) -> Callable[..., object]:
    """Import the function from its source; what it prints is no data."""
    before = set(sys.modules)
    try:
        with _importing(named.folders):
            module = importlib.import_module(named.module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise named.fault(f"{named.module} cannot be imported: {_told(error, sources)}") from error
    finally:
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "") in sources:
                del sys.modules[name]
    function: object = getattr(module, named.spec.partition(":")[2], None)
    if not callable(function):
        raise named.fault(f"{named.module} has no function {named.spec.partition(':')[2]!r}")
    return function


@contextlib.contextmanager
def _importing(folders: tuple[str, ...]) -> Iterator[None]:
    """Let the folders go before everything, and nothing compiled count."""
    path, prefix, writes = list(sys.path), sys.pycache_prefix, sys.dont_write_bytecode
    with tempfile.TemporaryDirectory(prefix="squad-score-") as empty, contextlib.redirect_stdout(sys.stderr):
        sys.path[:0] = folders
        sys.pycache_prefix, sys.dont_write_bytecode = empty, True
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path[:], sys.pycache_prefix, sys.dont_write_bytecode = path, prefix, writes


def _guarded(named: _Named, function: Callable[..., object]) -> Score:
    """Let the function fail with the place where the user can mend it."""

    def score(task: TaskFacts, agent: AgentFacts) -> float:
        what = f"{named.spec} for {task.id} ({task.file}:{task.line}) and {agent.id}"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                found = function(task, agent)
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise named.fault(f"{what} failed: {_told(error, [])}") from error
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            raise named.fault(f"{what} gave {found!r:.60}: expected a number")
        return float(found)

    return score


def _told(error: BaseException, sources: list[Path]) -> str:
    """Give an error with the last place in the user's code."""
    last = error.__traceback__
    place = ""
    while last is not None:
        file = last.tb_frame.f_code.co_filename
        if Path(file) in sources or (not sources and last.tb_next is None):
            place = f" ({os.path.basename(file)}:{last.tb_lineno})"  # noqa: PTH119 - a name, no file
        last = last.tb_next
    return f"{type(error).__name__}: {error}{place}"


def _shown(path: Path, project: Project) -> str:
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else str(path)
