"""Which words of a text are paths, and which of them the text says are written.

Back-ticks make a path certain sooner; bare words need a known ending or a slash at their end. Routes, versions,
domains, calls and package names look like paths and are none; a file that is only read (`per plan.md`) is not written.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import TypeAlias

from orchestrator.prd.file_names import BELOW, GROUNDED, KNOWN, NAMES, PRODUCTS, ROOTS
from orchestrator.text.expressions import expression

Place: TypeAlias = tuple[int, int, tuple[str, ...]]  #: begin and end of a word, and the paths that it stands for

_LONGEST = 400  #: characters of a word that could be a path
_MOST = 32  #: paths that one word with braces may stand for
_TICKED = expression(r"`([^`\n]{1,300})`")
_PART = r"(?:[A-Za-z0-9_.@+*-]|\[{1,2}[\w.-]+\]{1,2}|\([\w.-]+\)(?=/)|\{[\w.,-]+\})"
_BARE = expression(rf"(?<![\w`/.@:$\\\])}}-])((?:(?<!~)/)?(?:{_PART}+/)*(?:{_PART}*)/?)(?![A-Za-z0-9_/(@-])")
#: What every path holds: most words are dismissed by this alone.
_WHOLE = "|".join(sorted(name for name in NAMES if "." not in name))
_LOOKS = expression(rf"/|\.\w|{_WHOLE}")
_ENDS = KNOWN | {name.rpartition(".")[2].casefold() for name in NAMES if "." in name}
_ENDING = expression(rf"\.([A-Za-z0-9]+)|({_WHOLE})")
#: What every path with a slash holds that stands alone: an ending, a slash at its end, or a name that is known.
_BELOW = expression(rf"\.\w|/(?![A-Za-z0-9_/(@-])|{_WHOLE}")
#: A word that is nothing but a file, as most that name one are; only its ending and its name are to be looked up.
_CLEAR = expression(r"(?!http)((?:[A-Za-z0-9_][A-Za-z0-9_-]*/)*([A-Za-z0-9_][A-Za-z0-9_-]*\.([a-z0-9]+)))(\.?)[,;]?")
#: What may stand behind a path and is no part of it: lines, a symbol, an anchor, a remark in brackets.
_BEHIND = expression(r"(?:\s+\([^)]*\)|::.*|#.*|:L?\d[\dL,:–-]*(?:\s*,\s*\d[\d–-]*)*)$")
_SYMBOL = expression(r"(\.\w{1,5}):[A-Za-z_][\w.]*(?:\(\))?$")
_HIDDEN = "\u2588"  #: stands for what is in back-ticks while bare words are looked for
_BOLD = expression(r"^\*\*(?!/)|(?<!/)\*\*$")
_ITALIC = expression(r"^_?(.*\.[A-Za-z]\w*?)_$")
_STARRED = expression(r"^\*([\w/][^*]*\w)\*$")
_BRACES = expression(r"\{([^{},]*(?:,[^{},]*)+)\}")
_URL = expression(r"\b[a-z][a-z0-9+.-]*://\S+")
_HOST = expression(r"(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|app|ai|co|gov|edu|me|sh)", re.IGNORECASE)
_SPACE = expression(r"[A-Z]\w*(?:\.[A-Z]\w*)*\.(?!Rmd$)[A-Z][a-z]+")  #: a namespace: `System.Text.Json`
_PLAN = expression(r"\d+(?:\.\d+)?-\d+-PLAN\.md")  #: a plan of GSD: it is carried out, never written
_VERSION = expression(r"v?\d+(\.\d+)+")
#: A sign of a name that Markdown's own escape stands before.
_ESCAPED = expression(r"(?<=[\w/\]-])\\([_\[\]])|\\(\*)")
#: A path as Windows writes it; a drive makes it one of that machine. A line's end that is written out is no folder: `a.ts\n2.`
_WINDOWS = expression(
    r"(?<![\\\w:/.])(?:[A-Za-z]:\\)?\.{0,2}[\w@-]+(?:\\(?!n\b|n[A-Z\d])\.?[A-Za-z0-9@*][\w@*-]*)+(?:\.[\w@*-]+)*"
)
#: First folders that routes begin with too: `/api/`, `/docs/`.
_ROUTES = frozenset(
    ["app", "server", "client", "api", "web", "models", "docs", "doc", "public", "assets", "pages", "deploy", "services", "test"]
)
_VERB = expression(
    r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|(?:served|available|accessible|reachable|exposed|hosted) (?:at|on|under))\W*$"
)
#: Words right before a path that say that it is read.
_READ = expression(
    r"(?:(?:(?-i:\bSee)|(?:^|[(（.;:,–—-])\s*see|\b(?:per|see also|according to|based on|following|follows?|against|similar to"
    r"|same as|reuses?|re-?runs?|runs?|(?:run|npx|-m) (?:pytest|vitest(?: run)?|jest|mypy|ruff(?: check)?|eslint)"
    r"|run(?:ning)? through|executes?|refer(?:s|ring)? to|reads?|reading|references?"
    r"|(?:described|defined|specified|documented|outlined|listed) (?:in|by)|siehe|gemäß|laut|voir|selon|según|conforme a))\b"
    r"|参考|参照|参见|根据|依据|按照)(?: the| an?)?[\s:：*_(（]*(?:\[[^\]]*\]\()?`?$",
    re.IGNORECASE,
)
_READ_BEHIND = expression(r"`?\s*(?:を参照|に従|に基づ|の通り)")
#: How the words end that say so, before an article: a cheap look that spares the careful one.
_READ_ENDS = (
    *("pytest", "vitest", "vitest run", "jest", "mypy", "ruff", "ruff check", "eslint"),
    *("see", "per", "see also", "ing to", "based on", "following", "follow", "follows", "against", "lar to", "same as", "reuse"),
    *("reuses", "run", "runs", " through", "execute", "executes", "fer to", "fers to", "read", "reads", "reading", "reference"),
    *("references", "ed in", "ed by", "siehe", "laut", "voir", "selon", "conforme"),
)
_STRANGE = expression(r"[ \t\"'<>|$=;,\\?^]")
_TELLING = expression(r"[^\W_]")
_AND = expression(r"[`)\s]*(?:,|、|&|\+|/|and|or|und|et|y|と)?(?:\s*and)?[\s`(]*", re.IGNORECASE)


def find_paths(text: str) -> tuple[str, ...]:
    """Give the paths that a text says are written, in order, each once."""
    if not _LOOKS.search(text):
        return ()
    said = text.split() if len(text) <= _LONGEST else [word for word in text.split() if len(word) <= _LONGEST]
    clean = " ".join(said)
    clean = _URL.sub(" ", clean) if "://" in clean else clean
    clean = _spelt(clean) if "\\" in clean else clean
    found: dict[str, None] = {}
    read = -1  #: where the last path ended that is only read
    for start, end, paths in sorted([*_ticked(clean), *_bare(clean)]) if "`" in clean else _bare(clean):
        if _is_read(clean, start, end, read):
            read = end
        else:
            found.update(dict.fromkeys([path for path in paths if not _is_route(path, clean[max(0, start - 20) : start])]))
    return tuple(found)


def _clear(word: str) -> re.Match[str] | None:
    """Read a word that is nothing but a file whose ending everybody knows; None says nothing of it."""
    found = _CLEAR.fullmatch(word)
    if found and found[3] in KNOWN and found[2].lower() not in PRODUCTS and not found[2].endswith("-PLAN.md"):
        return found
    return None


def _spelt(text: str) -> str:
    """Write the paths of a text with backslashes as those of every other text are written."""
    return _WINDOWS.sub(lambda found: found[0].replace("\\", "/"), _ESCAPED.sub(r"\1\2", text))


def is_path(word: str, *, ticked: bool) -> bool:
    """Tell whether a word is surely meant as a path of the project."""
    if not word or _STRANGE.search(word) or word.startswith(("-", "@", "~", "http")) or "://" in word:
        return False
    parts = word.strip("/").split("/")
    if not _TELLING.search(word) or "//" in word or word.endswith("()") or _is_other(word, parts, ticked=ticked):
        return False
    if _is_file(word):
        return True
    is_folder = word.endswith(("/", "/**", "/**/*"))
    if word.startswith("/") and parts[0] not in (ROOTS - _ROUTES if is_folder else GROUNDED):
        return False
    if is_folder:
        return True
    if word.endswith("/*") and parts[0] in ROOTS:  # `image/*` is a type
        return True
    return ticked and len(parts) > 1 and parts[0] in ROOTS and "(" not in word.replace("/(", "/")


def _ticked(text: str) -> Iterator[Place]:
    for found in _TICKED.finditer(text):
        if paths := _in_ticks(found[1]):
            yield found.start(), found.end(), paths


@lru_cache(maxsize=8192)
def _in_ticks(word: str) -> tuple[str, ...]:
    """Give the paths of what stands in one pair of back-ticks; kept, since a document names the same files again and again."""
    if (clear := _clear(word)) and clear.end(1) == len(word):
        return (word,)
    if "{" not in word and not _LOOKS.search(word):
        return ()
    return tuple([path for one in _spread(word.strip()) if is_path(path := _bounded(one), ticked=True)])


def _bare(text: str) -> Iterator[Place]:
    """Give the words without back-ticks that are paths, in order; the text has no other white space than spaces."""
    rest = _TICKED.sub(lambda found: _HIDDEN * len(found[0]), text) if "`" in text else text
    behind = 0
    for sign in _LOOKS.finditer(rest):
        if sign.start() >= behind:
            start = rest.rfind(" ", 0, sign.start()) + 1
            behind = rest.find(" ", start)
            behind = len(rest) if behind < 0 else behind
            for begin, end, paths in _in_word(rest[start:behind]):
                yield start + begin, start + end, paths


def _in_word(word: str) -> tuple[Place, ...]:
    """Give the paths of a bare word, with their places in it."""
    if clear := _clear(word):
        return ((0, clear.end(4), (clear[1],)),)
    return _sought(word) if _may_hold_path(word) else ()


@lru_cache(maxsize=8192)
def _sought(word: str) -> tuple[Place, ...]:
    places = []
    for found in _BARE.finditer(word):
        name = found[1].rstrip(".,;")
        name = _ITALIC.sub(r"\1", name) if name.endswith("_") else name
        name = _bounded(_BOLD.sub("", name) if "**" in name else _STARRED.sub(r"\1", name))
        if name and not _is_cut_off(name, word[found.end() :]):
            paths = tuple([path for path in _spread(name) if is_path(path, ticked=False)])
            places += [(found.start(), found.end(), paths)] if paths else []
    return tuple(places)


def _may_hold_path(word: str) -> bool:
    """Tell cheaply whether a bare word could hold a path; only a sure no is one."""
    if "{" in word:
        return True
    if "/" in word:
        return _BELOW.search(word) is not None
    return any(name or ending.lower() in _ENDS for ending, name in _ENDING.findall(word))


def _bounded(word: str) -> str:
    """Leave out what stands behind a path and is no part of it."""
    return _SYMBOL.sub(r"\1", _BEHIND.sub("", word)) if ":" in word or "#" in word or "(" in word else word


def _spread(word: str) -> list[str]:
    """Write braces out: `src/{a,b}.ts` is two files; so is a list in one pair of back-ticks."""
    if ", " in word and "{" not in word:
        return [part.strip() for part in word.split(", ")]
    pieces = _BRACES.split(word) if "{" in word else [word]
    if len(pieces) == 1:
        return [word]
    choices = [piece.split(",") if place % 2 else [piece] for place, piece in enumerate(pieces)]
    whole = ["".join(part.strip() for part in one) for one, _ in zip(product(*choices), range(_MOST + 1), strict=False)]
    return whole if len(whole) <= _MOST else [word]


def _is_read(text: str, start: int, end: int, read: int) -> bool:
    """Tell whether a path is only read: a word before it says so, or it follows such a one in a list."""
    before = text[max(0, start - 60) : start]
    listed = 0 <= read <= start and bool(_AND.fullmatch(text[read:start]))
    return listed or (_may_say_read(before) and bool(_READ.search(before))) or bool(_READ_BEHIND.match(text, end))


def _may_say_read(before: str) -> bool:
    """Tell cheaply whether what stands before a path could say that it is read; only a sure no is one."""
    if "[" in before or not before.isascii():
        return True
    last = before.rstrip(" :*_(`").lower()
    for article in (" the", " an", " a"):
        last = last.removesuffix(article)
    return last.endswith(_READ_ENDS)


def _is_route(path: str, before: str) -> bool:
    """Tell whether the word before says that it is an address: `POST api/v1/users`, `GET /openapi.json`."""
    return bool(_VERB.search(before)) and (path.startswith("/") or not _is_file(path))


def _is_cut_off(name: str, behind: str) -> bool:
    """Tell whether other letters go on behind a slash, so that it was no folder: `Cookie/セッション`."""
    goes_on = behind[:1].isalnum() or behind[:1] in {_HIDDEN, "∞"}
    return name.endswith("/") and goes_on and not ROOTS & set(name.split("/"))


def _is_file(word: str) -> bool:
    """Tell whether the last name of a word is one that files bear."""
    name = word.rstrip("/").rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    if name in NAMES:
        return True
    if not dot or _VERSION.fullmatch(word) or not (stem or "/" in word) or _SPACE.fullmatch(word) or _PLAN.fullmatch(name):
        return False
    return ending.casefold() in KNOWN or ("/" in word and (ending.casefold() in BELOW or _is_rooted(word, ending)))


def _is_rooted(word: str, ending: str) -> bool:
    """Tell whether a word with an ending that nobody knows begins in a folder that everybody has."""
    return word.partition("/")[0] in ROOTS and ending.isalnum() and ending[0].islower() and len(ending) <= 12


def _is_other(word: str, parts: list[str], *, ticked: bool) -> bool:
    """Tell products, properties and hosts from files."""
    if word.casefold() in PRODUCTS and (not ticked or word.casefold().endswith((".env", ".json"))):
        return True
    if not ticked and any(part.casefold() in PRODUCTS for part in parts):
        return True
    return len(parts) > 1 and bool(_HOST.fullmatch(parts[0]))
