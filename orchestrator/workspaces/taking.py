"""What agents did in a shared tree, taken into the user's branch, or taken back out of the tree.

Both happen only when a person asks. Into the branch comes what agents wrote and nothing else: the user's own uncommitted
work stays uncommitted, in the index as well as in the files, and no file of the tree is touched. Out of the tree goes what an
agent wrote where it still stands; what a person changed since stays.
"""

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator import git
from orchestrator.errors import Refused
from orchestrator.git import Git
from orchestrator.model import RunId
from orchestrator.parties import Kind
from orchestrator.project import Project
from orchestrator.state import State
from orchestrator.workspaces import names
from orchestrator.workspaces.hidden import Change, Hidden, Row, evidence_of, literals, tree_with, write_rows
from orchestrator.workspaces.ledger import Ledger, Piece
from orchestrator.workspaces.replaying import GONE, Replay, carried, reverse, rows_of

_EVIDENCE = "Squad-Evidence"  #: the trailer that names the pieces a commit was made of
_SHOWN = 5  #: paths that are named


class NotTaken(Refused):
    """Work of agents cannot be committed beside what the user has there."""

    def __init__(self, paths: Collection[str], what: str) -> None:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        hint = "commit or stash your own changes of these files first, or commit by hand: git add -p"
        super().__init__(f"{', '.join(sorted(paths)[:_SHOWN])}{more}: {what}; nothing was committed", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was committed."""

    commit: str
    before: str  #: nothing where the branch had no commit
    tasks: tuple[str, ...]
    nested: tuple[str, ...]  #: files that lie in repositories of their own, and were left out


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What was taken back out of the tree."""

    paths: tuple[str, ...]
    left: tuple[str, ...]  #: changed by others since, and so left as they are
    ref: str  #: keeps how it stood; its parent is how it stands now


def undo_of(project: Project, ref: str) -> str:
    """Give the command that puts back what was taken out of the tree."""
    return f"git --git-dir={shlex.quote(str(evidence_of(project)))} diff --binary {ref}^ {ref} | git apply"


def ledger_of(project: Project, state: State) -> Ledger:
    """Give who wrote what in a run."""
    return Ledger(hidden=Hidden(project), run=RunId(state.run))


def work_of(
    ledger: Ledger, state: State, tasks: Collection[str], *, known: Collection[str] = ()
) -> list[tuple[Piece, dict[str, Change]]]:
    """Give what agents did for tasks, in order, without what they may not have done.

    What a task did to a file in several looks, with nobody else at it in between, is one change, at the last of them: a look may
    have come in the middle of a write. Pieces that are `known` are left out, and nothing is joined over them.
    """
    found: list[tuple[Piece, dict[str, Change]]] = []
    open_: dict[str, tuple[str, dict[str, Change]]] = {}  #: path -> the task that was last at it, and where that stands
    for piece in ledger.pieces():
        is_wanted = piece.kind is Kind.AGENT and piece.task in tasks and piece.commit not in known
        attempt = state.attempts.get(piece.attempt)
        foreign = attempt.foreign if attempt else ()
        here: dict[str, Change] = {}
        for path, change in ledger.changes(piece).items():
            task, before = open_.pop(path, ("", here))
            if is_wanted and path not in foreign:
                first = before.pop(path) if task == piece.task else change
                here[path] = Change(old=first.old, new=change.new)
                open_[path] = piece.task, here
        if is_wanted:
            found.append((piece, here))
    return [(piece, {path: one for path, one in here.items() if one.old != one.new}) for piece, here in found]


def take(project: Project, state: State, titles: Mapping[str, str]) -> Taken:
    """Commit what the finished tasks (by id, with their titles) wrote, one commit after another, onto the checked out branch.

    Raises:
        NotTaken: It meets what the user has changed or staged; nothing has changed then.
        Refused: It was taken back.
        RepositoryError: The user is in the middle of something else.
    """
    here, ledger = Git(project.root), ledger_of(project, state)
    git.require_quiet(project.root)
    if is_out(project, state):
        what = f"{state.run} was dropped, and what it did taken out of the folder"
        raise Refused(what, hint=f"put it back first: {undo_of(project, names.kept_result(RunId(state.run)))}")
    before = git.head(project.root) or ""
    known = _taken_before(here, state.run, before)
    work = list(_works(project, ledger, state, titles, known=known))
    onto, groups = _played(here, before, work)
    if onto.conflicts:
        raise NotTaken(onto.conflicts, "what agents wrote there meets changes of your own")
    new = before
    for group in groups:
        told = {"Squad-Run": state.run, "Squad-Task": group.task, _EVIDENCE: " ".join(group.pieces)}
        new = _committed(project, new, group, message=git.message_with(titles[group.task], told))
    if new != before:
        _stage(here, onto)
        here.run("update-ref", "-m", f"squad merge {state.run}", "HEAD", new, before or "0" * len(new))
    nested = {path for one in work for path in one.nested}
    tasks = tuple(dict.fromkeys(group.task for group in groups))
    return Taken(commit=new, before=before, tasks=tasks, nested=tuple(sorted(nested)))


def result(project: Project, state: State, tasks: Collection[str]) -> tuple[str, str] | None:
    """Give two trees of the hidden repository that differ by what agents did for tasks; None if that cannot be told apart."""
    ledger = ledger_of(project, state)
    start = ledger.start()
    if not start:
        return "", ""
    onto = Replay(git=ledger.hidden.git, rows=rows_of(ledger.hidden.git, start))
    for _, changes in work_of(ledger, state, tasks):
        onto.put(changes)
    return None if onto.conflicts else (start, ledger.hidden.with_rows(start, onto.moved))


def take_back(project: Project, state: State, *, look: Callable[[], str]) -> TakenBack:
    """Take what agents did in a run out of the tree again; before that everything in it is kept.

    Raises:
        GitFailed: It could not be kept, or not be taken back.
    """
    ledger = ledger_of(project, state)
    hidden = ledger.hidden
    if not ledger.tip():
        return TakenBack(paths=(), left=(), ref="")
    now = look()
    onto = Replay(git=hidden.git, rows=rows_of(hidden.git, now))
    for _, changes in reversed(work_of(ledger, state, state.tasks)):
        onto.put(reverse(changes))
    moved = {path: row for path, row in onto.moved.items() if row != onto.rows.get(path, GONE)}
    ref = names.kept_result(RunId(state.run))
    back = hidden.commit(hidden.with_rows(now, moved), ledger.start(), f"Taken back: {state.run}\n", ledger.person)
    kept = hidden.commit(f"{now}^{{tree}}", back, f"What agents did: {state.run}\n", ledger.person)
    hidden.git.run("update-ref", ref, kept)
    hidden.give(back, moved)
    return TakenBack(paths=tuple(sorted(moved)), left=tuple(sorted(onto.conflicts)), ref=ref)


def is_out(project: Project, state: State) -> bool:
    """Tell whether what a run did was taken back, and lies in the tree nowhere."""
    hidden = ledger_of(project, state).hidden
    kept = hidden.find(names.kept_result(RunId(state.run)))
    changes = hidden.changes(f"{kept}^", kept) if kept else {}
    return bool(changes) and all(
        hidden.blob_of(path) == (one.old.blob if one.old.is_there else "") for path, one in changes.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A piece as the user's repository has it."""

    piece: str
    task: str
    agent: str
    changes: Mapping[str, Change]
    nested: tuple[str, ...]

    def without(self, paths: Collection[str]) -> "_Work":
        """Leave paths out."""
        return replace(self, changes={path: change for path, change in self.changes.items() if path not in paths})


@dataclass(slots=True, kw_only=True)
class _Group:
    """Pieces of one task that make a commit."""

    task: str
    agent: str
    pieces: list[str] = field(default_factory=list)
    moved: dict[str, Row] = field(default_factory=dict)


def _works(project: Project, ledger: Ledger, state: State, tasks: Collection[str], *, known: Collection[str]) -> Iterator[_Work]:
    bring = carried(ledger.hidden.git, Git(project.root), clean=True)
    for piece, changes in work_of(ledger, state, tasks, known=known):
        nested = tuple(path for path in changes if _is_nested(project.root, path))
        yield _Work(
            piece=piece.commit,
            task=piece.task,
            agent=state.attempts[piece.attempt].agent,
            changes={p: Change(old=bring(p, one.old), new=bring(p, one.new)) for p, one in changes.items() if p not in nested},
            nested=nested,
        )


def _played(here: Git, head: str, work: Sequence[_Work]) -> tuple[Replay, list[_Group]]:
    """Put work upon a commit: a commit for each task if that comes to the same, else in the order in which it was done.

    What stands there already as it came to be in the end, by whatever way, is done with.
    """
    rows = rows_of(here, head) if head else {}
    last = {path: change.new for one in work for path, change in one.changes.items()}
    settled = {path for path, row in last.items() if rows.get(path, GONE) == row}
    work = [one.without(settled) for one in work]
    true, groups = _in_order(Replay(git=here, rows=rows), work)
    first: dict[str, int] = {}
    for place, one in enumerate(work):
        first.setdefault(one.task, place)
    other, by_task = _in_order(Replay(git=here, rows=rows), sorted(work, key=lambda one: first[one.task]))
    return (other, by_task) if other.moved == true.moved and other.conflicts == true.conflicts else (true, groups)


def _in_order(onto: Replay, work: Iterable[_Work]) -> tuple[Replay, list[_Group]]:
    groups: list[_Group] = []
    waiting: dict[str, list[str]] = {}  #: pieces of a task that moved nothing by themselves
    for one in work:
        moved = onto.put(one.changes)
        waiting.setdefault(one.task, []).append(one.piece)
        if moved:
            if not groups or (groups[-1].task, groups[-1].agent) != (one.task, one.agent):
                groups.append(_Group(task=one.task, agent=one.agent))
            groups[-1].moved |= moved
            groups[-1].pieces += waiting.pop(one.task)
    for group in reversed(groups):
        group.pieces += waiting.pop(group.task, [])
    return onto, groups


def _taken_before(here: Git, run: str, head: str) -> set[str]:
    """Give the pieces that commits of the branch were made of."""
    if not head:
        return set()
    form = f"--format=%(trailers:key={_EVIDENCE},valueonly,unfold)"
    return set(here.run("log", "--fixed-strings", f"--grep=Squad-Run: {run}", form, head).split())


def _committed(project: Project, parent: str, group: _Group, *, message: str) -> str:
    here = Git(project.root)
    tree = tree_with(here, parent or here.run("mktree", stdin="").strip(), group.moved, index=project.state / "index-apart")
    above = ("-p", parent) if parent else ()
    extra = {**git.author(group.agent), **git.identity(project.root)}
    return here.run("commit-tree", tree, *above, stdin=message, extra=extra).strip()


def _index_rows(here: Git) -> dict[str, Row]:
    found = {}
    for told in here.names("ls-files", "--stage", "-z"):
        what, _, path = told.partition("\t")
        mode, blob, stage = what.split(" ")
        found[path] = Row(mode=mode if stage == "0" else f"unmerged-{stage}", blob=blob)
    return found


def _stage(here: Git, taken: Replay) -> None:
    """Let the user's index move with the branch, beside what they have staged."""
    staged = Replay(git=here, rows=_index_rows(here))
    done = staged.put({path: Change(old=taken.rows.get(path, GONE), new=row) for path, row in taken.moved.items()})
    if staged.conflicts:
        raise NotTaken(staged.conflicts, "what agents wrote there meets what you have staged")
    write_rows(here, done)
    here.attempt("update-index", "-q", "--refresh")


def _is_nested(root: Path, path: str) -> bool:
    return any((root / above / ".git").exists() for above in list(Path(path).parents)[:-1])


def patches(ledger: Ledger, work: Sequence[tuple[Piece, Mapping[str, Change]]], options: Sequence[str]) -> str:
    """Give what was done piece by piece, where no one patch can tell it."""
    here = ledger.hidden.git
    shown = (
        here.run("diff", "--no-ext-diff", *options, piece.parent, piece.commit, "--", *literals(changes))
        for piece, changes in work
        if changes
    )
    return "".join(shown)
