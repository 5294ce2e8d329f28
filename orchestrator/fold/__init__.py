"""What each event changes of a run's state.

`fold` is the only thing that changes it. It never fails on an event that the supervisor may record, and an impossible
transition of a task is a bug that shows at once. The supervisor, `squad status` and `squad resume` all build the state
through here, so they cannot disagree.
"""

from orchestrator import events as ev
from orchestrator.exchange import questions
from orchestrator.fold.limits import consume, lift_limits, take_limit
from orchestrator.fold.locks import fold_lock, note_lent, set_waiting
from orchestrator.fold.shape import Shape, anew, fold_shape, is_given_up
from orchestrator.fold.steering import Order, fold_order, live_on
from orchestrator.fold.strange import fold_strange
from orchestrator.model import COUNTED, AgentState, Outcome, TaskState
from orchestrator.state import AttemptStatus, State, TaskStatus

#: What is recorded when no supervisor lives, or by its end.
AFTERWARDS = (ev.Merged, ev.RunEnded, ev.Notified)
#: How many restarts of an agent are remembered for its budget.
_REMEMBERED = 1000
_W, _R, _C, _I = TaskState.WAITING, TaskState.RUNNING, TaskState.CHECKING, TaskState.INTEGRATING
_D, _F, _P, _S = TaskState.DONE, TaskState.FAILED, TaskState.PARKED, TaskState.SKIPPED
_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    _W: frozenset({_R, _F, _P, _S}),
    _R: frozenset({_C, _W}),
    _C: frozenset({_I, _D, _W}),
    _I: frozenset({_I, _D, _W}),
    _P: frozenset({_W, _S}),
    _D: frozenset(),
    _F: frozenset({_W}),
    _S: frozenset({_W}),
}


class ImpossibleTransition(RuntimeError):
    """A task was about to go where it cannot go from where it stands."""

    def __init__(self, task: str, here: TaskState, there: TaskState) -> None:
        super().__init__(f"task {task} cannot go from {here} to {there}")
        self.task, self.here, self.there = task, here, there


def fold(state: State, entry: ev.Entry) -> None:
    """Let one event take effect.

    Raises:
        ImpossibleTransition: The event contradicts the state; a bug in squad.
    """
    state.seq, event, at = entry.seq, entry.event, entry.at
    match event:
        case ev.LockGranted() | ev.LockReleased() | ev.LockRequested() | ev.LockRefused():  # first: there are most of them
            fold_lock(state, event, at)
        case ev.LockLent():
            note_lent(state, event)
        case ev.RunStarted() | ev.RunPaused() | ev.RunResumed() | ev.StopRequested() | ev.RunEnded() | ev.RunReopened():
            _fold_run(state, event, at)
        case ev.Noticed() | ev.Merged() | ev.LimitReached() | ev.Notified() | ev.ProjectMoved() | ev.AgentWarned():
            _fold_notice(state, event, at)
        case (
            ev.AttemptPrepared()
            | ev.AttemptStarted()
            | ev.OutputRead()
            | ev.AttemptEnded()
            | ev.ResultRefused()
            | ev.IntegrationStarted()
            | ev.Integrated()
        ):
            _fold_attempt(state, event, at)
        case ev.TaskDone() | ev.TaskFailed() | ev.TaskParked() | ev.TaskSkipped() | ev.TaskRevived() | ev.TaskRetried():
            _fold_task(state, event)
        case (
            ev.AgentReported()
            | ev.ConversationKnown()
            | ev.ClaimMade()
            | ev.AgentBlocked()
            | ev.HandoffRequested()
            | ev.UsageReported()
        ):
            _fold_speech(state, event)
        case ev.ForeignChangeFound() | ev.UnsureChangeFound():
            fold_strange(state, event)
        case ev.AgentStalled() | ev.RungClimbed() | ev.CheckEnded() | ev.MergeConflicted():
            _fold_evidence(state, event)
        case _:
            _fold_person(state, event, at)
    _note_life(state, event, at)


def _fold_person(state: State, event: Shape | Order | questions.Asked, at: float) -> None:
    """Let what a person orders, is asked or answers take effect."""
    match event:
        case ev.QuestionAsked() | ev.QuestionAnswered() | ev.QuestionTold() | ev.QuestionClosed():
            questions.take(state, event, at)
            set_waiting(state, event.agent)
        case ev.TaskReassigned() | ev.AttemptRecalled() | ev.TaskAdded() | ev.RunScaled() | ev.AgentAdded() | ev.AgentLeft():
            fold_shape(state, event)
        case _:
            fold_order(state, event, at)


def _note_life(state: State, event: ev.Event, at: float) -> None:
    """Note until when a supervisor lived: what a person records of a run that is paused or over tells nothing of that."""
    is_alone = state.phase in {"paused", "ended"} and not isinstance(event, ev.RunPaused)
    if not is_alone and not isinstance(event, AFTERWARDS):
        state.seen = at


def _fold_run(
    state: State,
    event: ev.RunStarted | ev.RunPaused | ev.RunResumed | ev.StopRequested | ev.RunEnded | ev.RunReopened,
    at: float,
) -> None:
    match event:
        case ev.RunStarted():
            state.title, state.source, state.source_digest = event.title, event.source, event.source_digest
            state.plan, state.settings, state.isolation = event.plan, event.settings, event.isolation
            state.base, state.branch, state.tip = event.base, event.branch, event.base
            state.phase, state.started_at, state.since, state.split = "running", at, at, event.split
        case ev.RunPaused(reason=reason):
            state.phase, state.outcome = "paused", reason
        case ev.RunResumed(settings=settings):
            live_on(state, at)
            state.phase, state.outcome, state.reached = "running", "", []
            state.settings = settings or state.settings
            state.waiting = []  # no connection outlives its supervisor
            questions.resume(state, at)
        case ev.StopRequested():
            state.phase = "ending"
        case ev.RunEnded(outcome=outcome):
            state.phase, state.outcome, state.ended_at = "ended", outcome, at
            questions.end(state, at)
        case ev.RunReopened(reason=reason):
            state.phase, state.outcome, state.ended_at = "paused", reason, None


def _fold_notice(
    state: State, event: ev.Noticed | ev.Merged | ev.LimitReached | ev.Notified | ev.ProjectMoved | ev.AgentWarned, at: float
) -> None:
    match event:
        case ev.ProjectMoved(from_=old, to=new):
            for attempt in state.attempts.values():
                attempt.workspace = _elsewhere(attempt.workspace, old, new)
                attempt.log = _elsewhere(attempt.log, old, new)
        case ev.Noticed(text=text):
            state.notices.append(text)
        case ev.LimitReached():
            take_limit(state, event, at)
        case ev.Notified(about=about):
            state.notified.append(about)
        case ev.Merged() | ev.AgentWarned():
            pass


def _elsewhere(path: str, old: str, new: str) -> str:
    """Give a path as it is called once a folder above it was moved."""
    return f"{new}{path.removeprefix(old)}" if f"{path}/".startswith(f"{old}/") else path


def _fold_attempt(
    state: State,
    event: ev.AttemptPrepared
    | ev.AttemptStarted
    | ev.OutputRead
    | ev.AttemptEnded
    | ev.ResultRefused
    | ev.IntegrationStarted
    | ev.Integrated,
    at: float,
) -> None:
    match event:
        case ev.AttemptPrepared():
            _prepare(state, event, at)
        case ev.AttemptStarted():
            _start(state, event, at)
        case ev.OutputRead(attempt=attempt, log=log, status=status):
            state.attempts[attempt].read_log, state.attempts[attempt].read_status = log, status
        case ev.AttemptEnded():
            _end(state, event, at)
        case ev.ResultRefused():
            _refuse(state, event, at)
        case ev.IntegrationStarted(task=task, onto=onto):
            state.tip = onto  # where the branch really stands, also after a person moved it
            _move(state, task, TaskState.INTEGRATING)
        case ev.Integrated(commit=commit):
            state.tip = commit


def _prepare(state: State, event: ev.AttemptPrepared, at: float) -> None:
    task, agent = state.tasks[event.task], state.agents[event.agent]
    number = int(event.attempt.rpartition(".")[2])
    if task.counted and not task.ordered:
        agent.starts = [*agent.starts[1 - _REMEMBERED :], at]
    task.agent, task.attempt, task.prepared, task.reason, task.fresh = event.agent, event.attempt, number, "", False
    task.cause, task.ordered = "", False
    agent.task, agent.state, agent.pid, agent.says = event.task, AgentState.STARTING, None, "ACTIVE"
    agent.message, agent.done, agent.total, agent.files = "", None, None, {}
    agent.blocked_on = agent.meanwhile = ""
    state.attempts[event.attempt] = AttemptStatus(
        task=event.task,
        agent=event.agent,
        number=number,
        workspace=event.workspace,
        branch=event.branch,
        base=event.base,
        adapter=event.adapter,
        prepared_at=at,
    )
    _move(state, event.task, TaskState.RUNNING)


def _start(state: State, event: ev.AttemptStarted, at: float) -> None:
    attempt = state.attempts[event.attempt]
    attempt.pid, attempt.node, attempt.boot, attempt.born = event.pid, event.node, event.boot, event.born
    attempt.leash, attempt.log, attempt.started_at, attempt.adapter = event.leash, event.log, at, event.adapter
    attempt.level = event.level
    state.starts += 1
    state.tasks[event.task].attempts += 1
    state.agents[event.agent].state, state.agents[event.agent].pid = AgentState.WORKING, event.pid
    set_waiting(state, event.agent)


def _end(state: State, event: ev.AttemptEnded, at: float) -> None:
    attempt, task, agent = state.attempts[event.attempt], state.tasks[event.task], state.agents[event.agent]
    attempt.ended_at, attempt.outcome, attempt.reason = at, event.outcome, event.reason
    attempt.commit, attempt.paths = event.commit, event.paths
    agent.pid = None
    agent.files = {**agent.files, **{path: "modified" for path in event.paths if path not in agent.files}}
    if event.outcome == Outcome.DONE:
        agent.state = AgentState.CHECKING
        lift_limits(state, told_by=event.attempt)
        _move(state, event.task, TaskState.CHECKING)
        return
    _note_failure(task, event.agent, f"{event.outcome}: {event.reason}", counted=Outcome(event.outcome) in COUNTED)
    task.uncounted = task.uncounted + 1 if event.outcome == Outcome.ENVIRONMENT else 0
    task.unreached = task.unreached + 1 if event.outcome == Outcome.TRANSIENT else 0
    _back(state, event.task, event.reason, at)


def _refuse(state: State, event: ev.ResultRefused, at: float) -> None:
    task = state.tasks[event.task]
    _note_failure(task, event.agent, f"{event.cause}: {event.reason}", counted=event.counted)
    task.cause = event.cause
    task.uncounted = task.uncounted + 1 if event.cause == "environment" else 0
    task.unreached = 0
    task.conflicts += event.cause == "conflict"
    task.fresh = event.cause in {"conflict", "overlap"} or event.merged is not None
    attempt = state.attempts[event.attempt]
    attempt.check_log, attempt.merged = event.log, event.merged
    attempt.cause, attempt.refusal = event.cause, event.reason
    _back(state, event.task, f"{event.reason}, see {event.log}" if event.log else event.reason, at)


def _note_failure(task: TaskStatus, agent: str, failure: str, *, counted: bool) -> None:
    if not counted:
        return
    task.counted += 1
    task.same = task.same + 1 if failure == task.failure else 1
    task.failure = failure
    if agent not in task.failed_with:
        task.failed_with.append(agent)


def _back(state: State, task: str, reason: str, at: float) -> None:
    """Return a task to the waiting ones and free its agent."""
    status = state.tasks[task]
    status.reason, status.ended_at = reason, at
    _free(state, status.agent, task)
    _move(state, task, TaskState.WAITING)


def _fold_task(
    state: State,
    event: ev.TaskDone | ev.TaskFailed | ev.TaskParked | ev.TaskSkipped | ev.TaskRevived | ev.TaskRetried,
) -> None:
    match event:
        case ev.TaskDone(task=task):
            state.agents[state.tasks[task].agent].finished += 1
            state.tasks[task].reason, state.tasks[task].wish = "", None
            _free(state, state.tasks[task].agent, task)
            _move(state, task, TaskState.DONE)
        case ev.TaskFailed(task=task, reason=reason):
            state.tasks[task].reason = reason
            _move(state, task, TaskState.FAILED)
        case ev.TaskParked(task=task, reason=reason):
            state.tasks[task].reason = reason
            _move(state, task, TaskState.PARKED)
        case ev.TaskSkipped(task=task, reason=reason, by=by):
            state.tasks[task].reason, state.tasks[task].wish, state.tasks[task].dropped = reason, None, by != ""
            _move(state, task, TaskState.SKIPPED)
        case ev.TaskRevived(task=task):
            _revive(state, task)
            _move(state, task, TaskState.WAITING)
        case ev.TaskRetried(task=task) if is_given_up(state.tasks[task]):
            state.tasks[task] = anew(state.tasks[task])
            _move(state, task, TaskState.WAITING)
        case ev.TaskRetried(task=task):
            state.tasks[task].wish = None


def _revive(state: State, task: str) -> None:
    """Start counting anew; a task that only waited for an answer has not failed and keeps its counts."""
    old = state.tasks[task]
    if old.state is TaskState.PARKED and questions.has_asked(state, task):
        old.reason, old.limit = "", None
        return
    state.tasks[task] = anew(old)


def _fold_speech(
    state: State,
    event: ev.AgentReported | ev.ConversationKnown | ev.ClaimMade | ev.AgentBlocked | ev.HandoffRequested | ev.UsageReported,
) -> None:
    match event:
        case ev.AgentReported():
            agent = state.agents[event.agent]
            agent.says = event.status or ("ACTIVE" if agent.says == "BLOCKED" else agent.says)
            if agent.says != "BLOCKED":
                agent.blocked_on = agent.meanwhile = ""
            agent.message = event.message or agent.message
            agent.done = agent.done if event.done is None else event.done
            agent.total = agent.total if event.total is None else event.total
            agent.files = {**agent.files, **event.files}
            _note_report(state, event)
            questions.goes_on(state, event.agent)
            set_waiting(state, event.agent)
        case ev.ConversationKnown(attempt=attempt, session=session):
            state.attempts[attempt].conversation = session
        case ev.ClaimMade(attempt=attempt, done=done, note=note):
            state.attempts[attempt].claim, state.attempts[attempt].note = done, note
        case ev.AgentBlocked():
            agent = state.agents[event.agent]
            agent.says, agent.blocked_on, agent.meanwhile = "BLOCKED", event.on, event.meanwhile
        case ev.UsageReported():
            consume(state, event)
        case ev.HandoffRequested():
            pass


def _fold_evidence(state: State, event: ev.AgentStalled | ev.RungClimbed | ev.CheckEnded | ev.MergeConflicted) -> None:
    match event:
        case ev.RungClimbed(task=task, rung=rung, attempt=attempt) if rung in {"restart", "reassign", "park"}:
            state.tasks[task].rungs.append(rung)
            state.tasks[task].judged = attempt
        case ev.MergeConflicted(attempt=attempt, paths=paths):
            state.attempts[attempt].conflicts = paths
        case _:
            pass


def _note_report(state: State, event: ev.AgentReported) -> None:
    """Remember for a handover how far the attempt had come, after its agent is at something else."""
    attempt = state.attempts.get(state.tasks[event.task].attempt or "") if event.task in state.tasks else None
    if attempt is None or attempt.agent != event.agent:
        return
    attempt.message = event.message or attempt.message
    if event.done is not None:
        attempt.progress = f"{event.done}/{event.total}" if event.total else str(event.done)


def _free(state: State, name: str, task: str) -> None:
    agent = state.agents[name]
    if agent.task != task:
        return
    agent.task, agent.state, agent.pid = None, AgentState.IDLE, None
    state.waiting = [wait for wait in state.waiting if wait.holder != name]


def _move(state: State, task: str, there: TaskState) -> None:
    status = state.tasks[task]
    if there not in _TRANSITIONS[status.state]:
        raise ImpossibleTransition(task, status.state, there)
    status.state = there
