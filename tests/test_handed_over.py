"""A holder that dies by force, in a real run: the next one gets the lock as soon as nothing is left of it."""

import json
import os
import signal
import socket

from tests.support.commands import Squad
from tests.support.lock_clients import sleeping_agents, squads
from tests.support.waiting import until


def test_the_lock_of_an_agent_that_is_killed_goes_to_the_next_before_its_workspace_is_looked_at(squad: Squad) -> None:
    (one, first, token, pid), (two, second, other, _) = sleeping_agents(squad, 2)
    holds, wants = squads(first, token, "free.md"), squads(second, other, "free.md")
    with holds.connected() as ask:
        assert holds.granted in ask(holds.lock)

    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(second)
        waiting.sendall(wants.lock.replace(b'"wait":0', b'"wait":60'))
        squad.wait_for_event("LockRequested")
        os.kill(pid, signal.SIGKILL)
        answer = json.loads(waiting.recv(65536))

    assert answer["result"]["path"] == "free.md"
    squad.wait_for_event("AttemptEnded", lambda row: row["agent"] == one)
    rows = squad.events("LockReleased", "LockGranted", "AttemptEnded")
    told = [(row["type"], row.get("holder", row.get("agent"))) for row in rows if row.get("path", "free.md") == "free.md"]
    assert told[:4] == [("LockGranted", one), ("LockReleased", one), ("LockGranted", two), ("AttemptEnded", one)]
    squad.ok("stop", "--now")
    until(lambda: squad.json("status")["run"]["state"] == "paused", "the end of the run")
