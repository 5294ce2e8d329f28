"""Projects in the situations that a command may meet. They are prepared once, and copied for whoever changes one."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.ordinary_user import NOBODY, as_user, give_away
from tests.support.programs import Programs
from tests.support.repositories import Repository
from tests.support.runs import simulated
from tests.support.waiting import marked, until

AGENTS = ("agent-1-frontend", "agent-2-backend")
TASKS = ("T1", "T10", "T11", "last")
#: What is not compared as a file: the journal, whose rows are, since readers take in what a killed writer left beside it; locks;
#: what git notes while it only looks on; and the link to the logs, which is made right where a project was copied.
_BESIDE = {"state.db", "state.db-wal", "state.db-shm", "supervisor.lock", "index", "ORIG_HEAD", "logs", "ballast"}


def fresh(root: Path) -> Path:
    """Make a project in which nothing was done yet."""
    repository = Repository.init(root)
    tasks = [simulated(name, writes=[f"{name}.md"]) for name in TASKS]
    settings = {"agents": {name: {"use": "simulated"} for name in AGENTS}}
    files = {"tasks.json": _document(*tasks), "other.json": _document(*tasks), "squad.yaml": json.dumps(settings)}
    repository.commit(files, "Say what is to be done")
    plan = Here(root).ok("plan", "tasks.json", "--json")
    repository.commit({"plan.json": plan}, "Plan it")
    return root


def finished(root: Path) -> Path:
    """Make a project with the runs tasks-1, which is merged, tasks-2, and other-1; all are done."""
    here = Here(fresh(root))
    here.ok("run", "tasks.json", "-q")
    here.ok("merge", "-q")
    here.ok("run", "tasks.json", "-q", "--all")
    here.ok("run", "other.json", "-q")
    return root


def dead(root: Path) -> Path:
    """Make a project whose run tasks-1 has lost its supervisor to kill -9, while two agents were at work."""
    tasks = [simulated(name, "hang", writes=[f"{name}.md"]) for name in TASKS]
    (fresh(root) / "tasks.json").write_text(_document(*tasks), encoding="utf-8")
    with Squad(root) as squad:
        run = squad.start("run", "tasks.json")
        for agent in AGENTS:
            squad.wait_for_event("AttemptStarted", lambda row, agent=agent: row["agent"] == agent)  # type: ignore[misc]  # bound now
        squad.kill(run)
    until(lambda: not marked(f"{root}/.squad/"), "the end of all that the supervisor had started")
    return root


def copied(project: Path, to: Path) -> Path:
    """Copy a project, with its journal and without sockets that nobody listens on."""
    return Path(shutil.copytree(project, to, symlinks=True, ignore=shutil.ignore_patterns("*.sock")))


def of_a_newer_squad(project: Path) -> Path:
    """Let the journal of a project be one that this squad cannot read."""
    with contextlib.closing(sqlite3.connect(project / ".git" / "squad" / "state.db")) as journal:
        journal.execute("pragma user_version = 999")
    return project


def with_a_journal_that_is_read_only(project: Path) -> Path:
    """Let an ordinary user own a project, who may not write its journal."""
    give_away(project)
    state = project / ".git" / "squad"
    for path in (state, *state.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return project


def of_another_user(project: Path) -> Path:
    """Let a project be of another user than the one who calls commands as an ordinary user."""
    give_away(project, user=NOBODY if as_user()[1] == 0 else 0)
    return project


@contextmanager
def small_disk(folder: Path, *, size: str = "12m") -> Iterator[bool]:
    """Mount a small file system of its own; False where the machine does not let the test mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk, not even for a byte."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


def contents(project: Path) -> Mapping[str, str]:
    """Give what a project holds: files and links, those of git among them, and the journal's rows, each with a digest."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(project):
        for name in {*folders, *files} - _BESIDE:
            path = Path(folder, name)
            if path.is_symlink():
                found[str(path)] = str(path.readlink())
            elif path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {**found, "journal": _rows(project / ".git" / "squad" / "state.db")}


def _rows(journal: Path) -> str:
    if not journal.exists():
        return ""
    told = hashlib.sha256()
    with contextlib.closing(_reader(journal)) as connection:
        for table in ("events", "documents", "snapshots"):
            for row in connection.execute(f"select * from {table}"):
                told.update(repr(row).encode())
    return told.hexdigest()


def _reader(journal: Path) -> sqlite3.Connection:
    """Open a journal of whatever version, also where nothing can be written beside it."""
    for mode in ("mode=ro", "immutable=1"):
        connection = sqlite3.connect(f"file:{journal}?{mode}", uri=True)
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("select 1 from events limit 1")
            return connection
    raise AssertionError(journal)


def _document(*tasks: Mapping[str, Any]) -> str:
    return json.dumps({"version": 1, "tasks": tasks})


def environment_of(home: Path, runtime: Path, programs: Path) -> dict[str, str]:
    """Give an environment in which nothing is the user's own."""
    return {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "SQUAD_CONFIG_ENFORCE": "detect",
        "NO_COLOR": "1",
        "PATH": str(programs),
    }


@dataclass(frozen=True, slots=True)
class Places:
    """The prepared projects, and where copies of them go: a folder that every user reaches."""

    room: Path
    environment: Mapping[str, str]

    def project(self, name: str) -> Path:
        """Give a prepared project, which nobody may change."""
        place = self.room / name / "project"
        return place if place.exists() else _PREPARED[name](place)

    def copy(self, name: str, of: str) -> Path:
        """Give a copy of one."""
        return copied(self.project(of), self.room / name / "project")


_PREPARED: Mapping[str, Callable[[Path], Path]] = {"fresh": fresh, "finished": finished, "dead": dead}


def programs_in(folder: Path) -> Path:
    """Make a folder for PATH without any agent program."""
    programs = Programs.only(folder).folder
    for tool in filter(shutil.which, ("setpriv", "env", "mount", "umount")):
        (programs / tool).symlink_to(str(shutil.which(tool)))
    return programs
