"""Which words of a text are paths.

Back-ticks make a path certain sooner; bare words need a known extension or a slash at their end. Routes, versions,
domains, calls and package names look like paths and are none.
"""

import re

_KNOWN = frozenset(
    [
        "py",
        "pyi",
        "js",
        "jsx",
        "ts",
        "tsx",
        "mjs",
        "cjs",
        "vue",
        "svelte",
        "css",
        "scss",
        "sass",
        "less",
        "html",
        "htm",
        "json",
        "jsonc",
        "yaml",
        "yml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "env",
        "md",
        "mdx",
        "rst",
        "txt",
        "go",
        "rs",
        "rb",
        "php",
        "java",
        "kt",
        "kts",
        "swift",
        "c",
        "h",
        "cc",
        "cpp",
        "hpp",
        "cs",
        "scala",
        "clj",
        "ex",
        "exs",
        "erl",
        "hs",
        "ml",
        "lua",
        "pl",
        "r",
        "jl",
        "dart",
        "sql",
        "prisma",
        "graphql",
        "gql",
        "proto",
        "sh",
        "bash",
        "zsh",
        "fish",
        "ps1",
        "bat",
        "lock",
        "xml",
        "svg",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "ico",
        "csv",
        "tsv",
        "ipynb",
        "tf",
        "hcl",
        "gradle",
        "cmake",
        "mk",
        "dockerfile",
        "mod",
        "sum",
    ]
)
_NAMES = frozenset({"Dockerfile", "Makefile", "Gemfile", "Rakefile", "Procfile", "LICENSE", "CODEOWNERS", "Jenkinsfile"})
_ROOTS = frozenset(
    [
        "src",
        "lib",
        "app",
        "apps",
        "packages",
        "frontend",
        "backend",
        "server",
        "client",
        "api",
        "web",
        "ml",
        "models",
        "shared",
        "common",
        "tests",
        "test",
        "docs",
        "doc",
        "scripts",
        "config",
        "configs",
        "public",
        "assets",
        "components",
        "pages",
        "internal",
        "cmd",
        "pkg",
        "db",
        "migrations",
        "infra",
        "deploy",
        "tools",
        "services",
    ]
)
_PRODUCTS = frozenset(
    [
        "node.js",
        "vue.js",
        "next.js",
        "nuxt.js",
        "express.js",
        "react.js",
        "three.js",
        "d3.js",
        "chart.js",
        "ember.js",
        "backbone.js",
        "nest.js",
        "asp.net",
    ]
)
_LONGEST = 400  #: characters of a word that could be a path
_TICKED = re.compile(r"`([^`\n]{1,300})`")
_BARE = re.compile(r"(?<![\w`/.@:-])(/?(?:[A-Za-z0-9_.@+*-]+/)*[A-Za-z0-9_.@+*-]*/?)(?![A-Za-z0-9_/(@-])")
#: What every path holds: most words are dismissed by this alone.
_LOOKS = re.compile(r"/|\.\w|" + "|".join(sorted(_NAMES)))
_LINE = re.compile(r":\d+(?:-\d+)?$")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+")


def find_paths(text: str) -> tuple[str, ...]:
    """Give the paths that a text names, in order, each once."""
    if not _LOOKS.search(text):
        return ()
    found: dict[str, None] = {}
    clean = _URL.sub(" ", " ".join(word for word in text.split() if len(word) <= _LONGEST))
    for ticked in _TICKED.findall(clean):
        word = _LINE.sub("", ticked.strip())
        if is_path(word, ticked=True):
            found[word] = None
    bares = (bare for word in _TICKED.sub(" ", clean).split() if _LOOKS.search(word) for bare in _BARE.findall(word))
    for bare in bares:
        word = _LINE.sub("", bare.rstrip(".,;"))
        if word and is_path(word, ticked=False):
            found[word] = None
    return tuple(found)


def is_path(word: str, *, ticked: bool) -> bool:
    """Tell whether a word is surely meant as a path of the project."""
    if not word or any(sign in word for sign in " \t\"'<>|$=;,\\") or word.startswith(("-", "@", "~", "http")) or "://" in word:
        return False
    if not ticked and word.casefold() in _PRODUCTS:
        return False
    if word in {".", "..", "/", "./", "*", "**"} or "//" in word or word.endswith("()"):
        return False
    name = word.rstrip("/").rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    known = bool(dot) and extension.casefold() in _KNOWN and (bool(stem) or ticked) and not _is_domain(word)
    if known or name in _NAMES:
        return True
    if word.endswith("/"):
        return not word.startswith("/") or ticked
    parts = word.lstrip("/").split("/")
    return ticked and len(parts) > 1 and not word.startswith("/") and parts[0] in _ROOTS and "(" not in word.replace("/(", "/")


def _is_domain(word: str) -> bool:
    """Tell whether a bare `name.ext` is rather a host or a version: `v1.2.3`, `schema.org` has no known extension anyway."""
    return bool(re.fullmatch(r"v?\d+(\.\d+)+", word))
