"""Every way out of an attempt that we know of, tried by real agents in a real run of an ordinary user's.

At level detect whatever came through is found, and none of it reaches the integration branch; at level deny nothing comes
through. One line each says which it was, and why. The ways in which agents hide what they did from git come with `--soak`.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.enforcement.confinement import Means
from orchestrator.project import find
from tests.support import escape_helper, vectors
from tests.support.commands import LONGEST
from tests.support.confined import needs, probed
from tests.support.ordinary_user import as_user, give_away, python_path
from tests.support.repositories import Repository
from tests.support.waiting import until

#: Levels at which the suite is tried, each with whether the kernel refuses.
LEVELS = {"detect": False, "deny": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One way out."""

    name: str
    target: str = ""  #: relative to the workspace; of its own unless said
    found: str = "foreign"  #: foreign: it is blamed and refused | told: it is told of, nobody is blamed | harmless: see why
    names: str = ""  #: what the event names, if it is not the target
    why: str = ""  #: of a way that is allowed
    denied: str = "refused"  #: at deny: refused | ended: whoever tries is | apart: done to a copy of its own | honest: see why

    @property
    def path(self) -> str:
        return self.target or f"others/{self.name}.txt"


VECTORS = (
    Vector(name="write"),
    Vector(name="rename-over"),
    Vector(name="hard-link"),
    Vector(name="symlink"),
    Vector(name="dots"),
    Vector(name="proc-root"),
    Vector(name="chmod"),
    Vector(name="utimes", found="harmless", why="it changes nothing that is ever committed"),
    Vector(name="shell"),
    Vector(name="daemon"),
    Vector(name="abstract-helper"),
    Vector(name="socket-helper"),
    Vector(name="second-namespace"),
    Vector(name="kept-descriptor", found="told", denied="ended"),
    Vector(name="settings", target=".git/config", found="told"),
    Vector(name="hook", target=".git/hooks/post-checkout", found="told"),
    Vector(
        name="branch",
        target="refs/heads/squad-work/tasks-1/write.1",
        found="told",
        denied="apart",
        why="it moves a copy of its own",
    ),
)
#: Tried with `--soak`.
MORE = (
    # hidden from git
    Vector(name="assume-unchanged"),
    Vector(name="skip-worktree"),
    Vector(name="exclude", target="others/new/exclude.txt"),
    Vector(name="file-mode"),
    Vector(name="line-ends"),
    Vector(name="case-alias", names="OTHERS/CASE-ALIAS.TXT"),
    Vector(name="nested", target="others/nested/file.txt"),
    Vector(name="submodule", target="others/link", names="others/link/file"),
    Vector(name="replaced"),
    Vector(name="ignored", target="build/ignored.txt", found="harmless", why="what git ignores is never committed"),
    Vector(name="sparse"),
    Vector(name="other-index"),
    Vector(name="replace-refs"),
    Vector(name="grafts"),
    Vector(name="filters"),
    Vector(name="amended"),
    # outside of its workspace
    Vector(name="users-branch", target="refs/heads/theirs", found="told"),
    Vector(name="integration", target="refs/heads/squad/tasks-1", found="told"),
    Vector(name="main-tree", target="README.md", found="told"),
    # it is blamed for what the next one does: that lies in its workspace
    Vector(name="host", target="others/host.txt", denied="honest", why="it only looks on"),
    Vector(name="beside", target="others/host.txt"),
)


@dataclass(slots=True)
class Escapes:
    """A run at one level in which each way is tried by a task of its own."""

    root: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def outcome(self, vector: Vector) -> str:
        """Give `allowed`, or `refused` with what stopped it, by the agent's own words."""
        log = find(self.root).logs / "tasks-1" / f"{vector.name}.1.log"
        said = re.findall(rf"^.*{vector.name}: (allowed|refused.*)$", log.read_text("utf-8", "replace"), re.MULTILINE)
        assert said, f"{vector.name} said nothing: {log.read_text('utf-8', 'replace')}"
        return str(said[-1])

    def found(self, vector: Vector) -> list[dict[str, Any]]:
        """Give the events that name what the way has changed."""
        named = vector.names or vector.path
        return [row for row in self.events if named in row.get("paths", ()) and row["type"] in FOUND]

    def on_branch(self, path: str) -> str:
        return Repository(self.root).git("--no-replace-objects", "show", f"squad/tasks-1:{path}", check=False)


FOUND = {"ForeignChangeFound": "foreign", "UnsureChangeFound": "told"}


@pytest.fixture(scope="module")
def vectors_tried(request: pytest.FixtureRequest) -> Sequence[Vector]:
    return (*VECTORS, *(MORE if request.config.getoption("--soak") else ()))


@pytest.fixture(scope="module")
def detected(vectors_tried: Sequence[Vector]) -> Iterator[Escapes]:
    """Try all of them once at level detect."""
    with tempfile.TemporaryDirectory(prefix="squad-escapes-") as name:
        yield escaped(Path(name).resolve(), "detect", vectors_tried)


@pytest.fixture(scope="module")
def denied(vectors_tried: Sequence[Vector]) -> Iterator[Escapes]:
    """Try all of them once at level deny."""
    with tempfile.TemporaryDirectory(prefix="squad-escapes-") as name:
        yield escaped(Path(name).resolve(), "deny", vectors_tried)


def escaped(folder: Path, level: str, tried: Sequence[Vector]) -> Escapes:
    """Carry the run out in a folder; gives what came of it."""
    repository = Repository.init(folder / "project")
    kept = {vector.path: "theirs\n" for vector in tried if not vector.target}
    repository.commit(
        {
            **kept,
            "others/nested/file.txt": "theirs\n",
            "others/new/old.txt": "theirs\n",
            "others/host.txt": "theirs\n",
            ".gitignore": "build/\n",
        }
    )
    repository.git("branch", "theirs")
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [_task(vector) for vector in tried]})})
    helper = str(folder / "helper.sock")
    repository.write({"squad.yaml": json.dumps(_settings(helper))})
    (folder / "home").mkdir()
    give_away(folder)
    environment = {
        "HOME": str(folder / "home"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": python_path(),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    python, _ = as_user()
    helping = subprocess.Popen([*python, escape_helper.__file__, helper], env=environment)
    try:
        until(lambda: Path(helper).exists(), "the helper")
        argv = [*python, "-m", "orchestrator", "-y", "--no-input", "run", "tasks.json", "-n", "4", "--enforce", level]
        with (folder / "out").open("w", encoding="utf-8") as out:
            subprocess.run(argv, cwd=repository.root, env=environment, stdout=out, stderr=out, timeout=LONGEST, check=False)
        told = subprocess.run(
            [*python, "-m", "orchestrator", "events"], cwd=repository.root, env=environment, capture_output=True, check=True
        )
    finally:
        helping.kill()
        helping.wait()
        give_away(folder, user=os.getuid())  # git reads no repository of another's
    return Escapes(repository.root, [json.loads(line) for line in told.stdout.splitlines()])


def _task(vector: Vector) -> dict[str, Any]:
    argv = ["python3", vectors.__file__, vector.name, vector.path]
    return {"id": vector.name, "title": f"Try {vector.name}", "writes": [f"own/{vector.name}/"], "command": argv}


def _settings(helper: str) -> dict[str, Any]:
    surroundings = {"ESCAPE_HELPER": helper, "ESCAPE_SQUAD": json.dumps([*_interpreter(), "-m", "orchestrator"])}
    agent = {"use": "command", "environment": {**surroundings, "PYTHONPATH": python_path()}}
    return {
        "agents": {f"agent-{number}": agent for number in range(1, 5)},
        "run": {"attempts": 1, "restart": {"backoff": "1ms..2ms", "per_agent": "200/10m", "fleet": "200/10m"}},
    }


def _interpreter() -> Sequence[str]:
    return as_user()[0][-1:]


EACH = pytest.mark.parametrize(
    "vector",
    [*VECTORS, *(pytest.param(one, marks=pytest.mark.soak) for one in MORE)],
    ids=lambda vector: vector.name,
)


@EACH
def test_no_way_out_goes_unseen(detected: Escapes, vector: Vector) -> None:
    said, rows = detected.outcome(vector), detected.found(vector)
    if said.startswith("refused"):
        line = said
        assert not rows, f"{vector.name} was refused, and yet something is there: {rows}"
    elif vector.found == "harmless":
        line = f"allowed: {vector.why}"
    else:
        row = next((row for row in rows if FOUND[row["type"]] == vector.found), None)
        assert row is not None, f"{vector.name} went unseen"
        line = f"found ({row['certainty']}): {row['why']}"
    print(f"detect {vector.name}: {line}")
    if not vector.target and vector.found == "foreign":
        assert detected.on_branch(vector.path) == "theirs"


@needs(Means.BUBBLEWRAP)
@EACH
def test_no_way_leads_out_where_the_kernel_refuses(denied: Escapes, vector: Vector) -> None:
    if vector.name == "abstract-helper" and not probed().abstract_sockets:
        pytest.skip("this kernel keeps nobody from abstract sockets: Landlock has no version 6 here")
    if vector.denied == "ended":
        [line] = [row["reason"] for row in denied.events if row["type"] == "AttemptEnded" and row["task"] == vector.name]
        assert "has ended, and it still can write there" in line
    else:
        line = denied.outcome(vector)
        assert line.startswith("refused") == (vector.denied == "refused"), line
    print(f"deny {vector.name}: {line}" + (f": {vector.why}" if line == "allowed" else ""))

    assert not denied.found(vector), "something is there all the same"
    if vector.denied == "apart":
        assert Repository(denied.root).git("log", "--format=%s", "-1", vector.path) != "Own"
    if not vector.target:
        assert denied.on_branch(vector.path) == "theirs"
