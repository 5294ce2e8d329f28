"""What an agent is told: the task's own words, and as little of squad's as will do.

Squad's part is at most 400 tokens: who the agent is, what it may write, how it asks for more, how it says that it is
done. A later attempt gets a handover of a few lines, never a transcript.
"""

from collections.abc import Sequence

from orchestrator.model import PlannedTask, Seat


def prompt(planned: PlannedTask, seat: Seat, *, checks: Sequence[str] = (), handover: str = "") -> str:
    """Give the whole prompt for a task."""
    parts = [f"# {planned.task.title}", planned.task.text.strip(), _rules(planned, seat), _checks(checks), _handover(handover)]
    return "\n\n".join(part for part in parts if part) + "\n"


def resumed(planned: PlannedTask, seat: Seat, *, checks: Sequence[str] = (), handover: str = "") -> str:
    """Give what is said to an agent that knows its task already, from the conversation that it goes on with."""
    again = f"Go on with your task {planned.task.id} as {seat.id}: its text and the rules of this run stand above."
    parts = [f"# {planned.task.title}", again, _checks(checks), _handover(handover)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rules(planned: PlannedTask, seat: Seat) -> str:
    return "\n".join(
        [
            "## Rules of this run",
            f"You are {seat.id} ({seat.role}), one of several agents working on this repository at the same time.",
            f"Your task is {planned.task.id}. {_may_write(planned)}",
            "Before you change any other path, ask for it: `squad agent lock PATH` (it waits, or says why not);",
            "if it belongs to another agent: `squad agent handoff PATH --to AGENT --note TEXT`.",
            "Ask a person only what you cannot decide: `squad agent ask TEXT --wait 10m` prints the answer. Without an answer",
            "decide, and write your assumption down.",
            "You may commit; squad commits what you leave. Do not switch branches, push, or change git's configuration.",
            "Report progress: `squad agent status --message TEXT --progress 2/5`. When the work is finished and tried,",
            "say so: `squad agent done --note TEXT`, or print `Status: COMPLETE`. If you cannot do it: `Status: FAILED`.",
        ]
    )


def _may_write(planned: PlannedTask) -> str:
    if planned.writes is None:
        return "Write what the task needs, and nothing that belongs to another agent."
    if not planned.writes:
        return "It writes nothing."
    return "You may write: " + ", ".join(f"`{claim}`" for claim in planned.writes) + "."


def _checks(checks: Sequence[str]) -> str:
    if not checks:
        return ""
    return "Your work counts only if these pass: " + ", ".join(f"`{check}`" for check in checks) + "."


def _handover(handover: str) -> str:
    return f"## Handover from the last attempt\n{handover}" if handover else ""
