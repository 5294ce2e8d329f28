"""Where the real agent programs of the tests come from, and what happens without them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.real_agents import AGENTS, absent, pinned, program

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", pinned())
def test_the_installed_program_is_the_pinned_one(name: str) -> None:
    printed = subprocess.run([program(name), "--version"], capture_output=True, text=True, check=True).stdout

    assert pinned()[name] in printed


def test_versions_are_exact_and_locked_to_their_bytes_without_naming_where_from() -> None:
    lock = json.loads((AGENTS / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name.removeprefix("node_modules/"): told for name, told in lock["packages"].items() if name}

    wanted = json.loads((AGENTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {name: packages[name]["version"] for name in wanted} == wanted
    assert all(told["integrity"] and "resolved" not in told for told in packages.values())


def test_the_readme_tells_the_versions_that_the_tests_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tried = dict(re.findall(r"(Claude Code|Codex|Gemini CLI) (\d+\.\d+\.\d+)", readme))

    pins = {"Claude Code": pinned()["claude"], "Codex": pinned()["codex"], "Gemini CLI": pinned()["gemini"]}
    assert tried.items() <= pins.items()
    assert {"Claude Code", "Codex"} <= tried.keys()


def test_a_program_that_is_not_there_is_a_skip_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI_REAL_AGENTS", raising=False)
    monkeypatch.delenv("SQUAD_TEST_AGENTS", raising=False)
    assert absent("claude") == "SQUAD_TEST_AGENTS is not set"
    with pytest.raises(pytest.skip.Exception, match="claude is not installed for tests: SQUAD_TEST_AGENTS is not set"):
        program("claude")

    monkeypatch.setenv("SQUAD_TEST_AGENTS", str(tmp_path))
    assert absent("claude") == f"not in {tmp_path}"
    with pytest.raises(pytest.skip.Exception, match="not in"):
        program("claude")


def test_ci_needs_every_pinned_program_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI_REAL_AGENTS", "1")
    monkeypatch.setenv("SQUAD_TEST_AGENTS", str(tmp_path))

    for name in pinned():
        with pytest.raises(pytest.fail.Exception, match=f"{name} is required here"):
            program(name)
    with pytest.raises(pytest.skip.Exception):
        program("opencode")


def test_ci_installs_them_and_lets_none_of_them_be_missing() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    installed, tested = script.index("tests/agents/install"), script.index('"${tests##* && }"')
    assert installed < script.index("export SQUAD_TEST_AGENTS CI_REAL_AGENTS=1") < tested


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for PATH with what any system has, and an `apt-get` that notes what it is to install and brings stand-ins."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "cat", "chmod", "cp", "dirname", "env", "git", "mkdir", "mktemp", "mv", "rm", "sed"):
        (folder / name).symlink_to(shutil.which(name) or name)
    _program(folder / "id", "echo 0")
    node, npm = "echo v18.20.4", f'echo "npm $@" >> {folder}/calls; mkdir -p "$3/node_modules"'
    bring = "".join(
        f"printf '%s' '#!/bin/sh\n{text}\n' > {folder}/{name}; chmod 755 {folder}/{name}\n"
        for name, text in (("node", node), ("npm", npm))
    )
    _program(folder / "apt-get", f'echo "apt-get $@" >> {folder}/calls\n{bring}')
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _install(bare: Path, cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": str(bare), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
    return subprocess.run([AGENTS / "install"], env=environment, capture_output=True, text=True, check=False)


def test_what_is_missing_of_node_is_installed_and_too_old_a_one_gets_a_newer_beside_the_programs(
    bare: Path, tmp_path: Path
) -> None:
    done = _install(bare, tmp_path / "cache")

    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.splitlines()[-1])
    assert (folder / "node_modules").is_dir()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    calls = (bare / "calls").read_text(encoding="utf-8")
    assert "apt-get install -qq --no-install-recommends nodejs npm" in calls
    assert "npm ci" in calls
    assert "node@22" in calls

    (bare / "calls").write_text("", encoding="utf-8")
    assert _install(bare, tmp_path / "cache").stdout == done.stdout
    assert (bare / "calls").read_text(encoding="utf-8") == "", "once for each lock"


def test_who_may_not_install_node_is_told_to(bare: Path, tmp_path: Path) -> None:
    _program(bare / "id", "echo 1000")

    done = _install(bare, tmp_path / "cache")

    assert done.returncode == 1
    assert "the tests of real agents need node and npm: install them" in done.stderr
