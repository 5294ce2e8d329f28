"""What of a parent's own work none of its parts does.

A parent with children is not run itself. Where all that stands below it surely does nothing but test it, as Kiro's lists part
their tasks, its own work would be nobody's: the first part that can be run does it, and is told so. Where nobody knows whether
that work is done already, or whose it would be, a warning says that no part does it, and nothing is handed on. The children of
a step for a person are steps for a person too, unless they make something or name a file.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TypeAlias

from orchestrator.model import Mark
from orchestrator.prd import words
from orchestrator.prd.drafts import Draft
from orchestrator.text.expressions import expression

Parts: TypeAlias = dict[int, list[Draft]]  #: the children of each parent, by its `id()`

#: What tests are called that are no product: a form, a model or a page of tests is one.
_KIND = (
    r"(?:unit|integration|property(?:-based)?|e2e|end-to-end|component|regression|smoke|performance|load|stress|contract|snapshot"
    r"|accessibility|browser|system|automated)"
)
_OF_WHAT = r"(?:(?!(?:and|with|plus|then|to|that|for|of|in|under|via|until|\w+ing) )[\w-]+ ){0,4}"
#: A task that tests, by how its title begins.
_TESTS = expression(
    rf"\W*+(?:optional\W+)?(?:(?:(?:write|add|create|implement|run|perform|execute) )?{_OF_WHAT}"
    rf"{_KIND}(?:(?:,|,? and|/| &) ?{_KIND}){{0,3}} tests?|(?:write|run) (?:the |all )?tests)(?:\W*$| (?:for|of|in|that)\b)"
    r"|(?:为[^并与和及、，,]{1,24})?(?:编写|撰写)(?:[^并与和及、，,]{1,24}的)?(?:单元|集成|端到端|属性|回归)测试$"
    r"|(?:[^とやし、]{1,24}の)?(?:単体|ユニット|結合|統合|E2E|プロパティ)テスト(?:を?(?:作成|追加|実施)(?:する)?)?$"
    r"|(?:[^와과및고, ]{1,24} )?(?:단위|통합|E2E|속성) ?테스트(?: ?(?:작성|추가))?$",
    re.IGNORECASE,
)
_FURTHER = expression(r"\b(?:and|then|plus)\b|[,;&+:—–]")
#: What a task does that does more than test.
_BUILDS = expression(
    r"\b(?:implement|build|create|add|develop|make|fix|write|extend|refactor|replace|remove|integrate|connect|wire|configure"
    r"|set ?up|update|move|migrate|introduce|expose|render|store)\b",
    re.IGNORECASE,
)
#: How a line below its title begins that says so; `Create a token` and `Store it` are steps of a test as well.
_LINE_BUILDS = expression(r"[\W_]*+(?:implement|build|develop|refactor|add|extend|integrate|introduce|wire|fix)\b", re.IGNORECASE)
_OF_TESTS = expression(r"test|mock|fixture|stub", re.IGNORECASE)
#: Where tests lie, and how their files are called.
_TEST_FILE = expression(r"(?:^|[/_.-])(?:tests?|__tests__|specs?|e2e|fixtures|mocks?)(?:[/_.-]|$)|Tests?\.\w+$")
#: A word for tests or for what runs them: what a parent with it asks for are the tests.
_ABOUT_TESTS = expression(
    r"\btest|测试|測試|テスト|테스트|\bprueba|\bteste|тест|\b(?:qa|checkpoint|ci|cd|pipelines?|workflows?|runners?)\b",
    re.IGNORECASE,
)
_CHECKS = expression(r"\b(?:quality|verif\w*|validat\w*|coverage|review)\b", re.IGNORECASE)
_ENDED = frozenset({Mark.DONE, Mark.DEFERRED})
_FEW = 6  #: parents that a warning names
_LONGEST = 60  #: characters of a title in a warning


def hand_down(drafts: Sequence[Draft]) -> list[str]:
    """Give the own work of parents whose parts only test it to the first part that can be run; gives warnings."""
    parts: Parts = {}
    for draft in drafts:
        if draft.parent is not None:
            parts.setdefault(id(draft.parent), []).append(draft)
            draft.gate = draft.gate or (draft.parent.gate and not draft.paths and not words.makes(draft.title))
    given: list[str] = []
    lost: list[str] = []
    for parent in drafts if parts else ():
        if id(parent) not in parts or not _only_tested(parent, parts):
            continue
        heir = _heir(parent, list(_below(parent, parts)), parts)
        if heir is None:
            lost.append(f"{parent.final_id} ({_shown(parent.title)})")
        else:
            given.append(f"{parent.final_id} ({heir.final_id})")
    return [
        *_told("tasks whose parts only test them: what they ask for is done in the part in brackets", given),
        *_told("tasks whose parts only test them: no part does what they ask for, if it is not done yet", lost),
    ]


def _told(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what}: {', '.join(names[:_FEW])}{' ...' if len(names) > _FEW else ''}"] if names else []


def _shown(title: str) -> str:
    return title if len(title) <= _LONGEST else f"{title[:_LONGEST]}..."


def _below(parent: Draft, parts: Parts) -> Iterator[Draft]:
    """Give what stands below a task at any depth, in order; parents that are said to lie below themselves are met once."""
    todo, seen = parts.get(id(parent), [])[::-1], {id(parent)}
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += parts.get(id(one), [])[::-1]


def _only_tested(parent: Draft, parts: Parts) -> bool:
    """Tell whether a task asks for more than tests, and all that stands below it surely only tests."""
    if parent.gate or parent.mark is Mark.DONE or _is_deferred(parent) or _ABOUT_TESTS.search(parent.title):
        return False
    if not parent.text and _CHECKS.search(parent.title) and not words.makes(parent.title):
        return False
    known = frozenset(parent.paths)
    if not all(_tests(one, known) for one in _below(parent, parts)):
        return False
    opened = [one for one in _below(parent, parts) if one.mark not in _ENDED]
    return any(not one.gate or _asks(parent) for one in opened)


def _asks(parent: Draft) -> bool:
    """Tell whether a task surely asks for something to be made, and is no mere name of its parts."""
    return words.makes(parent.title) or bool(parent.paths)


def _tests(draft: Draft, known: frozenset[str]) -> bool:
    """Tell whether a task only tests: it says so, makes nothing besides, and names no source file that its parent does not."""
    if draft.gate:
        return True
    found = _TESTS.match(draft.title) if "test" in draft.title.lower() or not draft.title.isascii() else None
    if found is None or not all(path in known or _TEST_FILE.search(path) for path in draft.paths):
        return False
    further = _FURTHER.search(draft.title, found.end())
    if further and _BUILDS.search(draft.title, further.end()):
        return False
    return not any(_makes(line) for line in draft.text.split("\n"))


def _makes(line: str) -> bool:
    """Tell whether a line below a title begins by saying what is to be made, other than for tests."""
    return bool(_LINE_BUILDS.match(line)) and not _OF_TESTS.search(line)


def _heir(parent: Draft, below: Sequence[Draft], parts: Parts) -> Draft | None:
    """Hand a parent's own work to the first leaf that is open and no person's; none where a part is done: it may have done it."""
    leaves = [one for one in below if id(one) not in parts]
    heir = next((one for one in leaves if one.mark is not Mark.DONE and not one.gate and not _is_deferred(one)), None)
    if heir is None or any(one.mark is Mark.DONE for one in below) or not _asks(parent):
        return None
    between = list(takewhile(lambda one: one is not parent, _up(heir)))
    if not parent.paths and any(one.paths for one in between[1:]):
        return None  # they say where the tests lie, and nothing says where the work does
    if any(one.gate and one in heir.after for one in leaves):
        return None  # a person would look at what is not made yet
    if any(one in heir.direct for one in below):
        return None  # others would test what it has not made yet
    _give(parent, heir, next((one.paths for one in between if one.paths), ()))
    for later in leaves[leaves.index(heir) + 1 :]:
        later.after = [*later.after, *([] if heir in later.after else [heir])]
    return heir


def _give(parent: Draft, heir: Draft, declared: Sequence[str]) -> None:
    """Tell a part to do its parent's own work first; what that writes is not known where the parent does not say it."""
    asked = "\n".join(filter(None, (parent.title, parent.text)))
    heir.text = f"Do this first, it is no other task's: {asked}\n\nThen: {heir.title}\n{heir.text}".strip()
    heir.paths = tuple(dict.fromkeys((*declared, *parent.paths))) if parent.paths else ()
    heir.is_nothing = False


def _is_deferred(draft: Draft) -> bool:
    return any(one.mark is Mark.DEFERRED for one in _up(draft))


def _up(draft: Draft) -> Iterator[Draft]:
    """Give a task and the parents above it, nearest first."""
    seen = set[int]()
    one: Draft | None = draft
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.parent
