"""What a person orders of a run at work: pause it, let it go on, restart an agent, tell one something.

Each order is decided at once and is in the journal before anything is done about it, so that a supervisor that dies in
between has obeyed it or never heard of it. The same order again changes nothing, and the answer says so.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from orchestrator import events as ev
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.exchange import questions, remarks
from orchestrator.fold.steering import NOW, SAFE
from orchestrator.journal.recorder import Recorder
from orchestrator.model import AgentId, Plan, PlannedTask, TaskState
from orchestrator.state import FINAL, UNDER_WAY, State, TaskStatus

#: Carries out what a person orders; takes params, gives the answer, and raises `Rejected` with the reason if it cannot be done.
Order = Callable[[Mapping[str, object]], object]


class Steering:
    """The orders of a person to the supervisor of one run."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        halt: Callable[[str, AgentId | None], None],
        tell: Callable[[AgentId, str], bool],
    ) -> None:
        """Obey: `halt` stops what is under way, all of it or one agent's; `tell` says something to an agent if it can."""
        self._recorder = recorder
        self._halt = halt
        self._tell = tell
        #: tasks that a person wants at once, also by word to a supervisor before this one
        self._ordered = {name for name, status in recorder.state.tasks.items() if status.ordered}
        self.orders: Mapping[str, Order] = {
            "pause": self._pause,
            "resume": self._resume,
            "restart": self._restart,
            "tell": self._remark,
        }

    @property
    def is_held(self) -> bool:
        """Tell whether a person lets nothing be started, and something is left to start."""
        state = self._recorder.state
        return bool(state.held) and any(status.state not in FINAL for status in state.tasks.values())

    def first(self, ready: Sequence[PlannedTask]) -> Sequence[PlannedTask]:
        """Put before the others what a person wants at once."""
        tasks = self._recorder.state.tasks
        self._ordered = {name for name in self._ordered if tasks[name].ordered}
        return sorted(ready, key=lambda planned: planned.task.id not in self._ordered) if self._ordered else ready

    def settle(self) -> None:
        """Say what a person has to say to whoever can hear it now, and tell of what nobody will hear any more."""
        state = self._recorder.state
        for name in remarks.pending(state) if state.remarks else ():
            self._say(name)
        for name in remarks.too_late(state) if state.remarks else ():
            task = state.remarks[name].task
            notice = f"{name} was never heard: {task} is {state.tasks[task].state}"
            if notice not in state.notices:
                self._recorder.record(ev.Noticed(text=notice))

    def _say(self, name: str) -> None:
        state = self._recorder.state
        remark = state.remarks[name]
        task = remark.task or state.agents[remark.agent].task or ""
        status = state.tasks.get(task)
        if status is None or status.state is not TaskState.RUNNING or status.attempt is None:
            return
        agent = AgentId(status.agent)
        if self._tell(agent, remarks.spoken(remark.text)):
            self._recorder.record(ev.RemarkTold(id=name, agent=agent, task=task, attempt=status.attempt, way="said"))

    # orders

    def _pause(self, params: Mapping[str, object]) -> dict[str, object]:
        state = self._state()
        wanted = NOW if params.get("now") is True else SAFE
        already = state.held in {wanted, NOW}
        if not already:
            self._recorder.record(ev.WorkPaused(now=wanted == NOW))
        if not already and wanted == NOW:
            self._halt("a person paused the run", None)
        under_way = [task for task, status in state.tasks.items() if status.state in UNDER_WAY]
        return {"run": state.run, "already": already, "now": state.held == NOW, "under_way": under_way}

    def _resume(self, _params: Mapping[str, object]) -> dict[str, object]:
        state = self._state()
        already = not state.held
        if not already:
            reason = "a person lets it go on"
            self._recorder.record(ev.WorkResumed(reason=reason), *revivals(self._recorder.plan, state))
        return {"run": state.run, "already": already}

    def _restart(self, params: Mapping[str, object]) -> dict[str, object]:
        state = self._state()
        task = str(params.get("task") or "") or _task_of(state, params)
        status = _known(state, task)
        if status.attempt is None or status.state not in {TaskState.RUNNING, TaskState.WAITING}:
            raise Rejected(_why_no_restart(task, status))
        already, agent = status.ordered, AgentId(status.agent)
        if not already:
            self._recorder.record(ev.RestartOrdered(task=task, agent=agent, attempt=status.attempt))
            self._ordered.add(task)
        if not already and status.state is TaskState.RUNNING:
            self._halt("a person restarts it", agent)
        told = {"task": task, "agent": agent, "attempt": status.attempt, "next": f"{task}.{status.prepared + 1}"}
        return {"run": state.run, **told, "already": already, "paused": bool(state.held)}

    def _remark(self, params: Mapping[str, object]) -> dict[str, object]:
        state, text = self._state(), params.get("text")
        if not isinstance(text, str) or not text.strip():
            raise Rejected("expected task or agent, and text", code=INVALID_PARAMS)
        if len(text.strip()) > remarks.LONGEST:
            raise Rejected(f"a remark has at most {remarks.LONGEST} characters: write it into a file, and name that")
        task, agent = _meant(state, params)
        text = text.strip()
        name = remarks.same(state, agent=agent, task=task, text=text)
        already = bool(name)
        if not already:
            name = remarks.next_id(state)
            self._recorder.record(ev.RemarkMade(id=name, agent=agent, task=task, text=text))
            self.settle()
        one = state.remarks[name]
        told = {"id": name, "agent": one.agent, "task": one.task or None, "told": one.told or None}
        return {"run": state.run, **told, "already": already}

    def _state(self) -> State:
        """Give the state of a run that is not about to end."""
        state = self._recorder.state
        if state.phase != "running":
            raise Rejected(f"{state.run} is being ended: wait for it, then: squad resume {state.run}")
        return state


def revivals(plan: Plan, state: State) -> list[ev.TaskRevived]:
    """Give what gets another chance when a person lets a run go on: all that is parked, save what waits for that person."""
    gates = {planned.task.id for planned in plan.tasks if planned.task.gate}
    parked = [name for name, status in state.tasks.items() if status.state is TaskState.PARKED and name not in gates]
    asking = partial(questions.open_of, state)
    waits = {name for name in parked if questions.has_asked(state, name) and asking(name)}
    return [ev.TaskRevived(task=name, reason="resumed by a person") for name in parked if name not in waits]


def _known(state: State, task: str) -> TaskStatus:
    if task not in state.tasks:
        raise Rejected(f"there is no task {task!r}", code=INVALID_PARAMS)
    return state.tasks[task]


def _task_of(state: State, params: Mapping[str, object]) -> str:
    """Give the task that an agent is at."""
    agent = str(params.get("agent") or "")
    if agent not in state.agents:
        raise Rejected(f"there is no agent {agent!r}", code=INVALID_PARAMS)
    if (task := state.agents[agent].task) is None:
        raise Rejected(f"{agent} is at no task: there is nothing to restart")
    return task


def _meant(state: State, params: Mapping[str, object]) -> tuple[str, str]:
    """Give whose a remark is: a task and who does it, or an agent without a task."""
    agent = str(params.get("agent") or "")
    task = str(params.get("task") or "")
    if not task and agent in state.agents:
        task = state.agents[agent].task or ""
        if not task:
            return "", agent
    status = _known(state, task)
    if status.state in FINAL:
        raise Rejected(f"{task} is {status.state}: no agent will do it and hear this")
    return task, status.agent


def _why_no_restart(task: str, status: TaskStatus) -> str:
    if status.state in UNDER_WAY:
        return f"{status.attempt} has ended and is judged: no agent works on {task}; see what comes of it: squad status"
    if status.state is TaskState.DONE:
        return f"{task} is done: there is nothing to restart; look: squad diff {task}"
    if status.state is TaskState.WAITING:
        return f"{task} was not started yet: it starts as soon as it can; see what it waits for: squad status"
    return f"{task} is {status.state}: no agent works on it; again: squad retry {task}"
