"""Which task each agent is at, and what a path means that it writes: one relative to its workspace, or below the project.

What stands in the tree is meant as it is spelled there: whoever asks for it in another case or Unicode form gets a lock on
what can be written, and hears its name.
"""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.claims import Claim, OutsideProject, canonical, is_plain
from orchestrator.control.protocol import Rejected
from orchestrator.desk.asked import below_root
from orchestrator.model import AgentId, AttemptId, TaskId
from orchestrator.platform import is_linked, real_relative, standing
from orchestrator.platform.spellings import as_it_stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """The task an agent is at."""

    task: TaskId
    attempt: AttemptId
    workspace: Path


class Seats:
    """The agents of one run that are at a task."""

    def __init__(self, root: Path) -> None:
        """Begin with nobody at a task of the project in that folder."""
        self._root = root
        self._seated: dict[AgentId, Seated] = {}

    def sit(self, agent: AgentId, seated: Seated) -> None:
        """Say which task the agent is at from now on."""
        self._seated[agent] = seated

    def leave(self, agent: AgentId) -> None:
        """Say that the agent is at no task any more."""
        self._seated.pop(agent, None)

    def find(self, agent: AgentId) -> Seated | None:
        """Give what the agent is at, if anything."""
        return self._seated.get(agent)

    def of(self, agent: AgentId) -> Seated:
        """Give what the agent is at.

        Raises:
            Rejected: It has no task now.
        """
        if agent not in self._seated:
            raise Rejected(f"{agent} has no task now")
        return self._seated[agent]

    def inside(self, seated: Seated, raw: str) -> str | None:
        """Give the key of a path that somebody seated wrote; None if it leads out of the project."""
        try:
            return self.claim(seated, raw)
        except OutsideProject:
            return None

    def claim(self, seated: Seated | None, raw: str) -> Claim:
        """Give the canonical form of a path, written in a workspace or by a person, spelled as it stands there.

        Raises:
            OutsideProject: It leads out of the project, or is no path.
        """
        workspace = seated.workspace if seated else self._root
        if is_plain(raw) and (there := standing(str(workspace), raw)) is not None:
            spelled = raw if there > raw.count("/") else as_it_stands(str(workspace), raw, there=there)
            if spelled == raw or not is_linked(str(workspace), spelled):
                return Claim(spelled)
        roots = (str(workspace), str(self._root))

        def resolve(path: str) -> str:
            return real_relative(workspace, as_it_stands(str(workspace), path))

        return canonical(below_root(raw, roots), roots=roots, resolve=resolve, is_spelled=True)
