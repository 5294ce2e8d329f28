"""What of a workspace becomes part of an agent's commit.

Everything that git does not ignore, without what tools leave behind and what squad itself put there. A repository that
an agent made inside its workspace is work too: its files are taken in, since a bare link to it would keep nothing.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pathspec

from orchestrator.git import Git, literal

#: What tools leave behind and nobody wants committed, where the repository itself does not ignore it.
BYPRODUCTS = (
    *("__pycache__/", "*.pyc", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".tox/", ".venv/"),
    *("*.egg-info/", "node_modules/", ".npm/", ".next/", ".turbo/", ".DS_Store", "*.swp", ".aider*", ".squad/"),
)
_LINK = "160000"  #: mode of an entry that only names a commit of another repository


def stage(folder: Path, base: str, *, put_there: Sequence[str]) -> None:
    """Stage everything that is an agent's work in a worktree.

    Raises:
        GitFailed: Git could not read or store it.
    """
    here = Git(folder)
    nested = [name for name in here.names("ls-files", "--others", "--exclude-standard", "-z") if name.endswith("/")]
    names = "\0".join((":/", *(f":(exclude,literal){name.rstrip('/')}" for name in nested)))
    here.run("add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
    links = _bare_links(here, base)
    if links:
        here.run("update-index", "--force-remove", "-z", "--stdin", stdin="\0".join(links))
    inside = [path for name in (*nested, *(f"{link}/" for link in links)) for path in files_below(folder, name)]
    if inside:
        here.run("update-index", "--add", "-z", "--stdin", stdin="\0".join(inside))
    _leave_out(here, put_there)


def _bare_links(here: Git, base: str) -> list[str]:
    """Give the nested repositories that were added since the base without being submodules."""
    rows = here.names("diff-index", "--cached", "--no-renames", "--diff-filter=AT", "-z", base, "--")
    added = [path for row, path in zip(rows[::2], rows[1::2], strict=True) if row.split()[1] == _LINK]
    if not added:
        return []
    listed = here.run("config", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$", check=False)
    submodules = {line.partition(" ")[2] for line in listed.splitlines()}
    return [path for path in added if path not in submodules and (here.folder / path).is_dir()]


def files_below(folder: Path, nested: str) -> Iterator[str]:
    """Give the files of a repository inside a workspace, and of those inside of that one, which it does not ignore."""
    listed = Git(folder / nested).names("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for path in (f"{nested}{name}" for name in dict.fromkeys(listed)):
        if (folder / path).is_symlink() or (folder / path).is_file():
            yield path
        elif (folder / path / ".git").exists():
            yield from files_below(folder, f"{path.rstrip('/')}/")


def _leave_out(here: Git, put_there: Sequence[str]) -> None:
    added = here.names("diff-index", "--cached", "--name-only", "--no-renames", "--diff-filter=A", "-z", "HEAD", "--")
    spec = pathspec.GitIgnoreSpec.from_lines([*BYPRODUCTS, *(f"/{name.strip('/')}" for name in put_there)])
    unwanted = [name for name in added if spec.match_file(name)]
    if unwanted:
        here.run("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=literal(unwanted))
