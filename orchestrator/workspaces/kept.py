"""The refs that keep work from being lost: nothing that one of them ever held is let go."""

from collections.abc import Iterable

from orchestrator.git import Git
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces import names


def refs_of(project: Project, run: RunId) -> dict[str, str]:
    """Give the kept refs of a run with their commits."""
    listed = Git(project.root).run("for-each-ref", "--format=%(refname) %(objectname)", f"{names.kept_refs(run)}/")
    return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)


def keep(here: Git, ref: str, commit: str, *, unless: Iterable[str] = ()) -> None:
    """Let a ref hold a commit, unless another commit holds it; what the ref held before stays held if it is not below."""
    if any(here.succeeds("merge-base", "--is-ancestor", commit, other) for other in unless):
        return
    before = here.attempt("rev-parse", "--verify", "--quiet", ref).stdout.strip()
    if before and not here.succeeds("merge-base", "--is-ancestor", before, commit):
        here.run("update-ref", f"{ref}-{before[:12]}", before)
    here.run("update-ref", ref, commit)
