"""Words of headings in the languages people write in: for tasks, for wishes, and for what is neither."""

import re

from orchestrator.text.expressions import expression

_OPEN = (
    r"(?:(?:remaining|open|current|pending|active|upcoming|outstanding|immediate|completed|finished|development|technical"
    r"|setup|future|frontend|backend)\s+(?:/\s*\w+\s+)?)"
)
#: Headings whose items are tasks.
WORK = expression(
    r"^(?:\d+(?:\.\d+)*[.)]?\s*)?(?:tasks\b|task(?!\s+\S*\d)\b|to-?dos?\b|work (?:items|breakdown)\b"
    r"|implementation (?:plan|tasks|steps|checklist)\b|action items\b|(?:things|steps) to\b|next steps\b|backlog\b"
    rf"|{_OPEN}(?:tasks|to-?dos?|work|items|steps)\b"
    r"|(?:开发|開發|实施|實施|实现|實現|待完成|剩余)?(?:任务|任務|待办|待辦|步骤|步驟)|実装(?:タスク|手順)"
    r"|タスク|作業|할 ?일|(?:구현|개발) ?(?:작업|단계)|작업|aufgaben|tâches\b|liste des tâches\b"
    r"|(?:lista de )?tareas\b|(?:lista de )?tarefas\b"
    r"|(?:список )?задач[аи]?\b)",
    re.IGNORECASE,
)
#: Headings that speak of work, and below which items without a box are none: how to go about it, and what is left out.
ABOUT_WORK = expression(
    r"^(?:tasks?|task list)(?: management)? (?:protocol|guidelines?|rules|conventions|maintenance"
    r"|dependenc(?:y|ies)(?: graph)?)\W*$|^task list(?: management)? updates?\W*$"
    r"|^(?:[\w-]+ ){0,3}(?:not (?:included|in scope|planned)|excluded)\W*$|^(?:what we are )?not doing\W*$"
    r"|^(?:testing|test|qa) checklists?\W*$"
    r"|^future (?:enhancements?|improvements?|considerations|extensions?|scope|additions)\b(?! (?:of|for|in|to)\b)",
    re.IGNORECASE,
)
#: Headings that end by calling the document a list of things to do.
TODO = expression(r"\b(?:TODOs?|TO-DOs?|[Tt]o-?[Dd]o [Ll]ist|[Tt]ask [Ll]ist)\W*$")
PHASE = expression(
    r"^(?:phase|milestone|sprint|epic|fase|etapa|étape|meilenstein|阶段|里程碑|史诗|フェーズ|단계)\s*[\w.]+\s*(?:[:：.(–—-]|$)",
    re.IGNORECASE,
)
#: What one piece of work is called.
UNIT = (
    r"(?:task|step|(?:user\s+)?story|ticket|issue|故事|任务|步骤|ストーリー|タスク|ステップ|스토리|태스크|작업|historia|história"
    r"|tarea|tarefa|paso|passo|tâche|aufgabe|schritt|задача|шаг)"
)
FEATURE = expression(
    r"^(?:(?:user\s+)?story|故事|ストーリー|스토리|historia|história)\s*#?\d|^(?:US|FR|NFR|F|REQ|R|UC|BR|UR|SR)-?\d",
    re.IGNORECASE,
)
#: What is no work, beside the English words.
ELSE = expression(
    r"^(?:\d+(?:\.\d+)*[.)、]?\s*)?(?:objetivos?\b|objectifs?\b|ziele?\b|цел[ьи]\b|riesgos\b|risques\b|risiken\b|riscos\b"
    r"|(?:criterios|critérios|critères) d|(?:erfolgs|abnahme|akzeptanz)kriterien|resumen\b|resumo\b|aperçu\b|überblick\b"
    r"|contexto?e?\b|hintergrund\b|notas\b|hinweise\b|preguntas\b|perguntas\b|offene fragen\b|anti-?ziele\b|nicht-?ziele\b"
    r"|(?:项目|產品|产品)?(?:目标|目標|概述|概要|背景|愿景)|非目标|非目標|不做|风险|風險|リスク"
    r"|(?:验收|驗收|成功|完成|受け入れ|成功の?)(?:标准|標準|基準|条件|指标|指標)|(?:开放|未决|未決|待确认)(?:问题|問題)"
    r"|go\s*/\s*no-?go\b"
    r"|未来|今後|非?範囲外|参考|備考|备注|개요|배경|목표|목적|비목표|위험|리스크|성공 ?(?:기준|지표)|(?:인수|완료) ?(?:기준|조건)"
    r"|향후|참고|비고|제외)",
    re.IGNORECASE,
)
#: Headings of features and requirements.
WISH = expression(
    r"\b(?:features?|requirements?|stories|(?:in|mvp) scope|scope of|mvp|capabilities|deliverables)\b"
    r"|功能|需求|要件|機能|요구 ?사항|기능|用户故事|用戶故事|스토리|\bfuncionalidades?\b|\brequisitos\b|\bhistorias de usuario\b"
    r"|\bhistórias de usuário\b|\bfonctionnalités\b|\bexigences\b|\banforderungen\b|\bfunktionen\b|\bтребования\b|\bфункции\b",
    re.IGNORECASE,
)
#: What has those words and is none.
NO_WISH = expression(
    r"\b(?:non-?\s?functional|technical|data|security|performance|system|hardware|environment|browser|accessibility|compliance"
    r"|legal|usability|reliability|infrastructure|resource)\s+requirements?\b|非功能|비기능|\bno funcionales\b|\bnão funcionais\b"
    r"|\bnon[ -]fonctionnel|\bnicht-?funktional|нефункц|\bout[- ]of[- ]scope\b|\bwon['’]?t\b",
    re.IGNORECASE,
)
#: What a document of requirements calls itself.
TITLE = expression(
    r"\brequirements? (?:documents?|docs?|spec\w*)\b|\bPRD\b|需求文[档件]|要件定義書|요구사항 ?정의서", re.IGNORECASE
)
_TITLES = (
    "tasks?|titles?|task name|names?|descriptions?|what|work|to-?do|item|(?:user )?stor(?:y|ies)|i want(?: to)?.*|requirements?"
    "|(?:mvp )?features?|capability|任务|功能|需求|用户故事|描述|タスク|機能|要件|작업|기능|요구사항|historia.*|funcionalidad.*"
    "|tarea|tarefa|aufgabe|anforderung|fonctionnalité|exigence|tâche"
)
#: What the columns of a table hold that has a task in each row.
COLUMNS = {
    "id": expression(
        r"^(?:id|#|no\.?|nr\.?|number|key|(?:task|story|req(?:uirement)?|feature) ?(?:id|#|no\.?)|编号|番号|번호)$", re.IGNORECASE
    ),
    "title": expression(rf"^(?:{_TITLES})$", re.IGNORECASE),
    "needs": expression(
        r"^(?:needs|depends(?: on)?|dependenc(?:y|ies)|blocked by|requires|after|依赖|依存|의존성)$", re.IGNORECASE
    ),
    "state": expression(r"^(?:status|state|done|状态|状態|상태|estado|statut)$", re.IGNORECASE),
}
