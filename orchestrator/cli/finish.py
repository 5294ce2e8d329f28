"""The end of a supervisor: the last words, the report's files, and the exit code."""

import time

from orchestrator.cli.context import Context, as_document, say, show
from orchestrator.cli.exits import FAILED, INTERRUPTED, LIMITED, NEEDS_YOU, TERMINATED
from orchestrator.cli.reporting import keep, report_of
from orchestrator.journal.recorder import Recorder
from orchestrator.model import TaskState
from orchestrator.project import Project
from orchestrator.state import State
from orchestrator.views.limits import attention_lines
from orchestrator.views.report import render_ending, report_json

_BY_SIGNAL = {"interrupted": INTERRUPTED, "terminated": TERMINATED}


def conclude(options: Context, project: Project, recorder: Recorder, ended_by: list[str]) -> int:
    """Write the report, say how the run ended and what to do next; gives the exit code."""
    state = recorder.state
    report = report_of(project, recorder.journal, recorder.plan, state)
    keep(project, report)
    if options.as_json:
        show(as_document(report_json(report)))
    elif not options.quiet:
        show(render_ending(report))
    elif state.phase != "ended":
        say("\n".join([f"squad: {state.run} is {state.phase}: {state.outcome}", *attention_lines(state, now=time.time())]))
    return exit_code(state, ended_by)


def exit_code(state: State, ended_by: list[str]) -> int:
    """Give the documented code for how a run stands; when several hold: signal, limit, needs you, failed."""
    if state.phase == "paused" and ended_by:
        return _BY_SIGNAL[ended_by[0]]
    if state.outcome == "limit":
        return LIMITED
    if state.phase != "ended" or any(task.state is TaskState.PARKED for task in state.tasks.values()):
        return NEEDS_YOU
    return 0 if state.outcome == "done" else FAILED
