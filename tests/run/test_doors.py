"""What an agent is told that is ended because a path could not be closed to it."""

from pathlib import Path
from typing import cast

import pytest

from orchestrator import events as ev
from orchestrator.enforcement.confinement import Means
from orchestrator.leash import Holder
from orchestrator.leash.holders import HELD
from orchestrator.locks import Grant
from orchestrator.run.doors import Gates, Inmate
from tests.support.builders import ONE
from tests.support.desks import office


class Holding:
    """An agent that lets nothing go."""

    means, workspace = Means.BUBBLEWRAP, Path("/nowhere")

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.why = ""

    async def close(self, _path: Path) -> tuple[Holder, ...]:
        return (self.holder,)

    async def expel(self, why: str) -> None:
        self.why = why


@pytest.mark.parametrize(
    ("holder", "named"),
    [
        (Holder(pid=7, command="vim a.txt", path="/nowhere/a.txt"), "vim a.txt (pid 7)"),
        (Holder(pid=7, command="", path="/nowhere/a.txt"), "a process (pid 7)"),
        (Holder(pid=0, command="", path=HELD), HELD),
    ],
)
async def test_who_is_ended_is_told_who_can_still_write_or_by_what(tmp_path: Path, holder: Holder, named: str) -> None:
    """What no process shows was once told as `a process (pid 0)`."""
    inmate = Holding(holder)
    with office(tmp_path) as desk:
        desk.sit(ONE)
        grant = desk.table.request(ONE, "a.txt", now=0.0)
        assert isinstance(grant, Grant)
        closing = Gates(desk.recorder, lambda _: cast("Inmate", inmate)).close(grant)
        assert closing is not None
        await closing.come()

        [told] = desk.events(ev.Noticed)

    assert inmate.why == f"the lock on a.txt has ended, and it still can write there: {named}"
    assert told == ev.Noticed(text=f"agent-1: {inmate.why}")
