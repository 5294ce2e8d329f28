"""The small programs before the real ones: what they let pass, what they lock, and that nothing else can be told of them."""

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from orchestrator.events import LockGranted, LockReleased
from orchestrator.model import Isolation
from orchestrator.standins import make, signs_of
from tests.support.builders import ONE, TWO
from tests.support.commands import Squad
from tests.support.counter import Counter, counter
from tests.support.desks import office
from tests.support.repositories import Repository
from tests.support.waiting import NEVER, marked, soon, until

INSTALL = {
    "op:install": ("fakenpm install", "npm install", "yarn install", "pnpm install", "pip install"),
    "op:build": ("fakemake",),
    "op:migrate": ("make migrate",),
}
REAL = ("npm", "fakenpm", "fakemake", "pip", "pip3", "python", "git", "yarn", "pnpm", "make", "python3.11")
NPM = """\
case $1 in
    install) echo "begin $AGENT_ID" >> "$LOG"; sleep 0.05; echo "end $AGENT_ID" >> "$LOG"; exit "${2:-0}" ;;
    run) exec fakenpm install 4 ;;
    wait) echo "$$"; while test -e go; do sleep 0.02; done ;;
    *) echo "real $*" ;;
esac"""


@pytest.fixture
async def at(tmp_path: Path, runtime: Path) -> AsyncIterator[Counter]:
    with office(tmp_path) as desk:
        async with counter(desk, runtime) as opened:
            opened.program("fakenpm", NPM)
            opened.stand_in({"op:install": ("fakenpm install", "fakenpm wait")})
            yield opened


def installed(
    folder: Path,
    never_parallel: Mapping[str, Sequence[str]],
    *,
    git: bool = False,
    isolation: Isolation = Isolation.WORKTREE,
) -> dict[str, str]:
    """Make stand-ins before fake programs; gives an environment in which a lock is not to be had."""
    real = folder / "real"
    real.mkdir(exist_ok=True)
    for name in REAL:
        (real / name).write_text(f'#!/bin/sh\necho "{name} ran"\n', encoding="utf-8")
        (real / name).chmod(0o755)
    path = f"{real}:{os.environ['PATH']}"
    first = make(folder / "bin", signs_of(never_parallel, isolation, git=git), path=path)
    return {"PATH": f"{first}:{path}", "SQUAD_SOCKET": str(folder / "nobody.sock"), "SQUAD_LOCK_WAIT": "0"}


def called(line: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False, timeout=NEVER)


@pytest.mark.parametrize(
    "line",
    [
        "npm install left-pad",
        "npm --silent install",
        "npm --prefix web install",
        "npm --prefix=web ci",
        "npm i",
        "npm --silent clean-install",
        "npm it",
        "yarn --frozen-lockfile",
        "yarn",
        "pnpm i",
        "make CC=gcc build migrate",
        "pip3 install x",
        "python3.11 -mpip install x",
        "python -m pip install x",
        "python -u -m pip -q install x",
        "fakemake",
        "fakemake -j 4 all",
        "git -C elsewhere push",
        "git worktree add x",
        "git branch -D x",
        "git switch -q -c x",
        "git symbolic-ref HEAD refs/heads/x",
        "git remote prune origin",
        "git reflog expire --all",
        "env npm install",
        "echo install | xargs npm",
        f"{shlex.quote(sys.executable)} -c \"import subprocess; subprocess.run(['npm', 'install'], check=True)\"",
    ],
)
def test_a_command_line_that_means_an_operation_is_not_run_without_its_lock(tmp_path: Path, line: str) -> None:
    done = called(line, installed(tmp_path, INSTALL, git=True))

    assert done.returncode != 0
    assert " ran" not in done.stdout
    assert "was not run: no supervisor answers" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "npm",
        "npm run install",
        "npm test -- install",
        "npm --version",
        "npm --help install",
        "yarn test",
        "yarn --version",
        "make build",
        "git switch main",
        "git checkout x.txt",
        "git remote show origin",
        "git reflog",
        "npm install --help",
        "fakemake --version",
        "pip list",
        "python install.py -m pip install",
        "git status",
        "git commit -m push",
        "git --no-pager log -1 -- push",
        "git worktree list",
        "git branch push",
        # what passes by
        "$REAL/npm install",
        "env -i PATH=$REAL npm install",
        "PATH=$REAL:$PATH; npm install",
    ],
)
def test_every_other_command_line_runs_at_once(tmp_path: Path, line: str) -> None:
    environment = {**installed(tmp_path, INSTALL, git=True), "REAL": str(tmp_path / "real")}

    done = called(line, environment)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" ran\n")


@pytest.mark.parametrize(
    ("read", "changing"),
    [
        ("git branch", "git branch new"),
        ("git branch -a -vv --sort=-committerdate", "git branch -a --sort=x new"),
        ("git branch --show-current", "git branch --show-current -d x"),
        ("git branch --list 'squad/*'", "git branch --list --delete x"),
        ("git branch --contains HEAD x", "git branch --cont HEAD x"),
        ("git --no-pager -C elsewhere branch -r", "git -c a=b branch -r"),
        ("git tag", "git tag v1"),
        ("git tag -l 'v*'", "git tag -l -f v1"),
        ("git tag -n --points-at HEAD", "git tag -n v1"),
        ("git stash list --oneline", "git stash list --output=x"),
        ("git stash show -p stash@{0}", "git stash"),
        ("git worktree list", "git worktree add x"),
        ("git symbolic-ref --short -q HEAD", "git symbolic-ref HEAD refs/heads/x"),
        ("git remote -v", "git remote update"),
        ("git config --get user.name", "git stash push -- list"),
    ],
)
@pytest.mark.parametrize("isolation", Isolation)
def test_only_forms_of_git_that_are_known_to_read_wait_for_nobody(
    tmp_path: Path, read: str, changing: str, isolation: Isolation
) -> None:
    environment = installed(tmp_path, {}, git=True, isolation=isolation)

    assert called(read, environment).stdout == "git ran\n"
    if isolation is Isolation.SHARED:
        assert "was not run" in called(changing, environment).stderr


def test_a_form_that_only_reads_is_meant_where_the_user_names_it(tmp_path: Path) -> None:
    environment = installed(tmp_path, {"op:branches": ("git branch",)}, git=True)

    assert "was not run" in called("git branch", environment).stderr


def test_a_login_shell_that_sets_its_path_anew_passes_by(tmp_path: Path) -> None:
    environment = {**installed(tmp_path, INSTALL), "HOME": str(tmp_path)}
    (tmp_path / ".bash_profile").write_text(f"PATH={tmp_path / 'real'}:$PATH\n", encoding="utf-8")

    done = subprocess.run(["bash", "-l", "-c", "npm install"], env=environment, capture_output=True, text=True, check=False)

    assert done.stdout == "npm ran\n"


def test_outside_of_an_agent_nothing_is_locked(tmp_path: Path) -> None:
    environment = installed(tmp_path, INSTALL)
    del environment["SQUAD_SOCKET"]

    assert called("npm install", environment).stdout == "npm ran\n"


def test_a_program_that_is_not_there_is_told_as_a_shell_tells_it(tmp_path: Path) -> None:
    environment = installed(tmp_path, {"op:install": ("nosuch install",)})

    done = called("nosuch install", environment)

    assert (done.returncode, done.stderr) == (127, "nosuch: command not found\n")


def test_a_folder_that_stands_twice_in_path_is_no_circle(tmp_path: Path) -> None:
    environment = installed(tmp_path, INSTALL)
    environment["PATH"] = f"{tmp_path / 'bin'}:{tmp_path / 'bin'}::{environment['PATH']}"

    assert called("npm list", environment).stdout == "npm ran\n"


def test_only_what_stands_in_path_gets_a_stand_in_for_another(tmp_path: Path) -> None:
    first = make(tmp_path / "bin", {"op:install": ("pip install",)}, path=str(tmp_path))

    assert first is not None
    assert [one.name for one in first.iterdir()] == ["pip"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o700


def test_stand_ins_of_an_earlier_run_are_taken_away(tmp_path: Path) -> None:
    make(tmp_path / "bin", {"op:a": ("one",)}, path="")
    make(tmp_path / "bin", {"op:a": ("two x", "/usr/bin/three", "$(four)")}, path="")

    assert [one.name for one in (tmp_path / "bin").iterdir()] == ["two"]
    assert make(tmp_path / "bin", {}, path="") is None


def test_in_a_shared_tree_every_git_command_that_changes_anything_is_meant() -> None:
    shared, own = (signs_of({}, isolation, git=True)["op:git"] for isolation in (Isolation.SHARED, Isolation.WORKTREE))

    assert {"git commit", "git add", "git push"} <= {*shared}
    assert "git commit" not in own
    assert signs_of({}, Isolation.SHARED, git=False) == {}


@pytest.mark.parametrize("words", [["other", "a b", "", "*", "--x=$y", "\\n"], ["install", "5"]])
async def test_the_real_program_is_told_everything_and_is_the_process_that_was_started(at: Counter, words: list[str]) -> None:
    at.program(
        "fakenpm",
        f'echo $$; {sys.executable} -S -c "import os,sys,json; print(json.dumps([sys.argv[1:], '
        'sorted(os.environ), os.read(0, 9).decode()]))" "$@"; exit 5',
    )
    environment = {**at.environment(ONE), "squad": "mine"}

    def call(program: str) -> tuple[int, bool, object]:
        process = subprocess.Popen(
            [program, *words], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=at.desk.folder
        )
        out, _ = process.communicate("hello")
        pid, told = out.splitlines()
        return process.returncode, process.pid == int(pid), json.loads(told)

    bare = await anyio.to_thread.run_sync(call, str(at.programs / "fakenpm"))
    through = await anyio.to_thread.run_sync(call, str(at.first) + "/fakenpm")

    assert bare == through
    assert bare[:2] == (5, True)


async def test_two_agents_never_install_at_once(at: Counter) -> None:
    log = at.desk.folder.parent / "log"
    started = [at.start(agent, "fakenpm", "install", LOG=str(log)) for agent in (ONE, TWO) * 3]
    ended = [await at.ended(process) for process in started]

    assert [one.code for one in ended] == [0] * 6
    rows = [row.split() for row in log.read_text(encoding="utf-8").splitlines()]
    inside: list[str] = []
    for what, agent in rows:
        assert not set(inside) - {agent}, rows
        inside = [*inside, agent] if what == "begin" else inside[1:]
    await soon(lambda: at.held() == [], "the end of the locks")


async def test_a_program_that_calls_itself_does_not_wait_for_itself(at: Counter) -> None:
    at.stand_in({"op:install": ("fakenpm install", "fakenpm run")})

    done = await at.run(ONE, "fakenpm", "run", LOG="/dev/null", SQUAD_LOCK_WAIT="5s")

    assert done == (type(done))(4, "", "")
    await soon(lambda: at.held() == [], "the end of the lock")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_ends_the_program_and_with_it_the_lock(at: Counter, number: signal.Signals) -> None:
    (at.desk.folder / "go").touch()
    process = at.start(ONE, "fakenpm", "wait")
    assert process.stdout is not None
    assert int(await anyio.to_thread.run_sync(process.stdout.readline)) == process.pid
    assert at.held() == [("op:install", ONE)]
    os.kill(process.pid, number)

    assert (await at.ended(process)).code == -number
    await soon(lambda: at.held() == [], "the end of the lock")


async def test_a_daemon_that_a_program_leaves_does_not_keep_its_lock(at: Counter) -> None:
    at.program("fakenpm", "sleep 60 > /dev/null 2>&1 & echo $!")

    done = await at.run(ONE, "fakenpm", "install")

    await soon(lambda: at.desk.events(LockReleased), "the end of the lock")
    os.kill(int(done.out), signal.SIGKILL)
    assert at.held() == []
    released = [event for event in at.desk.events(LockReleased) if isinstance(event, LockReleased)]
    assert [(event.path, event.reason) for event in released] == [("op:install", "ended")]


async def test_a_declared_operation_stays_locked_after_a_command(at: Counter) -> None:
    at.desk.table.acquire_all(ONE, ["op:install"], now=at.desk.time[0])

    await at.run(ONE, "fakenpm", "install", LOG="/dev/null")
    await at.desk.ask(ONE, "me")

    assert "op:install" in [grant.path for grant in at.desk.table.grants()]


async def test_whoever_waits_too_long_is_told_who_holds_it_and_what_helps(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="op:install")

    done = await at.run(TWO, "fakenpm", "install", LOG="/dev/null", SQUAD_LOCK_WAIT="10ms")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"squad: fakenpm was not run: op:install was not free within 0.01 s: held by {ONE}"
        f" until it gives it back or its task T1 has ended; stale from 1970-01-01T00:46:40Z on unless {ONE} shows life\n"
        "wait for it: squad agent lock op:install --wait 10m\n"
        "do something else first, then run it again\n"
    )


async def test_interrupted_while_it_waits_the_program_is_not_run(at: Counter) -> None:
    await at.desk.ask(ONE, "lock", path="op:install")
    process = at.start(TWO, "fakenpm", "install")
    await soon(at.desk.table.waiting, "a request that waits")
    os.kill(process.pid, signal.SIGINT)

    ended = await at.ended(process)
    assert (ended.code, ended.out) == (-signal.SIGINT, "")
    await soon(lambda: not at.desk.table.waiting(), "the end of the wait")


async def test_no_argument_of_a_command_stands_in_the_journal(at: Counter) -> None:
    await at.run(ONE, "fakenpm", "install", "0", "--token=geheim", LOG="/dev/null")

    told = [event for event in at.desk.events(LockGranted) if isinstance(event, LockGranted)]
    assert told[-1].purpose == "fakenpm"


def test_in_a_run_operations_wait_for_each_other_and_squads_death_ends_the_wait(
    squad: Squad, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    (programs / "fakenpm").write_text(f'#!/bin/sh\necho "$AGENT_ID" >> {log}; exec sleep 600\n', encoding="utf-8")
    (programs / "fakenpm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    told = tmp_path / "told"
    script = tmp_path / "script.sh"  # what a task's own words name is declared, and then nothing is left to wait for
    script.write_text(f"fakenpm install 2>> {told}; echo code $? >> {told}\n", encoding="utf-8")
    command = ["sh", str(script)]
    tasks = [{"id": name, "title": name, "writes": [f"{name}.md"], "command": command} for name in ("A", "B")]
    configuration = {"never_parallel": {"op:install": ["fakenpm install"]}}
    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": json.dumps(configuration)})

    run = squad.start("run", "tasks.json", "-n", "2", "-y", "-q", "--enforce", "agree")
    waiting = squad.wait_for_event("LockRequested", lambda row: row["path"] == "op:install")
    held = next(row for row in squad.json("status")["locks"] if row["path"] == "op:install")
    assert held["holder"] != waiting["holder"]
    assert [one["holder"] if isinstance(one, dict) else one for one in held["waiting"]] == [waiting["holder"]]
    until(log.exists, "the first program")
    until(lambda: told.exists() and "is held by" in told.read_text(encoding="utf-8"), "a word about the wait")
    squad.kill(run)

    # the agents are ended too: who of them still says that nothing was run, and who is stopped first, is anybody's guess
    until(lambda: not marked(f"{tmp_path}/"), "the end of whoever waited")
    assert "code 0" not in told.read_text(encoding="utf-8")
    assert log.read_text(encoding="utf-8").split() == [held["holder"]]
