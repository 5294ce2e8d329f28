"""What a plan depends on besides its document."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.claims import Claim
from orchestrator.model import Access, AgentId, Isolation
from orchestrator.planning.allocation import Allocation
from orchestrator.planning.learning import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatSpec:
    """An agent from the configuration."""

    id: AgentId
    role: str
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipRow:
    """A row of the configured matrix."""

    path: Claim
    owner: str | None  #: an agent's id, else a role, else a label; None: nobody
    access: Access
    why: str = "configured"  #: where it was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The project and the configuration as far as planning looks at them."""

    files: tuple[str, ...] = ()  #: tracked files, relative to the project
    codeowners: str | None = None  #: the text of CODEOWNERS
    seats: tuple[SeatSpec, ...] = ()
    ownership: tuple[OwnershipRow, ...] = ()
    count: int | None = None  #: how many agents were asked for
    isolation: Isolation = Isolation.WORKTREE
    samples: tuple[Sample, ...] = ()  #: finished tasks of this project
    estimate: float = 600.0  #: seconds for a plain task that does not say
    allocation: Allocation = field(default_factory=Allocation)
    never_parallel: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: operation -> texts that mean it
    capacity: Mapping[str, int] = field(default_factory=dict)  #: operation -> how many may hold it at once
