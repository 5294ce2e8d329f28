"""`squad agent ...` before a supervisor that only notes what it is asked."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator.__main__ import main
from orchestrator.control.wording import told
from orchestrator.model import PERSON
from tests.support.fake_supervisor import ANSWERS, FakeSupervisor
from tests.support.waiting import NEVER, until

ROOT = Path(__file__).parents[2]


class Said(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(slots=True)
class Fake(FakeSupervisor):
    """Runs commands as an agent of it."""

    def __call__(self, *arguments: str, cwd: Path | None = None, before: tuple[str, ...] = ()) -> Said:
        """Run the command inside this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.chdir(cwd or self.workspace),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            for name, value in self.environment().items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["squad", *before, "agent", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        return Said(int(str(ended.value.code)), out.getvalue(), err.getvalue())


@pytest.fixture
def agent(tmp_path: Path) -> Fake:
    """Run `squad agent` inside a workspace."""
    workspace = tmp_path / "workspace"
    (workspace / "src").mkdir(parents=True)
    fake = Fake(tmp_path / "s", workspace)
    fake.serve()
    return fake


# every command


@pytest.mark.parametrize(
    ("words", "method", "params", "told"),
    [
        (["lock", "a"], "lock", {"path": "a", "wait": 600.0, "purpose": ""}, "locked a\n"),
        (
            ["lock", "a", "--wait", "1h30m", "--purpose", "x y"],
            "lock",
            {"path": "a", "wait": 5400.0, "purpose": "x y"},
            "locked a\n",
        ),
        (
            ["lock", "a", "--wait", "0", "--fence", "7"],
            "lock",
            {"path": "a", "wait": 0.0, "purpose": "", "fence": 7},
            "locked a\n",
        ),
        (["lock", "--wait=0", "a"], "lock", {"path": "a", "wait": 0.0, "purpose": ""}, "locked a\n"),
        (["lock", "op:install", "--wait", "250ms"], "lock", {"path": "op:install", "wait": 0.25, "purpose": ""}, "locked a\n"),
        (["unlock", "a"], "unlock", {"path": "a"}, "unlocked a\n"),
        (["owns", "a"], "owns", {"path": "a"}, "a: EXCLUSIVE, owner agent-2, locked by agent-3\n"),
        (["status"], "me", {}, "agent-1: working 3/5\ntask: T1\nlocks: a\n"),
        (["status", "--message", "hi", "--progress", "3/5"], "status", {"message": "hi", "progress": "3/5"}, "accepted\n"),
        (["handoff", "a", "--to", "agent-2"], "handoff", {"file": "a", "to": "agent-2"}, "accepted\n"),
        (["handoff", "--note", "n", "--to", "x", "a"], "handoff", {"file": "a", "to": "x", "note": "n"}, "accepted\n"),
        (["ask", "tabs or spaces?"], "ask", {"text": "tabs or spaces?"}, "decide yourself\n"),
        (["ask", "tabs?", "--wait", "30m"], "ask", {"text": "tabs?", "wait": 1800.0}, "decide yourself\n"),
        (["ask", "--", "--really?"], "ask", {"text": "--really?"}, "decide yourself\n"),
        (["ask", "- a list"], "ask", {"text": "- a list"}, "decide yourself\n"),
        (["blocked", "--on", "a"], "blocked", {"on": "a"}, "accepted\n"),
        (["blocked", "--on", "a", "--meanwhile", "tea"], "blocked", {"on": "a", "meanwhile": "tea"}, "accepted\n"),
        (["done"], "done", {}, "accepted\n"),
        (["done", "--note", "--json"], "done", {"note": "--json"}, "accepted\n"),
        (["done", "-q", "--no-input", "--color", "never", "-y"], "done", {}, "accepted\n"),
    ],
)
def test_a_command_becomes_one_request(agent: Fake, words: list[str], method: str, params: dict[str, object], told: str) -> None:
    done = agent(*words)

    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert agent.asked[0]["method"] == method
    assert agent.params() == params


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["lok", "a"],
        ["lock"],
        ["lock", "a", "--fence", "x"],
        ["unlock", "a", "--fence", "0"],
        ["lock", ""],
        ["lock", "a", "b"],
        ["lock", "a", "--wait"],
        ["lock", "a", "--wait", "10"],
        ["lock", "a", "--wait", "-5m"],
        ["lock", "a", "--wait", "soon"],
        ["lock", "a", "--force"],
        ["lock", "-x", "a"],
        ["status", "--progress", "most"],
        ["status", "--progress", "5/3"],
        ["handoff", "a"],
        ["handoff", "--to", "agent-2"],
        ["ask"],
        ["blocked"],
        ["blocked", "--meanwhile", "tea"],
        ["done", "now"],
        ["owns"],
        ["mcp", "now"],
    ],
)
def test_wrong_usage_ends_with_2_and_asks_nothing(agent: Fake, words: list[str]) -> None:
    done = agent(*words)

    assert done.returncode == 2
    assert agent.asked == []
    assert "Traceback" not in done.stderr
    assert ("squad agent" in done.stderr) or not words


def test_a_refusal_ends_with_1_and_its_reason_on_stderr(agent: Fake) -> None:
    agent.refuse = "a belongs to agent-2\nask its owner: squad agent handoff a --to agent-2"

    done = agent("lock", "a")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"squad agent: {agent.refuse}\n"


@pytest.mark.parametrize("place", ["before", "after"])
def test_json_is_one_document_on_either_stream(agent: Fake, place: str) -> None:
    before, after = (("--json",), ()) if place == "before" else ((), ("--json",))
    granted = agent("lock", "a", *after, before=before)
    agent.refuse = "no"
    refused = agent("lock", "a", *after, before=before)

    assert json.loads(granted.stdout) == {"schema_version": 1, "result": ANSWERS["lock"]}
    assert refused.stdout == ""
    assert json.loads(refused.stderr) == {"schema_version": 1, "error": {"message": "no", "hint": "", "exit_code": 1}}


# where it is called


def test_outside_an_agent_it_is_wrong_usage(tmp_path: Path) -> None:
    for missing in ("AGENT_ID", "SQUAD_SOCKET"):
        environment = {"AGENT_ID": "agent-1", "SQUAD_SOCKET": "/nowhere", "PYTHONPATH": str(ROOT)}
        del environment[missing]
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", "agent", "status"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=NEVER,
            check=False,
        )

        assert done.returncode == 2
        assert "only an agent of a run can say this" in done.stderr


def test_a_dead_supervisor_is_told_with_1(agent: Fake) -> None:
    agent.path.unlink()

    done = agent("status")

    assert done.returncode == 1
    assert "no supervisor answers" in done.stderr


@pytest.mark.parametrize(
    ("folder", "given", "asked"),
    [
        ("src", "a.py", "src/a.py"),
        ("src", "../docs/a.md", "docs/a.md"),
        ("src", "./deep/", "src/deep/"),
        ("src", ".", "src"),
        (".", "src/*.py", "src/*.py"),
        (".", "../../etc/passwd", "../../etc/passwd"),
        ("src", "../../x", "../x"),
        ("src", "op:install", "op:install"),
        ("src", "c:odd.txt", "src/c:odd.txt"),
        ("src", "/docs/a.md", "/docs/a.md"),
    ],
)
def test_paths_are_told_from_the_root_of_the_workspace(agent: Fake, folder: str, given: str, asked: str) -> None:
    agent("unlock", given, cwd=agent.workspace / folder)

    assert agent.params() == {"path": asked}


def test_a_folder_outside_the_workspace_leads_out_of_it(agent: Fake, tmp_path: Path) -> None:
    agent("unlock", "a.py", cwd=tmp_path)

    assert agent.params() == {"path": "../a.py"}


def test_a_workspace_behind_a_symlink_is_recognized(agent: Fake, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(agent.workspace)
    real, agent.workspace = agent.workspace, tmp_path / "alias"

    agent("unlock", "a.py", cwd=real / "src")

    assert agent.params() == {"path": "src/a.py"}


def test_the_global_option_for_the_folder_counts(agent: Fake) -> None:
    agent("unlock", "a.py", before=("-C", "src"))
    agent("unlock", "a.py", "-C", "src")

    assert [message["params"]["path"] for message in agent.asked] == ["src/a.py", "src/a.py"]


# what it costs, and how it ends


def test_it_loads_none_of_the_heavy_packages(agent: Fake) -> None:
    program = (
        "import sys\n"
        "sys.argv = ['squad', 'agent', 'status']\n"
        "from orchestrator.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'anyio', 'asyncio', 'msgspec', 'pydantic', 'typer', 'click', 'yaml', 'psutil', 'pathlib',"
        " 'sqlite3', 'dataclasses', 'inspect', 'subprocess', 'typing'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], env=agent.environment(), capture_output=True, text=True, timeout=NEVER, check=False
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wait_that_is_interrupted_ends_with_130_and_without_a_word(agent: Fake) -> None:
    agent.silent = True
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "agent", "lock", "a"],
        cwd=agent.workspace,
        env=agent.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            until(lambda: agent.asked, "the request")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=NEVER)
        finally:
            process.kill()

    assert (process.returncode, out, err) == (130, "", "")


def test_help_names_every_command(agent: Fake) -> None:
    done = agent("--help")

    assert done.returncode == 0
    for name in ("lock", "unlock", "status", "handoff", "ask", "blocked", "done"):
        assert f"squad agent {name}" in done.stdout


def test_a_lock_of_a_person_is_not_told_to_an_agent_as_its_own() -> None:
    owned = {"path": "a", "access": "SEQUENTIAL", "owners": [], "holder": PERSON}

    assert told("owns", owned) == "a: SEQUENTIAL, owner none, locked by a person"
