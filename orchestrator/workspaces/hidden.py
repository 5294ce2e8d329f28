"""The hidden repository beside the journal, in which the states of a shared tree are kept.

Nothing here touches the user's own repository: not its index, branches, hooks or stash, nor a file of the tree. What git
ignores is no evidence and is never copied. Files are kept byte for byte, whatever attributes and filters say.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from orchestrator import git
from orchestrator.claims import is_glob, is_pattern, meets
from orchestrator.git import Git
from orchestrator.patterns import lies_in
from orchestrator.project import Project
from orchestrator.workspaces import Untaken
from orchestrator.workspaces.byproducts import BYPRODUCTS, named_ones
from orchestrator.workspaces.staging import files_below, is_beyond_link
from orchestrator.workspaces.untaken import shut_in, take_each

_MANY = 5000  #: loose objects that are packed when a run begins
_PATTERN = re.compile(r"[][*?\\ ]")  #: signs that mean something in git's list of what it ignores
_OWN = ".squad/"
_RAW = b"* -text -eol -ident -filter -working-tree-encoding\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A file as a state holds it."""

    mode: str
    blob: str

    @property
    def is_there(self) -> bool:
        """Tell whether there is a file at all."""
        return self.mode != "000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a path differs between two states."""

    old: Row
    new: Row


@dataclass(frozen=True, slots=True)
class Hidden:
    """The hidden repository of one project."""

    project: Project
    _made: list[bool] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Say where it lies."""
        return evidence_of(self.project)

    @property
    def git(self) -> Git:
        """Give git in it; it is made when it is first wanted."""
        if not self._made:
            self._make()
            self._made.append(True)
        return Git(self.folder)

    def begin(self) -> None:
        """Go, from now up to the next run, by what git is told to ignore now; what it keeps all the same is looked at too."""
        self._make(anew=True)
        (self.folder / "index.lock").unlink(missing_ok=True)
        if self.project.repository:
            besides = (f"--exclude={pattern}" for pattern in BYPRODUCTS)
            options = ("--cached", "--ignored", "--exclude-standard", *besides, "-z")
            listed = Git(self.project.root).attempt("ls-files", *options).stdout.split("\0")
            kept = [name for name in listed if name and not name.startswith(_OWN) and _is_readable(self.project.root, name)]
            self._tree.attempt("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin="\0".join(kept))

    def stage(self, within: str | None, named: Iterable[str] = ()) -> str:
        """Take the tree as it stands, or one path of it; gives it as a tree. What cannot be read does not stop it.

        What is `named` counts also where it looks like a by-product.
        """
        here = self.git
        (self.folder / "index.lock").unlink(missing_ok=True)  # of a killed git; nobody else writes here
        if within is None or within == "." or is_glob(within):
            self._add_all()
        else:
            self._tree.attempt("add", "--all", "--ignore-errors", "--", f":(top,literal){within}")
        self._add_named(within, named_ones(named))
        return here.line("write-tree")

    def shut(self) -> list[Untaken]:
        """Give what cannot be read of the tree, and so is in no state."""
        return shut_in(self._tree)

    def changes(self, old: str, new: str) -> dict[str, Change]:
        """Give what differs between two states, by path; the empty state is named by nothing."""
        told = self.git.names("diff-tree", "-r", "--raw", "--no-abbrev", "--no-renames", "-z", old or self.empty, new)
        found = {}
        for row, path in zip(told[::2], told[1::2], strict=True):
            old_mode, new_mode, old_blob, new_blob, _ = row.removeprefix(":").split(" ")
            found[path] = Change(old=Row(mode=old_mode, blob=old_blob), new=Row(mode=new_mode, blob=new_blob))
        return found

    def blob_of(self, path: str) -> str:
        """Name the content of a file as it lies in the tree; nothing if there is none."""
        place = self.project.root / path
        if place.is_symlink():
            return self.git.run("hash-object", "--stdin", stdin=str(place.readlink())).strip()
        return self.git.run("hash-object", "--no-filters", str(place)).strip() if place.is_file() else ""

    def with_rows(self, tree: str, rows: Mapping[str, Row]) -> str:
        """Give a tree in which some paths stand otherwise."""
        return tree_with(self.git, tree or self.empty, rows, index=self.folder / "index-apart")

    def commit(self, tree: str, parent: str, message: str, who: Mapping[str, str]) -> str:
        """Make a commit, which no ref holds yet."""
        above = ("-p", parent) if parent else ()
        return self.git.run("commit-tree", tree, *above, stdin=message, extra=who).strip()

    def give(self, commit: str, rows: Mapping[str, Row]) -> None:
        """Let paths lie in the tree as a state has them, those that it has not removed."""
        paths = "\0".join(literals(rows))
        options = ("--worktree", "--pathspec-from-file=-", "--pathspec-file-nul")
        if rows:
            self._tree.run("restore", f"--source={commit}", *options, stdin=paths)

    def tidy(self) -> None:
        """Pack what has come together over the runs; nothing is dropped."""
        loose = self.git.line("count-objects").split(" ")[0]
        if int(loose) > _MANY:
            self.git.attempt("repack", "-d", "-q")

    def names(self, root: Path) -> Mapping[str, str]:
        """Give the user's names as author and committer, asked for once."""
        if not self._names:
            self._names.update({**git.identity(root), **git.own_author(root)})
        return self._names

    def find(self, ref: str) -> str:
        """Give the commit of a ref; nothing if there is none."""
        return self.git.attempt("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").stdout.strip()

    @property
    def empty(self) -> str:
        """Name the tree without a file."""
        return self.git.run("mktree", stdin="").strip()

    def _add_all(self) -> None:
        """Stage the tree, with the files of repositories inside of it: a bare link would tell nothing of their changes."""
        here = self._tree
        options = ("add", "--all", "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul")
        listed = here.attempt("ls-files", "--others", "--exclude-standard", "-z").stdout.split("\0")
        nested = [name for name in listed if name.endswith("/")]
        inside = {name: list(files_below(self.project.root, name)) for name in nested}
        for found in filter(None, inside.values()):
            here.attempt("update-index", "--add", "-z", "--stdin", stdin="\0".join(found))
        left_out = (f":(exclude,literal){name.rstrip('/')}" for name, found in inside.items() if not found)
        here.attempt(*options, stdin="\0".join((":/", *left_out)))

    def _add_named(self, within: str | None, named: Sequence[str]) -> None:
        """Stage what is named and looks like a by-product, as far as no ignore file of the tree's hides it."""
        if not named:
            return
        above = {"/".join(takewhile(lambda name: not is_pattern(name), claim.split("/"))) for claim in named}
        told = self._tree.attempt("ls-files", "--others", "--exclude-per-directory=.gitignore", "-z", "--", *literals(above))
        new = [name for name in told.stdout.split("\0") if name and any(lies_in(name, claim) for claim in named)]
        take_each(self._tree, [name for name in new if within is None or meets(within, name)], opens=False)

    def _make(self, *, anew: bool = False) -> None:
        info = self.folder / "info"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "HEAD").is_file():
            Git(self.folder).run("init", "--quiet", "--bare", "--template=", ".")
        info.mkdir(exist_ok=True)
        _keep(info / "attributes", _RAW)
        if anew or not self._theirs.is_file():
            _keep(self._theirs, self._ignored())
        _keep(info / "exclude", self._theirs.read_bytes() + self._own())

    @property
    def _theirs(self) -> Path:
        """Say where stands what the user's repository and settings ignored when the run began: agents may change that."""
        return self.folder / "info" / "theirs"

    def _own(self) -> bytes:
        return "\n".join((*BYPRODUCTS, f"/{_OWN}", *_squads_own(self.project), "")).encode()

    def _ignored(self) -> bytes:
        """Give what is ignored besides by the files of that name in the tree: by the user's repository and settings."""
        if not self.project.repository:
            return b""
        theirs = Git(self.project.root)
        named = theirs.run("config", "--type=path", "core.excludesFile", check=False).rstrip("\n")
        places = [self.project.root / theirs.line("rev-parse", "--git-path", "info/exclude"), *([Path(named)] if named else [])]
        return b"".join(place.read_bytes() + b"\n" for place in places if place.is_file())

    @property
    def _tree(self) -> Git:
        """Give git in the tree, with everything else of git's in the hidden repository."""
        return Git(self.project.root, {"GIT_DIR": str(self.folder), "GIT_WORK_TREE": str(self.project.root)})


def evidence_of(project: Project) -> Path:
    """Give the hidden repository that holds the evidence of a shared tree."""
    return project.state / "shadow.git"


def _squads_own(project: Project) -> Iterator[str]:
    """Give what squad keeps of this and other projects as a pattern, where it lies in the tree, as it does below a home."""
    kept = Path(os.path.realpath(project.state if project.repository else project.state.parent))
    root = Path(os.path.realpath(project.root))
    if kept.is_relative_to(root) and kept != root:
        yield "/" + _PATTERN.sub(r"\\\g<0>", kept.relative_to(root).as_posix()) + "/"


def _is_readable(root: Path, name: str) -> bool:
    """Tell whether git can take a file in; one that it cannot, such as one beyond a link, would keep it from all others."""
    try:
        if is_beyond_link(root, name):
            return False
        place = root / name
        return place.is_symlink() or (place.is_file() and os.access(place, os.R_OK))
    except OSError:  # such as a folder that this user may not enter
        return False


def _keep(file: Path, body: bytes) -> None:
    """Let a file say something; one that does is left alone, since git may be reading it for another process."""
    if not file.is_file() or file.read_bytes() != body:
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_bytes(body)
        fresh.replace(file)


def tree_with(here: Git, tree: str, rows: Mapping[str, Row], *, index: Path) -> str:
    """Give a tree in which some paths stand otherwise, made in an index that nobody else uses."""
    extra = {"GIT_INDEX_FILE": str(index)}
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    here.run("read-tree", tree, extra=extra)
    write_rows(here, rows, extra=extra)
    return here.run("write-tree", extra=extra).strip()


def write_rows(here: Git, rows: Mapping[str, Row], *, extra: Mapping[str, str] | None = None) -> None:
    """Let paths stand in an index as they are told; those that go come first, since they may be in the way."""
    nothing = "0" * (64 if here.line("rev-parse", "--show-object-format") == "sha256" else 40)
    gone = "".join(f"0 {nothing}\t{path}\0" for path, row in rows.items() if not row.is_there)
    there = "".join(f"{row.mode} {row.blob}\t{path}\0" for path, row in rows.items() if row.is_there)
    if rows:
        here.run("update-index", "-z", "--index-info", stdin=gone + there, extra=extra)


def literals(paths: Iterable[str]) -> tuple[str, ...]:
    """Give paths for git, each meaning nothing but itself."""
    return tuple(f":(top,literal){path}" for path in paths)
