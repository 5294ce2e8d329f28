"""A small world of paths, and what a claim holds in it by brute force.

A pattern is spelt out as regular expressions in each of its readings, so nothing here knows how the product compares claims.
"""

import itertools
import re

from hypothesis import strategies as st

NAMES = ("a", "b", ".aB", "[ab]")
#: Every path of up to three names.
WORLD = tuple("/".join(names) for depth in (1, 2, 3) for names in itertools.product(NAMES, repeat=depth))
_PIECES = (
    "a",
    "b",
    "A",
    ".a",
    "*",
    "?",
    "[ab]",
    "[!a]",
    "{a,b}",
    "{ab,{a,b}}",
    "**",
    "@(a|b)",
    "+(a|b)",
    "?(a)b",
    "*(b)",
    "!(a)",
    "\\a",
)
_NAME = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join) | st.sampled_from(["{a/b,b}", "@(a/b|b)"])
PATTERNS = st.builds(
    lambda names, folder: "/".join(names) + folder, st.lists(_NAME, min_size=1, max_size=3), st.sampled_from(["", "/"])
)
_CHOICE = re.compile(r"([@+?*!])\(([^()]*)\)")


def members(claim: str, *, literal: bool) -> set[str]:
    """Give the paths of the world that a claim holds: those it matches, and what lies below them.

    With `literal` a set and a choice stand for their own names, and a backslash for itself. A set that is a whole name does so
    anyway.
    """
    matching = re.compile("|".join(f"(?:{reading})" for reading in _readings(claim.rstrip("/"), literal=literal)), re.IGNORECASE)
    return {path for path in WORLD if any(matching.fullmatch(above) for above in _with_folders(path))}


def _with_folders(path: str) -> list[str]:
    names = path.split("/")
    return ["/".join(names[:end]) for end in range(1, len(names) + 1)]


def _readings(pattern: str, *, literal: bool) -> list[str]:
    """Spell braces out, then give each pattern as a regular expression."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces:
        return [
            reading
            for choice in braces[1].split(",")
            for reading in _readings(pattern[: braces.start()] + choice + pattern[braces.end() :], literal=literal)
        ]
    choices = [] if literal else _CHOICE.findall(pattern)
    plain = pattern if literal else _CHOICE.sub("\1", pattern)
    names = "/".join("\0" if name == "**" else _expression(name, literal=literal) for name in plain.split("/"))
    for sign, inside in choices:
        names = names.replace("\1", _chosen(sign, inside), 1)
    return [re.sub("(?:^|/)\0(?:/\0)*$", "(?:^|/).+", names).replace("\0/", "(?:[^/]+/)*")]


def _chosen(sign: str, inside: str) -> str:
    if sign == "!":
        return f"(?!(?:{inside})(?:/|$))[^/]*"
    return f"(?:{inside})" + sign.replace("@", "")


def _expression(name: str, *, literal: bool) -> str:
    if name == "[ab]":
        return re.escape(name)
    pieces = re.split(r"(\[!?[^]]+\]|\*+|\?|\\.)", name)
    return "".join(_piece(piece, literal=literal) for piece in pieces)


def _piece(piece: str, *, literal: bool) -> str:
    if piece.startswith("*"):
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and not literal:
        return piece.replace("[!", "[^/")
    if piece.startswith("\\") and not literal:
        return re.escape(piece[1:])
    return "\1" if piece == "\1" else re.escape(piece).replace("\\\x01", "\1").replace("\x01", "\1")
