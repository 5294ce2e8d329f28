"""What attempts changed without the right to, as patches: the diff of what is kept under refs."""

from dataclasses import dataclass
from pathlib import Path

from orchestrator.git import Git
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project
from orchestrator.state import State, StrangeStatus
from orchestrator.workspaces.shared import before_ref, evidence_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One change that was found, and what it was."""

    found: StrangeStatus
    text: str

    @property
    def title(self) -> str:
        """Say whose it is, how sure that is, and where all of it is kept."""
        one = self.found
        who = f"{one.agent} changed this without the right to" if one.blamed else "unsure who changed this"
        return f"# {one.attempt}: {who} ({one.certainty}: {one.why}), kept in {one.ref}\n"

    def as_json(self) -> dict[str, object]:
        """Give it as a document."""
        one = self.found
        told = {"task": one.task, "agent": one.agent if one.blamed else None, "attempt": one.attempt, "paths": one.paths}
        return {**told, "certainty": one.certainty, "why": one.why, "ref": one.ref, "patch": self.text}


def foreign_patches(project: Project, state: State, task: str | None, *, options: tuple[str, ...] = ()) -> list[Patch]:
    """Give the changes that were kept, of one task or all, oldest first.

    Raises:
        GitFailed: What was kept is gone.
    """
    wanted = [one for one in state.strange if one.ref and task in {None, one.task}]
    return [Patch(found=one, text=_diff(project, state, one, options)) for one in wanted]


def _diff(project: Project, state: State, one: StrangeStatus, options: tuple[str, ...]) -> str:
    folder, start = project.root, state.attempts[one.attempt].base or state.base or ""
    if not state.branch:
        folder, start = evidence_of(project), before_ref(RunId(state.run), AttemptId(one.attempt))
    paths = (f":(literal){path}" for path in one.paths)
    return Git(Path(folder)).run("diff", "--no-ext-diff", *options, start, one.ref, "--", *paths)
