"""Requirements documents, read as people write them.

Pure: bytes in, tasks with their source lines out. Nothing is dropped silently: what looks like a task and was not
taken as one is listed with its line and the reason.
"""

from collections.abc import Callable

from orchestrator.claims import Claim, canonical
from orchestrator.errors import UsageError
from orchestrator.model import Document
from orchestrator.prd.markdown import read_markdown
from orchestrator.prd.source import decode
from orchestrator.prd.squad_tasks import read_tasks_file
from orchestrator.spelling import nearest

__all__ = ["FORMATS", "read"]

FORMATS = ("seed-prd", "prd-md", "todo", "squad-tasks")


def read(data: bytes, *, name: str, claim: Callable[[str], Claim] = canonical, format: str | None = None) -> Document:  # noqa: A002
    """Read a document; the reader is chosen by the name's ending unless `format` says which.

    Args:
        data: The file's bytes.
        name: The file as the user named it; messages speak of it so.
        claim: Brings a path into canonical form, or raises OutsideProject.
        format: One of `FORMATS`.

    Raises:
        PrdError: It cannot be read, or holds no task.
        PlanError: Its needs form a circle, or a path leaves the project.
        UsageError: There is no such format.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"unknown format {format!r}", hint=nearest(format, FORMATS) or f"known formats: {', '.join(FORMATS)}")
    text = decode(data, name=name)
    chosen = format or ("squad-tasks" if name.casefold().endswith((".yaml", ".yml", ".json")) else None)
    if chosen == "squad-tasks":
        return read_tasks_file(text, name=name, claim=claim)
    return read_markdown(text, name=name, claim=claim, format=chosen)
