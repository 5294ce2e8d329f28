"""An assignment whose agent the kernel confines: at the level that holds for its program, to what its task may write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.to_thread

from orchestrator.adapters.traits import known_program, waits_for_leave
from orchestrator.claims import Claim
from orchestrator.confinement.confines import Wall, build
from orchestrator.confinement.leveling import Levels
from orchestrator.enforcement.confinement import Means
from orchestrator.hearing.listening import Assignment
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.rights import Rights
from orchestrator.sections import EnforcementSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an assignment does not say of an attempt and its surroundings."""

    project: Project
    run: RunId
    levels: Levels
    rights: Rights
    settings: EnforcementSettings
    branch: str | None  #: the attempt's own; None in a shared tree
    writes: tuple[Claim, ...] | None
    socket: Path  #: the agent's
    scratch: Path  #: files of its invocation
    configured: Mapping[str, str]  #: its environment, which beats what is said here
    tell: Callable[[str], None]  #: whoever follows the run


async def confined(assignment: Assignment, ground: Ground) -> Assignment:
    """Give the assignment with its level, and what its processes may see and write where that is held by the kernel.

    Raises:
        SquadError, OSError: A demanded level is not to be had, or what it needs cannot be made.
    """
    chosen = await ground.levels.of(assignment.adapter)
    if news := ground.levels.news(assignment.adapter, chosen):
        ground.tell(news)
    if chosen.means is None:
        return replace(assignment, level=chosen.level)
    confines = await anyio.to_thread.run_sync(build, _wall(assignment, ground, chosen.means))
    told = {name: value for name, value in confines.environment.items() if name not in ground.configured}
    environment = {**assignment.environment, **told}
    return replace(assignment, level=chosen.level, confinement=confines.confinement, environment=environment)


def _wall(assignment: Assignment, ground: Ground, means: Means) -> Wall:
    environment = assignment.environment
    known = known_program(assignment.adapter, assignment.invocation)
    home = Path(environment.get("HOME", "~")).expanduser()
    return Wall(
        means=means,
        project=ground.project,
        run=ground.run,
        attempt=assignment.attempt,
        agent=assignment.agent,
        workspace=assignment.workspace,
        branch=ground.branch,
        writes=ground.writes,
        rights=ground.rights,
        asks=waits_for_leave(assignment.adapter),
        socket=ground.socket,
        comm=Path(environment["AGENT_COMM"]),
        scratch=ground.scratch,
        state=known.state(home, environment) if known else (),
        argv=assignment.invocation.argv,
        given=environment,
        writable=ground.settings.writable,
        folders=ground.settings.scratch,
        sockets=ground.settings.sockets,
    )
