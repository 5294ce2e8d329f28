"""What a Spec Kit document says of its order in words: stories, phases and ids that wait for others, and chains of ids.

`User Story 3 depends on US1 & US2`, `T020-T022 depend on T006`, `T004 -> T005 -> T006`, rows of a table with such a column.
Said of ids it is a need; said of stories and phases it is an order like that of the phases themselves.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from orchestrator.prd import words
from orchestrator.prd.drafts import Draft
from orchestrator.prd.outline import Block, Heading, Item, Paragraph, Row
from orchestrator.prd.turns import barrier
from orchestrator.text.expressions import expression

#: Gives the tasks of `US3` or `Phase 2`.
Named = Callable[[str, int], list[Draft]]

_ONE = r"T\d{2,5}[a-z]?"
_LISTED = rf"{_ONE}(?:\s*(?:,|&|/|\+|-|–|~|\.\.|\band\b|\bto\b|\bet\b|、)\s*{_ONE})*"
_ARROW = r"(?:-{1,2}>|─*→|─+>|=>)"
_CHAIN = expression(rf"[`*(]*{_LISTED}(?:[\])`*]*\s*(?:\[[^\]]*\]\s*)?{_ARROW}\s*[`*(]*{_LISTED})+")
_BACK = expression(rf"({_LISTED})\s*(?:<-|←)\s*({_LISTED})")
_SPAN = expression(r"(?:phase\s*\S+|US\s*\d+|final|polish|setup|foundational)\W*\(\s*$", re.IGNORECASE)
_ABOUT = expression(r"depend|abhangig|зависим|依存|依赖|依賴|의존|(?:execution|completion|story) order", re.IGNORECASE)
_TABLE = expression(r"depend|block|after|requires|依存|依赖|依賴|의존", re.IGNORECASE)
_NEEDS = expression(
    r"\bdepend(?:s|ing|ent)?(?: only)? (?:up)?on\b|\bdepend(?:ent)? d[eu'’]s?|\bdependen? (?:de|del)\b|\brequires?\b|\bneeds\b"
    r"|\bblocked (?:by|on)\b|\bwaits? (?:for|on)\b"
    r"|\b(?:can start|starts?|can run|must (?:run|come|start)|begins?|proceeds?) after\b|\bhangt ab von\b|\babhangig von\b"
    r"|(?<![不無无])(?:依赖于?|依賴)|\bзависит от\b",
    re.IGNORECASE,
)
_BEHIND = expression(r"に依存|の後|(?:이후|에 의존)")
_BLOCKS = expression(
    r"\b(?:must|should) (?:be )?(?:complete|finish|completed|finished|done) before\b|\bblocks?:?\s", re.IGNORECASE
)
_NONE = expression(r"\b(?:no|not|without|aucune|sans|independent(?:ly)?|ne)\b[^,;.]*$", re.IGNORECASE)
_END = expression(r"[.;；。]|\s[-–—]\s|\bbut\b|\bcan be\b|\bindepend[ae]nt|\bunabhangig")
_GROUPS = expression(
    r"\b(?:(?P<story>user stor(?:y|ies)|stor(?:y|ies)|US)|(?P<phase>phases?))\s*-?\s*#?(?P<first>\d+)"
    r"(?:\s*[-–~]\s*(?:US|phase\s*)?(?P<last>\d+))?",
    re.IGNORECASE,
)
_IDS = expression(_LISTED)
#: The words in which a task says that it waits, whoever is meant.
_SAID = expression(
    r"\b(?:depend(?:s|ing|ent)(?: only)? (?:up)?on\b|(?:depends?|deps|dependenc(?:y|ies)):|blocked (?:by|on)\b"
    r"|waits? (?:for|on)\b)",
    re.IGNORECASE,
)
#: What stands before them where they speak of the task itself: nothing in their clause or bracket but the task.
_ITSELF = expression(
    r"(?:^|[.,;:(\[|→（。；、，\n—–]|\s-(?=\s))\s*(?:and\s+)?(?:(?:this(?: task)?|it|the task|task)\s+|(T\d+\w*)[\s:.)]+)?"
    r"(?:\[(?:P|US\d+)\]\s*)*(?:(?:also|only|is|still)\s+){0,2}$",
    re.IGNORECASE,
)
_BEFORE = 60  #: characters before the words that say who is meant
#: The ids right behind them, with nothing between but what makes them a list: `T001 (model), T002 and T003`.
_NEXT = rf"[ \t]*(?:,[ \t]*(?:and\b)?|&|/|\+|-|–|~|\.\.|\band\b|\bto\b|\bet\b|、)[ \t]*{_ONE}\b"
_DOES = r"(?:is|are|can|could|may|will|must|waits?|depends?|blocks?|needs?|uses?|follows?|goes|comes|runs?|starts?|then)\b"
_RUN = rf"{_ONE}\b(?:(?:[ \t]*\([^()\n]{{0,200}}\))?{_NEXT}(?![ \t]+{_DOES}))*"
_NOTHING = r"(?:no|not|nothing|none|until|till|while|before|unless|used|see|that|which|and|or|but|except|without)\b"
_WHAT = rf"(?!{_NOTHING})[a-z][\w/.-]{{0,60}}\b"
_DIRECT = expression(
    rf":?[ \t]*(?:(?:both|all(?: of)?|(?:the )?completion of|tasks?):?[ \t]+)*({_RUN})"
    rf"|:?[ \t]*(?:{_WHAT}[ \t]+){{1,4}}\([ \t]*({_RUN})[ \t]*\)",
    re.IGNORECASE,
)
_SAYS = ("depend", "deps", "block", "wait")
_FENCE = expression(r"\s*(`{3,}|~{3,})")
_HEADING = expression(r"#{1,6}\s+(.*)")
_BRACKETS = expression(r"\([^()]*\)|（[^（）]*）")


def read_needs(blocks: Sequence[Block], text: str, own: Mapping[str, Draft], named: Named) -> None:
    """Tie the tasks as the document says in words, outside of the tasks themselves."""
    taken = {draft.line for draft in own.values()}
    for line, about in _lines(blocks, text, taken):
        _chains(line, own)
        if about:
            _sentence(line, own, named)
    for block in blocks:
        if isinstance(block, Row) and _is_about(block.above):
            _row(block, own, named)


def said_needs(text: str, own: str) -> list[str]:
    """Give the ids that a task says it depends on: those right behind such words, in a clause that speaks of nothing else."""
    lower = text.lower()
    if not any(sign in lower for sign in _SAYS):
        return []
    plain = re.sub(r"[*`_]", "", re.sub(r"\*\*(?=Depend|Deps|Block|Wait)", "|", text))  # such words in bold begin what they say
    runs = [_DIRECT.match(plain, found.end()) for found in _SAID.finditer(plain) if _is_of(own, plain, found.start())]
    ids = dict.fromkeys(one for run in runs if run for one in _ids(_BRACKETS.sub(" ", run[1] or run[2])))
    return [one for one in ids if one != own]


def _is_of(own: str, text: str, here: int) -> bool:
    """Tell whether what is said from a place on is said of the task itself; in doubt it is not."""
    before = text[:here] if here <= _BEFORE else f"x{text[here - _BEFORE : here]}"  # the beginning is no beginning then
    found = _ITSELF.search(before)
    return found is not None and found[1] in (None, own)


def fold(text: str) -> str:
    """Give a text without the accents of its letters."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _lines(blocks: Sequence[Block], text: str, taken: set[int]) -> Iterator[tuple[str, bool]]:
    """Give the lines outside of tasks, and whether they stand below a heading about the order."""
    for block in blocks:
        if isinstance(block, Item):
            texts = [line for item in block.walk() if item.line not in taken for line in (item.text, *item.details)]
        else:
            texts = [block.text] if isinstance(block, Paragraph) else []
        about = not isinstance(block, Heading) and _is_about(block.above)
        yield from ((line, about) for one in texts for line in one.split("\n"))
    yield from ((line, False) for line in _fenced(text))


def _fenced(text: str) -> Iterator[str]:
    """Give the lines of fences below a heading about the order: drawn there, chains of ids are no example."""
    about, fence = False, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif fence and about:
            yield line
        elif not fence and (heading := _HEADING.match(line)):
            about = _tells_order(heading[1])


def _is_about(above: Sequence[Heading]) -> bool:
    return any(_tells_order(heading.text) for heading in above)


@lru_cache(maxsize=4096)
def _tells_order(heading: str) -> bool:
    return bool(_ABOUT.search(fold(heading)))


def _chains(line: str, own: Mapping[str, Draft]) -> None:
    for found in _CHAIN.finditer(line):
        links = [[own[one] for one in words.expand(part) if one in own] for part in re.split(_ARROW, found[0])]
        behind = line[found.end() : found.end() + 16].casefold()
        if behind.lstrip(" *`").startswith("depend"):
            links.reverse()
        elif len(links) == 2 and _SPAN.search(line[: found.start() + len(found[0]) - len(found[0].lstrip("`*("))]):
            continue  # `US1 (T007 -> T012)` tells from where to where a story goes
        for first, then in pairwise([link for link in links if link]):  # over one that there is not, order goes on
            _need(first, then)
    for found in _BACK.finditer(line):
        _need(*([own[one] for one in words.expand(part) if one in own] for part in (found[2], found[1])))


def _sentence(line: str, own: Mapping[str, Draft], named: Named) -> None:
    plain = re.sub(r"[*`_]", "", fold(line))
    if (found := _NEEDS.search(plain)) and not _NONE.search(plain[: found.start()][-30:]):
        _tie(_END.split(plain[found.end() :])[0], plain[: found.start()], own, named)
    elif found := _BLOCKS.search(plain):
        _tie(plain[: found.start()], _END.split(plain[found.end() :])[0], own, named)
    elif (found := _BEHIND.search(plain)) and (parts := re.split(r"[:：はが]", plain[: found.start()], maxsplit=1))[1:]:
        _tie(parts[1], parts[0], own, named)


def _row(row: Row, own: Mapping[str, Draft], named: Named) -> None:
    subject = next(iter(row.cells.values()), "")
    for column, cell in list(row.cells.items())[1:]:
        if _TABLE.search(fold(column)) and not re.match(r"\W*(?:none|no\b|independent|n/a|无|なし|없음)", cell, re.IGNORECASE):
            _tie(_END.split(fold(cell))[0] if "independent" in cell else fold(cell), subject, own, named)


def _tie(first: str, then: str, own: Mapping[str, Draft], named: Named) -> None:
    """Let what one text names wait for what another names."""
    before, after = _BRACKETS.sub(" ", first), _BRACKETS.sub(" ", then)
    waiting = [draft for group in _groups(after, named) for draft in group]
    if waiting:
        for group in _groups(before, named):
            if not {id(one) for one in group} & {id(one) for one in waiting}:
                barrier(group, waiting)
        ids = [own[one] for one in _ids(before) if one in own]
        if ids := [one for one in ids if one not in waiting] or ids:  # what is part of a story is nothing that it waits for
            barrier(ids, [one for one in waiting if one not in ids])
        return
    _need([own[one] for one in _ids(before) if one in own], [own[one] for one in _ids(after) if one in own])


def _groups(text: str, named: Named) -> list[list[Draft]]:
    return [group for found in _GROUPS.finditer(text) for number in _numbers(found) if (group := named(_kind(found), number))]


def _kind(found: re.Match[str]) -> str:
    return "phase" if found["phase"] else "story"


def _numbers(found: re.Match[str]) -> range:
    first, last = int(found["first"][:4]), int((found["last"] or found["first"])[:4])
    return range(first, last + 1) if first <= last <= first + 50 else range(first, first + 1)


def _ids(text: str) -> list[str]:
    return [one for found in _IDS.finditer(text) for one in words.expand(found[0])]


def _need(first: Sequence[Draft], then: Sequence[Draft]) -> None:
    for draft in then:
        draft.direct += [one for one in first if one is not draft and one not in draft.direct]
