"""Where attempts take place and what is done in one: values that whoever carries them out is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.adapters.prompt import Words
from orchestrator.config import Config
from orchestrator.confinement.leveling import Levels
from orchestrator.confinement.walled import Walled
from orchestrator.exchange.briefing import Briefing
from orchestrator.exchange.handover import Handover
from orchestrator.gitturn import GitTurn
from orchestrator.model import AgentId, AttemptId, PlannedTask, RunId, Seat
from orchestrator.project import Project
from orchestrator.run.accounts import Accounts
from orchestrator.workspaces import Workspaces
from orchestrator.workspaces.outside import Outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the attempts of a run take place: everything that stays the same from one to the next."""

    project: Project
    views: Path  #: the folder of the plans and comm files that agents are told of
    run: RunId
    config: Config
    levels: Levels
    walled: Walled
    workspaces: Workspaces
    outside: Outside | None  #: of the workspaces; None where there is no git
    accounts: Accounts
    words: Mapping[AgentId, Words]  #: what each agent is told besides its task
    tokens: Mapping[AgentId, str]
    sockets: Mapping[AgentId, Path]
    surroundings: Mapping[str, str]  #: squad's own environment
    git: GitTurn  #: `op:git`
    programs: Path | None = None  #: a folder of programs that agents find before all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A task in the hands of an agent."""

    planned: PlannedTask
    seat: Seat
    attempt: AttemptId
    start: str | None  #: commit its workspace starts from, if it is not its predecessor's
    handover: Handover | None  #: what it should know of the attempts before
    asked: Briefing = field(default_factory=Briefing)  #: what became of the questions about its task
