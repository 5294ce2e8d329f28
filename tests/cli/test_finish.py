"""The exit code of a run that is several things at once."""

import pytest

from orchestrator.cli.finish import exit_code
from orchestrator.model import TaskState
from orchestrator.state import State, TaskStatus


def state(phase: str, outcome: str, *tasks: TaskState) -> State:
    return State(
        run="demo-1",
        phase=phase,
        outcome=outcome,
        tasks={f"T{number}": TaskStatus(agent="agent-1", state=one) for number, one in enumerate(tasks)},
    )


@pytest.mark.parametrize(
    ("of", "ended_by", "code"),
    [
        (state("paused", "limit", TaskState.FAILED, TaskState.PARKED, TaskState.WAITING), ["interrupted"], 130),
        (state("paused", "terminated", TaskState.PARKED), ["terminated", "interrupted"], 143),
        (state("paused", "limit", TaskState.FAILED, TaskState.PARKED, TaskState.WAITING), [], 5),
        (state("paused", "limit", TaskState.FAILED, TaskState.WAITING), [], 5),
        (state("paused", "needs-you", TaskState.FAILED, TaskState.PARKED), [], 6),
        (state("ended", "failed", TaskState.FAILED, TaskState.DONE), [], 1),
        (state("ended", "done", TaskState.DONE), ["interrupted"], 0),
    ],
)
def test_a_signal_outweighs_a_limit_which_outweighs_a_person_who_outweighs_a_failure(
    of: State, ended_by: list[str], code: int
) -> None:
    assert exit_code(of, ended_by) == code
