"""Where build tools keep what they fetched and made, for an agent that may not write the user's home.

Pure. Each agent has a folder of its own for it, which stays from one attempt to the next. What the user has set, and what the
configuration makes writable, is left as it is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

#: Variable -> its folder below the agent's own, and the user's below the home folder.
_CACHES: Mapping[str, tuple[str, str]] = {
    "XDG_CACHE_HOME": ("cache", ".cache"),
    "npm_config_cache": ("npm", ".npm"),
    "PIP_CACHE_DIR": ("cache/pip", ".cache/pip"),
    "UV_CACHE_DIR": ("cache/uv", ".cache/uv"),
    "YARN_CACHE_FOLDER": ("yarn", ".cache/yarn"),
    "BUN_INSTALL_CACHE_DIR": ("bun", ".bun/install/cache"),
    "CARGO_HOME": ("cargo", ".cargo"),
    "GOCACHE": ("cache/go-build", ".cache/go-build"),
    "GOMODCACHE": ("go-mod", "go/pkg/mod"),
    "GRADLE_USER_HOME": ("gradle", ".gradle"),
    "NUGET_PACKAGES": ("nuget", ".nuget/packages"),
    "PYTHONPYCACHEPREFIX": ("pycache", ""),
}
#: What stands in the user's folder and is only read, by variable: it is shown in the agent's own.
_READ = {
    "XDG_CACHE_HOME": ("ms-playwright", "puppeteer", "Cypress", "huggingface", "torch", "electron"),
    "CARGO_HOME": ("bin", "config.toml", "credentials.toml", "config", "credentials"),
}


def redirected(folder: Path, home: Path, given: Mapping[str, str], *, writable: Sequence[Path] = ()) -> dict[str, str]:
    """Give the variables that lead build tools into a folder."""
    found = {}
    for variable, (name, usual) in _CACHES.items():
        is_left = usual and any((home / usual).is_relative_to(path) for path in writable)
        if variable not in given and variable.upper() not in given and not is_left:
            found[variable] = str(folder / name)
    if "GOMODCACHE" in found and "GOPROXY" not in given:
        mirror = home / "go" / "pkg" / "mod" / "cache" / "download"
        found["GOPROXY"] = f"file://{mirror},https://proxy.golang.org,direct"
    return found


def links(variables: Mapping[str, str], home: Path) -> dict[Path, Path]:
    """Give the links that show in an agent's folders what is only read in the user's: place -> what it points to."""
    return {
        Path(variables[variable]) / name: home / _CACHES[variable][1] / name
        for variable, names in _READ.items()
        if variable in variables
        for name in names
    }
