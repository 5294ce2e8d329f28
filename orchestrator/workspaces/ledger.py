"""Who wrote what in a shared tree: a chain of commits, each with the changes of one author.

A look holds the tree against the last one and adds a commit for each whose changes are in it: an agent's, a person's, those
of checks, and those of which nobody is sure. A look comes at each begin and end of an attempt and of a lock, so that between
two of them the rights do not change. The chain grows by one atomic step, whoever is killed meanwhile.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator import git
from orchestrator.model import RunId
from orchestrator.parties import Changed, Kind, Party, Whose, share_out
from orchestrator.strange import changed_at
from orchestrator.workspaces.hidden import Change, Hidden

_PARTS, _LINES = "\x01", "\x02"  #: between what is told of a commit, and between its trailers


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Changes of one author."""

    commit: str
    parent: str  #: the state before; empty: nothing
    kind: Kind
    attempt: str
    task: str
    among: tuple[str, ...]
    blames: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The chain of one run."""

    hidden: Hidden
    run: RunId

    @property
    def ref(self) -> str:
        """Name the ref that holds the newest state."""
        return f"refs/squad/tree/{self.run}"

    def tip(self) -> str:
        """Give the newest state; nothing before the first look."""
        return self.hidden.find(self.ref)

    def start(self) -> str:
        """Give the state in which the run began."""
        return self.hidden.find(f"refs/squad/start/{self.run}")

    @property
    def person(self) -> Mapping[str, str]:
        """Give the names of the user as author and committer."""
        return self.hidden.names(self._root)

    def look(self, parties: Callable[[], Sequence[Party]], *, within: str | None = None, named: Collection[str] = ()) -> str:
        """Take in what changed since the last look, or of one path; gives the newest state."""
        hidden, old = self.hidden, self.tip()
        if not old:
            hidden.begin()
        tree = hidden.stage(within, named)
        if not old:
            return self._begin(tree)
        changes = hidden.changes(old, tree)
        if not changes:
            return old
        found = (
            Changed(path=path, is_new=not change.old.is_there, at=partial(changed_at, hidden.project.root, path))
            for path, change in changes.items()
        )
        shares = share_out(found, parties(), persons=self._persons)
        new = old
        for whose, paths in shares.items():
            is_all = len(shares) == 1
            state = tree if is_all else hidden.with_rows(new, {path: changes[path].new for path in paths})
            new = hidden.commit(state, new, _message(whose, self.run), self._names(whose))
        hidden.git.run("update-ref", self.ref, new, old)
        return new

    def pieces(self, *, since: str = "") -> list[Piece]:
        """Give the changes of the run in order, by whose they are."""
        if not (tip := self.tip()):
            return []
        form = f"--format=%H{_PARTS}%P{_PARTS}%(trailers:only,unfold,separator=%x02)"
        told = self.hidden.git.run("log", "--reverse", form, f"{since}..{tip}" if since else tip)
        return [piece for row in told.split("\n") if row and (piece := _piece(row)).kind is not Kind.START]

    def changes(self, piece: Piece) -> dict[str, Change]:
        """Give what a piece changed."""
        return self.hidden.changes(piece.parent, piece.commit)

    def net(self, pieces: Sequence[Piece]) -> tuple[str, ...]:
        """Give the paths that pieces changed and did not leave as they had been."""
        first: dict[str, object] = {}
        last: dict[str, object] = {}
        for piece in pieces:
            for path, change in self.changes(piece).items():
                first.setdefault(path, change.old)
                last[path] = change.new
        return tuple(sorted(path for path, row in last.items() if row != first[path]))

    def _begin(self, tree: str) -> str:
        """Keep the tree as it stood when the run began, with all that the user had not committed."""
        hidden = self.hidden
        message = git.message_with(f"The folder when {self.run} began", {"Squad-Run": self.run, "Squad-Kind": Kind.START})
        new = hidden.commit(tree, "", message, self.person)
        note = hidden.git.run("hash-object", "-w", "--stdin", stdin="\0".join(self._uncommitted())).strip()
        for ref, what in (("uncommitted", note), ("start", new), ("tree", new)):  # the tree last: now it is whole
            hidden.git.run("update-ref", f"refs/squad/{ref}/{self.run}", what)
        hidden.tidy()
        return new

    def _uncommitted(self) -> Iterator[str]:
        if self.hidden.project.repository:
            listed = git.Git(self._root).run("status", "--porcelain", "--no-renames", "--untracked-files=all", "-z", check=False)
            yield from (row[3:] for row in listed.split("\0") if row)

    def _persons(self) -> Collection[str]:
        """Give the files that a person was changing: uncommitted at the start, or seen changed with no agent able to."""
        noted = self.hidden.git.attempt("cat-file", "blob", f"refs/squad/uncommitted/{self.run}").stdout
        changed = (path for piece in self.pieces() if piece.kind is Kind.PERSON for path in self.changes(piece))
        return {*noted.split("\0"), *changed}

    def _names(self, whose: Whose) -> Mapping[str, str]:
        if whose.kind is Kind.PERSON:
            return self.person
        named = {Kind.AGENT: whose.agent, Kind.CHECKS: "squad"}.get(whose.kind, "unsure")
        return {**self.person, **git.author(named)}

    @property
    def _root(self) -> Path:
        return self.hidden.project.root if self.hidden.project.repository else self.hidden.folder


def _message(whose: Whose, run: RunId) -> str:
    subject = {Kind.PERSON: "Changed by a person", Kind.UNSURE: "Unsure who changed this"}.get(whose.kind, whose.title)
    told = {
        "Squad-Run": run,
        "Squad-Kind": whose.kind,
        "Squad-Task": whose.task,
        "Squad-Attempt": whose.attempt,
        "Squad-Among": " ".join(whose.among),
        "Squad-Blames": "yes" if whose.blames else "",
        "Squad-Why": whose.why,
    }
    return git.message_with(subject, {name: value for name, value in told.items() if value})


def _piece(row: str) -> Piece:
    commit, parents, trailers = row.split(_PARTS)
    told = dict(line.split(": ", 1) for line in trailers.split(_LINES) if ": " in line)
    return Piece(
        commit=commit,
        parent=parents,
        kind=Kind(told.get("Squad-Kind", Kind.UNSURE)),
        attempt=told.get("Squad-Attempt", ""),
        task=told.get("Squad-Task", ""),
        among=tuple(told.get("Squad-Among", "").split()),
        blames="Squad-Blames" in told,
        why=told.get("Squad-Why", ""),
    )
