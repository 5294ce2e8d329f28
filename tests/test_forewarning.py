"""What an agent at work hears of its foreign changes, before its attempt ends."""

import pytest

from orchestrator import events as ev
from orchestrator import forewarning
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell

STRAYS = """
mkdir -p src; echo mine > src/a; echo stray > other/theirs.txt; echo new > free.txt; mkdir __pycache__; echo x > __pycache__/a.pyc
until grep -q 'free.txt' "$AGENT_COMM"; do sleep 0.02; done
git checkout -q other/theirs.txt; rm free.txt
"""


def test_an_agent_reads_of_its_foreign_changes_while_it_works(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It once heard of them with its next attempt only; one that undoes them in time is done with the first."""
    monkeypatch.setattr(forewarning, "EVERY", 0.05)
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "detect")
    repository.commit({".gitignore": ".squad/\n", "other/theirs.txt": "theirs\n"})
    matrix = {"/other": {"owner": "agent-2", "access": "EXCLUSIVE"}}

    ran = Runs(repository)(shell("T1", STRAYS, writes=["src/"]), count=2, settings={"ownership": matrix})

    assert [(one.attempt, one.outcome) for one in ran.all(ev.AttemptEnded)] == [("T1.1", "done")]
    [*_, told] = ran.all(ev.AgentWarned)
    assert {path for one in ran.all(ev.AgentWarned) for path in one.paths} == {"other/theirs.txt", "free.txt"}
    assert not told.heard, "a program that is not spoken to has its comm file"
    comm = (repository.root / ".squad" / "comms" / "agent-1-comm.md").read_text(encoding="utf-8")
    assert "other/theirs.txt belongs to agent-2 (other: EXCLUSIVE)" in comm
    assert "squad agent handoff other/theirs.txt --to agent-2" in comm
    assert "squad agent lock free.txt --wait 10m" in comm
    assert ran.all(ev.ForeignChangeFound) == []
    assert strays(repository) == [], "a look leaves nothing behind"


def strays(repository: Repository) -> list[str]:
    """Give the objects that nothing refers to and hold what was only looked at."""
    listed = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    blobs = [row.split()[0] for row in listed if row.endswith("blob")]
    return [name for name in blobs if repository.git("cat-file", "blob", name) == "stray"]
