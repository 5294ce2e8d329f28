"""A run told as it goes: at most one line for each event, none for those that nobody looks out for. Pure functions."""

from orchestrator import events as ev
from orchestrator.model import Outcome, Plan
from orchestrator.persons import is_person
from orchestrator.strange import is_a_persons
from orchestrator.views.inbox import how_to_answer
from orchestrator.views.limits import limit_line
from orchestrator.views.text import counted, plain

#: What has gone on and is not seen in how things stand afterwards.
_LASTING = (
    ev.AgentStalled,
    ev.RungClimbed,
    ev.TaskReassigned,
    ev.ResultRefused,
    ev.ForeignChangeFound,
    ev.AgentWarned,
    ev.UnsureChangeFound,
    ev.MergeConflicted,
    ev.LockRefused,
    ev.LimitReached,
    ev.QuestionAsked,
    ev.RestartOrdered,
    ev.Noticed,
)
_OF_NO_FAULT = frozenset({Outcome.DONE, Outcome.STOPPED, Outcome.ASKED})


def lasts(event: ev.Event) -> bool:
    """Tell whether an event's line is to stay where a table shows only how things stand now: stalls, refusals, moves."""
    return event.outcome not in _OF_NO_FAULT if isinstance(event, ev.AttemptEnded) else isinstance(event, _LASTING)


def change_line(plan: Plan, entry: ev.Entry) -> str:
    """Give one line for an event that a person wants to see; empty for the others."""
    titles: dict[str, str] = {planned.task.id: planned.task.title for planned in plan.tasks}
    event = entry.event
    match event:
        case ev.RunStarted(title=title, agents=agents):
            before = f", {len(plan.before)} done already" if plan.before else ""
            return f"run {entry.run}: {plain(title)}, {counted(len(titles), 'task')}, {counted(len(agents), 'agent')}{before}"
        case ev.RunResumed(reason=reason):
            return f"run {entry.run} goes on: {plain(reason)}"
        case ev.AttemptStarted(task=task, agent=agent, attempt=attempt):
            again = f" (attempt {attempt.rpartition('.')[2]})" if not attempt.endswith(".1") else ""
            return f"{task} started by {agent}{again}: {plain(titles.get(task, ''))}"
        case ev.AttemptEnded(task=task, agent=agent, outcome=outcome, reason=reason) if outcome != "done":
            said = plain(reason).removeprefix(f"{outcome}: ")
            return f"{task} not done by {agent}: {outcome}, {said}"
        case ev.ResultRefused(task=task, reason=reason, log=log):
            return f"{task} not accepted: {plain(reason)}{f', see {plain(log)}' if log else ''}"
        case ev.TaskDone(task=task, checked=checked):
            return f"{task} done{'' if checked else ' (unchecked)'}"
        case (
            ev.TaskFailed(task=task, reason=reason)
            | ev.TaskParked(task=task, reason=reason)
            | ev.TaskSkipped(task=task, reason=reason)
        ):
            return f"{task} {type(event).__name__.removeprefix('Task').lower()}: {plain(reason)}"
        case _:
            specific = (
                _trouble_line(event) or _shape_line(event) or _lock_line(event) or _limit_line(entry) or _question_line(event)
            )
            return specific or _rarer_line(event)


def _trouble_line(event: ev.Event) -> str:
    match event:
        case ev.TaskReassigned(task=task, from_=old, to=new) if old == new:
            return f"{task} stays with {new}"
        case ev.TaskReassigned(task=task, from_=old, to=new, reason=reason):
            return f"{task} moves from {old} to {new}: {plain(reason)}"
        case ev.AgentStalled(agent=agent, task=task, evidence=evidence):
            return f"{task} stalled at {agent}: {plain(evidence)}"
        case ev.RungClimbed(task=task, rung=rung):
            return f"{task}: {rung}"
        case ev.ForeignChangeFound() | ev.AgentWarned():
            return _foreign_line(event)
        case ev.UnsureChangeFound(where=where, paths=paths, among=among, why=why) if not is_a_persons(where, among):
            more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
            return f"unsure who changed {plain(', '.join(paths[:5]))}{more}: {plain(why)}"
        case ev.MergeConflicted(task=task, paths=paths):
            return f"{task} conflicts in {plain(', '.join(paths[:5]))}"
        case _:
            return ""


def _shape_line(event: ev.Event) -> str:
    """Give the line for what a person changed of the work."""
    match event:
        case ev.TaskRetried(task=task, reason=reason):
            return f"{task} is tried again: {plain(reason)}"
        case ev.TaskAdded(task=task, agent=agent, title=title):
            return f"{task} joins the run, for {agent}: {plain(title)}"
        case ev.AttemptRecalled(task=task, agent=agent, then=then, to=to):
            after = "is skipped then" if then == "skip" else f"goes to {to} then"
            return f"{task} is taken from {agent}: its attempt is stopped, and it {after}"
        case ev.AgentAdded(agent=agent, like=like):
            return f"{agent} joins the run{f', like {like}' if like else ' again'}"
        case ev.AgentLeft(agent=agent):
            return f"{agent} has left the run"
        case ev.RunReopened(reason=reason):
            return f"the run is taken up again: {plain(reason)}"
        case _:
            return ""


def _lock_line(event: ev.Event) -> str:
    match event:
        case ev.LockRequested(path=path, holder=holder):
            return f"{'you wait' if is_person(holder) else f'{holder} waits'} for {plain(path)}"
        case ev.LockRefused(path=path, holder=holder, reason=reason):
            return f"{holder} may not have {plain(path)}: {'; '.join(map(plain, reason.splitlines()))}"
        case ev.LockReleased(path=path, holder=holder, reason="forced"):
            return f"{holder} lost its lock on {plain(path)}: freed by a person"
        case _:
            return ""


def _foreign_line(event: ev.ForeignChangeFound | ev.AgentWarned) -> str:
    paths = plain(", ".join(event.paths[:5]))
    if isinstance(event, ev.AgentWarned):
        return f"{event.task}: {event.agent} is told, while it works, that it may not write {paths}"
    return f"{event.task}: {event.agent} changed what it may not write, kept under {event.ref}: {paths}"


def _question_line(event: ev.Event) -> str:
    """Give the line for a question or what became of it, with the command that answers."""
    match event:
        case ev.QuestionAsked(id=name, kind=kind, refused=refused):
            return question_note(event) + ("" if refused else f"; {how_to_answer(name, kind)}")
        case _:
            return question_note(event)


def question_note(event: ev.Event) -> str:
    """Give the line for a question or what became of it, as its agent finds it in its comm file."""
    match event:
        case ev.QuestionAsked(id=name, agent=agent, text=text, refused=refused):
            return f"{name} {agent} asks: {plain(text)}" + (f" (refused: {plain(refused)})" if refused else "")
        case ev.QuestionAnswered(id=name, answer=answer, allow=allow):
            decided = {None: "", True: "allowed ", False: "denied "}[allow]
            return f"{name} answered: {decided}{plain(answer)}".rstrip()
        case ev.QuestionClosed(id=name, reason=reason):
            return f"{name} closed: {plain(reason)}"
        case _:
            return ""


def remark_note(event: ev.RemarkMade | ev.RemarkTold) -> str:
    """Give the line for what a person has to tell an agent, as the agent finds it in its comm file."""
    if isinstance(event, ev.RemarkMade):
        return f"{event.id} you tell {event.task or event.agent}: {plain(event.text)}"
    return f"{event.id} heard by {event.agent} ({event.attempt})"


def _limit_line(entry: ev.Entry) -> str:
    return limit_line(entry.event, entry.at) if isinstance(entry.event, ev.LimitReached) else ""


def _rarer_line(event: ev.Event) -> str:
    match event:
        case ev.StopRequested(reason=reason):
            return f"stopping: {plain(reason)}"
        case ev.WorkPaused(now=now):
            return f"paused: {'what was under way is stopped' if now else 'nothing more is started'}; go on: squad resume"
        case ev.WorkResumed(reason=reason):
            return f"goes on: {plain(reason)}"
        case ev.RestartOrdered(task=task, attempt=attempt):
            return f"{task}: a person restarts {attempt}"
        case ev.RemarkMade() | ev.RemarkTold():
            return remark_note(event)
        case ev.HandoffRequested(from_=sender, to=to, file=file):
            return f"{plain(sender)} hands {plain(file)} to {plain(to) or 'anybody'}"
        case ev.Noticed(text=text):
            return plain(text)
        case _:
            return ""
