"""What agents must not see: each other's tokens, and what of the user's environment is none of their business."""

import json
import os
from pathlib import Path

import pytest

from orchestrator.project import find
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

NAMES = ("agent-1", "agent-2")
#: What a shell adds by itself.
SHELLS = {"PWD", "OLDPWD", "SHLVL", "_"}
PASSED = {"HOME", "PATH", "LANG", "TERM", "TZ", "TMPDIR", "LC_ALL"} | {
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *(name for name in os.environ if name.lower().endswith("_proxy")),
    *(name for name in os.environ if name.startswith("LC_")),  # Python sets one itself where no locale is set
}
OWN = {"AGENT_ID", "AGENT_TYPE", "AGENT_PLAN", "AGENT_COMM", "PARALLEL_MODE"} | {
    f"SQUAD_{name}" for name in ("SOCKET", "TOKEN", "RUN", "TASK", "WORKSPACE", "STATUS_FD", "ATTEMPT_MARK")
}
SECRETS = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "SQUAD_TOKEN", "MY_LC_ALL")


def environment(path: Path) -> dict[str, str]:
    return dict(row.split("=", 1) for row in path.read_bytes().decode().split("\0") if "=" in row)


def files_with(words: list[bytes], *folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    return [path for path in files if any(word in path.read_bytes() for word in words)]


@pytest.mark.usefixtures("at_detect")
def test_no_agent_sees_the_token_of_another_or_what_is_only_the_users_and_no_file_holds_one(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two agents are at work at once; while both are, each notes what it sees and what lies in the project."""
    for name in SECRETS:
        monkeypatch.setenv(name, f"secret-{name}")
    project, out = find(repository.root), tmp_path / "out"
    out.mkdir()
    see = [
        f"cd {out}; env -0 > $AGENT_ID.env",
        "while [ ! -e agent-1.env ] || [ ! -e agent-2.env ]; do sleep 0.05; done",
        "cat /proc/[0-9]*/cmdline > $AGENT_ID.argv 2>/dev/null || true",
        f'printf %s "$SQUAD_TOKEN" | grep -rlF -D skip -f - {project.root} {project.sockets} > $AGENT_ID.files || true',
    ]
    tasks = [{**shell(f"T{n}", "; ".join((f"echo > {n}", *see)), writes=[f"{n}"]), "agents": [f"agent-{n}"]} for n in (1, 2)]
    agents = {name: {"use": "command", "command": ["true"], "environment": {"NODE_ENV": name}} for name in NAMES}
    settings = {"agents": agents, "isolation": {"setup": [f"env -0 > {out}/setup.env"]}}

    ran = Runs(repository)(*tasks, settings=settings, run={"checks": [f"env -0 > {out}/check.env"]})

    assert ran.code == 0
    seen = {name: environment(out / f"{name}.env") for name in NAMES}
    tokens = {name: told["SQUAD_TOKEN"] for name, told in seen.items()}
    assert len({token for token in tokens.values() if len(token) >= 32}) == 2
    for name, other in (NAMES, NAMES[::-1]):
        assert set(seen[name]) - PASSED - SHELLS == OWN | {"NODE_ENV"}
        assert (seen[name]["AGENT_ID"], seen[name]["NODE_ENV"]) == (name, name)
        assert tokens[other] not in json.dumps(seen[name])
        assert tokens[other].encode() not in (out / f"{name}.argv").read_bytes(), "everybody sees a command line"
        assert (out / f"{name}.files").read_text(encoding="utf-8") == ""
    assert files_with([token.encode() for token in tokens.values()], project.root, project.state, project.sockets) == []
    for command in ("setup", "check"):
        assert set(environment(out / f"{command}.env")) - PASSED - SHELLS == {"SQUAD_ATTEMPT_MARK", "SQUAD_STATUS_FD"}
