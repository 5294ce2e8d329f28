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
from functools import lru_cache

from orchestrator.claims import Claim, is_folder, is_glob
from orchestrator.text.expressions import expression
from orchestrator.text.namesakes import is_telling

_LOCKS: Mapping[str, tuple[str, ...]] = {
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "npm-shrinkwrap.json"),
    "pnpm-workspace.yaml": ("pnpm-lock.yaml",),
    "deno.json": ("deno.lock",),
    "pyproject.toml": ("poetry.lock", "uv.lock", "pdm.lock", "pixi.lock", "pylock.toml"),
    "Pipfile": ("Pipfile.lock",),
    "requirements.in": ("requirements.txt",),
    "pixi.toml": ("pixi.lock",),
    "Cargo.toml": ("Cargo.lock",),
    "go.mod": ("go.sum",),
    "go.work": ("go.work.sum",),
    "Gemfile": ("Gemfile.lock",),
    "composer.json": ("composer.lock",),
    "build.gradle": ("gradle.lockfile",),
    "build.gradle.kts": ("gradle.lockfile",),
    ".csproj": ("packages.lock.json",),
    ".fsproj": ("packages.lock.json",),
    "mix.exs": ("mix.lock",),
    "pubspec.yaml": ("pubspec.lock",),
    "Package.swift": ("Package.resolved",),
    "Podfile": ("Podfile.lock",),
    "flake.nix": ("flake.lock",),
}
#: Manifests whose tool makes the lock file by itself where there is none yet.
_MADE = frozenset(
    {"package.json", "Cargo.toml", "go.mod", "Gemfile", "composer.json", "Pipfile", "pubspec.yaml", "mix.exs", "Podfile"}
)
_SCRIPTS = frozenset({"ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "vue", "svelte"})
_STYLES = frozenset({"css", "scss"})
_INDEXES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        _SCRIPTS, tuple(f"index.{suffix}" for suffix in ("ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "vue"))
    ),
    **dict.fromkeys(_STYLES, ("_index.scss", "index.css", "index.scss")),
    "py": ("__init__.py",),
    "rs": ("mod.rs", "lib.rs", "main.rs"),
}
_PAGES = frozenset({"pages", "routes"})  #: folders in which an `index` is a page of its own
_MIGRATIONS = expression(
    r"^(.*?(?:^|/)(?:migrations?|migrate|alembic/versions|db/changelog|drizzle(?=/(?:\d+_|meta/))))/[^/]", re.IGNORECASE
)
_PROSE = (".md", ".mdx", ".rst", ".txt")
_MIGRATING = expression(r"migrat|versions|changelog|drizzle", re.IGNORECASE)  #: occurs in each folder that `_MIGRATIONS` matches
#: Files from which a tool makes the next migration, or which it writes after each -> the one and the other.
_SCHEMAS = {"schema.prisma": "migrations", "schema.rb": "migrate", "structure.sql": "migrate"}
_VARIANTS = expression(r"^(tsconfig)(?:\.[\w-]+)?\.json$|^(\.env)(?:\.[\w-]+)?$|^((?:docker-)?compose)(?:\.[\w-]+)?\.ya?ml$")
_PATH = r"(/[A-Za-z0-9_\-./:{}<>\[\]*]*)"
_ROUTE = expression(
    rf"\b(?:GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE)\s+`?{_PATH}|\b(?:endpoint|route)\s+`?{_PATH}|`{_PATH}`\s+(?:endpoint|route)\b"
)
_TABLE = expression(
    r"\b(?:create|alter|drop)\s+table\s+(?:if\s+(?:not\s+)?exists\s+)?[`\"]?([a-z_][\w.]*)"
    r"|[`\"]([a-z_]\w*)[`\"]\s+(?:database\s+)?table\b|\btable\s+[`\"]([a-z_]\w*)[`\"]",
    re.IGNORECASE,
)

_TEST = expression(
    r"^test_(.+)\.py$|^(.+)_test\.(?:py|go|rb|rs|dart|exs|cc|cpp)$|^(.+)\.(?:test|spec)\.\w+$|^(.+)_spec\.rb$"
    r"|^(.+)(?:Tests?|Spec)\.(?:java|kt|cs|fs|php|swift|scala)$"
)


@dataclass(slots=True)
class Tree:
    """The tracked files, by their folders."""

    files: frozenset[str]
    folders: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)  #: stem of a test file -> test files
    known: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)  #: path -> what goes with it, once asked
    called: dict[str, list[str]] = field(default_factory=dict)  #: last part of a path -> files, once asked

    def files_called(self, name: str) -> Sequence[str]:
        """Give the files of a name, in whatever folder."""
        if not self.called:
            for path in sorted(self.files):
                self.called.setdefault(path.rpartition("/")[2], []).append(path)
        return self.called.get(name, ())

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
        known = tree.known.get(claim)
        if known is None:
            known = tree.known[claim] = () if is_folder(claim) or is_glob(claim) else tuple(_of_file(claim, tree))
        for path, why in known:
            if path not in own:
                own.add(Claim(path))
                yield Claim(path), f"{path} goes with {claim}: {why}"


def named_keys(text: str) -> tuple[str, ...]:
    """Give the endpoints and tables that a text names, as keys."""
    routes = {f"api:{_route(next(filter(None, found.groups())))}" for found in _ROUTE.finditer(text)} if "/" in text else set()
    if "table" not in text.casefold():
        return tuple(sorted(routes))
    tables = {f"table:{next(filter(None, found.groups())).rpartition('.')[2].casefold()}" for found in _TABLE.finditer(text)}
    return tuple(sorted(routes | tables))


def _of_file(path: str, tree: Tree) -> Iterator[tuple[str, str]]:
    folder, _, name = path.rpartition("/")
    beside = tree.folders.get(folder, ())
    if not folder and path not in tree.files and is_telling(path) and len(meant := tree.files_called(name)) == 1:
        yield meant[0], "the only file of that name"
    for lock in _lock_files(name, folder, tree):
        yield lock, "the lock file of a manifest"
    if _may_migrate(folder) or name in _SCHEMAS:
        for numbered in _migrations(path, tree):
            yield numbered, "migrations are numbered"
    for other in _variants(name, beside) if beside else ():
        yield posixpath.join(folder, other), "a variant of one configuration"
    if (beside or name.endswith(".rs")) and path not in tree.files and not _tested(name):
        for index in _indexes(name, folder, tree):
            yield index, "the index of its folder, and the file is new"
    for test in tree.names.get(name.rpartition(".")[0], ()) if tree.names and not _tested(name) else ():
        if _same_language(test, name) and _near(test, folder):
            yield test, "its tests, by their name"


@lru_cache(maxsize=65536)
def _may_migrate(folder: str) -> bool:
    return _MIGRATING.search(folder) is not None


def _migrations(path: str, tree: Tree) -> Iterator[str]:
    """Give the folder of a migration, and the schema that is written with it; or the folder of what a schema gives rise to."""
    folder, _, name = path.rpartition("/")
    if (found := _MIGRATIONS.match(path)) and not path.endswith(_PROSE) and not _tested(name):
        yield f"{found[1]}/"
        beside = posixpath.join(posixpath.dirname(found[1]), "")
        yield from (f"{beside}{schema}" for schema in _SCHEMAS if f"{beside}{schema}" in tree.files)
    below = posixpath.join(folder, _SCHEMAS.get(name, ""), "")
    if name in _SCHEMAS and any(one.startswith(below) for one in tree.folders):
        yield below


def _indexes(name: str, folder: str, tree: Tree) -> Iterator[str]:
    suffix = name.rpartition(".")[2]
    if not (suffix in _SCRIPTS and _PAGES & set(folder.split("/"))):
        yield from (posixpath.join(folder, one) for one in _INDEXES.get(suffix, ()) if one in tree.folders.get(folder, ()))
    if suffix == "rs" and f"{folder}.rs" in tree.files:
        yield f"{folder}.rs"


def _variants(name: str, beside: Sequence[str]) -> list[str]:
    found = _VARIANTS.match(name) if beside else None
    stem = next(filter(None, found.groups())) if found else ""
    return [other for other in beside if other != name and stem and (match := _VARIANTS.match(other)) and stem in match.groups()]


def _lock_files(name: str, folder: str, tree: Tree) -> list[str]:
    """Give the lock files beside a manifest, else in the nearest folder above: packages of one workspace share one."""
    known = _locks_of(name)
    above = folder
    while known:
        if there := [posixpath.join(above, lock) for lock in known if lock in tree.folders.get(above, ())]:
            return there
        if not above:
            break
        above = posixpath.dirname(above)
    return [posixpath.join(folder, known[0])] if name in _MADE else []


@lru_cache(maxsize=65536)
def _locks_of(name: str) -> tuple[str, ...]:
    return _LOCKS.get(name) or _LOCKS.get(posixpath.splitext(name)[1], ())


@lru_cache(maxsize=65536)
def _tested(name: str) -> str:
    """Give the name of what a test file tests; empty for a file that is no test."""
    found = _TEST.match(name)
    return next(filter(None, found.groups()), "") if found else ""


def _same_language(test: str, name: str) -> bool:
    one, other = test.rpartition(".")[2], name.rpartition(".")[2]
    return one == other or {one, other} <= _SCRIPTS or {one, other} == {"ex", "exs"}


def _near(test: str, folder: str) -> bool:
    """Tell whether a test belongs to a folder: it lies in it, or in a folder of tests, where names must not be common."""
    place = test.rpartition("/")[0]
    parts = set(place.split("/"))
    return place == folder or place.startswith(f"{folder}/") or bool(parts & {"tests", "test", "__tests__", "spec", "specs"})


def _route(path: str) -> str:
    """Give a route with its parameters made alike: `/users/:id` is `/users/{userId}`."""
    parts = [re.sub(r"^(?::\w+|\{[^}]*\}|<[^>]*>|\[[^\]]*\])$", "*", part) for part in path.rstrip("/.,;").split("/")]
    return "/".join(parts) or "/"
