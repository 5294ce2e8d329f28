import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from orchestrator.adapters import NAMES
from tests.support.commands import Squad
from tests.support.here import Here
from tests.support.parser import commands

COMMANDS = (
    *("run", "resume", "plan", "verify", "tasks", "status", "events", "logs", "ls", "stop", "wait", "diff", "merge", "discard"),
    *("report", "locks", "unlock", "owns", "doctor", "inbox", "answer", "demo", "config", "completion", "init"),
    *("pause", "restart", "tell", "open"),
    *("retry", "reassign", "skip", "add", "scale"),
)
LATER = ("watch", "web")


def test_the_help_of_squad_is_one_screen_that_begins_with_an_example_and_names_every_command(here: Here) -> None:
    text = here("--help").out
    words = text.split()

    assert text.startswith("Example:  squad run feature-prd.md")
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 80
    assert [name for name in (*COMMANDS, "agent") if name not in words] == []
    assert [name for name in LATER if f"\n  {name} " in text] == []


@pytest.mark.parametrize("command", [*commands()])
def test_the_help_of_a_command_is_one_screen_that_begins_with_an_example(here: Here, command: str) -> None:
    text = here(command, "--help").out

    assert text.startswith(f"Example: squad {command}")
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["statu"], "there is no command 'statu'\ndid you mean 'status'?"),
        (["agnt", "status"], "did you mean 'agent'?"),
        (["web"], "there is no command 'web'"),
        (["--jsn", "status"], "there is no option --jsn\ndid you mean '--json'?"),
        (["stop", "--nwo"], "stop does not know the option --nwo\ndid you mean '--now'?"),
        (["status", "--colr", "never"], "did you mean '--color'?"),
        (["status", "--color", "alway"], "--color alway: expected auto, always or never\ndid you mean 'always'?"),
        (["status", "--color"], "--color wants a value"),
        (["status", "extra"], "see: squad status --help"),
        (["run"], "see: squad run --help"),
        (["run", "x.md", "-n", "0"], "see: squad run --help"),
        (["run", "x.md", "-n", "many"], "see: squad run --help"),
        (["run", "x.md", "--enforce", "agre"], "--enforce agre: no such level\ndid you mean 'agree'?"),
        (["wait", "--for", "idel"], "--for idel: expected done, idle, needs-you\ndid you mean 'idle'?"),
        (["wait", "--timeout", "10"], "'10' has no unit: write 10s, 10m"),
        (["report", "--format", "jsn"], "did you mean 'json'?"),
        ([], "no command given"),
    ],
)
def test_a_wrong_call_ends_with_2_and_names_the_nearest_thing_that_exists(here: Here, arguments: list[str], said: str) -> None:
    done = here(*arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (here.folder / ".squad").exists()


def test_with_json_a_wrong_call_is_told_as_a_document(here: Here) -> None:
    done = here("statu", "--json")

    error = json.loads(done.err)
    assert done.code == 2
    assert error["schema_version"] == 1
    assert error["error"]["hint"] == "did you mean 'status'?"
    assert error["error"]["exit_code"] == 2
    assert error["error"]["code"] == "usage-error"


def test_with_json_an_error_is_one_document_with_its_place(here: Here) -> None:
    (here.folder / "squad.yaml").write_text("run: {agnets: 3}\n", encoding="utf-8")

    error = json.loads(here("status", "--json").err)["error"]
    wrong = json.loads(here("config", "check", "--json").err)["error"]

    assert (error["code"], error["place"]) == ("no-run", None)
    assert wrong["code"] == "config-error"
    assert wrong["place"] == {"file": "squad.yaml", "line": 1, "column": 7}
    assert wrong.keys() >= {"code", "message", "hint", "place"}


@pytest.mark.parametrize(
    "command",
    [
        *(["status"], ["ls"], ["events"], ["logs"], ["locks"], ["owns", "x"], ["report"], ["diff"], ["merge"], ["discard"]),
        *(["compare", "a", "b"], ["cost"], ["resume"], ["wait"], ["stop"], ["unlock", "x"], ["events", "-f"], ["logs", "-f"]),
    ],
)
def test_before_any_run_there_is_nothing_to_show(here: Here, command: list[str]) -> None:
    done = here(*command)
    told = json.loads(here("--json", *command).err)

    assert (done.code, done.out) == (3, "")
    assert f"no run yet in {here.folder}\nstart one: squad run feature-prd.md" in done.err
    assert told["error"]["exit_code"] == 3
    assert not (here.folder / ".squad").exists()


def test_global_options_stand_before_or_after_the_command(here: Here, tmp_path: Path) -> None:
    before = here("-C", str(here.folder), "--json", "-qy", "--no-input", "--color", "never", "status", cwd=tmp_path)
    after = here("status", f"-C{here.folder}", "--json", "-q", "-y", "--no-input", "--color=never", cwd=tmp_path)

    assert (before.code, before.err) == (after.code, after.err)
    assert json.loads(before.err)["error"]["message"] == f"no run yet in {here.folder}"


def test_a_folder_that_is_not_there_is_named(here: Here) -> None:
    done = here("-C", "/nonexistent", "status")

    assert done.code == 3
    assert "there is no folder /nonexistent" in done.err


def test_squad_is_a_module_too_and_tells_its_version(squad: Squad) -> None:
    assert squad.ok("--version") == f"squad {orchestrator.__version__}\n"
    assert json.loads(squad.ok("--json", "--version")) == {"schema_version": 1, "version": orchestrator.__version__}
    assert squad("--bogus", "--version").returncode == 2


def test_an_output_that_cannot_be_written_is_told(squad: Squad) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", "--help"],
            cwd=squad.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (1, "squad: cannot write the output: No space left on device\n")


def test_a_closed_output_is_no_bug(squad: Squad) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m orchestrator --help >&- 2>err"],
        cwd=squad.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )

    assert done.returncode == 0
    assert (squad.folder / "err").read_text() == ""


def test_a_plan_is_the_same_from_wherever_it_is_made(here: Here, tmp_path: Path) -> None:
    (here.folder / "sub").mkdir()
    (here.folder / "prd.md").write_text("# F\n## Tasks\n- Do src/a.py\n- Do src/b.py\n", encoding="utf-8")

    plans = [
        here("plan", "prd.md", "--json"),
        here("plan", "../prd.md", "--json", cwd=here.folder / "sub"),
        here("plan", str(here.folder / "prd.md"), "--json"),
        here("-C", str(here.folder), "plan", "prd.md", "--json", cwd=tmp_path),
    ]

    assert [one.code for one in plans] == [0, 0, 0, 0]
    assert len({one.out for one in plans}) == 1
    assert str(here.folder) not in plans[0].out


def test_the_help_of_run_names_every_adapter_that_any_agent_can_have(here: Here) -> None:
    said = here.ok("run", "--help")
    assert all(name in said for name in NAMES)
