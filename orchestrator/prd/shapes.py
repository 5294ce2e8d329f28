"""What is known of one format: where its files lie, how they look, and how they are read."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from orchestrator.model import Skipped
from orchestrator.prd.drafts import Reading
from orchestrator.prd.page import Material, Page
from orchestrator.prd.scan import skipped_boxes, skipped_lines

Scan = Callable[[Page, Collection[int]], tuple[list[Skipped], list[str]]]


def scan_markdown(page: Page, taken: Collection[int]) -> tuple[list[Skipped], list[str]]:
    """Find what looks like a task in Markdown and was not taken, and what an unclosed fence swallows."""
    return skipped_lines(page.text, taken, front=page.front)


def scan_boxes(page: Page, taken: Collection[int]) -> tuple[list[Skipped], list[str]]:
    """Find the same where a format's tasks are checkboxes and all other list items are talk."""
    return skipped_boxes(page.text, taken, front=page.front)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One format.

    `fits` looks at a page's path and text and says how surely it is of this format: 0 not at all, from 50 on by its content
    alone, 100 by both. `read` is given all pages that fit.
    """

    name: str  #: of design section 7
    files: tuple[str, ...]  #: where a project keeps them: patterns relative to its root, the usual first
    fits: Callable[[Page], int]
    read: Callable[[Material], Reading]
    scan: Scan = field(default=scan_markdown)
    history: tuple[str, ...] = ()  #: folders below which nothing is looked for, since it is done
    beside: tuple[str, ...] = ()  #: further files of the same folder that its reader looks at
