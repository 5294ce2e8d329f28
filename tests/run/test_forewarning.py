"""What an agent at work hears of its foreign changes, before its attempt ends."""

from pathlib import Path

import pytest

from orchestrator import events as ev
from orchestrator.claims import Claim
from orchestrator.enforcement.confinement import Means
from orchestrator.run import forewarning
from orchestrator.run.forewarning import Overhearing, Voice
from tests.support.builders import ONE
from tests.support.confined import needs
from tests.support.desks import office
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


REFUSED = """
(echo x > other/theirs.txt) || echo refused
touch other/theirs.txt || echo refused
until grep -q 'agent handoff' "$AGENT_COMM"; do sleep 0.02; done
echo mine > src/a
"""


@needs(Means.BUBBLEWRAP)
def test_an_agent_reads_whose_the_path_is_whose_write_the_kernel_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain program saw `Read-only file system` and nothing else."""
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    repository.commit({".gitignore": ".squad/\n", "other/theirs.txt": "theirs\n"})
    matrix = {"/other": {"owner": "agent-2", "access": "EXCLUSIVE"}}

    ran = Runs(repository)(shell("T1", REFUSED, writes=["src/"]), count=2, settings={"ownership": matrix})

    assert [(one.attempt, one.outcome) for one in ran.all(ev.AttemptEnded)] == [("T1.1", "done")]
    [told] = ran.all(ev.AgentWarned)
    assert told.paths == ["other/theirs.txt"]
    comm = (repository.root / ".squad" / "comms" / "agent-1-comm.md").read_text(encoding="utf-8")
    assert "other/theirs.txt belongs to agent-2 (other: EXCLUSIVE)" in comm
    assert "squad agent handoff other/theirs.txt --to agent-2" in comm


LINES = {
    "sh: 1: cannot create other/x: Read-only file system": ["other/x"],
    "bash: line 3: other/new: Read-only file system": ["other/new"],
    "mv: cannot move 'src/a' to 'other/x': Read-only file system": ["other/x"],
    "rm: cannot remove \u2018other/x\u2019: Read-only file system": ["other/x"],
    "OSError: [Errno 30] Read-only file system: 'other/x'": ["other/x"],
    "Error: EROFS: read-only file system, open '{root}/other/x'": ["other/x"],
    '{{"content": "touch: cannot touch \\"other/x\\": Read-only file system\\n", "x": "other"}}': ["other/x"],
    "sed: couldn't open temporary file other/sedAbC: Read-only file system": [],
    "sh: 1: cannot create src/a: Read-only file system": [],
    "sh: 1: cannot create nowhere/new: Read-only file system": [],
    "sh: 1: cannot create .git/config: Read-only file system": [],
    "sh: 1: cannot create ../other/x: Read-only file system": [],
    "sh: 1: cannot create " + "x" * 300 + ": Read-only file system": [],
    "other/x is read only": [],
}


@pytest.mark.parametrize(("line", "paths"), LINES.items())
@pytest.mark.parametrize("cut", [0, 30])
def test_what_programs_say_of_a_refusal_names_the_path(tmp_path: Path, line: str, paths: list[str], cut: int) -> None:
    with office(tmp_path) as desk:
        desk.sit(ONE)
        desk.recorder.state.attempts["T1.1"].workspace = str(desk.folder)
        for folder in ("other", "src", ".git"):
            (desk.folder / folder).mkdir()
            (desk.folder / folder / "x").touch()
        writes = (Claim("src/"),)
        desk.rights.begin(ONE, writes)
        voice = Voice(recorder=desk.recorder, rights=desk.rights, attempt="T1.1", writes=writes, tell=lambda _: False)
        hearing = Overhearing(voice=voice)
        said = f"before\n{line}\n".format(root=desk.folder).encode()

        for chunk in (said[:cut], said[cut:], said):
            hearing.hear(chunk)

        assert [one.paths for one in desk.events(ev.AgentWarned) if isinstance(one, ev.AgentWarned)] == ([paths] if paths else [])


def strays(repository: Repository) -> list[str]:
    """Give the objects that nothing refers to and hold what was only looked at."""
    listed = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    blobs = [row.split()[0] for row in listed if row.endswith("blob")]
    return [name for name in blobs if repository.git("cat-file", "blob", name) == "stray"]
