"""What of a workspace becomes part of an agent's commit.

Everything that git does not ignore, without what tools leave behind and what squad itself put there. A repository that
an agent made inside its workspace is work too: its files are taken in, since a bare link to it would keep nothing.
"""

import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pathspec

from orchestrator import git
from orchestrator.git import Git, GitFailed

#: What tools leave behind and nobody wants committed, where the repository itself does not ignore it.
BYPRODUCTS = (
    *("__pycache__/", "*.pyc", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".tox/", ".venv/"),
    *("*.egg-info/", "node_modules/", ".npm/", ".next/", ".turbo/", ".DS_Store", "*.swp", ".aider*", ".squad/"),
)
_LINK = "160000"  #: mode of an entry that only names a commit of another repository


def stage(here: Git, base: str, *, known: Path, setup: Path, put_there: Sequence[str]) -> None:
    """Stage everything that is an agent's work in a worktree, into an index that squad keeps of it.

    Args:
        here: Git as squad reads the worktree.
        base: The commit the attempt began at.
        known: The worktree: what the agent itself added there counts, also what is ignored.
        setup: The note of what set-up commands left.
        put_there: What squad put there.

    Raises:
        GitFailed: Git could not read or store it.
    """
    head = git.head(known) or base
    here.run("read-tree", "-i", "-m", head)
    _take_added(here, Git(known))
    nested = [name for name in here.names("ls-files", "--others", "--exclude-standard", "-z") if name.endswith("/")]
    names = "\0".join((":/", *(f":(exclude,literal){name.rstrip('/')}" for name in nested)))
    is_sparse = here.run("config", "--bool", "core.sparseCheckout", check=False).strip() == "true"
    options = ("--all", *(["--sparse"] if is_sparse else []))
    _add(here, options, names)
    links = _bare_links(here, base)
    if links:
        _drop(here, links)
    inside = [path for name in (*nested, *(f"{link}/" for link in links)) for path in files_below(here.folder, name)]
    if inside:
        here.run("update-index", "--add", "-z", "--stdin", stdin="\0".join(inside))
    _leave_out(here, head, put_there)
    _leave_setup(here, head, setup)


def _add(here: Git, options: Sequence[str], names: str) -> None:
    """Stage what lies there; a pipe or a socket in the place of a file is nothing that could be stored: the file is gone."""
    command = ("add", *options, "--pathspec-from-file=-", "--pathspec-file-nul")
    try:
        here.run(*command, stdin=names)
    except GitFailed:
        special = [name for name in here.names("ls-files", "-z") if _is_special(here.folder / name)]
        if not special:
            raise
        _drop(here, special)
        here.run(*command, stdin=names)


def _is_special(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def note_setup(here: Git, setup: Path) -> None:
    """Note what set-up commands left in a worktree: as long as it stays as it is, it is no work of an agent's.

    Raises:
        GitFailed: Git could not read or store it.
    """
    if not Git(here.folder).run("status", "--porcelain", "--no-renames"):
        return
    index = setup.with_name(f"{setup.name}-index")
    shutil.copy2(here.also["GIT_INDEX_FILE"], index)  # with what it knows of the files, so that none is read again
    extra = {"GIT_INDEX_FILE": str(index)}
    here.run("add", "--all", "--ignore-errors", extra=extra)
    setup.write_text(here.run("write-tree", extra=extra), encoding="ascii")


def _take_added(here: Git, known: Git) -> None:
    """Take in what the agent has added to its own index and squad's does not hold, as it lies there."""
    own = set(here.names("ls-files", "-z"))
    listed = known.attempt("ls-files", "-z").stdout.split("\0")  # an index that is no good tells of nothing
    new = [name for name in listed if name and name not in own and _is_there(here.folder / name)]
    if new:
        here.attempt("update-index", "--add", "-z", "--stdin", stdin="\0".join(new))


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.is_file() or (path / ".git").exists()


def _leave_setup(here: Git, head: str, setup: Path) -> None:
    """Take out of the index what stands as the set-up left it."""
    if not setup.is_file():
        return
    changed = here.names("diff-index", "--cached", "--name-only", "--no-renames", "-z", head, "--")
    tree = setup.read_text(encoding="ascii").strip()
    own = set(here.names("diff-index", "--cached", "--name-only", "--no-renames", "-z", tree, "--"))
    _as_in(here, head, [name for name in changed if name not in own])


def _bare_links(here: Git, base: str) -> list[str]:
    """Give the nested repositories that were added since the base without being submodules."""
    rows = here.names("diff-index", "--cached", "--no-renames", "--ignore-submodules=none", "--diff-filter=AT", "-z", base, "--")
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
        if is_beyond_link(folder, path):
            continue  # its index is older than the link
        if (folder / path).is_symlink() or (folder / path).is_file():
            yield path
        elif (folder / path / ".git").exists():
            yield from files_below(folder, f"{path.rstrip('/')}/")


def is_beyond_link(folder: Path, name: str) -> bool:
    """Tell whether a link stands where a path wants a folder: git takes nothing from beyond it, and stops at such a name."""
    return any((folder / above).is_symlink() for above in Path(name).parents[:-1])


def _leave_out(here: Git, head: str, put_there: Sequence[str]) -> None:
    added = here.names("diff-index", "--cached", "--name-only", "--no-renames", "--diff-filter=A", "-z", head, "--")
    spec = pathspec.GitIgnoreSpec.from_lines([*BYPRODUCTS, *(f"/{name.strip('/')}" for name in put_there)])
    _drop(here, [name for name in added if spec.match_file(name)])


def _drop(here: Git, paths: Sequence[str]) -> None:
    if paths:
        here.run("update-index", "--force-remove", "-z", "--stdin", stdin="\0".join(paths))


def _as_in(here: Git, commit: str, paths: Sequence[str]) -> None:
    """Let paths stand in the index as they do in a commit."""
    _drop(here, paths)
    rows = here.names("ls-tree", "-r", "-z", commit, "--") if paths else []
    wanted = set(paths)
    kept = [row for row in rows if row.partition("\t")[2] in wanted]
    if kept:
        here.run("update-index", "-z", "--index-info", stdin="".join(f"{row}\0" for row in kept))
