"""What of a workspace becomes part of an agent's commit.

Everything that git does not ignore, without what tools leave behind and what squad itself put there. A repository that
an agent made inside its workspace is work too: its files are taken in, since a bare link to it would keep nothing.
"""

import shutil
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from orchestrator import git
from orchestrator.git import Git, GitFailed
from orchestrator.workspaces import Untaken
from orchestrator.workspaces.byproducts import Rule
from orchestrator.workspaces.untaken import files_in, open_up, take_each, untaken

_LINK = "160000"  #: mode of an entry that only names a commit of another repository


def stage(here: Git, base: str, *, known: Path, setup: Path, left_out: Rule, opens: bool = True) -> tuple[Untaken, ...]:
    """Stage everything that is an agent's work in a worktree, into an index that squad keeps of it; gives what git cannot take.

    Args:
        here: Git as squad reads the worktree.
        base: The commit the attempt began at.
        known: The worktree: what the agent itself added there counts, also what is ignored.
        setup: The note of what set-up commands left.
        left_out: Tells what is nobody's work, of what is new.
        opens: Give the owner of what is shut the right to read it; not while an agent is at work there.

    Raises:
        GitFailed: Git could not read or store it.
    """
    try:
        return _stage(here, base, known, setup, left_out, opens=opens)
    except PermissionError:
        if not opens:
            raise
        open_up(here.folder)
        return _stage(here, base, known, setup, left_out, opens=opens)


def _stage(here: Git, base: str, known: Path, setup: Path, left_out: Rule, *, opens: bool) -> tuple[Untaken, ...]:
    head = git.head(known) or base
    here.run("read-tree", "-i", "-m", head)
    left = _take_added(here, Git(known), opens=opens)
    nested = [name for name in here.names("ls-files", "--others", "--exclude-standard", "-z") if name.endswith("/")]
    is_sparse = here.run("config", "--bool", "core.sparseCheckout", check=False).strip() == "true"
    options = ("--all", *(["--sparse"] if is_sparse else []))
    left += _add(here, options, [":/", *map(_but, nested)], opens=opens)
    links = _bare_links(here, base)
    if links:
        _drop(here, links)
    inside = [path for name in (*nested, *(f"{link}/" for link in links)) for path in files_below(here.folder, name)]
    left += take_each(here, inside, opens=opens)
    _leave_out(here, {head, base}, left_out)
    _leave_setup(here, head, setup)
    return tuple(one for one in left if not left_out(one.path))


def _add(here: Git, options: Sequence[str], names: Sequence[str], *, opens: bool) -> list[Untaken]:
    """Stage what lies there, each that can be; gives what cannot.

    A pipe or a socket in the place of a file is nothing that could be stored: the file is gone.
    """
    command = ("add", *options, "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul")
    done = here.attempt(*command, stdin="\0".join(names))
    if done.returncode == 0 and not done.stderr:
        return []
    _drop(here, [name for name in here.names("ls-files", "-z") if _is_special(here.folder / name)])
    shut = open_up(here.folder) if opens else {}
    done = here.attempt(*command, stdin="\0".join((*names, *map(_but, shut))))
    if done.returncode not in {0, 1}:  # 1: of some files
        raise GitFailed(command, here.folder, done.stderr)
    return untaken(here, shut, command, done.stderr) if opens else []


def _but(path: str) -> str:
    """Give what leaves a path out of a command."""
    return f":(exclude,literal){path.rstrip('/')}"


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
    status = Git(here.folder).attempt("status", "--porcelain", "--no-renames")
    if not status.stdout and not status.stderr:
        return
    index = setup.with_name(f"{setup.name}-index")
    shutil.copy2(here.also["GIT_INDEX_FILE"], index)  # with what it knows of the files, so that none is read again
    apart = Git(here.folder, {**here.also, "GIT_INDEX_FILE": str(index)})
    _add(apart, ["--all"], [":/"], opens=True)
    setup.write_text(apart.run("write-tree"), encoding="ascii")


def _take_added(here: Git, known: Git, *, opens: bool) -> list[Untaken]:
    """Take in what the agent has added to its own index and squad's does not hold, as it lies there."""
    own = set(here.names("ls-files", "-z"))
    listed = known.attempt("ls-files", "-z").stdout.split("\0")  # an index that is no good tells of nothing
    new = [name for name in listed if name and name not in own and _is_there(here.folder / name)]
    return [one for one in take_each(here, new, opens=opens) if not (here.folder / one.path / ".git").exists()]


def _is_there(path: Path) -> bool:
    try:
        return path.is_symlink() or path.is_file() or (path / ".git").exists()
    except PermissionError:
        raise
    except OSError:  # such as a name that is too long
        return False


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
    told = Git(folder / nested).attempt("ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = told.stdout.split("\0") if told.returncode == 0 else files_in(folder / nested)  # it may be damaged
    for path in (f"{nested}{name}" for name in dict.fromkeys(listed) if name):
        if is_beyond_link(folder, path):
            continue  # its index is older than the link
        if (folder / path).is_symlink() or (folder / path).is_file():
            yield path
        elif (folder / path / ".git").exists():
            yield from files_below(folder, f"{path.rstrip('/')}/")


def is_beyond_link(folder: Path, name: str) -> bool:
    """Tell whether a link stands where a path wants a folder: git takes nothing from beyond it, and stops at such a name."""
    return any((folder / above).is_symlink() for above in Path(name).parents[:-1])


def _leave_out(here: Git, commits: Collection[str], left_out: Rule) -> None:
    """Take out of the index what is nobody's work and stands in none of some commits."""
    options = ("--cached", "--name-only", "--no-renames", "--diff-filter=A", "-z")
    new = [set(here.names("diff-index", *options, commit, "--")) for commit in commits]
    _drop(here, [name for name in set.intersection(*new) if left_out(name)])


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
