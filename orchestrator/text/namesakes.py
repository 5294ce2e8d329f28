"""Which names of files say by themselves which file is meant.

Many names are borne by a file in every folder, and by one at the root besides: an index, a manifest, what configures a tool, a
page of prose. Such a name means the file that it names and no other of that name. In doubt a name is one of these.
"""

from functools import lru_cache

#: First parts of names that files of many folders bear.
_ANYWHERE = frozenset(
    [
        *["index", "main", "app", "_app", "_document", "mod", "lib", "config", "settings", "types", "utils", "util", "constants"],
        *["page", "layout", "route", "routes", "router", "loading", "error", "errors", "not-found", "template", "middleware"],
        *["package", "package-lock", "tsconfig", "setup", "conftest", "__init__", "__main__", "style", "styles", "globals"],
        *["docker-compose", "compose", "pyproject", "cargo", "go", "build", "rakefile", "manage", "wsgi", "asgi", "program"],
        *["schema", "models", "model", "views", "urls", "admin", "apps", "forms", "serializers", "signals", "tasks"],
        *["test", "tests", "helpers", "common", "base", "core", "server", "client", "api", "db", "database", "store", "hooks"],
        *["actions", "theme", "seed", "env", "version", "cli", "service", "services", "controller", "startup", "permissions"],
    ]
)
#: Endings of what configures, of manifests and of prose.
_ENDINGS = frozenset(
    [
        *["json", "jsonc", "json5", "jsonl", "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "properties", "xml", "lock"],
        *["plist", "gradle", "mod", "sum", "work", "csproj", "fsproj", "vbproj", "sln", "gemspec", "podspec", "nix", "cabal"],
        *["webmanifest", "entitlements", "pbxproj", "xcconfig", "storyboard", "example", "sample", "template", "exs", "sbt"],
        *["md", "mdx", "rst", "txt", "adoc", "in", "bazel", "cmake", "mk"],
    ]
)
#: Parts between the first and the ending that say the same: `vite.config.ts`, `next-env.d.ts`.
_BETWEEN = frozenset(["config", "conf", "setup", "workspace", "d", "gradle", "env"])


@lru_cache(maxsize=8192)
def is_telling(name: str) -> bool:
    """Tell whether a file's mere name, without a folder, says which file is meant."""
    first, *between = name.casefold().split(".")
    if not first or not between or not between[-1] or not name.replace(".", "").replace("-", "").replace("_", "").isalnum():
        return False
    return first not in _ANYWHERE and between.pop() not in _ENDINGS and _BETWEEN.isdisjoint(between)
