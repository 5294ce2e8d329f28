"""`squad demo` as somebody has it who has just installed squad: real processes, and nothing but git and a shell."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.simulated_agent import STRAY
from orchestrator.cli import scratch as demo_scratch
from orchestrator.cli.app import run_app
from orchestrator.cli.scratch import scratch
from orchestrator.errors import FolderError
from orchestrator.git import Git
from orchestrator.prd import read
from orchestrator.views.demo import WIDTH
from tests.support.commands import LONGEST
from tests.support.here import Here
from tests.support.ordinary_user import as_user, give_away, python_path
from tests.support.programs import Programs
from tests.support.waiting import marked, until

DATA = demo_scratch._DATA


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder whose name leaves room for sockets, with a folder for temporary files and one to be in."""
    with tempfile.TemporaryDirectory(prefix="squad-", dir="/tmp") as folder:
        for name in ("tmp", "here"):
            (Path(folder) / name).mkdir()
        yield Path(folder)


def bare(room: Path, **more: str) -> dict[str, str]:
    """An environment without a home, an identity and settings."""
    path = python_path()
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/proc/none",
        "TMPDIR": str(room / "tmp"),
        "PYTHONPATH": path,
        "TERM": "dumb",
        **more,
    }


def demo(room: Path, *arguments: str, argv: tuple[str, ...] = (sys.executable,), **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*argv, "-m", "orchestrator", "demo", *arguments],
        cwd=room / "here",
        env=bare(room, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def test_all_four_happen_are_told_and_can_be_looked_at_afterwards(room: Path) -> None:
    done = demo(room, "--keep")

    assert (done.returncode, done.stderr) == (0, "")
    [folder] = (room / "tmp").iterdir()
    told_lines, _, rest = done.stdout.partition("\n\nMonitoring Dashboard: run monitoring-dashboard-1, 5 of 5 tasks done")
    for told in (
        r"agent-1-frontend waits for shared/types/chart.ts \(agent-3-tests has it\)",
        r"agent-1-frontend gets shared/types/chart.ts after [\d.]+m?s",
        "T3 stalled: agent-2-backend shows no sign of life",
        "T3 restarted, with a handover",
        "T3 crashed: agent-2-backend was ended by SIGKILL",
        "T3 reassigned from agent-2-backend to agent-(1-frontend|3-tests)",
        f"T4: (the kernel refused agent-3-tests a foreign write: {STRAY}|agent-3-tests wrote {STRAY}, not its own: .* refused)",
    ):
        assert re.search(rf"^ +\d+\.\ds  {told}$", told_lines, re.MULTILINE), f"{told}:\n{done.stdout}"
    assert max(map(len, told_lines.splitlines())) <= WIDTH
    ending = rest.partition("What happened, counted from the journal:\n")[2].splitlines()
    counted = [line.split(" that ")[0].strip("s") for line in ending[:4]]
    assert [line.partition(line.split()[0])[2] for line in counted] == [" lock wait", " stall", " crash", " foreign write"]
    assert f"look around: cd {folder}" in ending
    here = Here(folder)
    assert here.json("status")["run"]["state"] == "ended"
    attempt = r"^  T3\.2 +agent-2-backend .*\n +ended: crashed\n +why: ended by SIGKILL$"
    assert re.search(attempt, here.ok("report"), re.MULTILINE)
    assert "shared/types/chart.ts" in here.ok("diff", "--stat")
    assert "merged" in here.ok("merge")
    assert (folder / "backend" / "metrics.ts").read_text(encoding="utf-8") == "T3.3 Build the metrics API\n"
    assert not (folder / STRAY).exists()
    assert until(lambda: not marked(str(folder)), "the end of all processes")


def test_without_bubblewrap_the_foreign_write_is_found_and_nothing_is_left(room: Path) -> None:
    programs = Programs.only(room / "bin").folder
    for name in {"env", "setpriv"} & set(as_user()[0]):  # by which the user is another one
        (programs / name).symlink_to(shutil.which(name) or name)
    give_away(room)

    done = demo(room, "--json", argv=as_user()[0], PATH=str(programs), SQUAD_CONFIG_RUN__AGENTS="1", SQUAD_TOKEN="x")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["happened"]["missing"] == []
    assert told["happened"]["refused_by"] == ["detect"]
    assert (told["folder"], told["report"]["outcome"]) == (None, "done")
    assert "deny" not in {row["level"] for row in told["report"]["agents"]}
    assert list((room / "tmp").iterdir()) == []


def test_interrupted_in_the_middle_nothing_is_left_over(room: Path) -> None:
    argv = [sys.executable, "-m", "orchestrator", "demo"]
    with (room / "out").open("w+", encoding="utf-8") as out:
        running = subprocess.Popen(argv, cwd=room / "here", env=bare(room), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until(lambda: "T1 started" in (room / "out").read_text(encoding="utf-8") or None, "the first agent")
        running.send_signal(signal.SIGINT)
        assert running.wait(LONGEST) == 130

    assert list((room / "tmp").iterdir()) == []
    assert until(lambda: not marked(str(room / "tmp" / "squad-demo-")), "the end of all processes")
    assert (room / "out").read_text(encoding="utf-8").endswith("\nnothing of the demo is left\n")


def test_a_demo_in_which_nothing_goes_wrong_fails_says_so_and_is_kept(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = room / "data"
    data.mkdir()
    for path in DATA.iterdir():
        text = re.sub(
            r", then: \[.*\]|^ +lock:.*\n|, shared/types/chart.ts|^ +checks:.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE
        )
        (data / path.name).write_text(re.sub("work: [13]s", "work: 10ms", text), encoding="utf-8")
    monkeypatch.setattr(demo_scratch, "_DATA", data)
    monkeypatch.setattr(tempfile, "tempdir", str(room / "tmp"))

    code = run_app(["demo", "-C", str(room / "here")])

    [folder] = (room / "tmp").iterdir()
    told = capsys.readouterr().out
    assert code == 1
    assert "5 of 5 tasks done" in told
    assert re.findall("NOT SHOWN: there was no (.*)", told) == [
        "lock wait",
        "stall that was restarted",
        "crash that was reassigned",
        "foreign write that was refused",
    ]
    assert f"look around: cd {folder}" in told


def test_its_tasks_are_those_of_its_prd() -> None:
    prd = read((DATA / "feature-prd.md").read_bytes(), name="feature-prd.md")
    lines = (DATA / "feature-prd.md").read_text(encoding="utf-8").splitlines()
    text = (DATA / "tasks.yaml").read_text(encoding="utf-8")
    tasks = read(text.encode(), name="tasks.yaml")

    assert (prd.format, prd.title, prd.skipped) == ("seed-prd", tasks.title, ())
    assert [task.title for task in tasks.tasks] == [task.title for task in prd.tasks]
    assert [lines[int(line) - 1] for line in re.findall(r"source: \[(\d+)\]", text)] == [f"- {one.title}" for one in tasks.tasks]


def test_its_files_are_part_of_the_package() -> None:
    package = (DATA.parents[1] / "pyproject.toml").read_text(encoding="utf-8")

    assert '"demo/*"' in package
    assert sorted(path.name for path in DATA.iterdir()) == ["feature-prd.md", "squad.yaml", "tasks.yaml"]


def test_a_scratch_repository_knows_nothing_of_the_users_settings(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = room / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (hooks / "pre-commit").chmod(0o755)
    (room / "gitconfig").write_text(f"[core]\nhooksPath = {hooks}\n[commit]\ngpgsign = true\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(room / "gitconfig"))
    monkeypatch.setenv("SQUAD_CONFIG_RUN__AGENTS", "1")
    monkeypatch.setenv("GIT_DIR", str(room / "nowhere"))

    with scratch(room / "new" / "demo", keep=False) as place:
        assert "SQUAD_CONFIG_RUN__AGENTS" not in os.environ
        assert Git(place.folder).line("log", "--format=%an <%ae>") == "squad demo <demo@squad.invalid>"

    assert os.environ["SQUAD_CONFIG_RUN__AGENTS"] == "1"
    assert (room / "new" / "demo" / "tasks.yaml").exists(), "a folder that was named stays"


def test_a_folder_that_is_used_already_is_left_alone(room: Path, here: Here) -> None:
    (room / "here" / "mine.txt").write_text("mine", encoding="utf-8")

    said = here("demo", str(room / "here"))

    assert said.code == 3
    assert "is not empty\nname a folder that is not there yet, or empty" in said.err
    assert [path.name for path in (room / "here").iterdir()] == ["mine.txt"]
    assert here("demo", str(room / "here" / "mine.txt")).code == 3


def test_a_machine_without_a_folder_for_temporary_files_is_told_of_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(**_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "mkdtemp", nowhere)

    with pytest.raises(FolderError, match="squad demo DIR"), scratch(None, keep=False):
        pass
