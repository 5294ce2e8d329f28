"""The front matter of a page: every scalar stays the text that was written, so `002` and `1.10` stay ids."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.errors import InputError
from orchestrator.places import Document, Plain, parse
from orchestrator.prd.page import Page


@dataclass(frozen=True, slots=True)
class Front:
    """What a page says of itself."""

    values: Mapping[str, Plain] = field(default_factory=dict)
    parsed: Document | None = None
    fault: str = ""  #: why it could not be read

    def text(self, *names: str) -> str:
        """Give the first of these keys that holds a text, in one line."""
        texts = (value for name in names if isinstance(value := self.values.get(name), str))
        return next((" ".join(text.split()) for text in texts if text.strip()), "")

    def texts(self, *names: str) -> list[str]:
        """Give the texts of the first of these keys that is there; a single text is a list of one, commas part it."""
        value = next((self.values[name] for name in names if self.values.get(name) is not None), None)
        if isinstance(value, str):
            return [part.strip() for part in value.strip("[]").split(",") if part.strip()]
        return [one.strip() for one in value if isinstance(one, str) and one.strip()] if isinstance(value, list) else []

    def line(self, *names: str) -> int:
        """Give the line of the first of these keys that is there, else 1."""
        name = next((name for name in names if name in self.values), None)
        return (self.parsed.where((name,)).line or 1) + 1 if name and self.parsed else 1


def front_of(page: Page) -> Front:
    """Read the front matter of a page; one that cannot be read says why and is empty."""
    count = page.front
    if count < 2:
        return Front()
    text = "\n".join(page.text.split("\n")[1 : count - 1])
    with contextlib.suppress(InputError):
        parsed = parse(text, name=page.name)
        if isinstance(parsed.plain, dict):
            return Front(parsed.plain, parsed)
    return Front(fault=f"{page.name}: its front matter cannot be read")


def has_keys(page: Page, *names: str) -> bool:
    """Tell cheaply whether the front matter has all these keys."""
    count = page.front
    keys = {line.partition(":")[0].strip() for line in page.text.split("\n", count)[1:count] if ":" in line[:60]}
    return count > 1 and keys >= set(names)
