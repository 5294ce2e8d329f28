"""What a reader is given: the texts of one file, or of the files of a folder, by their names.

Texts are decoded once and keep their lines, so a line number found here is the line number in the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.errors import PrdError
from orchestrator.prd.source import decode, front_matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One file."""

    name: str  #: as messages speak of it
    path: str  #: with slashes, below the folder that was named; of a single file as the user named it
    text: str
    #: The text with a line end before its first line too: a line that begins so is found ten times as fast as by `^`.
    lined: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lined", f"\n{self.text}")

    @property
    def front(self) -> int:
        """Give how many lines its front matter has."""
        return front_matter(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One document: a file, or the files of a folder that belong together."""

    name: str  #: as the user named it
    pages: tuple[Page, ...]  #: in the order of their paths

    @property
    def only(self) -> Page:
        """Give the first page: of a document of one file it is all there is."""
        return self.pages[0]


def material(files: Mapping[str, bytes], *, name: str) -> Material:
    """Decode the files of a folder, by path; what is no text is left out if something else is there.

    Raises:
        PrdError: None of them can be read; the first reason.
    """
    pages: list[Page] = []
    refused: list[PrdError] = []
    for path in sorted(files):
        shown = f"{name.rstrip('/')}/{path}" if name not in {"", "."} else path
        try:
            pages.append(Page(name=shown, path=path, text=decode(files[path], name=shown)))
        except PrdError as error:
            refused.append(error)
    if not pages and refused:
        raise refused[0]
    return Material(name=name, pages=tuple(pages))


def single(data: bytes, *, name: str) -> Material:
    """Decode a document of one file.

    Raises:
        PrdError: It cannot be read.
    """
    return Material(name=name, pages=(Page(name=name, path=name, text=decode(data, name=name)),))
