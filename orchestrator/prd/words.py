"""The conventions by which people mark headings, ids, needs and gates in Markdown."""

import re

_WORK = re.compile(
    r"^(?:\d+[.)]?\s*)?(?:tasks?|to-?dos?|task (?:list|breakdown)|work (?:items|breakdown)|implementation (?:plan|tasks|steps)"
    r"|action items|development tasks|next steps)\b",
    re.IGNORECASE,
)
_STREAM = re.compile(r"^(?:work\s*)?stream\s+\w+\s*[:.-]\s*(.+?)(?:\s*\((\d+)\s+tasks?\))?\s*$", re.IGNORECASE)
_PHASE = re.compile(r"^(?:phase|milestone|step|sprint|epic)\s+[\w.]+\s*[:.-]?\s*(.*)$", re.IGNORECASE)
_ELSE = re.compile(
    r"\b(?:goals?|non-goals?|success criteria|acceptance|criteria|risks?|open questions?|future|out of scope|verification"
    r"|definition of done|timeline|overview|background|constraints?|dependencies|test plan|notes?|references?|metrics|glossary"
    r"|assumptions|checklist|mitigation|quality gates?|changelog)\b",
    re.IGNORECASE,
)
_WISH = re.compile(r"\b(?:features?|requirements?|user stories|scope|mvp|capabilities|deliverables)\b", re.IGNORECASE)
_ID = re.compile(
    r"^(?:\*\*)?(?:Task\s+)?(?:(T\d{1,5}[a-z]?|[A-Z][A-Z0-9]{1,9}-\d{1,6})(?:\*\*)?(?:[:.)]+(?:\*\*)?|\s)|([A-Z]{1,6}\d{1,5}[a-z]?)(?:\*\*)?[:)](?:\*\*)?"
    r"|(\d{1,4}(?:\.\d{1,4})+[a-z]?)(?:\*\*)?[.:)]?(?:\*\*)?\s|(\d{1,6})(?:\*\*)?[.:)](?:\*\*)?\s)\s*(?=\S)"
)
_REFERENCE = r"(?:[A-Z][A-Z0-9]*-?\d+(?:\.\d+)*[a-z]?|\d+(?:\.\d+)*[a-z]?)"
_NEEDS = re.compile(
    r"\(?\b(?:depends?\s+on|dependenc(?:y|ies)|needs|requires|blocked\s+by|after)\b\s*:?\s*(?:tasks?\s+)?"
    rf"({_REFERENCE}(?:\s*(?:,|and|&|\+|-|~|\.\.|to)\s*{_REFERENCE})*)(?![\w-])\)?",
    re.IGNORECASE,
)
_NEEDS_LINE = re.compile(
    r"^[-*\s]*(?:\*\*)?(?:depends?\s+on|dependenc(?:y|ies)|needs|requires|blocked\s+by)(?:\*\*)?\s*:\s*(?:\*\*)?\s*(.+)$",
    re.IGNORECASE,
)
_SPAN = re.compile(rf"({_REFERENCE})\s*(?:-|~|\.\.|to)\s*({_REFERENCE})", re.IGNORECASE)
_GATE = re.compile(
    r"\b(?:checkpoint|manual(?:ly)? (?:verif|test|check|review)\w*|user manual verification"
    r"|human (?:review|approval|verif\w*)|sign-?off)\b",
    re.IGNORECASE,
)
_PARALLEL = re.compile(r"\s*(?:\[P\]|\(P\))\s*")
_NONE = re.compile(r"^(?:none|nothing|n/?a|-|no)\b", re.IGNORECASE)


def is_work(heading: str) -> bool:
    """Tell whether list items below the heading are tasks."""
    return bool(_WORK.match(_bare(heading)))


def is_else(heading: str) -> bool:
    """Tell whether what stands below the heading looks like work and is none."""
    return bool(_ELSE.search(_bare(heading))) and not is_work(heading)


def is_wish(heading: str) -> bool:
    """Tell whether the heading introduces features or requirements."""
    return bool(_WISH.search(_bare(heading)))


def stream_of(heading: str) -> tuple[str, int | None] | None:
    """Give name and announced number of tasks of a `Stream n: name (k tasks)` heading."""
    found = _STREAM.match(_bare(heading))
    return (found[1].strip(), int(found[2]) if found[2] else None) if found else None


def is_phase(heading: str) -> bool:
    """Tell whether the heading names a phase, a milestone or a step."""
    return bool(_PHASE.match(_bare(heading)))


def split_id(text: str) -> tuple[str | None, str]:
    """Split an id written before the text: `T001 Create ...`, `1.2 ...`, `AUTH-7: ...`."""
    found = _ID.match(text)
    if not found:
        return None, text
    return next(group for group in found.groups() if group), text[found.end() :].strip()


def references(text: str) -> tuple[tuple[str, ...], str]:
    """Give the ids that a text says it depends on, spans written out, and the text without that remark."""
    found = _NEEDS.search(text)
    if not found:
        return (), text
    return expand(found[1]), (text[: found.start()].rstrip(" (,;") + text[found.end() :]).strip()


def needs_line(text: str) -> str | None:
    """Give what a line `Dependencies: ...` names; None if it is no such line, empty if it names nothing."""
    found = _NEEDS_LINE.match(text.strip())
    if not found:
        return None
    return "" if _NONE.match(found[1].strip("*` ")) else found[1].strip()


def expand(listed: str) -> tuple[str, ...]:
    """Write a list of ids out: `T1, T3-T5` is T1, T3, T4, T5."""
    ids: dict[str, None] = {}
    rest = listed
    for span in _SPAN.finditer(listed):
        ids.update(dict.fromkeys(_between(span[1], span[2])))
        rest = rest.replace(span[0], " ")
    ids.update(dict.fromkeys(re.findall(_REFERENCE, rest)))
    return tuple(ids)


def is_gate(text: str) -> bool:
    """Tell whether the text asks for a person."""
    return bool(_GATE.search(text))


def without_parallel(text: str) -> tuple[bool, str]:
    """Take a parallel mark out of a text; tell whether there was one."""
    plain = _PARALLEL.sub(" ", text).strip()
    return plain != text.strip(), plain


def plain(text: str) -> str:
    """Give a title without emphasis, in one line."""
    return " ".join(re.sub(r"\*\*|__", "", text).split())


def _between(first: str, last: str) -> list[str]:
    """Write a span of ids out; one whose ends do not fit is left as its two ends."""
    one, other = re.fullmatch(r"(.*?)(\d+)", first), re.fullmatch(r"(.*?)(\d+)", last)
    if not one or not other or (other[1] and one[1] != other[1]) or not 0 <= int(other[2]) - int(one[2]) <= 500:
        return [first, last]
    width = len(one[2])
    return [f"{one[1]}{number:0{width}d}" for number in range(int(one[2]), int(other[2]) + 1)]


def _bare(heading: str) -> str:
    return re.sub(r"^[\W_]+|[*_`]", "", heading).strip()
