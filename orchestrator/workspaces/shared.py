"""The one tree in which all agents work, where there is no git or a person asked for it.

A hidden repository in the state folder holds the evidence, one author a commit. Nothing here changes the tree: what an
agent left where it may not write stays there, since a person works in it too; it is named and kept.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.model import AttemptId, RunId
from orchestrator.parties import Kind, Party
from orchestrator.patterns import lies_in
from orchestrator.project import Project, file_name
from orchestrator.workspaces import Doubt, Signed, Work, names
from orchestrator.workspaces.hidden import Hidden, evidence_of
from orchestrator.workspaces.ledger import Ledger, Piece

__all__ = ["SharedTree", "before_ref", "evidence_of"]

#: Who may have written until now; a grant of that number holds only from now on.
Company = Callable[[int | None], Sequence[Party]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTree:
    """The project's own folder as everybody's workspace."""

    project: Project
    run: RunId
    company: Company
    _begun: set[AttemptId] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _hidden: list[Hidden] = field(default_factory=list)

    def folder(self, attempt: AttemptId) -> Path:  # noqa: ARG002 - all work in one place
        """Say where an attempt would work."""
        return self.project.root

    def branch(self, attempt: AttemptId) -> str | None:  # noqa: ARG002 - there are none
        """There is no branch."""
        return None

    def kept(self, attempt: AttemptId) -> str:
        """Name the ref that keeps what an attempt left."""
        return names.kept_attempt(self.run, attempt)

    def make(self, attempt: AttemptId, folder: Path, *, start: str | None) -> bool:  # noqa: ARG002 - it is always there
        """Look at the tree before an attempt, once; the tree itself is never made by squad."""
        if not self._has_begun(attempt):
            before = self.look()
            self._ledger.hidden.git.run("update-ref", before_ref(self.run, attempt), before)
            self._begun.add(attempt)
        return False

    def finish(self, folder: Path) -> None:
        """There is nothing to be made."""

    def tidy(self, folder: Path, commit: str) -> None:
        """Nothing is taken away from a tree that people and other agents work in too."""

    def look(self, *, within: str | None = None, besides: int | None = None) -> str:
        """Take in what changed, in all of the tree or one path; `besides` is a grant that holds only from now on."""
        with self._turn:
            named = {claim for party in self.company(besides) for claim in party.claims or ()}  # of those who have not begun too
            return self._ledger.look(lambda: list(self._parties(besides)), within=within, named=named)

    def harvest(  # as the protocol has it
        self,
        attempt: AttemptId,
        folder: Path,  # noqa: ARG002
        *,
        base: str | None,  # noqa: ARG002
        signed: Signed,  # noqa: ARG002
        named: Collection[str] = (),
    ) -> Work:
        """Look at the tree after an attempt, and give what is its own since its task's first attempt, and what is nobody's.

        What the task's earlier attempts left counts too: like a worktree, the tree keeps it. What was put back does not.
        """
        if not self._has_begun(attempt):
            return Work(commit=None, paths=())
        tip = self.look()
        ledger = self._ledger
        ledger.hidden.git.run("update-ref", names.kept_attempt(self.run, attempt), tip)
        task = attempt.rpartition(".")[0]
        pieces = ledger.pieces()
        own = [piece for piece in pieces if piece.kind is Kind.AGENT and piece.task == task]
        since = ledger.hidden.find(before_ref(self.run, attempt))
        doubts = tuple(self._doubts(ledger.pieces(since=since)))
        shut = tuple(one for one in ledger.hidden.shut() if any(lies_in(one.path, claim) for claim in named))
        return Work(commit=tip, paths=ledger.net(own), untaken=shut, doubts=doubts)

    def set_aside(self, attempt: AttemptId, folder: Path, work: Work, paths: tuple[str, ...], *, base: str | None) -> str:  # noqa: ARG002
        """Keep foreign changes under a ref; in a shared tree they are not taken back, since a person may have made them."""
        ref = f"{names.kept_attempt(self.run, attempt)}-foreign"
        self._ledger.hidden.git.run("update-ref", ref, work.commit or self._ledger.tip())
        return ref

    def flatten(self, attempt: AttemptId, folder: Path, work: Work, *, base: str | None, signed: Signed) -> str:  # noqa: ARG002
        """There are no commits of an attempt's own: a look tells what they come to."""
        return self.kept(attempt)

    @property
    def _ledger(self) -> Ledger:
        if not self._hidden:
            self._hidden.append(Hidden(self.project))
        return Ledger(hidden=self._hidden[0], run=self.run)

    def _parties(self, besides: int | None) -> Iterable[Party]:
        """Give those at work who have begun: what stood there before is not theirs."""
        return (party for party in self.company(besides) if self._has_begun(party.attempt))

    def _has_begun(self, attempt: AttemptId) -> bool:
        if attempt not in self._begun and self._ledger.hidden.find(before_ref(self.run, attempt)):
            self._begun.add(attempt)  # under a supervisor that died
        return attempt in self._begun

    def _doubts(self, pieces: Iterable[Piece]) -> Iterable[Doubt]:
        for piece in pieces:
            if piece.why:
                yield Doubt(
                    paths=tuple(sorted(self._ledger.changes(piece))),
                    among=piece.among,
                    why=piece.why,
                    attempt=piece.attempt if piece.blames else "",
                )


def before_ref(run: RunId, attempt: AttemptId) -> str:
    """Name the ref that holds the tree as it was before an attempt."""
    return f"refs/squad/before/{run}/{file_name(attempt)}"
