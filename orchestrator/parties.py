"""Who may have made a change in a tree in which several work at once: by rights, by walls, and by who was at work.

Pure. Rights decide first, since they keep the agents apart; what nobody had a right to is laid at one door only where no other
is open. Nobody is blamed for what a person may have done in a file of their own, nor for what the kernel would have refused.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.claims import Claim, any_meets, begins_with, is_folder, is_glob, is_operation
from orchestrator.model import Access, AgentId, Area, AttemptId, Level, PlannedTask
from orchestrator.state import JUDGED, AttemptStatus, State

_SLACK = 1.0  #: seconds by which the clocks of files and of ends may differ

#: Why a change is laid at no agent's door.
NOBODY = "no agent that was at work could write there: a person did, or a program that none of them had started"


class Kind(StrEnum):
    """Whose a change is."""

    START = "start"  #: it stood there when the run began
    AGENT = "agent"
    CHECKS = "checks"
    UNSURE = "unsure"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A path that was changed."""

    path: str
    is_new: bool  #: it was not there before
    at: Callable[[], float | None]  #: when it was last changed, as the file system noted it; None if it is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An attempt that is at work, or whose result is checked."""

    attempt: AttemptId
    task: str
    agent: AgentId
    title: str
    claims: tuple[Claim, ...] | None  #: what it may write by its task and its locks; None: not known
    area: tuple[Claim, ...] = ()  #: what belongs to its agent alone
    walls: tuple[Claim, ...] | None = None  #: all that the kernel lets it write; None: there are no walls
    beside: tuple[Claim, ...] = ()  #: where they let it make something new besides
    gone_at: float | None = None  #: when the last of its processes had ended, if they have; seconds since the epoch
    checks: bool = False  #: its agent has ended, and its checks run

    def was_there(self, moment: float | None) -> bool:
        """Tell whether it may have been at work at a moment."""
        return self.gone_at is None or moment is None or moment <= self.gone_at + _SLACK

    def could_write(self, change: Changed) -> bool:
        """Tell whether the agent could have written a path, rights or not."""
        if self.checks or self.walls is None:
            return not self.checks
        return any_meets((change.path,), (*self.walls, *(self.beside if change.is_new else ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose a change is, and how sure that is."""

    kind: Kind
    attempt: str = ""
    task: str = ""
    agent: str = ""
    title: str = ""
    among: tuple[str, ...] = ()  #: agents that may have made it
    blames: bool = False  #: it is held against the one agent among them
    why: str = ""  #: what it is told for; empty: it is not told


def share_out(
    changes: Iterable[Changed], parties: Sequence[Party], *, persons: Callable[[], Collection[str]]
) -> Mapping[Whose, tuple[str, ...]]:
    """Part changes by whose they are; `persons` gives the files that a person was changing themselves.

    Agents come last, so that the newest state is by one of them if they changed anything.
    """
    found: dict[Whose, list[str]] = {}
    for change in changes:
        there = [party for party in parties if party.gone_at is None or party.was_there(change.at())]
        found.setdefault(_whose(change, there, persons), []).append(change.path)
    order = sorted(found, key=lambda one: (one.kind is Kind.AGENT, one.attempt, one.among, one.why))
    return {one: tuple(found[one]) for one in order}


def _whose(change: Changed, parties: Sequence[Party], persons: Callable[[], Collection[str]]) -> Whose:
    owners = _owners(change.path, parties)
    able = [party for party in parties if party.could_write(change)]
    if len(owners) > 1:
        return _unsure([party for party in owners if not party.checks], f"{_all_named(owners)} may write it")
    if owners and not owners[0].checks:
        one = owners[0]
        return Whose(kind=Kind.AGENT, attempt=one.attempt, task=one.task, agent=one.agent, title=one.title)
    checks = owners or [party for party in parties if party.checks]
    if checks:
        names = " and ".join(dict.fromkeys(party.task for party in checks))
        return (
            _unsure(able, f"{_all_named(able)} worked there while the checks of {names} ran")
            if able
            else Whose(kind=Kind.CHECKS, title=f"Checks of {names}")
        )
    return _strays(change.path, parties, able, persons)


def _strays(path: str, parties: Sequence[Party], able: Sequence[Party], persons: Callable[[], Collection[str]]) -> Whose:
    """Say whose a change is that nobody had the right to."""
    if not parties:
        return Whose(kind=Kind.PERSON)
    if not able:
        return Whose(kind=Kind.PERSON, why=NOBODY)
    if len(able) > 1:
        return _unsure(able, f"{_all_named(able)} were at work in the same folder")
    if path in persons():
        return _unsure(able, f"{able[0].agent} was at work, but a person was changing this file before")
    why = "no other agent was at work when it was made; a person may have been"
    one = able[0]
    return Whose(kind=Kind.UNSURE, attempt=one.attempt, task=one.task, agent=one.agent, among=(one.agent,), blames=True, why=why)


def _owners(path: str, parties: Sequence[Party]) -> list[Party]:
    """Give who had the right to a path: by its task or a lock, else by its area, else because its task may write anything."""
    for claims in (
        lambda party: party.claims or (),
        lambda party: party.area,
        lambda party: (".",) if party.claims is None else (),
    ):
        if found := [party for party in parties if any_meets((path,), claims(party))]:
            return found
    return []


def _unsure(able: Sequence[Party], why: str) -> Whose:
    return Whose(kind=Kind.UNSURE, among=tuple(dict.fromkeys(party.agent for party in able)), why=why)


def _all_named(parties: Sequence[Party]) -> str:
    names = sorted(dict.fromkeys(party.agent for party in parties))
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known of a run's tree besides the run's state."""

    tasks: Mapping[str, PlannedTask]
    matrix: Sequence[Area]
    is_dir: Callable[[str], bool]  #: of a path in the tree
    scratch: Sequence[str] = ()  #: folders that every agent may write, whatever its task
    asks: Callable[[AttemptStatus], bool] = lambda _: False  #: for who asks for each file the whole folder of one is open
    gone_at: Callable[[AttemptStatus], float | None] = lambda _: None  #: when the last process of an attempt had ended, if known


def parties_of(state: State, scene: Scene, *, besides: int | None = None) -> tuple[Party, ...]:
    """Give who may have written in the tree until now; `besides` is the number of a grant that holds only from now on."""
    return tuple(
        _party(state, scene, AttemptId(name), one, besides)
        for name, one in list(state.attempts.items())  # it may be looked at from another thread
        if one.ended_at is None or _is_checked(state, name, one)
    )


def _is_checked(state: State, name: str, one: AttemptStatus) -> bool:
    task = state.tasks[one.task]
    return task.attempt == name and task.state in JUDGED


def _party(state: State, scene: Scene, name: AttemptId, one: AttemptStatus, besides: int | None) -> Party:
    agent, planned, is_over, asks = AgentId(one.agent), scene.tasks[one.task], one.ended_at is not None, scene.asks(one)
    held = [lock for lock in list(state.locks.values()) if lock.holder == agent and lock.fence != besides]
    locked = {Claim(lock.path): lock.declared for lock in held if not is_operation(lock.path)}
    area = tuple(row.path for row in scene.matrix if row.access is Access.EXCLUSIVE and row.owners == (agent,))
    claims = None if planned.writes is None else tuple(claim for claim in (*planned.writes, *locked) if not is_operation(claim))
    opened = (*(claims if claims is not None else (Claim("."),)), *area)
    return Party(
        attempt=name,
        task=one.task,
        agent=agent,
        title=planned.task.title,
        claims=claims,
        area=area,
        walls=(*opened, *map(Claim, scene.scratch)) if one.level == Level.DENY else None,
        beside=tuple(
            _beside(claim)
            for claim in opened
            if is_glob(claim) or (_is_file(claim, scene) and (asks or not locked.get(claim, True)))
        ),
        gone_at=None if is_over else scene.gone_at(one),
        checks=is_over,
    )


def _is_file(claim: Claim, scene: Scene) -> bool:
    return not (is_folder(claim) or scene.is_dir(claim))


def _beside(claim: Claim) -> Claim:
    """Give where something new can be made when a file or a pattern is open: that is what its folder is open for."""
    if is_glob(claim):
        return Claim(begins_with(claim))
    return Claim(f"{claim.rpartition('/')[0]}/*" if "/" in claim else "*")
