"""squad's own structured log: what it decided, as JSON lines, beside the raw logs of the agents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from orchestrator.errors import FolderError
from orchestrator.project import Project


@contextmanager
def open_log(project: Project, folder: str | None) -> Iterator[structlog.typing.FilteringBoundLogger]:
    """Give a logger that appends to `squad.log` in the configured folder, by default beside the raw logs.

    Raises:
        FolderError: It cannot be written there.
    """
    place = project.root / Path(folder).expanduser() if folder else project.logs
    try:
        place.mkdir(parents=True, exist_ok=True)
        opened = (place / "squad.log").open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        message = f"cannot write squad's log in {place}: {error.strerror}"
        raise FolderError(message, hint="choose another folder: log: {folder: ...} in squad.yaml") from error
    with opened as file:
        yield structlog.wrap_logger(
            structlog.PrintLogger(file),
            processors=[structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=False,
        )
