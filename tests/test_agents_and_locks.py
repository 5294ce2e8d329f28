"""Whole runs in which shell scripts are the agents and ask for locks by `squad agent`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, until

FRONT, BACK = "agent-1-frontend", "agent-2-backend"
CONFIGURATION = """\
version: 1
agents:
  agent-1-frontend: {use: command, role: frontend, command: [sh, FOLDER/front.sh]}
  agent-2-backend: {use: command, role: backend, command: [sh, FOLDER/back.sh]}
ownership:
  /frontend: {owner: frontend, access: EXCLUSIVE}
  /backend: {owner: backend, access: EXCLUSIVE}
  /shared: {owner: NONE, access: SEQUENTIAL}
  /docs/api.md: {access: READ-ONLY}
"""
TASKS = """\
version: 1
tasks:
  - {id: F, title: Front, writes: [frontend/a.ts], agents: [agent-1-frontend]}
  - {id: B, title: Back, writes: [backend/b.py], agents: [agent-2-backend]}
"""
PRELUDE = """\
say() { code=$?; printf '%s\\n' "$1 $code" >> FOLDER/codes; }
wait_for() { while [ ! -e "FOLDER/$1" ]; do sleep 0.02; done; }
mark() { : > "FOLDER/$1"; }
"""


class Stage:
    """A project with two scripts as agents, and files by which test and scripts wait for each other."""

    def __init__(self, repository: Repository, squad: Squad, folder: Path) -> None:
        self.repository, self.squad, self.folder = repository, squad, folder
        folder.mkdir()
        repository.write({"squad.yaml": self._placed(CONFIGURATION), "tasks.yaml": TASKS})

    def scripts(self, *, front: str, back: str) -> None:
        for name, text in (("front.sh", front), ("back.sh", back)):
            (self.folder / name).write_text(self._placed(PRELUDE + text), encoding="utf-8")

    def mark(self, name: str) -> None:
        (self.folder / name).touch()

    def codes(self) -> Mapping[str, int]:
        """Give the exit codes that the scripts noted."""
        path = self.folder / "codes"
        rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {name: int(code) for name, _, code in (row.partition(" ") for row in rows)}

    def said(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def locks(self, *holders: str) -> list[tuple[str, str, str]]:
        """Give the events about locks that agents asked for, in their order."""
        rows = self.squad.events("LockRequested", "LockGranted", "LockReleased", "LockRefused")
        declared = {row["path"] for row in rows if row.get("declared")}
        return [(row["type"], row["holder"], row["path"]) for row in rows if row["path"] not in declared]

    def _placed(self, text: str) -> str:
        return text.replace("FOLDER", str(self.folder))


@pytest.fixture
def stage(repository: Repository, squad: Squad, tmp_path: Path) -> Stage:
    repository.commit({"shared/types.ts": "// types\n", "docs/api.md": "# API\n"})
    return Stage(repository, squad, tmp_path / "stage")


def status(of: Stage) -> Any:
    return of.squad.json("status")


def test_a_path_named_inside_a_workspace_is_the_projects(stage: Stage) -> None:
    """`squad owns` once told whose `.squad/worktrees/...` is."""
    owns = f"{sys.executable} -m orchestrator owns --json"
    asks = f'{owns} ../docs/api.md > FOLDER/near; {owns} "$PWD/a.ts" > FOLDER/far'
    stage.scripts(
        front=f"mkdir -p frontend; cd frontend; echo 1 > a.ts; {asks}\n",
        back="mkdir -p backend; echo 1 > backend/b.py\n",
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[1])}
    agents = json.dumps({"agents": {FRONT: {"environment": environment}}})
    stage.repository.write({".squad/local.yaml": agents})

    stage.squad.ok("-y", "run", "tasks.yaml")

    assert [json.loads(stage.said(name))["path"] for name in ("near", "far")] == ["docs/api.md", "frontend/a.ts"]


def test_an_agent_that_says_nothing_is_at_work_from_its_start(stage: Stage) -> None:
    stage.scripts(
        front="wait_for go\nmkdir -p frontend; echo 1 > frontend/a.ts\n",
        back="wait_for go\nmkdir -p backend; echo 1 > backend/b.py\n",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")

    stage.squad.wait_for_event("AttemptStarted", lambda row: row["agent"] == FRONT)
    stage.squad.wait_for_event("AttemptStarted", lambda row: row["agent"] == BACK)
    assert [agent["state"] for agent in status(stage)["agents"]] == ["working", "working"]
    stage.mark("go")

    assert run.wait(NEVER) == 0


def test_one_of_two_that_contend_waits_and_gets_the_file_when_it_is_given_back(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock shared/types.ts --purpose 'add a field'; say first
squad agent lock shared/types.ts; say again
mark held
wait_for go
squad agent unlock shared/types.ts; say unlock
mkdir -p frontend; echo 1 > frontend/a.ts
""",
        back="""
wait_for held
squad agent lock shared/types.ts --wait 0 2> FOLDER/busy; say once
mkdir -p backend && cd backend && echo 1 > b.py
squad agent lock ../shared/types.ts --wait 5m; say waited
echo '// more' >> ../shared/types.ts
""",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")
    stage.squad.wait_for_event("LockRequested")

    until(lambda: any(agent["state"] == "waiting" for agent in status(stage)["agents"]), "the waiting agent")
    [lock] = [lock for lock in status(stage)["locks"] if lock["path"] == "shared/types.ts"]
    assert (lock["holder"], lock["waiting"]) == (FRONT, [BACK])
    stage.mark("go")

    assert run.wait(NEVER) == 0
    assert stage.codes() == {"first": 0, "again": 0, "once": 1, "unlock": 0, "waited": 0}
    busy = stage.said("busy")
    assert busy.startswith(
        f"squad agent: shared/types.ts is held by {FRONT} until it gives it back or its task F has ended; stale"
    )
    assert busy.endswith("wait for it: squad agent lock shared/types.ts --wait 10m\n")
    assert stage.locks() == [
        ("LockGranted", FRONT, "shared/types.ts"),
        ("LockRefused", BACK, "shared/types.ts"),
        ("LockRequested", BACK, "shared/types.ts"),
        ("LockReleased", FRONT, "shared/types.ts"),
        ("LockGranted", BACK, "shared/types.ts"),
        ("LockReleased", BACK, "shared/types.ts"),
    ]
    grants = stage.squad.events("LockGranted")
    assert sorted({row["fence"] for row in grants}) == [row["fence"] for row in grants]
    assert [row["waited_s"] > 0 for row in grants if row["path"] == "shared/types.ts"] == [False, True]
    [id_] = [row["run"] for row in stage.squad.events("RunEnded")]
    assert "// more" in stage.repository.show(f"squad/{id_}", "shared/types.ts")


def test_a_refusal_names_the_owner_and_the_command_and_a_handoff_is_noted(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock backend/api.py 2> FOLDER/theirs; say theirs
squad agent lock docs/api.md 2> FOLDER/read; say read
squad agent lock . 2> FOLDER/all; say all
squad agent lock ../x 2> FOLDER/out; say out
squad agent handoff backend/api.py --to agent-2 --note 'add a route'; say handoff
squad agent handoff backend/api.py --to nobody 2> FOLDER/nobody; say nobody
squad agent blocked --on backend/api.py --meanwhile styles; say blocked
squad agent ask 'tabs or spaces?'; say ask
squad agent unlock frontend/a.ts 2> FOLDER/declared; say declared
mkdir -p frontend; echo 1 > frontend/a.ts
squad agent done --note finished; say done
""",
        back="mkdir -p backend; echo 1 > backend/b.py\n",
    )

    done = stage.squad.here("-y", "run", "tasks.yaml")

    assert stage.codes() == {
        **dict.fromkeys(("theirs", "read", "all", "out", "nobody", "declared"), 1),
        **dict.fromkeys(("handoff", "blocked", "ask", "done"), 0),
    }
    assert done.code == 0, done.err
    assert f"backend/api.py belongs to {BACK}" in stage.said("theirs")
    assert f"for the whole run; ask its owner: squad agent handoff backend/api.py --to {BACK}\n" in done.out
    assert f"squad agent handoff backend/api.py --to {BACK}" in stage.said("theirs")
    assert "docs/api.md is read-only" in stage.said("read")
    assert BACK in stage.said("all")
    assert "leaves the project" in stage.said("out")
    assert f"agents: {FRONT}, {BACK}" in stage.said("nobody")
    assert "declared by F" in stage.said("declared")
    [handoff] = stage.squad.events("HandoffRequested")
    assert (handoff["from"], handoff["to"], handoff["file"], handoff["note"]) == (FRONT, BACK, "backend/api.py", "add a route")
    refused = stage.squad.events("LockRefused")
    assert [(row["path"], row["holder"]) for row in refused] == [
        ("backend/api.py", FRONT),
        ("docs/api.md", FRONT),
        (".", FRONT),
        ("../x", FRONT),
    ]
    assert all(row["reason"] for row in refused)


def test_a_circle_is_refused_at_once_and_the_run_goes_on(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock shared/x; mark x
wait_for y
squad agent lock shared/y --wait 5m; say waited
mkdir -p frontend; echo 1 > frontend/a.ts
""",
        back="""
squad agent lock shared/y; mark y
wait_for x
wait_for go
squad agent lock shared/x --wait 5m 2> FOLDER/circle; say circle
squad agent unlock shared/y; say unlock
mkdir -p backend; echo 1 > backend/b.py
""",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")
    stage.squad.wait_for_event("LockRequested")
    stage.mark("go")

    assert run.wait(NEVER) == 0
    assert stage.codes() == {"circle": 1, "unlock": 0, "waited": 0}
    assert f"{BACK} -> {FRONT} -> {BACK}" in stage.said("circle")


def test_a_stop_while_an_agent_waits_ends_the_waiting_and_the_run_can_go_on(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock shared/types.ts; mark held
wait_for go
mkdir -p frontend; echo 1 > frontend/a.ts
""",
        back="""
wait_for held
mkdir -p backend; echo 1 > backend/b.py
squad agent lock shared/types.ts --wait 1h
""",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")
    stage.squad.wait_for_event("LockRequested")

    stage.squad.here.ok("stop", "--now")

    assert run.wait(NEVER) == 6
    stopped = status(stage)
    assert stopped["run"]["state"] == "paused"
    assert stopped["locks"] == []
    assert all(agent["state"] != "waiting" for agent in stopped["agents"])
    stage.mark("go")
    assert stage.squad.here("resume").code == 0
    assert {task["state"] for task in status(stage)["tasks"]} == {"done"}


def test_after_the_death_of_the_supervisor_the_lock_is_free_again_and_nobody_waits(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock shared/types.ts; mark held
wait_for go
mkdir -p frontend; echo 1 > frontend/a.ts
""",
        back="""
wait_for held
mkdir -p backend; echo 1 > backend/b.py
squad agent lock shared/types.ts --wait 1h
""",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")
    stage.squad.wait_for_event("LockRequested")

    stage.squad.kill(run)
    stage.mark("go")
    assert stage.squad.here("resume").code == 0

    fences = [row["fence"] for row in stage.squad.events("LockGranted")]
    assert sorted(set(fences)) == fences
    assert status(stage)["locks"] == []


def test_a_lock_file_that_a_person_removes_too_early_comes_back(stage: Stage) -> None:
    stage.scripts(
        front="""
squad agent lock shared/types.ts --purpose 'a field'; mark held
wait_for go
mkdir -p frontend; echo 1 > frontend/a.ts
""",
        back="mkdir -p backend; echo 1 > backend/b.py\n",
    )
    run = stage.squad.start("-y", "run", "tasks.yaml")
    path = stage.repository.root / ".squad" / "locks" / "shared%2Ftypes.ts.lock"
    until(path.exists, "the lock file")
    written = path.read_text(encoding="utf-8")

    path.unlink()
    refused = stage.squad.wait_for_event("LockRefused")
    until(path.exists, "the lock file again")
    unlocked = stage.squad.here("unlock", "shared/types.ts", "--json")
    stage.mark("go")

    assert "showed life" in refused["reason"]
    assert [line.partition(":")[0] for line in written.splitlines()] == [
        "FILE",
        "LOCKED_BY",
        "LOCKED_AT",
        "PURPOSE",
        "EXPIRES_AT",
    ]
    assert (unlocked.code, unlocked.error["exit_code"]) == (1, 1)
    assert run.wait(NEVER) == 0
    until(lambda: not path.exists(), "the end of the lock file")
