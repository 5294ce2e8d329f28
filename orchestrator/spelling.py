"""The word that was probably meant, for the hint of an error; only a near one is offered, and never a guess acted upon."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Give a hint to the known word that comes nearest; empty if none does."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else ""
