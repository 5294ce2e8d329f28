"""The name that was meant: exactly, else the only one that begins so; a near one is offered, and never a guess acted upon."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from orchestrator.errors import UsageError

_SHOWN = 16  #: names that an error lists


class NothingSo(UsageError):
    """Nothing of the kind has that name."""

    def __init__(self, name: str, known: Collection[str], *, what: str) -> None:
        near = nearest(name, known)
        super().__init__(f"there is no {what} {name!r}", hint=near or f"known: {', '.join(list(known)[:_SHOWN])}")
        self.name = name


class AmbiguousName(UsageError):
    """Several of the kind begin so."""

    def __init__(self, name: str, fitting: list[str]) -> None:
        super().__init__(f"{name!r} may be any of {', '.join(fitting[:_SHOWN])}", hint="name one of them")
        self.fitting = fitting


def nearest(word: str, known: Iterable[str]) -> str:
    """Give a hint to the known word that comes nearest; empty if none does."""
    names = list(known)
    by_sound = {name.casefold(): name for name in reversed(names)}
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    found = found or [by_sound[name] for name in get_close_matches(word.casefold(), list(by_sound), n=1, cutoff=0.6)]
    return f"did you mean {found[0]!r}?" if found else ""


def nearest_or_all(word: str, known: Iterable[str], label: str) -> str:
    """Give a hint to the known word that comes nearest, else to all of them: `forms: mermaid, ascii`."""
    names = list(known)
    return nearest(word, names) or f"{label}: {', '.join(names)}"


def meant(name: str, known: Collection[str], *, what: str, beside: Collection[str] = ()) -> str:
    """Find the name that is meant; `agent-1` is agent-1-frontend, and not agent-10. Those beside count where no other begins so.

    Raises:
        UsageError: None begins so, or several do.
    """
    if name in known or name in beside:
        return name
    whole = [one for one in known if one.startswith(f"{name}-")]
    fitting = (whole if len(whole) == 1 else []) or _begin(name, known) or _begin(name, beside)
    fitting = fitting or [one for one in known if one.casefold() == name.casefold()]
    if not fitting:
        raise NothingSo(name, [*known, *beside], what=what)
    if len(fitting) > 1:
        raise AmbiguousName(name, fitting)
    return fitting[0]


def _begin(name: str, known: Collection[str]) -> list[str]:
    return [one for one in known if name and one.startswith(name)]
