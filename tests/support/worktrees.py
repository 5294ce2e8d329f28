"""One attempt's worktree, for tests that do in it what agents do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.adoption import prepare
from orchestrator.git import Git
from orchestrator.model import AgentId, AttemptId, RunId
from orchestrator.project import find
from orchestrator.workspaces import Signed, Work
from orchestrator.workspaces.branch import IntegrationBranch
from orchestrator.workspaces.worktree import Worktrees
from tests.support.repositories import IDENTITY, Repository

RUN = RunId("demo-1")
FIRST = AttemptId("T1.1")
SIGNED = Signed(agent=AgentId("agent-1"), title="Write it", trailers={"Squad-Run": RUN, "Squad-Task": "T1"})


@dataclass(frozen=True)
class Place:
    """One attempt's worktree in a repository with a few files."""

    repository: Repository
    worktrees: Worktrees
    folder: Path
    base: str

    @classmethod
    def make(cls, repository: Repository) -> Self:
        """Make one as it is before its agent is started."""
        base = repository.commit({"src/app.py": "app\n", "src/run.sh": "run\n", "docs/a.md": "a\n", ".gitignore": "ignored/\n"})
        project = find(repository.root)
        prepare(project, now=0.0)
        IntegrationBranch(project=project, run=RUN, place=project.folder / "worktrees").create(base)
        worktrees = Worktrees(project=project, run=RUN, place=project.folder / "worktrees")
        folder = worktrees.folder(FIRST)
        assert worktrees.make(FIRST, folder, start=base)
        worktrees.finish(folder)
        return cls(repository=repository, worktrees=worktrees, folder=folder, base=base)

    def write(self, name: str, text: str = "new\n") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *arguments: str) -> str:
        return Git(self.folder).run(*IDENTITY, *arguments).strip()

    def commit(self, name: str, text: str = "new\n", message: str = "The agent's own") -> None:
        self.write(name, text)
        self.git("add", "--", name)
        self.git("commit", "--quiet", "-m", message)

    def harvest(self, attempt: AttemptId = FIRST) -> Work:
        return self.worktrees.harvest(attempt, self.folder, base=self.base, signed=SIGNED)

    def set_aside(self, work: Work, *paths: str) -> str:
        return self.worktrees.set_aside(FIRST, self.folder, work, paths, base=self.base)

    def files(self, work: Work) -> list[str]:
        return self.repository.files(work.commit or "")
