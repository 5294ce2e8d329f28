"""What `squad doctor` found: a table with one row for each program, then what is wrong and what mends it. Pure.

While programs are being examined the same table shows how far they are.
"""

from collections.abc import Iterator, Sequence

from orchestrator.doctor.findings import Answer, Diagnosis, Examined, Finding, Tool, Weight
from orchestrator.text.quantities import format_duration
from orchestrator.views.text import fitted, padded, page, plain

_NAME, _VERSION, _ANSWERS = 17, 11, (10, 7, 13)
_HEAD = f"  {'program':<{_NAME}} {'version':<{_VERSION}} {'signed in':<10} {'writes':<7} {'can be refused':<14}"
_COLORS = {Answer.YES: "32", Answer.NO: "31", Answer.UNKNOWN: "33"}
_MARKS = {Weight.FAULT: "fault", Weight.WARNING: "warning", Weight.NOTE: "note"}


def table(diagnosis: Diagnosis, *, color: bool = False, width: int | None = None, seconds: float | None = None) -> str:
    """Give a row for each program; `seconds` since the beginning are shown beside what is under way."""
    rows = [_HEAD.rstrip(), *(_row(one, color=color, width=width, seconds=seconds) for one in diagnosis.programs)]
    return "".join(f"{row}\n" for row in rows)


def details(diagnosis: Diagnosis) -> str:
    """Give what was found besides, each with what mends it, and the last word."""
    sections = [
        *(_tool_line(tool) for tool in (*diagnosis.tools, *diagnosis.agents)),
        "",
        *(line for name, finding in _named(diagnosis) for line in _finding_lines(name, finding)),
        _last_word(diagnosis),
    ]
    return page(sections)


def doctor_json(diagnosis: Diagnosis) -> dict[str, object]:
    """Give the document of `squad doctor --json`."""
    return {
        "schema_version": 1,
        "ok": diagnosis.is_well,
        "quick": diagnosis.quick,
        "tools": [_tool(tool) for tool in diagnosis.tools],
        "programs": [_program(one) for one in diagnosis.programs],
        "agents": [_tool(agent) for agent in diagnosis.agents],
        "findings": [_finding(finding) for finding in diagnosis.findings],
    }


def _row(one: Examined, *, color: bool, width: int | None, seconds: float | None) -> str:
    name = padded(one.name, _NAME)
    if one.doing:
        passed = f" {format_duration(seconds)}" if seconds is not None and seconds >= 1 else ""
        return _fit(f"  {name} {padded(one.version or '…', _VERSION)} {one.doing} …{passed}", width)
    if one.path is None:
        remedy = next((finding.remedy for finding in one.findings), "")
        return _fit(f"  {name} {'not installed':<{_VERSION + 11 + 8}} {plain(remedy)}", width)
    cells = [padded(str(answer), size) for answer, size in zip(_answers(one), _ANSWERS, strict=True)]
    if color:
        cells = [_colored(cell, answer) for cell, answer in zip(cells, _answers(one), strict=True)]
    version = padded((one.version or "unknown") + ("" if one.in_range is not False else "!"), _VERSION)
    room = None if width is None else width - 2 - _NAME - 1 - _VERSION - 1 - sum(_ANSWERS) - 2 - 2
    return f"  {name} {version} {' '.join(cells)}  {_fit(plain(one.path), room)}".rstrip()


def _answers(one: Examined) -> tuple[Answer, Answer, Answer]:
    return one.signed_in, one.can_write, one.can_be_refused


def _colored(cell: str, answer: Answer) -> str:
    return f"\x1b[{_COLORS[answer]}m{cell}\x1b[0m" if answer in _COLORS else cell


def _fit(line: str, width: int | None) -> str:
    if width is None:
        return line.rstrip()
    return fitted(line.rstrip(), width) if width > 1 else ""


def _tool_line(tool: Tool) -> str:
    return f"  {padded(tool.name, _NAME)} {plain(tool.found) or 'not found'}"


def _named(diagnosis: Diagnosis) -> Iterator[tuple[str, Finding]]:
    """Give all findings with what they are about, the worst first; that a program is not installed its row says."""
    found = [(tool.name, finding) for tool in (*diagnosis.tools, *diagnosis.agents) for finding in tool.findings]
    for one in diagnosis.programs:
        found += [(one.name, finding) for finding in one.findings if one.path is not None or finding.weight is Weight.FAULT]
    found += [("", finding) for finding in diagnosis.findings]
    for weight in Weight:
        yield from ((name, finding) for name, finding in found if finding.weight is weight)


def _finding_lines(name: str, finding: Finding) -> Sequence[str]:
    about = f"{name}: " if name else ""
    line = f"{_MARKS[finding.weight]}: {about}{plain(finding.text)}"
    return [line, f"    {plain(finding.remedy)}"] if finding.remedy else [line]


def _last_word(diagnosis: Diagnosis) -> str:
    usable = [one.name for one in diagnosis.programs if one.is_usable] + [agent.name for agent in diagnosis.agents if agent.found]
    if not usable and not any(one.path for one in diagnosis.programs):
        return "no agent program is installed: install one of them and sign in (squad run --agent simulated needs none)"
    if not diagnosis.is_well:
        return "not everything is well" + (f"; usable: {', '.join(usable)}" if usable else "")
    return f"{'found' if diagnosis.quick else 'ready'}: {', '.join(usable)}"


def _program(one: Examined) -> dict[str, object]:
    return {
        "name": one.name,
        "installed": one.path is not None,
        "usable": one.is_usable,
        "path": one.path,
        "version": one.version or None,
        "known_to_work": one.works,
        "in_range": one.in_range,
        "signed_in": _truth(one.signed_in),
        "can_write": _truth(one.can_write),
        "can_be_refused": _truth(one.can_be_refused),
        "findings": [_finding(finding) for finding in one.findings],
    }


def _truth(answer: Answer) -> bool | None:
    """Give an answer as programs read it; null: not known."""
    return {Answer.YES: True, Answer.NO: False, Answer.NEVER: False}.get(answer)


def _tool(tool: Tool) -> dict[str, object]:
    return {"name": tool.name, "found": tool.found or None, "findings": [_finding(finding) for finding in tool.findings]}


def _finding(finding: Finding) -> dict[str, object]:
    return {"weight": str(finding.weight), "text": finding.text, "remedy": finding.remedy or None}
