"""What a task will write besides what it says, because the one never changes without the other.

A manifest and its lock file, a new file and the index of its folder, a source and its tests by their names, migrations and their
numbering, a configuration and its variants. Endpoints and tables that a text names are keys like operations: two tasks that
speak of one of them do not run together. Only what is there already is added, except a lock file that an installation will make.

Of 3,535 files that 591 executed plans changed, 754 were undeclared; 9 of 100 of those were lock files, 7 indexes, 3 each tests,
manifests and configuration (measured for squad on public repositories).
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.claims import Claim, is_folder, is_glob

_LOCKS: Mapping[str, tuple[str, ...]] = {
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "npm-shrinkwrap.json"),
    "pyproject.toml": ("poetry.lock", "uv.lock", "pdm.lock"),
    "Cargo.toml": ("Cargo.lock",),
    "go.mod": ("go.sum",),
    "Gemfile": ("Gemfile.lock",),
    "composer.json": ("composer.lock",),
    "Pipfile": ("Pipfile.lock",),
    "requirements.in": ("requirements.txt",),
    "mix.exs": ("mix.lock",),
    "pubspec.yaml": ("pubspec.lock",),
}
#: Manifests whose tool makes the lock file by itself where there is none yet.
_MADE = frozenset({"package.json", "Cargo.toml", "go.mod", "Gemfile", "composer.json", "Pipfile"})
_INDEXES = (
    *("index.ts", "index.tsx", "index.js", "index.jsx", "index.mjs", "index.vue", "__init__.py", "mod.rs", "lib.rs"),
    *("_index.scss", "index.css", "index.scss"),
)
_CODE = frozenset({"ts", "tsx", "js", "jsx", "mjs", "py", "rs", "vue", "svelte", "css", "scss"})
_MIGRATIONS = re.compile(r"^(.*?(?:^|/)(?:migrations|migrate|alembic/versions))/[^/]")
_VARIANTS = re.compile(r"^(tsconfig)(?:\.[\w-]+)?\.json$|^(\.env)(?:\.[\w-]+)?$|^((?:docker-)?compose)(?:\.[\w-]+)?\.ya?ml$")
_ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE)\s+`?(/[A-Za-z0-9_\-./:{}<>\[\]*]*)")
_TABLE = re.compile(
    r"\b(?:create|alter|drop)\s+table\s+(?:if\s+(?:not\s+)?exists\s+)?[`\"]?([a-z_][\w.]*)"
    r"|[`\"]([a-z_]\w*)[`\"]\s+(?:database\s+)?table\b|\btable\s+[`\"]([a-z_]\w*)[`\"]",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Tree:
    """The tracked files, by their folders."""

    files: frozenset[str]
    folders: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)  #: stem of a test file -> test files
    known: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  #: path -> what goes with it, once asked

    @classmethod
    def of(cls, files: Iterable[str]) -> "Tree":
        """Sort the files once."""
        tree = cls(frozenset(files))
        for path in sorted(tree.files):
            folder, _, name = path.rpartition("/")
            tree.folders.setdefault(folder, []).append(name)
            if stem := _tested(name):
                tree.names.setdefault(stem, []).append(path)
        return tree


def closures(writes: Sequence[Claim], tree: Tree) -> Iterator[tuple[Claim, str]]:
    """Give what goes with a write set, each with the reason."""
    own = set(writes)
    for claim in writes:
        if is_folder(claim) or is_glob(claim):
            continue
        if claim not in tree.known:
            tree.known[claim] = tuple(_of_file(claim, tree))
        for path, why in tree.known[claim]:
            if path not in own:
                own.add(Claim(path))
                yield Claim(path), f"{path} goes with {claim}: {why}"


def named_keys(text: str) -> tuple[str, ...]:
    """Give the endpoints and tables that a text names, as keys."""
    routes = {f"api:{_route(found[2])}" for found in _ROUTE.finditer(text)}
    tables = {f"table:{next(filter(None, found.groups())).rpartition('.')[2].casefold()}" for found in _TABLE.finditer(text)}
    return tuple(sorted(routes | tables))


def _of_file(path: str, tree: Tree) -> Iterator[tuple[str, str]]:
    folder, _, name = path.rpartition("/")
    beside = tree.folders.get(folder, [])
    for lock in _lock_files(name, beside):
        yield posixpath.join(folder, lock), "the lock file of a manifest"
    if ("migrat" in path or "alembic" in path) and (found := _MIGRATIONS.match(path)):
        yield f"{found[1]}/", "migrations are numbered"
    for other in _variants(name, beside):
        yield posixpath.join(folder, other), "a variant of one configuration"
    if path not in tree.files and name.rpartition(".")[2] in _CODE:
        for index in (one for one in _INDEXES if one in beside):
            yield posixpath.join(folder, index), "the index of its folder, and the file is new"
    tests = tree.names.get(name.partition(".")[0])
    for test in tests if tests and not _tested(name) else ():
        if _same_language(test, name) and _near(test, folder):
            yield test, "its tests, by their name"


def _variants(name: str, beside: Sequence[str]) -> list[str]:
    found = _VARIANTS.match(name) if beside else None
    stem = next(filter(None, found.groups())) if found else ""
    return [other for other in beside if other != name and stem and (match := _VARIANTS.match(other)) and stem in match.groups()]


def _lock_files(name: str, beside: Sequence[str]) -> list[str]:
    known = _LOCKS.get(name, ())
    there = [lock for lock in known if lock in beside]
    return there or ([known[0]] if name in _MADE else [])


def _tested(name: str) -> str:
    """Give the name of what a test file tests; empty for a file that is no test."""
    found = re.match(r"^test_(.+)\.py$|^(.+)_test\.(?:py|go|rb|rs|dart)$|^(.+)\.(?:test|spec)\.\w+$|^(.+)_spec\.rb$", name)
    return next(filter(None, found.groups()), "") if found else ""


def _same_language(test: str, name: str) -> bool:
    one, other = test.rpartition(".")[2], name.rpartition(".")[2]
    return one == other or {one, other} <= {"ts", "tsx", "js", "jsx", "mjs"}


def _near(test: str, folder: str) -> bool:
    """Tell whether a test belongs to a folder: it lies in it, or in a folder of tests, where names must not be common."""
    place = test.rpartition("/")[0]
    parts = set(place.split("/"))
    return place == folder or place.startswith(f"{folder}/") or bool(parts & {"tests", "test", "__tests__", "spec", "specs"})


def _route(path: str) -> str:
    """Give a route with its parameters made alike: `/users/:id` is `/users/{userId}`."""
    parts = [re.sub(r"^(?::\w+|\{[^}]*\}|<[^>]*>|\[[^\]]*\])$", "*", part) for part in path.rstrip("/.,;").split("/")]
    return "/".join(parts) or "/"
