"""What the pages say is tried: commands are run, examples are read, names exist."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import config
from orchestrator.prd import read
from tests.support.commands import Squad
from tests.support.pages import PAGES, README, ROOT, blocks
from tests.support.parser import option_names
from tests.support.repositories import Repository
from tests.support.runs import simulated
from tests.support.waiting import NEVER


def test_ci_takes_its_commands_from_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = script[script.index("readme() {") : script.index("\nstep()")]

    for name in ("main", "tests"):
        done = subprocess.run(["bash", "-c", f"{function}\nreadme {name}"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert [done.stdout] == blocks(ROOT / "README.md", f"command: {name}")
        assert f"$(readme {name})" in script
    halves = ['"${tests% && *}"', '"${tests##* && }"']
    split = f'{function}\ntests="$(readme tests)"; printf "%s && %s" {" ".join(halves)}'
    done = subprocess.run(["bash", "-c", split], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [f"{done.stdout}\n"] == blocks(ROOT / "README.md", "command: tests")
    assert [script.count(f"bash -euo pipefail -c {half}") for half in halves] == [1, 1]


def test_the_main_job_prints_what_the_readme_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SQUAD", f"{sys.executable} -m orchestrator")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    [command] = blocks(ROOT / "README.md", "command: main")
    [shown] = blocks(ROOT / "README.md", "output: main")

    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert _shape(done.stdout) == _shape(shown)


def _shape(output: str) -> list[str]:
    """Give the lines without what differs from run to run: times, who was free first, and so the order."""
    lines = [line for line in output.splitlines() if " moves from " not in line]
    return sorted(re.sub(r"agent-\d-\w+|\d+(?:\.\d+)?s\b|\d+\.\d+", "~", line) for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_of_a_configuration_is_one(page: Path) -> None:
    for text in blocks(page, "example: squad.yaml"):
        config.combine([config.layer(text, name=page.name)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_of_a_tasks_file_is_one(page: Path) -> None:
    for text in blocks(page, "example: tasks.yaml"):
        assert read(text.encode(), name="tasks.yaml").tasks


def test_the_readmes_configuration_names_every_key() -> None:
    [text] = blocks(ROOT / "README.md", "example: squad.yaml")
    missing = [key for key in _keys(config.Config) if not re.search(rf"\b{key}:", text)]

    assert missing == []


def _keys(section: type[config.Config]) -> list[str]:
    schema = section.model_json_schema(by_alias=True)
    parts = [schema, *schema["$defs"].values()]
    return sorted({key for part in parts for key in part.get("properties", {})})


def test_the_readme_names_every_command_and_every_option() -> None:
    for name, options in option_names().items():
        assert re.search(rf"`(?:[^`]*\b)?{name}\b", README), f"the README does not name `squad {name}`"
        for spellings in options:
            is_option = spellings[0].startswith("-") and "--help" not in spellings
            assert not is_option or any(one in README for one in spellings), f"the README does not name {spellings} of {name}"


def session_on_steering(squad: Squad, name: str) -> None:
    """Give the commands of a session of the page, and see to it that it says what they say."""
    [session] = blocks(ROOT / "docs" / "steering.md", f"session: {name}")
    for part in session.removeprefix("$ ").split("\n$ "):
        command, _, shown = part.partition("\n")
        assert squad.here(*shlex.split(command)[1:]).out.rstrip("\n") == shown.rstrip("\n")


def test_the_session_that_the_page_on_steering_shows_of_a_failed_run_is_what_happens(
    repository: Repository, squad: Squad
) -> None:
    agents = {name: {"use": "simulated"} for name in ("agent-1", "agent-2")}
    one = simulated("T1", "fail", writes=["a.txt"], agents=[*agents])
    repository.write(
        {
            "squad.yaml": json.dumps({"agents": agents, "run": {"attempts": 1}}),
            "tasks.yaml": json.dumps({"version": 1, "tasks": [one, simulated("T2", writes=["b.txt"], needs=["T1"])]}),
        }
    )
    assert squad.here("run", "tasks.yaml", "-y").code == 1
    session_on_steering(squad, "retry")


def test_the_session_that_the_page_on_steering_shows_of_a_living_run_is_what_happens(
    repository: Repository, squad: Squad
) -> None:
    long = [{"id": name, "title": name, "writes": [f"{name}.txt"], "simulate": {"work": "500s"}} for name in ("T1", "T2")]
    repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": long})})
    run = squad.start("run", "tasks.yaml", "--agent", "simulated", "-n", "2")
    squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T1")
    squad.wait_for_event("AttemptStarted", lambda row: row["task"] == "T2")

    session_on_steering(squad, "work")

    squad.here.ok("stop", "--now")
    assert run.wait(NEVER) == 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:orchestrator|configs|tests|docs|\.ci)/[\w./-]+)`", text)

    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_the_page_on_steering_shows_what_is_said(squad: Squad, repository: Repository) -> None:
    task = "{id: T1, title: Long, writes: [a.txt], simulate: {work: 500s}}"
    repository.commit({"tasks.yaml": f"version: 1\ntasks:\n  - {task}\n"})
    run = squad.start("run", "tasks.yaml", "--agent", "simulated", "-n", "1")
    shown = "".join(blocks(ROOT / "docs" / "steering.md", "example: steering"))
    squad.wait_for_event("AttemptStarted")

    for example in re.split(r"^\$ squad ", shown, flags=re.MULTILINE)[1:]:
        arguments, _, said = example.partition("\n")
        if arguments.startswith("tell"):
            squad.wait_for_event("AttemptStarted", lambda row: row["attempt"] == "T1.2")
        assert squad.here.ok(*shlex.split(arguments)) == said
        if "--now" in arguments:
            squad.here.ok("wait", "--for", "idle")

    squad.here.ok("stop", "--now")
    assert run.wait(NEVER) == 6


def test_every_file_that_the_code_names_exists() -> None:
    for path in (*(ROOT / "orchestrator").rglob("*.py"), *(ROOT / "configs").rglob("*.*")):
        for name in re.findall(
            r"\b(?:orchestrator|configs/demo|tests|docs)/[\w/-]+\.(?:py|md|sh)\b", path.read_text(encoding="utf-8")
        ):
            assert (ROOT / name).exists(), f"{path} names {name}"


def test_the_page_about_running_again_does_what_it_says(squad: Squad, repository: Repository) -> None:
    [script] = blocks(ROOT / "docs" / "again.md", "example: again")
    repository.commit({"prd.md": "# Feature: Help\n## Tasks\n- Create the index in index.md\n"})

    done = squad.script(script)

    assert done.returncode == 0, done.stderr
    assert "done already by help-1: T1" in done.stdout
    assert re.findall(r"^help-\d .* 1/1 tasks", done.stdout, re.MULTILINE)
    assert not list(repository.root.glob("help.md"))


def test_the_page_about_the_shared_tree_does_what_it_says(squad: Squad, repository: Repository) -> None:
    page = ROOT / "docs" / "shared-tree.md"
    [script], [settings] = blocks(page, "example: shared tree"), blocks(page, "example: squad.yaml")
    tasks = ["{id: T1, title: Index, writes: [index.md]}", "{id: T2, title: Help, writes: [help.md]}"]
    repository.commit({"squad.yaml": settings, "tasks.yaml": "version: 1\ntasks:\n" + "".join(f"  - {task}\n" for task in tasks)})

    done = squad.script(script)

    assert done.returncode == 0, done.stderr
    assert "2 files changed, 2 insertions(+)" in done.stdout
    assert re.search(r"^agent-\d: Index\n\nindex.md$", done.stdout, re.MULTILINE)
    assert "committed T1, T2 to main" in done.stdout or "committed T2, T1 to main" in done.stdout
    assert "\n M README.md\n" in done.stdout
    assert "dropped tasks-2; taken back: 1 file\n" in done.stdout
    assert sorted(path.name for path in repository.root.glob("*.md")) == ["README.md", "help.md", "index.md"]
    assert repository.git("show", "--name-only", "--format=%an", "HEAD", "HEAD~1").count("agent-") == 2


def test_the_demo_needs_only_a_shell_and_git(squad: Squad) -> None:
    assert shutil.which("sh")
    assert (ROOT / "configs" / "demo" / "feature-prd.md").read_text(encoding="utf-8") in README
    assert "4 tasks for 3 agents" in squad.ok("plan", str(ROOT / "configs" / "demo" / "feature-prd.md"))
