"""What events about locks change of a run's state: who holds, who waits, and what an attempt may have written."""

from orchestrator import events as ev
from orchestrator.claims import covers, is_glob, is_operation, parts_of
from orchestrator.exchange import questions
from orchestrator.model import AgentState
from orchestrator.state import AttemptStatus, Borrower, LockStatus, State, WaitStatus


def fold_lock(state: State, event: ev.LockRequested | ev.LockGranted | ev.LockReleased | ev.LockRefused, at: float) -> None:
    """Let an event about a lock take effect."""
    match event:
        case ev.LockGranted():
            _grant(state, event, at)
        case ev.LockReleased(path=path, holder=holder, reason=reason):
            state.locks.pop(f"{holder} {path}", None)
            _note_released(state, holder, path, at)
            if reason == "forced":
                _note_forced(state, holder, path)
        case ev.LockRequested(path=path, holder=holder, purpose=purpose, ticket=ticket):
            state.waiting.append(WaitStatus(path=path, holder=holder, since=at, purpose=purpose, ticket=ticket))
            set_waiting(state, holder)
        case ev.LockRefused(holder=holder, ticket=ticket):
            if ticket is not None:
                state.waiting = [wait for wait in state.waiting if wait.ticket != ticket]
                set_waiting(state, holder)
            _note_refusal(state, event)


def note_lent(state: State, event: ev.LockLent) -> None:
    """Remember for which process a grant is held, and forget one loan for each that has ended: a script may take thousands."""
    lock = state.locks.get(f"{event.holder} {event.path}")
    if lock is None or lock.fence != event.fence:
        return
    for pid in event.ended:
        if (over := next((place for place, one in enumerate(lock.lent) if one.pid == pid), None)) is not None:
            del lock.lent[over]
    lock.lent.append(Borrower(pid=event.pid, born=event.born, boot=event.boot, node=event.node, starter=event.starter))


def _grant(state: State, event: ev.LockGranted, at: float) -> None:
    path, holder = event.path, event.holder
    state.locks.pop(name := f"{holder} {path}", None)
    state.locks[name] = LockStatus(
        path=path,
        holder=holder,
        fence=event.fence,
        since=at,
        waited_s=event.waited_s,
        purpose=event.purpose,
        declared=event.declared,
    )
    state.fence = max(state.fence, event.fence)
    _note_lock(state, holder, path)
    if state.waiting:
        state.waiting = [wait for wait in state.waiting if (wait.path, wait.holder) != (path, holder)]
        set_waiting(state, holder)


def _note_refusal(state: State, event: ev.LockRefused) -> None:
    """Count what an agent was refused, and in its attempt what it need not have asked for again."""
    if (agent := state.agents.get(event.holder)) is not None:
        agent.refused += 1
    if event.row and (attempt := _attempt_of(state, event.holder)) is not None:
        attempt.refused[event.row] = attempt.refused.get(event.row, 0) + 1
        attempt.denied = event.reason.partition("\n")[0]


def _note_lock(state: State, holder: str, path: str) -> None:
    """Remember what the agent's attempt held: it may have written there, even if it has given the lock back since."""
    if (attempt := _attempt_of(state, holder)) is None:
        return
    attempt.locked.setdefault(path)
    if attempt.released:
        _note_held_again(attempt, path)
    if attempt.revoked:
        attempt.revoked = [taken for taken in attempt.revoked if not covers(path, taken)]


def _note_held_again(attempt: AttemptStatus, path: str) -> None:
    """Forget of what was given back all that a new lock covers; only a pattern is held against each, however many there are."""
    if path in attempt.released:
        _forget(attempt, path)
    if is_glob(path) or _folded(path) in attempt.released_in:
        for given in [given for given in attempt.released if covers(path, given)]:
            _forget(attempt, given)


def _forget(attempt: AttemptStatus, given: str) -> None:
    del attempt.released[given]
    _count(attempt, given, -1)


def _count(attempt: AttemptStatus, given: str, change: int) -> None:
    counts, folded = attempt.released_in, _folded(given)
    names = [] if is_operation(given) else folded.split("/")
    for place in (*("/".join(names[:end]) for end in range(len(names))), folded):
        if left := counts.get(place, 0) + change:
            counts[place] = left
        else:
            del counts[place]


def _folded(key: str) -> str:
    """Give a key as all spellings of it are compared; what covers a path, and is no pattern, stands above it in this form."""
    return key if is_operation(key) else "/".join(parts_of(key))


def _note_released(state: State, holder: str, path: str, at: float) -> None:
    """Remember since when the agent's attempt may not write there any more."""
    if (attempt := _attempt_of(state, holder)) is not None:
        if path not in attempt.released:
            _count(attempt, path, 1)
        attempt.released[path] = at


def _note_forced(state: State, holder: str, path: str) -> None:
    """Remember what was taken away from the agent's attempt: what it writes there from now on is too late."""
    if (attempt := _attempt_of(state, holder)) is not None:
        attempt.locked.pop(path, None)
        attempt.revoked.append(path)


def _attempt_of(state: State, holder: str) -> AttemptStatus | None:
    agent = state.agents.get(holder)
    task = state.tasks.get(agent.task) if agent and agent.task else None
    return state.attempts[task.attempt] if task is not None and task.attempt is not None else None


def set_waiting(state: State, holder: str) -> None:
    """Say whether an agent at work waits: for a lock, or for an answer."""
    agent = state.agents.get(holder)
    if agent is None or agent.state not in {AgentState.WORKING, AgentState.WAITING}:
        return
    waits = any(wait.holder == holder for wait in state.waiting) or questions.is_waiting(state, holder)
    agent.state = AgentState.WAITING if waits else AgentState.WORKING
