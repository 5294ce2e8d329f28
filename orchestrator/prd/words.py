"""The conventions by which people mark headings, ids, needs and gates in Markdown."""

import re
from functools import lru_cache

_OPEN = (
    r"(?:(?:remaining|open|current|pending|active|upcoming|outstanding|immediate|completed|finished|development|technical"
    r"|setup|future|frontend|backend)\s+(?:/\s*\w+\s+)?)"
)
_WORK = re.compile(
    r"^(?:\d+(?:\.\d+)*[.)]?\s*)?(?:tasks\b|task(?!\s+\S*\d)\b|to-?dos?\b|work (?:items|breakdown)\b"
    r"|implementation (?:plan|tasks|steps|checklist)\b|action items\b|(?:things|steps) to\b|next steps\b|backlog\b"
    rf"|{_OPEN}(?:tasks|to-?dos?|work|items|steps)\b"
    r"|(?:开发|開發|实施|實施|实现|實現|待完成|剩余)?(?:任务|任務|待办|待辦|步骤|步驟)|実装(?:タスク|手順|ステップ)|タスク|作業|할 ?일|(?:구현|개발) ?(?:작업|단계)|작업"
    r"|aufgaben|tâches\b|liste des tâches\b|(?:lista de )?tareas\b|(?:lista de )?tarefas\b|(?:список )?задач[аи]?\b)",
    re.IGNORECASE,
)
_TODO = re.compile(r"\b(?:TODOs?|TO-DOs?|[Tt]o-?[Dd]o [Ll]ist|[Tt]ask [Ll]ist)\W*$")
_STREAM = re.compile(r"^(?:work\s*)?stream\s+\w+\s*[:.–—-]\s*(.+?)(?:\s*\((\d+)\s+tasks?\))?\s*$", re.IGNORECASE)
_PHASE = re.compile(
    r"^(?:phase|milestone|sprint|epic|fase|etapa|étape|meilenstein|阶段|里程碑|史诗|フェーズ|단계)\s*[\w.]+\s*(?:[:：.(–—-]|$)",
    re.IGNORECASE,
)
_UNIT = r"(?:task|step|(?:user\s+)?story|ticket|issue|故事|任务|步骤|ストーリー|タスク|ステップ|스토리|태스크|작업|historia|história|tarea|tarefa|paso|passo|tâche|aufgabe|schritt|задача|шаг)"
_ONE = re.compile(
    rf"^(?:{_UNIT}\s*#?[\w.-]*\d[\w.-]*\s*(?:[:：.)–—-]|\s)|(?![PQVH]\d\b)[A-Z]{{1,9}}-?\d{{1,6}}[a-z]?\s*[:：.)–—-])\s*\S",
    re.IGNORECASE,
)
_FEATURE = re.compile(
    r"^(?:(?:user\s+)?story|故事|ストーリー|스토리|historia|história)\s*#?\d|^(?:US|FR|NFR|F|REQ|R|UC|BR|UR|SR)-?\d",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^\d+(?:\.\d+)*[.)、]?\s*\S")
_ELSE_WORD = (
    r"(?:goals?|non-?goals?|criteria|acceptance|risks?|mitigations?|questions?|future(?: work| ideas)?|out of scope|scope"
    r"|verification|definition of done|timeline|overview|background|constraints?|dependenc(?:y|ies)|test plan|notes?"
    r"|references?|metrics|glossary|assumptions|checklists?|quality gates?|changelog|summary|introduction|context|appendix"
    r"|objectives?|user (?:flows?|journeys?)|personas?|indicators|considerations|demo script|anti-?patterns)"
)
_ELSE = re.compile(
    r"^(?:\d+(?:\.\d+)*[.)]?\s*)?(?:(?:success|acceptance|exit|performance|functional|non-functional|key|open|known|project"
    rf"|other|potential|quality|technical|shared|estimated|external|implementation|release)\s+)*{_ELSE_WORD}"
    rf"(?:(?:\s+|\s*[&/,]\s*|\s+and\s+){_ELSE_WORD})*\s*(?:$|[:(–—]|-\s|(?:for|of|on|to|and)\s)",
    re.IGNORECASE,
)
#: What is no work, in other tongues.
_ELSEWHERE = re.compile(
    r"^(?:\d+(?:\.\d+)*[.)、]?\s*)?(?:objetivos?\b|objectifs?\b|ziele?\b|цел[ьи]\b|riesgos\b|risques\b|risiken\b|riscos\b"
    r"|(?:criterios|critérios|critères) d|(?:erfolgs|abnahme|akzeptanz)kriterien|resumen\b|resumo\b|aperçu\b|überblick\b"
    r"|contexto?e?\b|hintergrund\b|notas\b|hinweise\b|preguntas\b|perguntas\b|offene fragen\b|anti-?ziele\b|nicht-?ziele\b"
    r"|(?:项目|產品|产品)?(?:目标|目標|概述|概要|背景|愿景)|非目标|非目標|不做|风险|風險|リスク|(?:验收|驗收|成功|完成|受け入れ|成功の?)(?:标准|標準|基準|条件|指标|指標)"
    r"|(?:开放|未决|未決|待确认)(?:问题|問題)|未来|今後|非?範囲外|参考|備考|备注|개요|배경|목표|목적|비목표|위험|리스크|성공 ?(?:기준|지표)|(?:인수|완료) ?(?:기준|조건)|향후|참고|비고)",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:features?|requirements?|stories|(?:in|mvp) scope|scope of|mvp|capabilities|deliverables)\b"
    r"|功能|需求|要件|機能|요구 ?사항|기능|用户故事|用戶故事|스토리|\bfuncionalidades?\b|\brequisitos\b|\bhistorias de usuario\b"
    r"|\bhistórias de usuário\b|\bfonctionnalités\b|\bexigences\b|\banforderungen\b|\bfunktionen\b|\bтребования\b|\bфункции\b",
    re.IGNORECASE,
)
_NO_WISH = re.compile(
    r"\b(?:non-?\s?functional|technical|data|security|performance|system|hardware|environment|browser|accessibility|compliance"
    r"|legal|usability|reliability|infrastructure|resource)\s+requirements?\b|非功能|비기능|\bno funcionales\b|\bnão funcionais\b"
    r"|\bnon[ -]fonctionnel|\bnicht-?funktional|нефункц|\bout[- ]of[- ]scope\b|\bwon['’]?t\b"
    r"|\brequirements? (?:documents?|docs?|spec\w*)\b|\bPRD\b|需求文[档件]|需求文件|要件定義書|요구사항 ?정의서",
    re.IGNORECASE,
)
_ID = re.compile(
    rf"^(?:\*\*)?(?:(?i:{_UNIT})\s*#?)?"
    r"(?:(T\d{1,5}[a-z]?|[A-Z][A-Z0-9]{1,9}(?:-[A-Z][A-Z0-9]{0,9})*-\d{1,6})(?:\*\*)?(?:[:：.)]+(?:\*\*)?|\s)|([A-Z]{1,6}\d{1,5}[a-z]?)(?:\*\*)?[:：)](?:\*\*)?"
    r"|(\d{1,4}(?:\.\d{1,4})+[a-z]?)(?:\*\*)?(?:[.:)]?(?:\*\*)?\s|：)|(\d{1,6})(?:\*\*)?(?:[.:)](?:\*\*)?\s|：)|(0\d{1,5})(?:\*\*)?\s)\s*(?=\S)"
)
_REFERENCE = r"(?:[A-Za-z][A-Za-z0-9]{0,9}-?\d+(?:\.\d+)*[a-z]?|\d+(?:\.\d+)*[a-z]?)"
_LIST = rf"{_REFERENCE}(?:\s*(?:,\s*and\b|,|、|\band\b|&|\+|->|-|–|~|\.\.|\bto\b)\s*(?:tasks?\s+|#)?{_REFERENCE})*"
_NEEDS = re.compile(
    r"(?P<open>[(（\[]\s*)?(?:\b(?:(?P<weak>needs|requires|after)|depend(?:s|ing)?\s+(?:up)?on|dependenc(?:y|ies)|blocked\s+by)\b"
    rf"|依赖于?|依存)\s*[:：]?\s*(?P<task>tasks?\s+|#)?(?P<ids>{_LIST})(?![\w-])(?P<close>\s*[)）\]])?",
    re.IGNORECASE,
)
_PROSE = re.compile(r"(?:\bdepend(?:s|ing)?\s+(?:up)?on|\bblocked\s+by)\s*[:：]?\s*([^()（）\n]+)", re.IGNORECASE)
_NEEDS_LINE = re.compile(
    r"^[-*\s]*(?:\*\*|_)?(?:depends?\s+on|dependenc(?:y|ies)|needs|requires|blocked\s+by|依赖)(?:\*\*)?\s*[:：]\s*(?:\*\*)?\s*(.+?)_?$",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"^(.+?)\s+depends?\s+on\b\s*:?\s*(.+)$", re.IGNORECASE)
_SPAN = re.compile(rf"({_REFERENCE})\s*(?:-|–|~|\.\.|\bto\b)\s*({_REFERENCE})|({_REFERENCE})", re.IGNORECASE)
_GATE = re.compile(
    r"\b(?:checkpoint|manual(?:ly)? (?:verif|test|check|review)\w*|user manual verification"
    r"|human (?:review|approval|verif\w*)|sign-?off)\b",
    re.IGNORECASE,
)
_PARALLEL = re.compile(r" ?(?:\[P\]|\(P\)) ?")
_WRAPPED = 50  #: characters from which on a line was wrapped and not ended
_EMPHASIS = re.compile(r"\*\*|__")
_NONE = re.compile(
    r"^(?:(?:none|nothing|n/?a|nil|no|ninguna?|nenhuma?|aucune?|keine?|нет)\b|无|無|没有|なし|없음|\[\s*\]|[-–—.]*$)", re.IGNORECASE
)


def is_work(heading: str) -> bool:
    """Tell whether list items below the heading are tasks."""
    bare = _bare(heading)
    return bool(_WORK.match(bare) or _TODO.search(bare))


def is_else(heading: str) -> bool:
    """Tell whether what stands below the heading looks like work and is none."""
    bare = _bare(heading)
    return bool(_ELSE.search(bare) or _ELSEWHERE.search(bare)) and not is_work(heading)


def is_wish(heading: str) -> bool:
    """Tell whether the heading introduces features or requirements."""
    bare = _bare(heading)
    return bool(_WISH.search(bare)) and not _NO_WISH.search(bare) and not is_else(heading)


def is_feature(heading: str) -> bool:
    """Tell whether a heading that could be one task is rather a story or a requirement: `US-01: ...`, `FR2: ...`."""
    return bool(_FEATURE.match(_bare(heading)))


def is_numbered(heading: str) -> bool:
    """Tell whether a heading has a number before it."""
    return bool(_NUMBERED.match(_bare(heading)))


def stream_of(heading: str) -> tuple[str, int | None] | None:
    """Give name and announced number of tasks of a `Stream n: name (k tasks)` heading."""
    found = _STREAM.match(_bare(heading))
    return (found[1].strip(), int(found[2]) if found[2] else None) if found else None


def is_phase(heading: str) -> bool:
    """Tell whether the heading names a phase, a milestone or a step."""
    return bool(_PHASE.match(_bare(heading)))


def is_one(heading: str) -> bool:
    """Tell whether the heading is itself a task: `Task 3: Build the API`, `AUTH-7: ...`."""
    return bool(_ONE.match(_bare(heading))) and not is_phase(heading)


def is_todo(heading: str) -> bool:
    """Tell whether the heading calls the document a list of things to do."""
    return bool(re.match(r"to-?do", _bare(heading), re.IGNORECASE) or _TODO.search(_bare(heading)))


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


def references(text: str) -> tuple[tuple[str, ...], str]:
    """Give the ids that a text says it depends on, spans written out, and the text without such remarks in brackets."""
    ids: dict[str, None] = {}
    rest = text
    for found in _NEEDS.finditer(text):
        if _is_reference(found):
            ids.update(dict.fromkeys(expand(found["ids"])))
            bracketed = found["open"] and found["close"]
            if bracketed or (not found["weak"] and not _behind(found)):
                rest = rest.replace(found[0], " ", 1)
    return tuple(ids), re.sub(r"[ \t]+", " ", rest).strip(" ,;") if ids else text


def prose_need(text: str) -> str | None:
    """Give what a text says it depends on in words: `(depends on the login page)`."""
    found = _PROSE.search(text)
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


def expand(listed: str) -> tuple[str, ...]:
    """Write a list of ids out: `T1, T3-T5` is T1, T3, T4, T5."""
    ids: dict[str, None] = {}
    for found in _SPAN.finditer(listed):
        first, last, single = found.groups()
        ids.update(dict.fromkeys([single] if single else _between(first, last)))
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
    return " ".join(_EMPHASIS.sub("", text).split())


def _is_reference(found: re.Match[str]) -> bool:
    """Tell ids from amounts: `needs 3 columns`, `after 5 seconds` and `requires v2 of it` name no task."""
    if found["task"] or (found["open"] and found["close"]):
        return True
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


def bare(heading: str) -> str:
    """Give a heading without emphasis and signs before it."""
    return _bare(heading)


@lru_cache(maxsize=4096)
def _bare(heading: str) -> str:
    return re.sub(r"^[\W_]+|[*_`]", "", heading).strip()
