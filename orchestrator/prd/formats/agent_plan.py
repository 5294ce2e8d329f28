"""Agent plans written by hand or by squad (`.squad/parallel-plans/agent-<n>-plan.md`), in both dialects.

A plan is an agent: its number, type and the files it may create and modify are in it. Its tasks are done in turn; what they
depend on is prose mostly, so it is looked for among the tasks' titles, files and the other agents, and told where nothing fits.
A task without files may write what its agent may.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.claims import Claim
from orchestrator.model import Access, AgentId, Area, Mark, Seat
from orchestrator.ownership import slug
from orchestrator.prd import words
from orchestrator.prd.boxes import MARKS, blocks_of
from orchestrator.prd.drafts import Draft, Reading
from orchestrator.prd.needs import Wish
from orchestrator.prd.outline import Block, Heading, Item, Paragraph
from orchestrator.prd.page import Material, Page
from orchestrator.prd.paths import find_paths
from orchestrator.prd.shapes import Shape
from orchestrator.prd.turns import in_turn
from orchestrator.text.expressions import expression
from orchestrator.text.stems import stems

_TITLE = expression(r"\n#\s+Parallel Execution Plan\b.*?(?:Agent\s+(?:agent-)?\[?([\w-]+)\]?)?\s*$", re.MULTILINE | re.IGNORECASE)
_FILE = expression(r"(?:^|/)agent-(\d+)(?:-[\w-]+)?-plan\.md$", re.IGNORECASE)
_KEY = expression(r"^(?:\*\*)?([A-Za-z][A-Za-z \-/]{1,30}?)(?:\*\*)?\s*:\s*(?:\*\*)?\s*(.*)$", re.DOTALL)
_REMARK = expression(r"\s*\((?:PRIORITY:\s*(\w+)|BLOCKING|[A-Z][A-Z :]+)\)", re.IGNORECASE)
_MINUTES = expression(r"(\d+)(?:\s*[-–]\s*(\d+))?\s*(?:minutes?|mins?|m)\b", re.IGNORECASE)
_PRIORITIES = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_STATE = expression(
    r"\b(?:all|the|defined|created|completed?|exists?|done|ready|finished|implemented|available|built|written|set up|in place)\b",
    re.IGNORECASE,
)
_OTHER = expression(r"\bagent[- ](\d+)", re.IGNORECASE)


def _fits(page: Page) -> int:
    if not page.path.casefold().endswith(".md") or not _TITLE.search(page.lined):
        return 0
    return 100 if _FILE.search(page.path) else 90


@dataclass(slots=True)
class _Plan:
    """One agent's plan."""

    page: Page
    number: int
    type: str = ""
    id: str = ""
    owned: list[str] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)

    @property
    def agent(self) -> AgentId:
        if re.fullmatch(r"agent-\d+(-[a-z0-9][a-z0-9-]*)?", self.id):
            return AgentId(self.id)
        label = slug(self.type)[:40].strip("-")
        return AgentId(f"agent-{self.number}-{label}" if label else f"agent-{self.number}")


def _read(material: Material) -> Reading:
    reading = Reading(title="parallel plans", format=AGENT_PLAN.name, drafts=[])
    plans: list[_Plan] = []
    for page in material.pages:
        plan = _Plan(page, _number(page, {plan.number for plan in plans}))
        blocks = blocks_of(page)
        _identify(plan, blocks)
        _own(plan, blocks)
        plan.drafts = list(_tasks(plan, blocks))
        in_turn(plan.drafts)
        plans.append(plan)
    numbered = {plan.number: plan for plan in plans}
    known = {draft.id: draft for plan in plans for draft in plan.drafts}
    for plan in plans:
        for draft in plan.drafts:
            draft.agents = (f"agent-{plan.number}",)
            _point(draft, plan, numbered, known)
    for plan in plans:
        for draft in plan.drafts:
            draft.paths = draft.paths or (() if draft.is_nothing else tuple(dict.fromkeys(plan.owned)))
        reading.drafts += plan.drafts
    reading.seats = tuple(Seat(id=plan.agent, role=plan.type or "general") for plan in plans)
    reading.ownership = tuple(_areas(plans))
    return reading


def _number(page: Page, taken: set[int]) -> int:
    """Give the agent's number: by the file's name, by the title, else the next one."""
    named = _FILE.search(page.path)
    titled = _TITLE.search(page.lined)
    digits = re.search(r"\d+", titled[1] or "") if titled else None
    number = int(named[1]) if named else int(digits[0]) if digits else 0
    return number if number and number not in taken else max(taken, default=0) + 1


def _identify(plan: _Plan, blocks: Sequence[Block]) -> None:
    for key, value in (pair for block in blocks if _below(block, "agent identity") for pair in _pairs(block)):
        match key:
            case "agent type" | "role":
                plan.type = value
            case "agent id":
                plan.id = value.strip("`")
            case "assigned files":
                plan.owned += find_paths(value)


def _own(plan: _Plan, blocks: Sequence[Block]) -> None:
    """Read who may create and modify what: as bullets with a key, or below headings of their own."""
    for block in blocks:
        if not isinstance(block, Item) or not _below(block, "file ownership"):
            continue
        heading = block.above[-1].text.casefold()
        pairs = dict(_pairs(block))
        for word in ("create", "modify"):
            if heading == word:
                plan.owned += _paths(block)[:1]
            if word in pairs:
                plan.owned += find_paths(pairs[word])
                plan.owned += [path for child in block.children for path in _paths(child)[:1]]


def _tasks(plan: _Plan, blocks: Sequence[Block]) -> Iterator[Draft]:
    for block in blocks:
        if isinstance(block, Item) and _below(block, "tasks") and (block.number or block.box is not None):
            yield _draft(plan, block)


def _draft(plan: _Plan, item: Item) -> Draft:
    line = words.plain(item.text.split("\n")[0])
    remark = _REMARK.search(line)
    details = {key: value for child in item.children for key, value in _pairs(child)}
    number, title = _numbered(_REMARK.sub("", line), details.get("id", "").strip("` "))
    minutes = _MINUTES.search(details.get("time", "") or details.get("estimated time", ""))
    files = next((child for child in item.children if dict(_pairs(child)).keys() & {"files", "file"}), None)
    waits = [details[key] for key in ("dependencies", "depends on", "wait for", "prerequisites") if details.get(key)]
    return Draft(
        file=plan.page.name,
        line=item.line,
        id=number or f"{plan.number}.{(item.number or '').strip('.)') or len(plan.drafts) + 1}",
        scope=plan.page.name,
        title=title.strip(" :") or line,
        text="\n".join(text for child in item.children for text in _texts(child)),
        mark=MARKS.get(item.box or "", Mark.UNKNOWN),
        box=item.box or "",
        needs=[Wish(text=part, line=item.line, is_id=False) for text in waits for part in _parts(text)],
        paths=tuple(_paths(files)) if files else (),
        is_nothing="none" in " ".join(_texts(files)).casefold()
        if files
        else bool(re.match(r"wait\b", title.strip(), re.IGNORECASE)),
        gate=words.is_gate(title),
        priority=_PRIORITIES.get((remark[1] or "").casefold()) if remark else None,
        estimate=60.0 * int(minutes[2] or minutes[1]) if minutes else None,
        criteria=tuple(details[key] for key in ("output",) if details.get(key)),
        lines={below.line for child in item.children for below in child.walk()},
    )


def _numbered(line: str, id: str) -> tuple[str | None, str]:  # noqa: A002 - the word of the plan
    """Give a task's id and its title; squad's own plans name the id once more, whatever it looks like."""
    return (id, line.removeprefix(words.plain(id))) if id else words.split_id(line)


def _parts(text: str) -> list[str]:
    """Give the single things that a text says are needed; none if it says so."""
    plain = words.plain(text)
    if re.match(r"^(?:none\b|no\b|n/?a\b|nothing\b|-*$|can start)", plain, re.IGNORECASE):
        return []
    return [part.strip() for part in re.split(r",|;|\band\b", plain) if part.strip()]


def _point(draft: Draft, plan: _Plan, plans: Mapping[int, _Plan], known: Mapping[str | None, Draft]) -> None:
    """Let `agent-1`, `agent-1 task 2` and `task 2` mean what they say; everything else is looked for by its words."""
    rest: list[Wish] = []
    for wish in draft.needs:
        if (exact := known.get(wish.text.strip("`"))) is not None and exact is not draft:
            draft.direct.append(exact)
            continue
        other, task = _OTHER.search(wish.text), re.search(r"\btask\s+#?(\d+)\b", wish.text, re.IGNORECASE)
        number = int(other[1]) if other else plan.number
        theirs = plans[number].drafts if number in plans else []
        if task and 0 < int(task[1]) <= len(theirs):
            draft.direct.append(theirs[int(task[1]) - 1])
            continue
        last = theirs[-1] if theirs else None
        named = words.references(f"needs {wish.text}")[0]
        if other and number != plan.number and last is not None and not find_paths(wish.text) and not named:
            draft.direct.append(_fitting(wish.text, plans[number]) or last)
            continue
        meant = [] if named or find_paths(wish.text) else _meant(wish.text, draft, plan, list(plans.values()))
        draft.direct += meant
        rest += [] if meant else [wish]
    draft.needs = rest


def _meant(text: str, draft: Draft, plan: _Plan, plans: Sequence[_Plan]) -> list[Draft]:
    """Give the tasks whose title or files have all the words that a state is told with: `Types defined`, `Models created`.

    Those before it in its own plan, else those of the first other plan that has such.
    """
    asked = stems(_STATE.sub(" ", text))
    if not asked:
        return []
    own = plan.drafts[: plan.drafts.index(draft)]
    for drafts in (own, *(one.drafts for one in plans if one is not plan)):
        for with_files in (False, True):
            found = [one for one in drafts if asked <= stems(f"{one.title} {_spelt(one) if with_files else ''}")]
            if found:
                return found
    return []


def _spelt(draft: Draft) -> str:
    """Give the words of a task's own files."""
    return re.sub(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])", " ", " ".join(draft.paths))


def _fitting(text: str, plan: _Plan) -> Draft | None:
    """Give the task of a plan whose title shares most words with a text."""
    asked = stems(_STATE.sub(" ", text))
    scores = [(len(asked & stems(draft.title)), draft) for draft in plan.drafts]
    best = max((score for score, _ in scores), default=0)
    return next(draft for score, draft in scores if score == best) if best else None


def _areas(plans: Sequence[_Plan]) -> Iterator[Area]:
    """Give the matrix that the plans make: what one agent owns is its own, what several own is written in turn."""
    owners: dict[str, dict[AgentId, None]] = {}
    for plan in plans:
        for path in plan.owned:
            owners.setdefault(path, {})[AgentId(f"agent-{plan.number}")] = None
    for path, agents in owners.items():
        access = Access.SEQUENTIAL if len(agents) > 1 else Access.EXCLUSIVE
        yield Area(path=Claim(path), owners=tuple(agents), access=access, why="the agents' plans")


def _below(block: Block, word: str) -> bool:
    return not isinstance(block, Heading) and any(heading.text.casefold().strip(": ") == word for heading in block.above)


def _pairs(block: Block) -> list[tuple[str, str]]:
    if not isinstance(block, Item | Paragraph):
        return []
    found = _KEY.match(block.text.strip())
    return [(found[1].strip().casefold(), found[2].strip())] if found else []


def _paths(item: Item) -> list[str]:
    return [path for text in _texts(item) for path in find_paths(text)]


def _texts(item: Item) -> list[str]:
    return [text for one in item.walk() for text in (one.text, *one.details)]


AGENT_PLAN = Shape(
    name="agent-plan",
    files=(".squad/parallel-plans/agent-*-plan.md", "parallel-plans/agent-*-plan.md"),
    fits=_fits,
    read=_read,
)
