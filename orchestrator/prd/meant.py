"""Which file of the project a path in a document means.

A document names a file in full once and by its last part afterwards: where one file alone ends so, that is the one, and two tasks
that speak of it never hold two files for one. A name that many folders bear (`index.ts`, `README.md`) stays what it says. What
begins with the home folder of whoever wrote the document is told from the folder of the project on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from orchestrator.prd.drafts import Draft
from orchestrator.prd.file_names import ROOTS
from orchestrator.prd.page import Material

#: Files of these names lie in many folders; at the root too.
_ANYWHERE = frozenset(
    [
        *["index", "main", "app", "mod", "lib", "config", "settings", "types", "utils", "constants", "page", "layout", "route"],
        *["routes", "readme", "changelog", "package", "package-lock", "tsconfig", "setup", "conftest", "__init__", "__main__"],
        *["style", "styles", "dockerfile", "makefile", "docker-compose", "compose", "requirements", "pyproject", "cargo", "go"],
        *["schema", "models", "views", "urls", "test", "tests", "helpers", "license", "skill", "claude", "agents", "gemini"],
    ]
)
_PART = r"(?:[\w.+-]|\[{1,2}[\w.-]+\]{1,2}(?=[/.])|\([\w-]+\)(?=/))+"
_WHOLE = re.compile(rf"(?<![\w:/.~$@(\]-])(?:\./|/)?(?:{_PART}/)+{_PART}\.\w+")
_SIGNS = "`*.,;:()[]\"'"  #: what may stand around a path
_HOME = re.compile(r"(?:[A-Za-z]:)?/?(?:home|Users)/[^/]+/")
_IN = re.compile(r"`?(?:\s*\([^()]*\))?\s+(?:in|under|into|to|inside|within|below)\s+(?:the\s+)?`?")
_NEXT = re.compile(r"`?\s*(?:,|&|\band\b|,\s*and\b)\s*`?")


def mean(drafts: Sequence[Draft], material: Material) -> None:
    """Let the paths of drafts name the files that the document means."""
    if not any(draft.paths for draft in drafts):
        return
    _leave_home(drafts, material)
    texts = {page.name: page.text for page in material.pages}
    by_page: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.paths:
            by_page.setdefault(draft.file, []).append(draft)
    for name, listed in by_page.items():
        _in_full(listed, texts.get(name, ""))


def _in_full(drafts: Sequence[Draft], text: str) -> None:
    """Write the short names of one page in full."""
    short = [draft for draft in drafts if any(_is_short(path) for path in draft.paths)]
    if not short:
        return
    for draft in short:
        if any(path.endswith("/") for path in draft.paths):
            draft.paths = tuple(dict.fromkeys(_in_its_folder(draft)))
    full = _ends([path for draft in drafts for path in draft.paths])
    if wanted := {path for draft in short for path in draft.paths if path not in full and _is_short(path)}:
        full = {**_ends(_shown(text, wanted)), **full}
    for draft in short:
        draft.paths = tuple(dict.fromkeys([_meant(path, draft.paths, full) for path in draft.paths]))


def _shown(text: str, wanted: set[str]) -> list[str]:
    """Give the whole paths that a text shows of files of some names."""
    words = [word for word in text.split() if "/" in word and word.rpartition("/")[2].strip(_SIGNS).partition(":")[0] in wanted]
    found = [path[0] for word in words for path in _WHOLE.finditer(word)]
    return [path for path in found if "../" not in path and not _HOME.match(path)]


@lru_cache(maxsize=8192)
def _is_short(path: str) -> bool:
    """Tell whether a path is a mere name that says which file is meant."""
    return "/" not in path and "*" not in path and path.lstrip(".").partition(".")[0].casefold() not in _ANYWHERE


def _ends(paths: Sequence[str]) -> Mapping[str, set[str]]:
    """Give the whole paths by their last parts."""
    full: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder.strip("./") and name and "*" not in path:
            full.setdefault(name, set()).add(path)
    return full


def _meant(path: str, own: Sequence[str], full: Mapping[str, set[str]]) -> str:
    """Give the one file that a short name means: of the task's own, else of the document's."""
    if not _is_short(path):
        return path
    mine = [one for one in own if one.endswith(f"/{path}")]
    found = {one.removeprefix("./").strip("/") for one in (mine or list(full.get(path, [])))}
    longest = max(found, key=lambda one: (len(one), one), default=path)
    return longest if all(longest == one or longest.endswith(f"/{one}") for one in found) else path


def _in_its_folder(draft: Draft) -> Iterator[str]:
    """Put the short names of a task into the folder that its words put them in: `a.ts` and `b.ts` in `src/dto/`."""
    said = f"{draft.title}\n{draft.text}"
    for path in draft.paths:
        folder = _folder_behind(path, draft.paths, said) if _is_short(path) else ""
        yield f"{folder.rstrip('/')}/{path}" if folder else path


def _folder_behind(path: str, paths: Sequence[str], said: str) -> str:
    """Give the folder that follows a name, or the last of the names that it is listed with."""
    at = said.find(path)
    while at >= 0:
        end = at + len(path)
        if place := _IN.match(said, end):
            return next((one for one in paths if one.endswith("/") and said.startswith(one, place.end())), "")
        following = _NEXT.match(said, end)
        path = next((one for one in paths if following and _is_short(one) and said.startswith(one, following.end())), "")
        at = following.end() if following and path else -1
    return ""


def _leave_home(drafts: Sequence[Draft], material: Material) -> None:
    """Tell the paths below one home folder from the project's own folder on, where they agree which that is."""
    homely = [path for draft in drafts for path in draft.paths if _HOME.match(path)]
    if not homely:
        return
    roots = {root for path in homely if (root := _project_of(path, material))}
    if len(roots) != 1:
        return
    root = roots.pop()
    for draft in drafts:
        draft.paths = tuple([path.removeprefix(root) or path for path in draft.paths])


def _project_of(path: str, material: Material) -> str:
    """Give the folder of the project in a path of somebody's machine: where the document lies, else where sources begin."""
    place = next((page.name.partition("/")[0] for page in material.pages if "/" in page.name), "")
    home = _HOME.match(path)
    parts = PurePosixPath(path[home.end() :] if home else path).parts
    for at, part in enumerate(parts[:-1]):
        if at and (part in ROOTS or part == place):
            return path[: home.end() if home else 0] + "/".join(parts[:at]) + "/"
    return ""
