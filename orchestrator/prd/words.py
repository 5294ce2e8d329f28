"""The conventions by which people mark headings, ids, needs and gates in Markdown."""

import re
from functools import lru_cache

from orchestrator.prd import tongues
from orchestrator.text.expressions import expression

_STREAM = expression(r"^(?:work\s*)?stream\s+\w+\s*[:.–—-]\s*(.+?)(?:\s*\((\d+)\s+tasks?\))?\s*$", re.IGNORECASE)
#: What a part of the work calls itself before its name: `Stream A: ...`, `Phase 2 - ...`.
_GROUP = expression(
    r"(?:\d+(?:\.\d+)*[.)]?\s*)?(?:work\s*)?(stream|phase|agent|milestone|sprint|epic|track|stage|week)\s+#?(\d{1,3}|[a-z])\b",
    re.IGNORECASE,
)
_AGENT = expression(r"^agent\s+#?(?:\d{1,3}|[a-z])\b\s*(?:[:.–—-]\s*(.+?)|\((.+)\))(?:\s*\(.*\))?\s*$", re.IGNORECASE)
_ONE = expression(
    rf"^(?:{tongues.UNIT}\s*#?[\w.-]*\d[\w.-]*\s*(?:[:：.)–—-]|\s)|(?![PQVH]\d\b)[A-Z]{{1,9}}-?\d{{1,6}}[a-z]?\s*[:：.)–—-])\s*\S",
    re.IGNORECASE,
)
_NUMBERED = expression(r"^\d+(?:\.\d+)*[.)、]?\s*\S")
_BEFORE = expression(r"^\d+(?:\.\d+)*[.)、]?\s+")  #: the number of a heading
_ELSE_WORD = (
    r"(?:goals?|non-?goals?|criteria|acceptance|risks?|mitigations?|questions?|future(?: work| ideas)?|out of scope|scope"
    r"|verification|definition of done|timeline|overview|background|legend|constraints?|dependenc(?:y|ies)|test plan|notes?"
    r"|references?|metrics|glossary|assumptions|checklists?|quality gates?|changelog|summary|introduction|context|appendix"
    r"|objectives?|user (?:flows?|journeys?)|personas?|indicators|considerations|demo script|anti-?patterns)"
)
_ELSE = expression(
    r"^(?:\d+(?:\.\d+)*[.)]?\s*)?(?:(?:success|status|task status|"
    r"acceptance|exit|performance|functional|non-functional|key|open|known|project"
    rf"|other|potential|quality|technical|shared|estimated|external|implementation|release)\s+)*{_ELSE_WORD}"
    rf"(?:(?:\s+|\s*[&/,]\s*|\s+and\s+){_ELSE_WORD})*\s*(?:$|[:(–—]|-\s|(?:for|of|on|to|and)\s)",
    re.IGNORECASE,
)
_ID = expression(
    rf"^(?:\*\*)?(?:(?i:{tongues.UNIT})\s*#?)?"
    r"(?:(T\d{1,5}[a-z]?|[A-Z][A-Z0-9]{1,9}(?:-[A-Z][A-Z0-9]{0,9})*-\d{1,6})(?:\*\*)?(?:[:：.)]+(?:\*\*)?|\s)|([A-Z]{1,6}\d{1,5}[a-z]?)(?:\*\*)?[:：)](?:\*\*)?"
    r"|(\d{1,4}(?:\.\d{1,4})+[a-z]?)(?:\*\*)?(?:[.:)]?(?:\*\*)?\s|：)|(\d{1,6})(?:\*\*)?(?:[.:)](?:\*\*)?\s|：)|(0\d{1,5})(?:\*\*)?\s|#(\d{1,6})[:：]?\s)\s*(?=\S)"
)
_REFERENCE = r"(?:[A-Za-z][A-Za-z0-9]{0,9}-?\d+(?:\.\d+)*[a-z]?|\d+(?:\.\d+)*[a-z]?)"
#: Each taken as it is first read: other ways of reading it end at the same place, and of many they are tried in all combinations.
_AND = r"\s*(?:,\s*and\b|,|、|\band\b|&|\+|->|-|–|~|\.\.|\bto\b)\s*(?:tasks?\s+|steps?\s+|#)?"
_LIST = rf"(?>{_REFERENCE})(?:{_AND}(?>{_REFERENCE}))*"
_NEEDS = expression(
    r"(?P<open>[(（\[]\s*)?(?:\b(?:(?P<weak>needs|requires|after)|depend(?:s|ing)?\s+(?:up)?on|dependenc(?:y|ies)|(?:depends|deps)(?=\s*[:：])"
    r"|blocked\s+by|dépend(?:ent|ant|ance)?s?(?:\s+d[eu])?|depend(?:e|en|encia|ência)s?(?:\s+d[eo]s?)?|abhängig\s+von|hängt\s+ab\s+von|зависит\s+от)\b"
    rf"|依赖于?|依存|依賴|前置|의존(?:성)?)\s*[:：]?\s*(?P<task>tasks?\s+|#|(?P<step>(?:steps?|story|stories|tickets?|issues?)\s+#?))?(?P<ids>{_LIST})(?![\w-])(?P<close>\s*[)）\]])?",
    re.IGNORECASE,
)
#: The same said behind the ids: `（T1, T2に依存）`.
_NEEDED = expression(rf"(?P<open>[(（\[]\s*)?(?P<ids>{_LIST})\s*(?:に依存|에\s*의존)[^()（）\[\]\n]*(?:\s*[)）\]])?")
_PROSE = expression(
    r"(?:\bdepend(?:s|ing)?\s+(?:up)?on\s*[:：]?|\bblocked\s+by\s*[:：]?|[(（\[]\s*(?:requires|needs|after|prerequisites?)\s*[:：])\s*"
    r"([^()（）\n]+)",
    re.IGNORECASE,
)
#: A stream may be named without more: `needs stream B`.
_STREAMS = expression(r"\b(?:needs|requires|after)\s+((?:work\s*)?stream\s+(?:\d{1,3}|[A-Z]))\b", re.IGNORECASE)
_NEEDS_LINE = expression(
    r"^[-*\s]*(?:\*\*|_)?(?:depends?\s+on|dependenc(?:y|ies)|needs|requires|blocked\s+by|依赖)(?:\*\*)?\s*[:：]\s*(?:\*\*)?\s*(.+?)_?$",
    re.IGNORECASE,
)
_LENGTH = expression(
    r"^[-*\s]*+(?:\*\*|_)?(?:estimated?(?:\s+(?:time|effort|duration))?|effort)(?:\*\*)?\s*[:：]\s*+(?:\*\*)?\s*+[~≈]?"
    r"(?:(\d+(?:\.\d+)?)\s*[-–]\s*)?(\d+(?:\.\d+)?)\s*(h|hrs?|hours?|m|mins?|minutes?)\b[\s_.]*$",
    re.IGNORECASE | re.MULTILINE,
)
_DECLARED = expression(r"^(.+?)\s+depends?\s+on\b\s*:?\s*(.+)$", re.IGNORECASE)
_SPAN = expression(rf"({_REFERENCE})\s*(?:-|–|~|\.\.|\bto\b)\s*({_REFERENCE})|({_REFERENCE})", re.IGNORECASE)
_GATE = expression(
    r"(?:^\W*|(?<=[(（:：]) ?)manual(?:ly)? (?:valid|walk-?through|smoke|inspect)\w*"
    r"|^\W*(?:run|perform|do|execute|conduct) (?:an? |the |final )?manual"
    r" (?:smoke|validation|regression|e2e|end-to-end|acceptance|browser|exploratory|usability) ?(?:test|verif|check)\w*+"
    r"(?!(?: \w+)? (?:script|checklist|harness|automation|suite)s?\b)"
    r"|^\W*(?:verify|test|validate|check|confirm|inspect) manually(?=\W*$| (?:that|in|with|on|by|using|via)\b)"
    r"(?!.* and (?:fix|add)\b)"
    r"|\b(?:manual(?:ly)? (?:verif|test|check(?!list)|review|confirm|qa|approv|deploy|publish|step(?!s))\w*"
    r"|user manual verification|sign-?off"
    r"|human[- ](?:review|approval|verif\w*)|user acceptance test\w*|(?:test|vérification|validation)s? manuel\w*"
    r"|(?:prueba|verificación|teste|verificação)s? manual\w*|manuell\w* (?:test|prüf|verif|überprüf)\w*)\b"
    r"|手動(?:検証|テスト|確認)|手动(?:验证|测试|确认|检查)|人工(?:验证|确认|审核|检查)|수동 ?(?:테스트|검증|확인)",
    re.IGNORECASE,
)
_CHECKPOINT = expression(
    r"^\W*(?:[\w.-]+ ){0,3}(?:checkpoint|检查点|檢查點|チェックポイント|체크포인트)(?: final)?"
    r"(?: (?:sprint|phase|milestone|stage|week|day|part))?\s*\d*\W*(?:$|[:：–—-]|\(|\[)"
    r"|^\W*(?:[\w.]+ ){0,2}(?:checkpoint|检查点|チェックポイント)\W*(?:ensure|verify|review|validate|confirm|check|确保|验证)",
    re.IGNORECASE,
)
#: A step that makes something says what is made: `Add manual test instructions` asks for no person.
_MAKES = expression(
    r"^\W*(?:create|add|implement|write|update|document|define|build|generate|set ?up|configure|refactor|remove|fix|extend"
    r"|automate|replace|eliminate|reduce|avoid)\b",
    re.IGNORECASE,
)
#: Further verbs of what makes or changes something, which a person may do by hand as well: `Drop the table after the sign-off`.
_CHANGES = expression(
    r"^\W*(?:drop|move|delete|migrate|repair|convert|rewrite|rename|resolve|port|correct|adjust|improve|clean|address|patch"
    r"|integrate|develop|introduce|connect|wire|expose|enable|provide)\b",
    re.IGNORECASE,
)
_PARALLEL = expression(r" ?(?:\[P\]|\(P\)) ?")
#: What an English text holds that names a need, or asks for a person: a cheap look that spares the careful one.
_ORDERS = ("need", "requires", "after", "depend", "dependenc", "blocked", "deps")
_GATES = ("checkpoint", "manu", "sign", "human", "user acceptance")
_LONGEST = 1000 * 3600.0  #: seconds that are believed
_DASH = expression(r"(?: +[-–—]+|[,;]) *$", re.MULTILINE)
_WRAPPED = 50  #: characters from which on a line was wrapped and not ended
#: Marks of emphasis; those inside of code and of names (`__init__.py`, `src/**/*.ts`) are none.
_EMPHASIS = expression(
    r"(`[^`]*`)|(?<![\w/*])\*\*(?![/*])|(?<![/*\s])\*\*(?![\w/*])"
    r"|(?<![\w/.])__(?=\S[^_]*__(?![\w/.(]))|(?<=[^\s_/])__(?![\w/.(])"
)
_AMOUNT = expression(r"\b\d+(?:ms|[smhdxkw])\b")
_NONE = expression(
    r"^(?:(?:none|nothing|n/?a|nil|no|ninguna?|nenhuma?|aucune?|keine?|нет)\b|无|無|没有|なし|없음|\[\s*\]|[-–—.]*$)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_work(heading: str) -> bool:
    """Tell whether list items below the heading are tasks."""
    bare = _bare(heading)
    return bool(tongues.WORK.match(bare) or tongues.TODO.search(bare)) and not bare.casefold().endswith("legend")


@lru_cache(maxsize=4096)
def is_else(heading: str) -> bool:
    """Tell whether what stands below the heading looks like work and is none."""
    bare = _bare(heading)
    return bool(_ELSE.search(bare) or tongues.ELSE.search(bare)) and not is_work(heading)


@lru_cache(maxsize=4096)
def is_about_work(heading: str) -> bool:
    """Tell whether the heading only speaks of work: an item below it is a task only if it has a box."""
    return tongues.ABOUT_WORK.match(" ".join(_BEFORE.sub("", _bare(heading)).split())) is not None


@lru_cache(maxsize=4096)
def is_wish(heading: str) -> bool:
    """Tell whether the heading introduces features or requirements."""
    bare = _bare(heading)
    return bool(tongues.WISH.search(bare)) and not is_quality(heading) and not is_prd(heading) and not is_else(heading)


@lru_cache(maxsize=4096)
def is_quality(heading: str) -> bool:
    """Tell whether a heading with the word requirements introduces none of what is built: security, performance."""
    return bool(tongues.NO_WISH.search(_bare(heading)))


@lru_cache(maxsize=4096)
def is_prd(heading: str) -> bool:
    """Tell whether the heading calls the document one of requirements."""
    return bool(tongues.TITLE.search(_bare(heading)))


@lru_cache(maxsize=4096)
def is_feature(heading: str) -> bool:
    """Tell whether a heading that could be one task is rather a story or a requirement: `US-01: ...`, `FR2: ...`."""
    return bool(tongues.FEATURE.match(_bare(heading)))


@lru_cache(maxsize=4096)
def is_numbered(heading: str) -> bool:
    """Tell whether a heading has a number before it."""
    return bool(_NUMBERED.match(_bare(heading)))


@lru_cache(maxsize=4096)
def stream_of(heading: str) -> tuple[str, int | None] | None:
    """Give name and announced number of tasks of a `Stream n: name (k tasks)` heading."""
    found = _STREAM.match(_bare(heading))
    return (found[1].strip(), int(found[2]) if found[2] else None) if found else None


@lru_cache(maxsize=4096)
def agent_of(heading: str) -> str | None:
    """Give what an `Agent 1: Frontend` heading says that the agent is for."""
    found = _AGENT.match(_bare(heading))
    return (found[1] or found[2]).strip() if found else None


@lru_cache(maxsize=4096)
def group_of(text: str) -> str | None:
    """Give by what a heading, or who depends on it, calls a part of the work: `stream a` of `Work Stream A: Types`."""
    found = _GROUP.match(_bare(text))
    return f"{found[1]} {found[2]}".casefold() if found else None


@lru_cache(maxsize=4096)
def is_phase(heading: str) -> bool:
    """Tell whether the heading names a phase, a milestone or a step."""
    return bool(tongues.PHASE.match(_bare(heading)))


@lru_cache(maxsize=4096)
def is_one(heading: str) -> bool:
    """Tell whether the heading is itself a task: `Task 3: Build the API`, `AUTH-7: ...`."""
    return bool(_ONE.match(_bare(heading))) and not is_phase(heading)


@lru_cache(maxsize=4096)
def is_todo(heading: str) -> bool:
    """Tell whether the heading calls the document a list of things to do."""
    return bool(re.match(r"to-?do", _bare(heading), re.IGNORECASE) or tongues.TODO.search(_bare(heading)))


def headline(text: str) -> tuple[str, list[str]]:
    """Split a text into what is a title and the lines behind it: a sentence that was wrapped is taken whole."""
    lines = text.split("\n")
    if len(lines) == 1 or len(lines[0]) < _WRAPPED or re.search(r"[.:：。!?*)`]\s*$", lines[0]):
        return lines[0], lines[1:]
    whole = " ".join(" ".join(lines).split())
    end = re.search(r"[.。!?](?:\s|$)", whole[len(lines[0]) :])
    return (whole[: len(lines[0]) + end.end()].strip() if end else whole), lines[1:]


def split_id(text: str) -> tuple[str | None, str]:
    """Split an id written before the text: `T001 Create ...`, `1.2 ...`, `AUTH-7: ...`."""
    found = _ID.match(text)
    if not found:
        return None, text
    return next(group for group in found.groups() if group), text[found.end() :].strip()


def may_order(text: str) -> bool:
    """Tell cheaply whether a text could say what it depends on; only a sure no is one."""
    return not text.isascii() or _says(text, _ORDERS)


def references(text: str) -> tuple[tuple[str, ...], str]:
    """Give the ids that a text says it depends on, spans written out, and the text without such remarks in brackets."""
    if not may_order(text):
        return (), text
    ids: dict[str, None] = {}
    rest = text
    for found in _NEEDS.finditer(text):
        if _is_reference(found):
            ids.update(dict.fromkeys(expand(found["ids"])))
            bracketed = found["open"] and found["close"]
            if bracketed or not (found["weak"] or found["close"] or _behind(found)):
                rest = rest.replace(found[0], " ", 1)
    for found in _NEEDED.finditer(text) if _says(text, ("に依存", "의존")) else ():
        if found["open"] or not found["ids"].replace(".", "").isdecimal():  # `Python 3に依存` names no task
            ids.update(dict.fromkeys(expand(found["ids"])))
            rest = rest.replace(found[0], " ", 1)
    return tuple(ids), _DASH.sub("", re.sub(r"[ \t]+", " ", rest).strip(" ,;")) if ids else text


def prose_need(text: str, *, apart: bool = False) -> str | None:
    """Give what a text says it depends on in words: `(depends on the login page)`; `apart`: only if it says that in brackets."""
    found = (_PROSE.search(text) or _STREAMS.search(text)) if may_order(text) else None
    if found and apart and found[0][0] not in "(（[" and not re.search(r"[(（\[]\s*$", text[: found.start()]):
        return None
    return found[1].strip(" .;,") or None if found else None


def declared_need(text: str) -> tuple[str, str] | None:
    """Split a line `X depends on: Y`."""
    found = _DECLARED.match(plain(text))
    return (found[1].strip(" :"), found[2].strip(" :.")) if found else None


def needs_line(text: str) -> str | None:
    """Give what a line `Dependencies: ...` names; None if it is no such line, empty if it names nothing."""
    found = _NEEDS_LINE.match(text.strip())
    if not found:
        return None
    return "" if _NONE.match(found[1].strip("*` ")) else found[1].strip()


def estimate_in(text: str) -> float | None:
    """Give the seconds that a line `Estimate: 2h` tells, of a span the longer."""
    found = _LENGTH.search(text) if ":" in text or "：" in text else None
    seconds = float(found[2]) * (3600 if found[3][0] in "hH" else 60) if found else 0.0
    return seconds if 0 < seconds <= _LONGEST else None


def expand(listed: str) -> tuple[str, ...]:
    """Write a list of ids out: `T1, T3-T5` is T1, T3, T4, T5."""
    ids: dict[str, None] = {}
    for found in _SPAN.finditer(listed):
        first, last, single = found.groups()
        ids.update(dict.fromkeys([single] if single else _between(first, last)))
    return tuple(ids)


def makes(title: str) -> bool:
    """Tell whether a step makes or changes something, by its first word."""
    return bool(_MAKES.match(title) or _CHANGES.match(title))


def is_gate(text: str) -> bool:
    """Tell whether the title of a step asks for a person: it is a checkpoint, or something is done by hand."""
    if text.isascii() and not _says(text, _GATES):
        return False
    if _CHECKPOINT.search(text):
        return True
    found = _GATE.search(text)
    if found is None:
        return False
    stands_apart = re.search(r"[(（:：]\W*$", text[: found.start()])
    return bool(stands_apart) or not _MAKES.match(text)


def without_parallel(text: str) -> tuple[bool, str]:
    """Take a parallel mark out of a text; tell whether there was one."""
    if "[P]" not in text and "(P)" not in text:
        return False, text.strip()
    plain = _PARALLEL.sub(" ", text).strip()
    return plain != text.strip(), plain


def plain(text: str) -> str:
    """Give a title without emphasis, in one line."""
    marked = "*" in text or "__" in text
    return " ".join((_EMPHASIS.sub(lambda found: found[1] or "", text) if marked else text).split())


def _is_reference(found: re.Match[str]) -> bool:
    """Tell ids from amounts: `needs 3 columns`, `after 5 seconds` and `requires v2 of it` name no task."""
    if found["weak"] and not found["task"] and _AMOUNT.search(found["ids"]):
        return False
    if found["open"] and found["close"]:
        return True
    if found["task"]:
        return not (found["weak"] and found["step"])  # `after step 3 of the form` is about the form
    first = found["ids"][0]
    if found["weak"] and not first.isupper():
        return not _behind(found)
    return not first.isdigit() or "." in found["ids"] or not re.match(r"[ \t]+\w", found.string[found.end() :])


def _behind(found: re.Match[str]) -> str:
    """Give what follows in the same line."""
    return found.string[found.end() :].split("\n")[0].strip(" .;,")


def _between(first: str, last: str) -> list[str]:
    """Write a span of ids out; one whose ends do not fit is left as its two ends."""
    one, other = re.fullmatch(r"(.*?)(\d+)", first), re.fullmatch(r"(.*?)(\d+)", last)
    if not one or not other or (other[1] and one[1] != other[1]) or not 0 <= int(other[2]) - int(one[2]) <= 500:
        return [first, last]
    width = len(one[2])
    return [f"{one[1]}{number:0{width}d}" for number in range(int(one[2]), int(other[2]) + 1)]


def _says(text: str, signs: tuple[str, ...]) -> bool:
    lower = text.lower()
    for sign in signs:  # noqa: SIM110 - asked several times of every task, and a generator takes twice as long
        if sign in lower:
            return True
    return False


def bare(heading: str) -> str:
    """Give a heading without emphasis and signs before it."""
    return _bare(heading)


@lru_cache(maxsize=4096)
def _bare(heading: str) -> str:
    return re.sub(r"^[\W_]+|[*_`]", "", heading).strip()
