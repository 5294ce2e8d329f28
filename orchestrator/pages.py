"""The pages in which a repository speaks to agents: `AGENTS.md`, `CLAUDE.md`, `GEMINI.md`, at its root and below.

Each program reads its own by itself. What it does not read it is told of by name and reads where it lies: nothing of a page
is ever copied into a prompt, and a page that says the same as one that is read already is not named.
"""

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator.claims import Claim, meets
from orchestrator.git import Git

NAMES = ("AGENTS.md", "CLAUDE.md", "GEMINI.md")

Pages = Mapping[str, str]  #: path -> what it says, so that two that say the same are known


def committed(root: Path, commit: str) -> Pages:
    """Give the pages of a commit."""
    here = Git(root)
    rows = (row.partition("\t") for row in here.names("ls-tree", "-r", "-z", commit) if row.endswith(NAMES))
    found = {path: (about.split()[0], about.split()[2]) for about, _, path in rows if posixpath.basename(path) in NAMES}
    return {path: _identity(here, path, mode, sha, found) for path, (mode, sha) in found.items()}


def lying(root: Path, claims: Iterable[Claim]) -> Pages:
    """Give the pages in a folder without git, at its root and on the way to the claims."""
    folders = {"", *(above for claim in claims for above in _above(claim))}
    paths = sorted(posixpath.join(folder, name) for folder in folders for name in NAMES)
    return {path: os.path.realpath(root / path) for path in paths if (root / path).is_file()}


def unread(pages: Pages, own: str, writes: Sequence[Claim] | None) -> tuple[str, ...]:
    """Give the pages that concern a task and that an agent's program does not read by itself, the root's first.

    `own` is the page that it reads in every folder, after a / at the root only; empty: it reads none.
    """
    near = [path for path in pages if _concerns(posixpath.dirname(path), writes)]
    near.sort(key=lambda path: (path.count("/"), posixpath.dirname(path), NAMES.index(posixpath.basename(path))))
    known = {(posixpath.dirname(path), pages[path]) for path in near if _reads(own, path)}
    named: list[str] = []
    for path in near:
        says = (posixpath.dirname(path), pages[path])
        if says not in known:
            named.append(path)
            known.add(says)
    return tuple(named)


def _reads(own: str, path: str) -> bool:
    return f"/{path}" == own or posixpath.basename(path) == own


def _concerns(folder: str, writes: Sequence[Claim] | None) -> bool:
    """Tell whether a folder's page is about a task: the root's always, another's if the task writes there."""
    return folder == "" or any(meets(claim, folder) for claim in writes or ())


def _above(claim: str) -> list[str]:
    parts = claim.rstrip("/").split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _identity(here: Git, path: str, mode: str, sha: str, found: Mapping[str, tuple[str, str]]) -> str:
    """Tell what a page says: a link, or one that does little but import another page, says what that one says."""
    beside = {posixpath.join(posixpath.dirname(path), name) for name in NAMES} & found.keys() - {path}
    if mode != "120000" and posixpath.basename(path) != "CLAUDE.md":
        return sha
    if not beside:
        return sha
    text = here.run("cat-file", "blob", sha, check=False)
    meant = (other for other in sorted(beside) if posixpath.basename(other) in (text.strip(), *_imports(text)))
    return next((found[other][1] for other in meant), sha)


def _imports(text: str) -> set[str]:
    return {line.strip().removeprefix("@").removeprefix("./") for line in text.splitlines() if line.strip().startswith("@")}
