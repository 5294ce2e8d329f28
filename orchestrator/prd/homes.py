"""Paths of somebody's own machine, told from the folder of the project on.

A plan that an agent wrote elsewhere names `/home/ada/shop/src/cart.ts`. It means `src/cart.ts` where all such paths agree which
folder is the project; but a path below a root of this project is one of this machine, and then the others are other projects.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from orchestrator.claims import Claim, OutsideProject
from orchestrator.prd.drafts import Draft
from orchestrator.prd.file_names import ROOTS
from orchestrator.prd.page import Material
from orchestrator.text.expressions import expression

_SOURCES = frozenset(["src", "lib", "packages", "apps", "tests"])  #: which no project is called
_HOME = expression(r"(?:[A-Za-z]:)?/(?:home|Users)/[^/]+/")


def leave_home(drafts: Sequence[Draft], material: Material, claim: Callable[[str], Claim]) -> None:
    """Tell the paths below one home folder from the project's own folder on, where they agree which that is."""
    homely = dict.fromkeys([path for draft in drafts for path in draft.paths if _HOME.match(path)])
    if not homely or any(_is_inside(path, claim) for path in homely) or _has_homes(drafts):
        return
    place = next((page.name.partition("/")[0] for page in material.pages if "/" in page.name), "")
    roots = {root for path in homely if (root := _project_of(path, place))}
    if len(roots) == 1:
        root = roots.pop()
        for draft in drafts:
            draft.paths = tuple([path.removeprefix(root) or path for path in draft.paths])


def _is_inside(path: str, claim: Callable[[str], Claim]) -> bool:
    """Tell whether a path lies below a root of the project as it is, so that a claim of it loses its home."""
    with contextlib.suppress(OutsideProject):
        return not _HOME.match(f"/{claim(path)}") and not _HOME.match(claim(path))
    return False


def _has_homes(drafts: Sequence[Draft]) -> bool:
    """Tell whether the project has a folder that is called as those of homes are: `/home/` may be that one then."""
    return any(path.startswith(("home/", "Users/")) for draft in drafts for path in draft.paths)


def _project_of(path: str, place: str) -> str:
    """Give the folder of the project in a path of somebody's machine: where the document lies, else where sources begin."""
    home = _HOME.match(path)
    if home is None:
        return ""
    parts = PurePosixPath(path[home.end() :]).parts
    at = next((at for at, part in enumerate(parts[:-1]) if at and (part in ROOTS or part == place)), 0)
    if at and parts[at] not in _SOURCES and parts[at + 1] in ROOTS:
        return ""  # the first of them may be what the project is called: `code/api/src/a.py`
    return f"{home[0]}{'/'.join(parts[:at])}/" if at else ""
