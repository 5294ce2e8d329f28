"""squad's own structured log: what it decided, as JSON lines, beside the raw logs of the agents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from orchestrator.project import Project


@contextmanager
def open_log(project: Project, folder: str | None) -> Iterator[structlog.typing.FilteringBoundLogger]:
    """Give a logger that appends to `squad.log` in the configured folder, by default beside the raw logs."""
    place = project.root / Path(folder).expanduser() if folder else project.logs
    place.mkdir(parents=True, exist_ok=True)
    with (place / "squad.log").open("a", encoding="utf-8") as file:
        yield structlog.wrap_logger(
            structlog.PrintLogger(file),
            processors=[structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=False,
        )
