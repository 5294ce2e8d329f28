"""Completion in real shells, and what squad offers at each place of a line."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters import NAMES
from orchestrator.cli.completing import FILES, command_table, offers
from orchestrator.cli.reporting import FORMATS
from orchestrator.config import level_names
from orchestrator.events import LockGranted, QuestionAnswered, QuestionAsked
from orchestrator.journal import Journal
from orchestrator.model import RunId
from orchestrator.project import find
from orchestrator.views.plan_graph import FORMS
from tests.support.builders import run_started
from tests.support.commands import LONGEST
from tests.support.here import Here
from tests.support.programs import squad_in
from tests.support.repositories import Repository

TASKS = '[{"id": "T1", "title": "One"}, {"id": "login", "title": "Log in"}]'
PLAN = f'{{"agents": [{{"id": "agent-1-frontend", "role": "ui"}}], "tasks": {TASKS}}}'


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def known(repository: Repository) -> Repository:
    """A project with a run, two questions of which one is answered, and a lock."""
    repository.write({".squad/plan.json": PLAN, ".squad/locks/shared%2Ftypes.ts.lock": "", ".squad/locks/op%3Ainstall.lock": ""})
    with Journal.open(find(repository.root).state) as journal:
        for run in ("old-1", "dashboard-2"):
            journal.append(RunId(run), run_started(), at=1.0)
        for name in ("Q1", "Q2"):
            text, agent = "Which\tone?\x1b", "agent-1-frontend"
            asked = QuestionAsked(id=name, agent=agent, task="T1", attempt="T1.1", kind="question", text=text)
            journal.append(RunId("dashboard-2"), asked, at=2.0)
        answered = QuestionAnswered(id="Q1", agent="agent-1-frontend", task="T1", by="person", answer="x")
        journal.append(RunId("dashboard-2"), answered, at=3.0)
        granted = LockGranted(path="shared/types.ts", holder="agent-1-frontend", fence=1, waited_s=0.0)
        journal.append(RunId("dashboard-2"), granted, at=3.0)
    return repository


def names(repository: Repository, *words: str) -> list[str]:
    return [row.partition("\t")[0] for row in offers(words, folder=str(repository.root))]


def test_commands_and_options_are_those_that_exist(known: Repository) -> None:
    assert names(known, "") == [*command_table(), "agent"]
    assert names(known, "dis") == ["discard"]
    assert names(known, "diff", "--st") == ["--stat"]
    assert "--json" in names(known, "diff", "--")
    assert names(known, "agent", "lo") == ["lock"]
    assert names(known, "nothing", "") == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("diff", ""), ["T1", "login"]),
        (("diff", "T1", ""), []),
        (("diff", "--run", ""), ["dashboard-2", "old-1"]),
        (("-C", "{root}", "diff", "lo"), ["login"]),
        (("diff", "--run", "old-1", "T"), ["T1"]),
        (("resume", "d"), ["dashboard-2"]),
        (("logs", ""), ["agent-1-frontend", "T1", "login"]),
        (("answer", ""), ["Q2"]),
        (("unlock", "s"), ["shared/types.ts"]),
        (("unlock", "op:"), ["op:install"]),
        (("run", "x"), [FILES]),
        (("run", "x.md", "--enforce", "d"), ["detect", "deny"]),
        (("wait", "--for", ""), ["done", "idle", "needs-you"]),
        (("report", "--format", "t"), ["text"]),
        (("config", "sc"), ["schema"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("-c", "over"), ["overnight", FILES]),
        (("run", "x.md", "-c", "ci"), ["ci", FILES]),
        (("status", "--color", "n"), ["never"]),
    ],
)
def test_at_each_place_what_fits_is_offered(known: Repository, words: tuple[str, ...], offered: list[str]) -> None:
    assert names(known, *(word.format(root=known.root) for word in words)) == offered


def test_the_words_that_an_option_takes_are_those_that_it_knows(known: Repository) -> None:
    assert set(names(known, "run", "x.md", "--agent", "")) == {*NAMES} - {"auto"}
    assert names(known, "run", "x.md", "--enforce", "") == [*level_names()]
    assert names(known, "plan", "x.md", "--graph", "") == [*FORMS]
    assert names(known, "report", "--format", "") == [*FORMATS]


def test_what_agents_wrote_cannot_steer_a_terminal(known: Repository) -> None:
    [row] = offers(["answer", ""], folder=str(known.root))

    assert row == "Q2\tagent-1-frontend: Which\tone??"


def test_names_are_found_from_a_workspace_and_a_folder_below(known: Repository, tmp_path: Path) -> None:
    known.git("worktree", "add", "-q", str(tmp_path / "beside"), "HEAD", "--detach")
    (known.root / "deep").mkdir()

    for folder in (known.root / "deep", tmp_path / "beside"):
        assert offers(["resume", "da"], folder=str(folder)) == ["dashboard-2\tDemo"]


def test_where_nothing_can_be_read_nothing_is_offered(repository: Repository) -> None:
    state = find(repository.root).state
    state.mkdir(parents=True)
    (state / "state.db").write_bytes(b"no journal" * 1000)
    repository.write({".squad/plan.json": "[1, "})

    assert [offers([command, ""], folder=str(repository.root)) for command in ("diff", "resume", "answer", "unlock")] == [[]] * 4


def test_a_shell_that_nobody_knows_is_told_with_the_nearest(here: Here) -> None:
    said = here("completion", "fisch")

    assert said.code == 2
    assert "did you mean 'fish'?" in said.err


class Shell:
    """An interactive shell on a terminal."""

    def __init__(self, argv: list[str], folder: Path, programs: Path) -> None:
        environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TERM": "xterm",
            "PS1": "> ",
            "ZDOTDIR": str(programs),
        }
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            argv, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self.said = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + LONGEST
        while text not in re.sub(r"\x1b\[[\d;?]*[A-Za-z]|[\x07\r]", "", self.said):
            assert time.monotonic() < end, f"never said {text!r}: {self.said!r}"
            if select.select([self._master], [], [], 0.2)[0]:
                self.said += os.read(self._master, 4096).decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    return squad_in(tmp_path / "bin")


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(squad completion bash)"; echo rea""dy'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(squad completion zsh)"; echo rea""dy'),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, known: Repository, programs: Path) -> Iterator[Shell]:
    argv, prepare = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    opened = Shell(argv, known.root, programs)
    opened.type(prepare + "\n")
    opened.wait_for("ready")
    yield opened
    opened.close()


def test_a_shell_completes_commands_tasks_locks_with_a_colon_and_files(shell: Shell, known: Repository) -> None:
    known.write({"feature-prd.md": ""})

    for typed, completed in (
        ("squad disc\t", "squad discard"),
        ("squad diff lo\t", "squad diff login"),
        ("squad unlock op:i\t", "op:install"),
        ("squad run feat\t", "feature-prd.md"),
    ):
        shell.said = ""
        shell.type(typed)
        shell.wait_for(completed)
        shell.type("\x15")


def test_fish_completes_too(known: Repository, programs: Path) -> None:
    if (fish := shutil.which("fish")) is None:
        pytest.skip("fish is not installed")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    known.write({"feature-prd.md": ""})

    def complete(line: str) -> str:
        script = f"squad completion fish | source; complete -C '{line}'"
        return subprocess.run(
            [fish, "-c", script], cwd=known.root, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert complete("squad diff lo") == "login\tLog in\n"
    assert complete("squad run feat") == "feature-prd.md\n"
