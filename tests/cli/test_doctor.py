"""`squad doctor` as a user has it: programs of all kinds on PATH, and what is said about them."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import LONGEST, Squad
from tests.support.here import Here
from tests.support.programs import OBLIGING, Programs
from tests.support.repositories import Repository
from tests.support.waiting import marked, until

SILENT = "import sys\nif '--version' in sys.argv: sys.exit()\n"
WRITES = 'echo ready > squad-doctor.txt; echo "Applied edit"'
NAMES = ["claude", "codex", "gemini", "opencode", "qwen", "aider", "claude-agent-acp", "codex-acp"]
KEYS = {"ANTHROPIC_API_KEY": "sk-ant-api03-very-secret-indeed", "GEMINI_API_KEY": "a-plain-looking-secret-word"}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs.only(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(found.folder))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return found


def examined(document: Any, name: str) -> Any:
    return next(one for one in document["programs"] if one["name"] == name)


def texts(one: Any) -> str:
    return " | ".join(f"{found['weight']}: {found['text']} > {found['remedy']}" for found in one["findings"])


def test_a_machine_without_any_agent_program_is_told_how_to_install_each(here: Here, programs: Programs) -> None:
    said = here("doctor")

    assert said.code == 4
    rows = {line.split()[0]: line for line in said.out.splitlines() if line.startswith("  ") and "not installed" in line}
    assert list(rows) == NAMES
    assert rows["claude"].endswith("npm install -g @anthropic-ai/claude-code")
    assert rows["aider"].endswith("pip install aider-chat")
    assert "no agent program is installed" in said.out
    assert "your account" not in said.err, "nobody is asked anything"


def test_a_program_that_writes_and_can_be_refused_is_ready(here: Here, programs: Programs) -> None:
    claude = programs.claude()

    said = here("doctor")

    assert said.code == 0, said.out
    [row] = [line.split() for line in said.out.splitlines() if line.startswith("  claude ")]
    assert row == ["claude", "2.1.330", "yes", "yes", "yes", str(programs.folder / "claude")]
    assert said.out.endswith("ready: claude\n")
    assert "one or two short requests, on your account" in said.err
    assert claude.notes("claude.squad-doctor", "answer")[0]["behavior"] == "allow"
    [refusal] = claude.notes("claude.squad-refused", "answer")
    assert refusal["behavior"] == "deny"
    assert "refuses this on purpose" in refusal["message"]


def test_a_program_is_tried_with_the_model_of_the_first_agent_that_names_one(
    here: Here, programs: Programs, repository: Repository
) -> None:
    claude = programs.claude()
    agents = {
        f"agent-{number}": {"use": "claude", "model": model} for number, model in enumerate(("default", "opus", "haiku"), 1)
    }
    repository.write({"squad.yaml": json.dumps({"agents": agents})})

    here.ok("doctor", "claude")

    for turn in ("claude.squad-doctor", "claude.squad-refused"):
        [argv] = claude.notes(turn, "argv")
        assert argv[argv.index("--model") + 1] == "opus"


def test_nothing_is_left_behind(here: Here, programs: Programs, repository: Any, home: Path) -> None:
    programs.claude()

    here.ok("doctor")

    assert list(Path(os.environ["TMPDIR"]).iterdir()) == []
    assert repository.git("status", "--porcelain") == ""
    assert not (repository.root / ".squad").exists()
    assert list(home.iterdir()) == []
    assert marked("squad-doctor-") == []


def test_a_plain_command_is_only_seen_to_write(here: Here, programs: Programs) -> None:
    programs.script("aider", WRITES, version="echo aider 0.86.2")

    document = here.json("doctor", "aider")

    one = examined(document, "aider")
    assert (one["version"], one["in_range"], one["signed_in"], one["can_write"], one["can_be_refused"]) == (
        *("0.86.2", True),
        *(True, True, False),
    )
    assert "cannot be refused, because it does not ask" in texts(one)
    assert document["ok"]


def test_without_a_model_nothing_is_started_but_for_its_version(here: Here, programs: Programs, tmp_path: Path) -> None:
    claude = programs.claude(version="2.1.330")
    programs.script("codex", f"echo started > {tmp_path}/started", version="echo codex-cli 0.169.0")

    document = here.json("doctor", "--quick")

    assert document["quick"]
    assert not (claude.folder / "notes.jsonl").exists()
    assert not (tmp_path / "started").exists()
    assert [examined(document, name)["version"] for name in ("claude", "codex", "gemini")] == ["2.1.330", "0.169.0", None]
    assert {one["can_write"] for one in document["programs"]} == {None}
    assert "nothing that squad knows speaks for it > claude auth login" in texts(examined(document, "claude"))


def test_without_a_model_a_key_or_a_file_speaks_for_a_sign_in(
    here: Here, programs: Programs, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.claude()
    programs.script("codex", "exit 1")
    (home / ".codex").mkdir()
    (home / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-in-a-file-0123456789"}', encoding="utf-8")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEYS["ANTHROPIC_API_KEY"])

    out = here("doctor", "--quick", "claude", "codex").out

    assert "claude: signed in? ANTHROPIC_API_KEY is set" in out
    assert f"codex: signed in? {home}/.codex/auth.json is there" in out
    assert "sk-" not in out


@pytest.mark.parametrize("version", ["1.0.9", "7.0.0"])
def test_a_version_outside_of_the_range_is_a_warning(here: Here, programs: Programs, version: str) -> None:
    programs.claude(version=version)

    document = here.json("doctor", "--quick")

    one = examined(document, "claude")
    assert (one["version"], one["in_range"], one["usable"], document["ok"]) == (version, False, True, True)
    assert "range known to work, >=2.1.300,<3" in texts(one)
    assert "@anthropic-ai/claude-code@2.1.330" in texts(one)


def test_one_that_is_not_signed_in_is_told_apart_and_the_command_named(here: Here, programs: Programs) -> None:
    programs.claude({"claude.squad-doctor": [["fail", 401]]})

    said = here("doctor", "claude")

    assert said.code == 4
    assert "fault: claude: it is not signed in: API error 401\n    claude auth login\n" in said.out
    [row] = [line.split() for line in said.out.splitlines() if line.startswith("  claude ")]
    assert row[2:5] == ["no", "unknown", "-"]


def test_one_that_sneaks_past_a_refusal_is_told(here: Here, programs: Programs) -> None:
    sneaking: list[list[object]] = [["write", "squad-refused.txt"], ["shell", "echo x > squad-refused.txt"]]
    programs.claude({**OBLIGING, "claude.squad-refused": sneaking})

    one = examined(here.json("doctor"), "claude")

    assert (one["can_write"], one["can_be_refused"]) == (True, False)
    assert "wrote it another way" in texts(one)


def test_one_that_writes_without_asking_is_at_fault(here: Here, programs: Programs) -> None:
    programs.claude({"claude.squad-doctor": [["shell", "echo x > squad-doctor.txt"]]})

    said = here("doctor", "--json")

    one = examined(json.loads(said.out), "claude")
    assert (said.code, one["usable"], one["can_write"]) == (4, False, True)
    assert "wrote without asking" in texts(one)


def test_whoever_waits_for_a_person_ends_in_a_finding(here: Here, programs: Programs) -> None:
    programs.script("claude", 'echo "Do you trust the files in this folder? (y/n)"; cat; sleep 1000', version="echo 2.1.330")
    programs.script("codex", "exec sleep 1000", version="exec sleep 1000")
    programs.script("gemini", 'echo "Opening your browser to sign in ..."; exec sleep 1000', version="echo 0.61.0")
    programs.script("aider", "trap '' TERM INT; read answer < /dev/tty || sleep 1000", version="echo 0.86.2")

    said = here("doctor", "--timeout", "6s", "--json", "claude", "codex", "gemini", "aider")

    document = json.loads(said.out)
    assert said.code == 4
    for name in ("claude", "codex", "gemini", "aider"):
        found = texts(examined(document, name))
        assert "it did not end within 6s" in found
        assert f"start it once by hand: {name}" in found
    assert "does not end when it is asked for its version" in texts(examined(document, "codex"))
    assert marked("squad-doctor-") == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("echo out of cheese >&2; exit 3", "it ended with exit 3; the last that it said: out of cheese"),
        ("kill -SEGV $$", "it ended by SIGSEGV"),
        ("exit 0", "it ended and wrote nothing"),
        ("exec cat /dev/zero", "it prints without end, and was ended"),
    ],
)
def test_one_that_ends_by_itself_is_quoted(here: Here, programs: Programs, body: str, text: str) -> None:
    programs.script("codex", body, version="echo 0.169.0")

    assert text in texts(examined(json.loads(here("doctor", "codex", "--json").out), "codex"))


def test_one_that_prints_without_end_for_its_version_has_none(here: Here, programs: Programs) -> None:
    programs.script("codex", "exit 1", version="exec cat /dev/zero")

    one = examined(here.json("doctor", "codex", "--quick"), "codex")

    assert one["version"] is None
    assert "does not end when it is asked for its version" in texts(one)


def test_one_that_cannot_be_started_is_to_be_installed_anew(here: Here, programs: Programs) -> None:
    (programs.folder / "codex").write_bytes(b"\x7fELF broken")
    (programs.folder / "codex").chmod(0o755)

    said = here("doctor", "codex")

    assert said.code == 4
    assert "cannot be started" in said.out
    assert "install it anew: npm install -g @openai/codex" in said.out


def test_no_secret_is_ever_shown(here: Here, programs: Programs, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    (home / ".claude").mkdir()
    (home / ".claude" / ".credentials.json").write_text('{"accessToken": "tok-in-a-file-424242"}', encoding="utf-8")
    tell = 'env; cat "$HOME/.claude/.credentials.json"; echo "bad key: $ANTHROPIC_API_KEY$GEMINI_API_KEY"; exit 1'
    tell += "\necho tok-in-a-file-424242 >&2"
    programs.script("claude", f'cat "$HOME/.claude/.credentials.json" >&2; {tell}', version="env")
    programs.script("gemini", f"env >&2; {tell}", version='echo "$GEMINI_API_KEY"')

    shown = [here("doctor", *options) for options in (["-v"], ["--json", "--quick"])]

    everything = "".join(said.out + said.err for said in shown)
    assert "bad key: [hidden]" in everything
    for secret in (*KEYS.values(), "tok-in-a-file-424242"):
        assert secret not in everything


def test_only_the_named_are_examined_and_have_to_be_there(here: Here, programs: Programs) -> None:
    programs.claude()

    document = json.loads(here("doctor", "--quick", "claude", "codex", "--json").out)

    assert [one["name"] for one in document["programs"]] == ["claude", "codex"]
    assert not document["ok"]
    assert "fault: not installed, and it was asked for > npm install -g @openai/codex" in texts(document["programs"][1])


def test_a_program_that_an_acp_agent_uses_by_its_profile_has_to_be_there(
    here: Here, programs: Programs, repository: Repository
) -> None:
    programs.claude()
    repository.write({"squad.yaml": json.dumps({"agents": {"agent-1": {"use": "acp", "profile": "qwen"}}})})

    document = json.loads(here("doctor", "--quick", "--json").out)

    assert "fault: not installed, and agent-1 uses it > " in texts(examined(document, "qwen"))


def test_a_program_whose_package_is_missing_is_at_fault_also_without_a_model(
    here: Here, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.script("gemini", "exit 1", version="echo 0.61.0")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    said = here("doctor", "--quick", "gemini", "--json")

    assert said.code == 4
    assert "fault: the Python package agent-client-protocol is missing" in texts(examined(json.loads(said.out), "gemini"))


def test_one_that_tells_its_version_in_its_protocol_only_is_not_said_to_tell_none(here: Here, programs: Programs) -> None:
    fake = programs.claude()
    (fake.folder / "claude").write_text(
        (fake.folder / "claude").read_text(encoding="utf-8").replace("import sys\n", SILENT, 1), encoding="utf-8"
    )

    one = examined(here.json("doctor", "claude"), "claude")

    assert (one["version"], one["can_write"]) == ("2.1.330", True)
    assert "no version" not in texts(one)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluade"], "there is no agent program or agent 'cluade'\ndid you mean 'claude'?"),
        (["zzz"], "known: claude, codex, gemini, opencode, qwen, aider, claude-agent-acp, codex-acp"),
        (["--timeout", "90"], "'90' has no unit"),
        (["--timeout", "0"], "--timeout 0: no program does anything in no time"),
        (["--quik"], "did you mean '--quick'?"),
    ],
)
def test_a_wrong_call_is_usage(here: Here, programs: Programs, arguments: list[str], said: str) -> None:
    told = here("doctor", *arguments)

    assert (told.code, told.out) == (2, "")
    assert said in told.err


def test_agents_of_the_configuration_are_found_or_not(here: Here, programs: Programs, repository: Any) -> None:
    programs.script("my-agent", "exit 0")
    repository.write({"tools/own.sh": "#!/bin/sh\n"})
    (repository.root / "tools" / "own.sh").chmod(0o755)
    agents = {
        "agent-1-mine": {"use": "command", "command": ["my-agent", "--key", "sk-secret-argument"]},
        "agent-2-gone": {"use": "command", "command": ["gone-agent"]},
        "agent-3-own": {"use": "command", "command": ["./tools/own.sh"]},
        "agent-4-codex": {"use": "codex"},
    }
    repository.write({"squad.yaml": json.dumps({"version": 1, "agents": agents})})

    said = here("doctor", "--quick", "--json")

    document = json.loads(said.out)
    assert said.code == 4
    assert [agent["found"] for agent in document["agents"]] == [
        str(programs.folder / "my-agent"),
        None,
        str(repository.root / "tools" / "own.sh"),
    ]
    assert "its program 'gone-agent' is not there > install it, or mend agents.agent-2-gone.command" in texts(
        document["agents"][1]
    )
    assert "fault: not installed, and agent-4-codex uses it" in texts(examined(document, "codex"))
    assert "sk-secret-argument" not in said.out
    assert here("doctor", "--quick", "agent-1-mine").code == 0


def test_a_wrong_configuration_is_told_with_its_place(here: Here, programs: Programs, repository: Any) -> None:
    repository.write({"squad.yaml": "agnets: {}\n"})

    said = here("doctor", "--quick")

    assert (said.code, said.out) == (3, "")
    assert "squad.yaml:1:1" in said.err


def test_without_a_place_for_scratch_files_nothing_is_started(
    here: Here, programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nowhere(**_: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("orchestrator.cli.examining.tempfile.TemporaryDirectory", nowhere)

    said = here("doctor", "--quick")

    assert (said.code, said.out) == (3, "")
    assert "set TMPDIR to a folder of yours" in said.err


def test_it_works_outside_of_a_repository_and_in_a_bare_one(here: Here, programs: Programs, tmp_path: Path) -> None:
    programs.claude()
    bare = tmp_path / "bare.git"
    bare.mkdir()
    (tmp_path / "nowhere").mkdir()
    subprocess.run(["git", "init", "--quiet", "--bare", bare], check=True)

    outside, inside = here("doctor", "--quick", cwd=tmp_path / "nowhere"), here("doctor", "--quick", cwd=bare)

    assert (outside.code, inside.code) == (0, 0)
    assert "bare repository" in inside.out


def test_without_git_nothing_can_be_done(here: Here, programs: Programs, tmp_path: Path) -> None:
    programs.claude()
    (programs.folder / "git").unlink()
    (tmp_path / "nowhere").mkdir()

    said = here("doctor", cwd=tmp_path / "nowhere")

    assert said.code == 4
    assert "fault: git: git is not installed\n    install git: https://git-scm.com/downloads" in said.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_whoever_ends_it_leaves_nothing_running(squad: Squad, programs: Programs, number: signal.Signals, code: int) -> None:
    programs.script("codex", "exec sleep 1000", version="echo 0.169.0")
    squad.environment = {"PATH": str(programs.folder), "TMPDIR": os.environ["TMPDIR"]}
    process = squad.start("doctor", "codex")
    assert until(lambda: marked("codex.squad-doctor"), "the program")

    process.send_signal(number)

    assert process.wait(LONGEST) == code
    assert until(lambda: not marked("squad-doctor-"), "the end of every process")
    assert list(Path(os.environ["TMPDIR"]).iterdir()) == []
