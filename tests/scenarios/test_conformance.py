"""The conformance list: what every agent program does under squad, whichever it is, in whole runs with real processes.

Rows are the tests here, columns the programs of `tests/support/conformance/subjects.py`; the table is printed at the end.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.conformance.steps import Limited, Longline, Shell, Step, Wait, Write
from tests.support.conformance.subjects import LACKS, SOAKED, SUBJECTS, Subject
from tests.support.conformance.table import PROPERTY, Row, page
from tests.support.real_agents import absent
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE
from tests.support.waiting import marked, until

ROOT = Path(__file__).parents[2]
#: A command that never ends, and of no other test.
TOOL = f"tail -n {os.getpid()} -f README.md"
_AS_PROCESS = TOOL.replace(" ", "\0")
BUSY = Shell(f"{TOOL}; true")
RUN = ("-y", "run", "tasks.json", "--no-input")
#: MiB; of a supervisor with one agent, who says little or much.
MEMORY = 160
#: Which program and column a stand-in stands for.
REAL = {"stand-in for Claude Code": ("claude", "real Claude Code"), "stand-in for Codex": ("codex", "real Codex")}
#: Seconds until the pretended limit is lifted: time for a program to start and run into it.
LIFTED = {True: 8.0, False: 2.0}  # real programs are slow to start


def behaviour(row: Row) -> pytest.MarkDecorator:
    """Try a row with every program that can do it by its nature."""
    names = [name for name in SUBJECTS if row not in LACKS[name]]
    soak = {True: [pytest.mark.soak], False: []}
    cells = [pytest.param((row, name), id=name, marks=soak[row in SOAKED[name] or stands_in(name, row)]) for name in names]
    return pytest.mark.parametrize("scene", cells, indirect=True)


def stands_in(name: str, row: Row) -> bool:
    """Say whether a program only stands in for one that is here itself, and tried."""
    real = REAL.get(name)
    return real is not None and not absent(real[0]) and row not in SOAKED[real[1]] and row not in LACKS[real[1]]


@dataclass(slots=True)
class Scene:
    """A project with the program at work on it as agent-1, and a shell as agent-2."""

    name: str
    subject: Subject
    squad: Squad
    repository: Repository
    enforce: str = "auto"

    def prepare(self, first: Sequence[Step], again: Sequence[Step], *, run: dict[str, Any] | None, beside: str) -> None:
        """Write down a run in which the program takes the steps, and beside it a script runs."""
        self.subject.play(first, again)
        agents = {"agent-1": self.subject.configuration, "agent-2": {"use": "command"}}
        settings = {
            "enforce": self.enforce,
            "agents": agents,
            "ownership": {"theirs/**": {"owner": "agent-2"}},
            "run": {**AT_ONCE, **(run or {})},
        }
        task = {"id": "T1", "title": "Write alpha", "writes": ["a.txt", "b.txt"], "agents": ["agent-1"], **self.subject.task}
        script = {"id": "T2", "title": "Beside", "writes": [], "agents": ["agent-2"], "command": ["sh", "-ec", beside]}
        tasks = [task, script] if beside else [task]
        files = {"squad.yaml": {"version": 1, **settings}, "tasks.json": {"version": 1, "tasks": tasks}}
        self.repository.write({name: json.dumps(document) for name, document in files.items()})

    def begin(self, first: Sequence[Step], again: Sequence[Step] = ()) -> "subprocess.Popen[str]":
        """Start a run in a process of its own."""
        self.prepare(first, again, run=None, beside="")
        return self.squad.start(*RUN)

    def run(
        self,
        first: Sequence[Step],
        again: Sequence[Step] = (),
        *,
        run: dict[str, Any] | None = None,
        beside: str = "",
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """Carry a run out that must succeed, in this process; another thread does something meanwhile."""
        self.prepare(first, again, run=run, beside=beside)
        with ThreadPoolExecutor() as threads:
            doing = threads.submit(self.do, meanwhile)
            said = self.squad.here(*RUN)
            doing.result()
        assert said.code == 0, said.err

    def do(self, something: Callable[[], object]) -> None:
        """Do something beside a run; what fails ends the run, which might wait for it for ever."""
        try:
            something()
        except BaseException:
            self.squad("stop", "--now")
            raise

    def begin_busy(self, again: Sequence[Step] = ()) -> "subprocess.Popen[str]":
        """Start a run, and wait until the program has written a file and is in the middle of a command that never ends."""
        process = self.begin([Write("a.txt"), BUSY], again)
        self.wait_until_busy()
        return process

    def wait_until_busy(self) -> None:
        """Wait until the program is in the middle of its command, or of whatever it does instead."""
        if self.subject.tools:
            until(lambda: marked(_AS_PROCESS), "the agent's command", pause=0.1)
        else:
            self.squad.wait_for_event("AgentReported")

    def must_be_gone(self) -> None:
        """Nothing of the run may be left, wherever it hid."""
        assert until(lambda: not marked(f"{self.repository.root}/"), "the end of every process", pause=0.1)
        assert not marked(_AS_PROCESS)

    def ends(self) -> list[tuple[str, str]]:
        return [(row["attempt"], row["outcome"]) for row in self.squad.events("AttemptEnded") if row["task"] == "T1"]

    def must_have_gone_on(self) -> None:
        """The second attempt took up the conversation of the first, if the program has such a thing."""
        conversations = [row["session"] for row in self.squad.events("ConversationKnown")]
        if Row.RESTART not in self.subject.lacks:
            assert len(conversations) == 2
            assert len(set(conversations)) == 1

    def files(self) -> list[str]:
        return self.repository.files("squad/tasks-1")


@pytest.fixture
def scene(request: pytest.FixtureRequest, squad: Squad, repository: Repository, tmp_path: Path, home: Path) -> Iterator[Scene]:
    row, name = request.param
    request.node.user_properties.append((PROPERTY, f"{row} | {name}"))
    repository.commit({".gitignore": ".squad/\n"})
    subject = SUBJECTS[name](tmp_path / "subject", home)
    with subject.ready(), pytest.MonkeyPatch.context() as patch:
        for variable, value in subject.environment.items():
            patch.setenv(variable, value)
        made = Scene(name, subject, squad, repository)
        yield made
    made.must_be_gone()


@behaviour(Row.WRITES)
def test_a_file_is_written_and_stands_on_the_branch(scene: Scene) -> None:
    scene.run([Write("a.txt")])

    assert scene.ends() == [("T1.1", "done")]
    assert "a.txt" in scene.files()


@behaviour(Row.HELD)
def test_an_edit_is_held_until_its_lock_is_granted(scene: Scene, tmp_path: Path) -> None:
    held, asked = tmp_path / "held", tmp_path / "asked"
    holder = f"squad agent lock shared.txt; touch {held}; while [ ! -e {asked} ]; do sleep 0.05; done; sleep 2"

    def release() -> None:
        scene.squad.wait_for_event("LockRequested", lambda row: row["path"] == "shared.txt")
        asked.touch()

    scene.run([Wait(str(held)), Write("shared.txt"), Write("a.txt")], beside=holder, meanwhile=release)

    grants = [row for row in scene.squad.events("LockGranted") if row["path"] == "shared.txt"]
    assert [row["holder"] for row in grants] == ["agent-2", "agent-1"]
    assert grants[1]["waited_s"] >= 2
    assert scene.ends() == [("T1.1", "done")]
    assert {"a.txt", "shared.txt"} <= set(scene.files())


@behaviour(Row.REFUSED)
def test_an_edit_is_refused_and_the_reason_read(scene: Scene) -> None:
    scene.run([Write("theirs/b.txt"), Write("a.txt")])

    assert "theirs/b.txt belongs to agent-2" in scene.subject.heard()
    assert [row["path"] for row in scene.squad.events("LockRefused")] == ["theirs/b.txt"]
    assert scene.ends() == [("T1.1", "done")]
    assert "theirs/b.txt" not in scene.files()


@behaviour(Row.STRAY)
def test_what_its_shell_writes_outside_of_its_area_never_reaches_the_branch(scene: Scene) -> None:
    stray = scene.subject.stray
    scene.enforce = "detect"  # where the kernel refuses it, there is nothing to be found

    scene.run([Shell(f"echo x > {stray}"), Write("a.txt")], [Write("b.txt")])

    found = [row["paths"] for row in scene.squad.events("ForeignChangeFound")]
    if scene.subject.confines:
        assert (scene.ends(), found) == ([("T1.1", "done")], [])
    else:
        assert (scene.ends(), found) == ([("T1.1", "foreign"), ("T1.2", "done")], [[stray]])
    assert stray not in scene.files()


@behaviour(Row.LIMIT)
def test_a_usage_limit_is_waited_for_and_the_conversation_goes_on(scene: Scene) -> None:
    scene.run([Limited(LIFTED[scene.name.startswith("real")])], [Write("b.txt")])

    assert scene.ends() == [("T1.1", "limit"), ("T1.2", "done")]
    [limit] = scene.squad.events("LimitReached")
    starts = [entry.at for entry in scene.squad.entries() if type(entry.event).__name__ == "AttemptStarted"]
    assert limit["until"] is not None
    assert starts[0] < limit["until"] <= starts[1]
    scene.must_have_gone_on()


@behaviour(Row.RESTART)
def test_one_that_is_silent_in_mid_tool_is_restarted_with_the_same_conversation(scene: Scene) -> None:
    # real programs use some CPU time while they wait, Claude Code much for half a minute: on average, so not looked at too often
    after = "4s" if scene.name.startswith("real") else "2s"
    scene.run([Write("a.txt"), BUSY], [Write("b.txt")], run={"stall": {"after": after, "ladder": ["restart", "park"]}})

    assert scene.ends() == [("T1.1", "stalled"), ("T1.2", "done")]
    assert [row["rung"] for row in scene.squad.events("RungClimbed")] == ["restart"]
    assert {"a.txt", "b.txt"} <= set(scene.files())
    scene.must_have_gone_on()


@behaviour(Row.STOPPED)
def test_a_stop_in_mid_tool_leaves_nothing(scene: Scene) -> None:
    run = scene.begin_busy()

    scene.squad.here.ok("stop")

    scene.must_be_gone()
    run.wait(LONGEST)
    assert scene.ends() == [("T1.1", "stopped")]
    assert scene.subject.interrupted in scene.squad.here.ok("logs", "T1", "--raw"), "its turn is ended before its process"


@behaviour(Row.STOPPED_NOW)
def test_a_stop_at_once_in_mid_tool_leaves_nothing(scene: Scene) -> None:
    run = scene.begin_busy()

    scene.squad.here.ok("stop", "--now")

    scene.must_be_gone()
    run.wait(LONGEST)
    assert scene.ends() == [("T1.1", "stopped")]


@behaviour(Row.KILLED)
def test_one_that_is_killed_in_mid_tool_leaves_nothing_and_is_tried_again(scene: Scene) -> None:
    def kill() -> None:
        scene.wait_until_busy()
        os.kill(scene.squad.events("AttemptStarted")[0]["pid"], signal.SIGKILL)
        scene.squad.wait_for_event("AttemptEnded")
        assert not marked(_AS_PROCESS), "it is gone before its attempt counts as ended"

    scene.run([Write("a.txt"), BUSY], [Write("b.txt")], meanwhile=kill)

    assert scene.ends() == [("T1.1", "crashed"), ("T1.2", "done")]


@behaviour(Row.ORPHANED)
def test_the_death_of_the_supervisor_in_mid_turn_leaves_nothing_and_the_run_goes_on(scene: Scene) -> None:
    run = scene.begin_busy([Write("b.txt")])

    scene.squad.kill(run)

    scene.must_be_gone()
    scene.squad.here.ok("-y", "resume")
    assert scene.ends() == [("T1.1", "stopped"), ("T1.2", "done")]
    assert {"a.txt", "b.txt"} <= set(scene.files())
    scene.must_have_gone_on()


@behaviour(Row.LONG_LINE)
def test_a_line_of_a_hundred_megabytes_is_passed_over_in_little_memory(scene: Scene) -> None:
    run = scene.begin([Longline(), Write("a.txt")])
    most = 0

    def over() -> bool:
        nonlocal most
        most = max(most, memory(run.pid))
        return run.poll() is not None

    until(over, "the end of the run", seconds=LONGEST, pause=0.05)

    assert run.returncode == 0, scene.squad.output()
    assert scene.ends() == [("T1.1", "done")]
    assert 0 < most < MEMORY


def memory(pid: int) -> int:
    """Give the most memory that a living process has had, in MiB."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    return int(told.partition("VmHWM:")[2].split()[0]) // 1024 if "VmHWM:" in told else 0


@behaviour(Row.USAGE)
def test_usage_right_after_a_resume_counts_nothing_twice(scene: Scene) -> None:
    run = scene.begin_busy([Write("b.txt")])
    scene.squad.here.ok("stop")
    run.wait(LONGEST)
    before = scene.subject.consumed()

    scene.squad.here.ok("-y", "resume")

    told = sum(row["output"] for row in scene.squad.events("UsageReported") if row["attempt"] == "T1.2")
    assert told == scene.subject.consumed() - before > 0
    scene.must_have_gone_on()


def test_the_page_of_the_documentation_is_this_list() -> None:
    assert (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8") == page(LACKS, SOAKED)
