"""What was read of a document as a table of text, to be held against one that a person has looked through."""

from orchestrator.model import Document, Task


def table(document: Document) -> str:
    """Give format, title, every task, every line that was not taken, and every warning."""
    tasks = [_row(task) for task in document.tasks]
    skipped = [f"- {one.file or 'line'}:{one.line} {one.text} <- {one.reason}" for one in document.skipped]
    warnings = [f"! {warning}" for warning in document.warnings]
    return "\n".join([f"{document.format}: {document.title}: {len(tasks)} tasks", *tasks, *skipped, *warnings]) + "\n"


def _row(task: Task) -> str:
    notes = {
        "parent": task.parent or "",
        "needs": " ".join(task.needs),
        "after": " ".join(task.after),
        "writes": "nothing" if task.writes == () else " ".join(task.writes or ()),
        "area": task.area or "",
        "skills": " ".join(task.skills),
        "locks": " ".join(task.locks),
        "agents": " ".join(task.agents),
        "priority": "" if task.priority is None else str(task.priority),
        "estimate": "" if task.estimate is None else f"{task.estimate:g}s",
        "criteria": " / ".join(task.criteria),
    }
    marks = [task.state, *(["parallel"] if task.parallel else []), *(["gate"] if task.gate else [])]
    told = "".join(f"; {name}: {value}" for name, value in notes.items() if value)
    return f"{task.source.line} {task.id} [{' '.join(marks)}] {task.title}{told}"
