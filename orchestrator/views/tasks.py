"""What was read of a document, for people and for programs."""

from orchestrator.model import Document, Mark
from orchestrator.views.text import counted, padded, page, plain, shortened


def render_tasks(document: Document) -> str:
    """Give the text of `squad tasks`."""
    lines = [f"{plain(document.title)}: {counted(len(document.tasks), 'task')}, read as {document.format}", ""]
    for task in document.tasks:
        notes = [
            *([] if task.state is Mark.OPEN else [task.state]),
            *([f"needs {', '.join(task.needs)}"] if task.needs else []),
            *([f"part of {task.parent}"] if task.parent else []),
            *(["for a person"] if task.gate else []),
            *([f"writes {', '.join(task.writes)}"] if task.writes else []),
        ]
        lines.append(
            f"  {task.source.line:>4}  {padded(task.id, 8)} {shortened(task.title, 60)}"
            + (f"  ({'; '.join(notes)})" if notes else "")
        )
    if document.skipped:
        lines += ["", "Not taken as tasks:"]
        lines += [f"  {one.line:>4}  {shortened(one.text, 60)}  ({one.reason})" for one in document.skipped]
    lines += [f"warning: {plain(warning)}" for warning in document.warnings]
    return page(lines)


def tasks_json(document: Document) -> dict[str, object]:
    """Give the document of `squad tasks --json`."""
    return {
        "schema_version": 1,
        "title": document.title,
        "format": document.format,
        "tasks": [
            {
                "id": task.id,
                "title": task.title,
                "line": task.source.line,
                "state": task.state,
                "parallel": task.parallel,
                "needs": list(task.needs),
                "writes": None if task.writes is None else list(task.writes),
                "gate": task.gate,
                "parent": task.parent,
                "area": task.area,
                "file": task.source.file,
                "after": list(task.after),
                "priority": task.priority,
                "criteria": list(task.criteria),
                "agents": list(task.agents),
                "skills": list(task.skills),
                "locks": list(task.locks),
                "estimate": task.estimate,
            }
            for task in document.tasks
        ],
        "skipped": [
            {"line": one.line, "text": one.text, "reason": one.reason, "file": one.file or document.path}
            for one in document.skipped
        ],
        "warnings": list(document.warnings),
    }
