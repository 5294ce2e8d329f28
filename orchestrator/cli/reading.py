"""From a file on the command line to its tasks, with nothing that plans them or reads the configuration.

What a document says is the same however the project is configured, so who only reads one does not load the rest.
"""

import os
from collections.abc import Callable
from functools import partial

from orchestrator.claims import Claim, canonical
from orchestrator.cli.context import Context
from orchestrator.cli.sources import Given, given
from orchestrator.model import Document
from orchestrator.platform.real_paths import RealPaths
from orchestrator.prd import read_material
from orchestrator.project import Project


def read(options: Context, file: str, *, format: str | None = None, strict: bool = True) -> tuple[Document, Given]:  # noqa: A002
    """Read a document; gives it and the files it was read from.

    Raises:
        PrdError: It is missing, no file, too large, or nothing can be read from it.
    """
    found = given(options, file)
    return read_material(found.material, claim=claims_of(options.project()), format=format, strict=strict), found


def claims_of(project: Project) -> Callable[[str], Claim]:
    """Give the function that brings a path of a document into canonical form."""
    return partial(canonical, roots=(str(project.root), os.path.realpath(project.root)), resolve=RealPaths(project.root))


def claimed(options: Context, project: Project, path: str) -> str:
    """Give a path as a person names it, seen from the root of the project, for a request.

    Raises:
        OutsideProject: It leads out of the project, or is none.
    """
    from_root = options.from_root(project, path)
    claims_of(project)(from_root)
    return from_root
