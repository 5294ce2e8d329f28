"""What tools leave behind in a workspace and nobody wants committed, where the repository itself does not ignore it.

A name is only a guess, and so it never outweighs a word: what a task or a lock names at or below such a name is work, and what
git holds already is looked at like everything else. Only what squad itself put there is never an agent's.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import pathspec

from orchestrator.claims import Claim, is_operation
from orchestrator.patterns import lies_in

Rule: TypeAlias = Callable[[str], bool]  #: whether a path is nobody's work
OWN = "/.squad/"  #: squad's own, at the root alone
BYPRODUCTS = (
    *("__pycache__/", "*.pyc", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".tox/", ".venv/"),
    *("*.egg-info/", "node_modules/", ".npm/", ".next/", ".turbo/", ".DS_Store", "*.swp", ".aider*"),
)

_GUESSED = pathspec.GitIgnoreSpec.from_lines(BYPRODUCTS)


def rule(put_there: Iterable[str], named: Iterable[str] = ()) -> Rule:
    """Give what tells whether a new file is nobody's work.

    Args:
        put_there: What squad put there.
        named: What the task or its locks name; counts where it is itself of such a name, or lies below one.
    """
    squads = pathspec.GitIgnoreSpec.from_lines([OWN, *(f"/{name.strip('/')}" for name in put_there)])
    words = named_ones(named)

    def is_left_out(path: str) -> bool:
        return squads.match_file(path) or (_GUESSED.match_file(path) and not any(lies_in(path, word) for word in words))

    return is_left_out


def named_ones(claims: Iterable[str]) -> list[Claim]:
    """Give the claims that are of a by-product's name, or lie below one."""
    return [Claim(one) for one in claims if not is_operation(one) and _GUESSED.match_file(f"{one}/")]
