"""Finding a document's files: the one that was named, or those of a folder that are of a format somebody knows.

Only names are looked at before a file is read, and only what a format asks for is read; links out of the folder, other
programs' caches and git's own folder are not entered.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from orchestrator.cli.context import Context
from orchestrator.errors import PrdError, Where
from orchestrator.prd.formats import SHAPES
from orchestrator.prd.page import Material, material, single
from orchestrator.prd.shapes import Shape
from orchestrator.prd.source import LARGEST
from orchestrator.project import MARK
from orchestrator.text.spelling import nearest

#: Where a project's own PRD lies, first found first taken.
_NAMES = ("PRD.md", "prd.md")
_RALPH = tuple(f"{folder}{name}" for folder in ("", ".ralph/") for name in ("fix_plan.md", "@fix_plan.md"))
_PRDS = ("feature-prd.md", ".squad/feature-prd.md", *_NAMES, *(f"docs/{name}" for name in _NAMES), "TODO.md", *_RALPH)
_LOOSE = ("*prd*.md", "*requirements*.md")
_NEVER = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", "worktrees", "dist", "build", "target", ".tox"})
_DEEPEST = 8  #: folders
LARGEST_PLAN = 16 * LARGEST  #: bytes: a plan says more of each task than its document does
_MOST = 20_000  #: files that are looked at by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the user named, as read from disk."""

    material: Material
    data: bytes  #: of all files
    paths: dict[str, Path]  #: name of a page -> where it lies

    @property
    def digest(self) -> str:
        """Give the digest of what was read."""
        return hashlib.sha256(self.data).hexdigest()


def given(options: Context, file: str) -> Given:
    """Read what the user named.

    Raises:
        PrdError: It is missing, too large, no text, or a folder in which no document is found.
    """
    path = options.folder / file
    if not path.is_dir():
        data = bytes_of(path, file)
        return Given(material=single(data, name=file), data=data, paths={file: path})
    found = dict(_documents(path, file))
    files = {one.relative_to(path).as_posix(): data for one, data in found.items()}
    whole = material(files, name=file)
    joined = b"".join(b"--- %s ---\n%s\n" % (os.fsencode(name), files[name]) for name in sorted(files))
    paths = {page.name: path / page.path for page in whole.pages}
    return Given(material=whole, data=joined, paths=paths)


def _documents(folder: Path, shown: str) -> Iterator[tuple[Path, bytes]]:
    """Give the files of a folder that are of a known format, else its PRD."""
    places = [path for path in _walk(folder, shown) if any(_is_of(shape, path, folder) for shape in SHAPES)]
    size = 0
    for path in places or _prds(folder):
        data = bytes_of(path, path.relative_to(folder).as_posix())
        size += len(data)
        if size > LARGEST:
            message = f"its documents have more than {LARGEST // 2**20} MiB together"
            raise PrdError(message, where=Where(shown), hint="name one of them, or a folder further down")
        yield path, data


def _is_of(shape: Shape, path: Path, folder: Path) -> bool:
    """Tell whether a file lies where a format keeps its own; what lies in a folder of its history was named to be read."""
    if not any(PurePath(path).match(pattern) for pattern in (*shape.files, *shape.beside)):
        return False
    return not shape.history or not set(path.relative_to(folder).parts[:-1]) & set(shape.history)


def _prds(folder: Path) -> list[Path]:
    for name in _PRDS:
        if (folder / name).is_file():
            return [folder / name]
    loose = sorted({path for pattern in _LOOSE for path in folder.glob(pattern) if path.is_file()})
    if loose:
        return loose[:1]
    documents = sorted(path.name for path in folder.glob("*.md"))[:5]
    hint = f"documents here: {', '.join(documents)}" if documents else "write one: a '## Tasks' heading and a list below it"
    raise PrdError("a folder in which no document of a known format is found", where=Where(str(folder)), hint=hint)


def _walk(folder: Path, shown: str) -> Iterator[Path]:
    """Give the files below a folder in the order of their names."""
    count = 0
    for here, folders, names in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        inside = sorted(name for name in folders if name not in _NEVER and not _is_own(Path(here) / name))
        folders[:] = inside if depth < _DEEPEST else []
        count += len(names)
        if count > _MOST:
            raise PrdError(f"more than {_MOST} files", where=Where(shown), hint="name a document, or a folder further down")
        yield from (Path(here) / name for name in sorted(names) if (Path(here) / name).is_file())


def _is_own(folder: Path) -> bool:
    """Tell whether a folder holds squad's own views: the plans in there are made from the document, and are none."""
    return folder.name == ".squad" and (folder / MARK).exists()


def bytes_of(path: Path, shown: str, *, most: int = LARGEST) -> bytes:
    """Read a file of the user's; whatever never ends or is no file is not even opened.

    Raises:
        PrdError: It is missing, no file, too large, or cannot be read.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise PrdError("a folder, not a file", where=Where(shown), hint="name a document in it")
        if not stat.S_ISREG(found.st_mode):
            raise PrdError("no regular file: a pipe, a device or a socket", where=Where(shown), hint="save it as a file first")
        if found.st_size > most:
            message = f"{found.st_size / 2**20:.0f} MiB is too large: at most {most // 2**20} MiB are read"
            raise PrdError(message, where=Where(shown), hint="split the document")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PrdError("there is no such file", where=Where(shown), hint=_beside(path)) from error
    except OSError as error:
        raise PrdError(f"cannot be read: {error.strerror}", where=Where(shown), hint="look at it: ls -l") from error
    except ValueError as error:
        raise PrdError(f"no name of a file: {error}", where=Where(repr(shown)[1:-1])) from error


def _beside(path: Path) -> str:
    """Say what was probably meant by a file that is not there, else which documents are."""
    names = sorted(one.name for one in path.parent.iterdir() if one.is_file()) if path.parent.is_dir() else []
    documents = [name for name in names if name.endswith(".md")][:5]
    listed = f"documents here: {', '.join(documents)}" if documents else "write one: a '## Tasks' heading and a list below it"
    return nearest(path.name, names) or listed
