"""The word that was probably meant, for the hint of an error; only a near one is offered, and never a guess acted upon."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Give a hint to the known word that comes nearest; empty if none does."""
    names = list(known)
    by_sound = {name.casefold(): name for name in reversed(names)}
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    found = found or [by_sound[name] for name in get_close_matches(word.casefold(), list(by_sound), n=1, cutoff=0.6)]
    return f"did you mean {found[0]!r}?" if found else ""
