"""What of a workspace becomes part of an agent's commit.

Everything that git does not ignore, without what tools leave behind and what squad itself put there. A repository that
an agent made inside its workspace is work too: its files are taken in, since a bare link to it would keep nothing.
"""

import shutil
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
    _leave_setup(here)


def note_setup(folder: Path) -> None:
    """Note what set-up commands left in a worktree: as long as it stays as it is, it is no work of an agent's.

    Raises:
        GitFailed: Git could not read or store it.
    """
    here = Git(folder)
    if not here.run("status", "--porcelain", "--no-renames"):
        return
    note = _setup_note(here)
    index = note.with_name(f"{note.name}-index")
    shutil.copy2(note.with_name("index"), index)  # with what it knows of the files, so that none is read again
    extra = {"GIT_INDEX_FILE": str(index)}
    here.run("add", "--all", "--ignore-errors", extra=extra)
    note.write_text(here.run("write-tree", extra=extra), encoding="ascii")


def _setup_note(here: Git) -> Path:
    return Path(here.line("rev-parse", "--absolute-git-dir")) / "squad-setup"


def _leave_setup(here: Git) -> None:
    """Take out of the index what stands as the set-up left it."""
    note = _setup_note(here)
    if not note.is_file():
        return
    changed = here.names("diff-index", "--cached", "--name-only", "--no-renames", "-z", "HEAD", "--")
    tree = note.read_text(encoding="ascii").strip()
    own = set(here.names("diff-index", "--cached", "--name-only", "--no-renames", "-z", tree, "--"))
    _unstage(here, [name for name in changed if name not in own])


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
    _unstage(here, [name for name in added if spec.match_file(name)])


def _unstage(here: Git, paths: Sequence[str]) -> None:
    if paths:
        here.run("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=literal(paths))
