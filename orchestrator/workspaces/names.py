"""What the branches and refs of a run are called.

People and scripts look for these names, and a run's id is free only where none of them exists yet; so nothing else in
squad puts one together.
"""

from orchestrator.model import AttemptId, RunId
from orchestrator.project import file_name


def integration_branch(run: RunId) -> str:
    """Name the branch on which the results of a run are put together."""
    return f"squad/{run}"


def work_branch(run: RunId, attempt: AttemptId) -> str:
    """Name the branch on which an attempt works."""
    return f"{work_branches(run)}/{file_name(attempt)}"


def work_branches(run: RunId) -> str:
    """Name what the branches of all attempts of a run lie below."""
    return f"squad-work/{run}"


def kept_refs(run: RunId) -> str:
    """Name what the refs of a run that keep work from being lost lie below."""
    return f"refs/squad/kept/{run}"


def kept_attempt(run: RunId, attempt: AttemptId) -> str:
    """Name the ref that keeps what an attempt left."""
    return f"{kept_refs(run)}/{file_name(attempt)}"


def kept_merge(run: RunId, attempt: AttemptId) -> str:
    """Name the ref that keeps a merge which was not accepted."""
    return f"{kept_attempt(run, attempt)}-merged"


def kept_result(run: RunId) -> str:
    """Name the ref that keeps the result of a run which was dropped."""
    return f"{kept_refs(run)}/integration"


def all_of(run: RunId) -> tuple[str, ...]:
    """Name what all that a run leaves in the repository is, or lies below."""
    return (f"refs/heads/{integration_branch(run)}", f"refs/heads/{work_branches(run)}", kept_refs(run))
