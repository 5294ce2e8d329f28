"""Whole runs in one shared tree: each answers for its own changes, and nobody for another's."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from orchestrator.enforcement.confinement import Means
from orchestrator.events import AttemptEnded, CheckEnded, ForeignChangeFound, ResultRefused, UnsureChangeFound
from tests.support.commands import Squad
from tests.support.confined import needs
from tests.support.here import Here
from tests.support.programs import squad_in
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell
from tests.support.waiting import until

SHARED = {"isolation": {"mode": "shared"}}
WAIT_FOR = 'i=0; while [ ! -e "{0}" ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done; '


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


def test_who_works_longer_is_not_blamed_for_what_one_did_that_has_ended(run: Runs, tmp_path: Path) -> None:
    seen = f"until git -C {run.repository.root}/.git/squad/shadow.git for-each-ref | grep -q kept/tasks-1/T1; do sleep 0.05; done"

    ran = run(
        shell("T1", f"{WAIT_FOR.format(f'{tmp_path}/T2')} echo one > a.txt", writes=["a.txt"]),
        shell("T2", f"touch {tmp_path}/T2; {seen}; sleep 0.5; echo two > b.txt", writes=["b.txt"]),
        count=2,
        settings=SHARED,
    )

    assert ran.code == 0
    assert {(ended.task, ended.outcome) for ended in ran.all(AttemptEnded)} == {("T1", "done"), ("T2", "done")}


@pytest.mark.usefixtures("at_detect")
def test_what_several_may_have_changed_is_unsure_and_nobody_is_blamed(run: Runs, tmp_path: Path) -> None:
    both = f"touch {tmp_path}/$SQUAD_TASK; {WAIT_FOR.format(f'{tmp_path}/T1')} {WAIT_FOR.format(f'{tmp_path}/T2')}"

    ran = run(
        shell("T1", f"{both} echo one > a.txt; echo stray > stray.txt; touch {tmp_path}/strayed", writes=["a.txt"]),
        shell("T2", f"{both} {WAIT_FOR.format(f'{tmp_path}/strayed')} echo two > b.txt", writes=["b.txt"]),
        count=2,
        settings=SHARED,
    )

    assert ran.code == 0
    assert ran.all(ForeignChangeFound) == []
    told = ran.all(UnsureChangeFound)
    assert [(found.where, found.paths, found.certainty, sorted(found.among)) for found in told] == [
        ("tree", ["stray.txt"], "unsure", ["agent-1", "agent-2"])
    ], "and it is told once"
    assert told[0].why == "agent-1 and agent-2 were at work in the same folder"
    here = Here(run.repository.root)
    assert [row["among"] for row in here.json("status")["strange"]] == [["agent-1", "agent-2"]]
    assert [row["among"] for row in here.json("report")["foreign"]] == [["agent-1", "agent-2"]]
    assert "+stray" in Here(run.repository.root).ok("diff", "--foreign", "--run", "tasks-1")


@pytest.mark.usefixtures("at_detect")
def test_who_was_alone_answers_for_a_foreign_change_and_its_own_work_still_counts(run: Runs, tmp_path: Path) -> None:
    once = f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; echo x > stray.txt; echo one > a.txt; }}"

    ran = run(shell("T1", once, writes=["a.txt"]), settings=SHARED)

    assert ran.code == 0
    assert [found.paths for found in ran.all(ForeignChangeFound)] == [["stray.txt"]]
    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["foreign", "done"]
    patch = Here(run.repository.root).ok("diff", "--foreign", "T1")
    subprocess.run(["git", "apply", "-R"], cwd=run.repository.root, input=patch, text=True, check=True)
    assert not (run.repository.root / "stray.txt").exists(), "it is left where it is, and can be taken back"


LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


def in_turn(line: str, file: str) -> str:
    """Give a script that changes one line of `shared.txt` under its lock, and then writes a file of its own."""
    edit = f"sed 's/^{line}$/{line} by '$SQUAD_TASK/ shared.txt > $TMPDIR/edited; cat $TMPDIR/edited > shared.txt"
    return f"squad agent lock shared.txt --wait 60s; {edit}; squad agent unlock shared.txt; echo $SQUAD_TASK > {file}"


@pytest.fixture
def squad_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let agents find `squad`, and a folder for temporary files where no walls give them one."""
    monkeypatch.setenv("PATH", f"{squad_in(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def authors(repository: Repository, *, of: str = "tasks-1") -> list[tuple[str, str]]:
    """Give by whom each path was changed, oldest first; how the tree stood at the beginning is left out."""
    kept = Repository(repository.root / ".git" / "squad" / "shadow.git")
    log = kept.git("log", "--reverse", "--format=%x01%an", "--name-only", f"refs/squad/tree/{of}")
    return [(who, path) for who, *paths in (piece.split() for piece in log.split("\x01")[2:]) for path in paths]


@pytest.mark.usefixtures("squad_program")
@pytest.mark.parametrize("level", ["detect", pytest.param("deny", marks=needs(Means.BUBBLEWRAP))])
def test_agents_write_one_file_in_turn_and_the_users_own_work_stays_their_own(
    run: Runs, here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, level: str
) -> None:
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", level)
    repository = run.repository
    repository.commit({"shared.txt": LINES, "tasks.yaml": "", "squad.yaml": ""})
    hooks = repository.root / ".git" / "hooks"
    for name in ("post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-{name}\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    repository.write({"shared.txt": LINES.replace("seven", "seven, and mine"), "staged.txt": "s\n", "loose.txt": "l\n"})
    repository.git("-c", "core.hooksPath=/dev/null", "add", "staged.txt")
    index = (repository.root / ".git" / "index").read_bytes()
    before = repository.git("for-each-ref"), repository.head()

    ran = run(
        shell("T1", in_turn("one", "a.txt"), writes=["a.txt"]),
        shell("T2", in_turn("three", "b.txt"), writes=["b.txt"]),
        count=2,
        settings=SHARED,
    )

    assert ran.code == 0
    assert {ended.task: ended.paths for ended in ran.all(AttemptEnded)} == {
        "T1": ["a.txt", "shared.txt"],
        "T2": ["b.txt", "shared.txt"],
    }
    wrote = {("agent-1", "a.txt"), ("agent-1", "shared.txt"), ("agent-2", "b.txt"), ("agent-2", "shared.txt")}
    assert set(authors(repository)) == wrote
    assert (repository.root / ".git" / "index").read_bytes() == index
    assert (repository.git("for-each-ref"), repository.head()) == before
    assert not list(tmp_path.glob("hook-*"))

    assert here.ok("merge").startswith("committed T")
    assert not list(tmp_path.glob("hook-p*-commit"))
    assert repository.git("show", "-s", "--format=%an", "HEAD", "HEAD~1").splitlines() in (
        ["agent-2", "agent-1"],
        ["agent-1", "agent-2"],
    )
    assert repository.show("HEAD", "shared.txt") == LINES.replace("one", "one by T1").replace("three", "three by T2").rstrip()
    assert repository.git("diff", "--name-only") == "shared.txt\nsquad.yaml\ntasks.yaml"
    assert [row for row in repository.git("diff", "shared.txt").splitlines() if row.startswith(("+s", "-s"))] == [
        "-seven",
        "+seven, and mine",
    ]
    assert repository.git("diff", "--cached", "--name-only") == "staged.txt"


@needs(Means.BUBBLEWRAP)
def test_what_a_person_changes_beside_confined_agents_is_nobodys(
    run: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent that happened to be alone at work was once refused its result for it."""
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    root = run.repository.root
    person = threading.Thread(target=_write_once, args=(tmp_path / "at-work", root / "notes.md", tmp_path / "noted"))
    person.start()

    ran = run(
        shell("T1", f"touch {tmp_path}/at-work; {WAIT_FOR.format(f'{tmp_path}/noted')} echo one > a.txt", writes=["a.txt"]),
        settings=SHARED,
    )

    person.join()
    assert ran.code == 0
    assert ran.all(ForeignChangeFound) == []
    assert [(found.paths, found.among) for found in ran.all(UnsureChangeFound)] == [(["notes.md"], [])]
    assert dict.fromkeys(who for who, path in authors(run.repository) if path == "notes.md").keys().isdisjoint({"agent-1"})
    assert (root / "notes.md").read_text(encoding="utf-8") == "mine\n"


def _write_once(sign: Path, file: Path, then: Path) -> None:
    until(sign.exists, f"{sign}")
    file.write_text("mine\n", encoding="utf-8")
    then.touch()


@pytest.mark.usefixtures("at_detect")
def test_a_check_that_saw_half_done_work_of_others_says_so(run: Runs, tmp_path: Path) -> None:
    half = f"echo half > b.txt; touch {tmp_path}/half; {WAIT_FOR.format(f'{tmp_path}/checked')} echo whole > b.txt"

    ran = run(
        shell(
            "T1",
            f"{WAIT_FOR.format(f'{tmp_path}/half')} echo one > a.txt",
            writes=["a.txt"],
            checks=[f"grep -q half b.txt; found=$?; touch {tmp_path}/checked; exit $((1 - found))"],
        ),
        shell("T2", half, writes=["b.txt"]),
        count=2,
        settings=SHARED,
        run={"attempts": 1},
    )

    [refused] = ran.all(ResultRefused)
    assert refused.reason.endswith("it ran in the tree in which agent-2 worked meanwhile, and saw what was half done there")
    assert [ended.beside for ended in ran.all(CheckEnded)] == [["agent-2"]]
    assert "checked while agent-2 worked in the same tree" in Here(run.repository.root).ok("report", "--format", "md")


@needs(Means.BUBBLEWRAP)
@pytest.mark.usefixtures("squad_program")
def test_confined_agents_write_what_is_theirs_and_what_they_have_locked(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    run.repository.commit({"b.txt": "b\n", "shared.txt": "s\n", "loose.txt": "l\n"})
    run.repository.write({"loose.txt": "mine\n"})
    refused = [
        f"! ({command}) 2>/dev/null"
        for command in (
            *("echo x >> b.txt", "echo x >> loose.txt", "rm loose.txt", "echo x > stray.txt", "echo x >> shared.txt"),
            *("git add a.txt", "git stash", "git commit -qam x", "echo x >> .git/config"),
        )
    ]
    locked = ["squad agent lock shared.txt --wait 60s", "echo one >> shared.txt", "squad agent unlock shared.txt"]
    script = "; ".join(["echo one > a.txt", *refused, *locked, "! (echo late >> shared.txt) 2>/dev/null"])

    ran = run(shell("T1", script, writes=["a.txt"]), settings=SHARED, run={"attempts": 1})

    assert ran.code == 0, ran.all(AttemptEnded)
    assert [ended.paths for ended in ran.all(AttemptEnded)] == [["a.txt", "shared.txt"]]
    assert ran.all(UnsureChangeFound) == []
    assert set(authors(run.repository)) == {("agent-1", "a.txt"), ("agent-1", "shared.txt")}
    assert run.repository.git("status", "--porcelain", "loose.txt") == " M loose.txt"


@needs(Means.BUBBLEWRAP)
def test_build_folders_that_git_ignores_are_opened_by_name_or_by_a_lock(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")
    run.repository.commit({".gitignore": "/build/\n/data/\n"})
    run.repository.write({"data/own": "mine\n", "build/old": "old\n"})

    ran = run(
        shell("T1", "echo built > build/out; ! rm data/own 2>/dev/null; echo one > a.txt", writes=["a.txt"]),
        settings={**SHARED, "enforcement": {"scratch": ["build/"]}},
    )

    assert ran.code == 0
    assert [ended.paths for ended in ran.all(AttemptEnded)] == [["a.txt"]]
    assert (run.repository.root / "build" / "out").exists()
    assert (run.repository.root / "data" / "own").exists()
    assert authors(run.repository) == [("agent-1", "a.txt")]


@needs(Means.BUBBLEWRAP)
def test_what_was_only_made_so_that_it_can_be_written_is_no_work(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")

    ran = run(shell("T1", "true", writes=["new/a.txt", "b/"]), settings=SHARED, run={"attempts": 1})

    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["unchanged"]
    assert not (run.repository.root / "new").exists()


@pytest.mark.usefixtures("at_detect")
def test_what_a_person_does_after_a_kill_is_theirs_and_the_run_goes_on_where_the_folder_is_by_then(
    repository: Repository, squad: Squad, tmp_path: Path
) -> None:
    """It was once taken for the work of the agent that had been killed, which was looked for where the folder had been."""
    script = f"test -e {tmp_path}/again || {{ echo half > src/a.txt; touch {tmp_path}/half; sleep 600; }}; echo whole > src/a.txt"
    repository.git("config", "user.name", "Ada")
    repository.commit({"src/b.txt": "b\n"})
    tasks = [shell("T1", script, writes=["src/"]), shell("T2", "echo two > b.txt", writes=["b.txt"], needs=["T1"])]
    repository.write({"tasks.yaml": json.dumps({"version": 1, "tasks": tasks}), "squad.yaml": json.dumps(SHARED)})
    process = squad.start("run", "tasks.yaml", "-y", "-n", "1")
    until((tmp_path / "half").exists, "half of the work")
    squad.wait_for_event("AttemptStarted")
    squad.kill(process)
    end = repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log.end"
    until(end.exists, "the end of what the agent left running")
    wrote = (repository.root / "src" / "a.txt").stat().st_ctime
    os.utime(end, (wrote, wrote))
    until(lambda: time.time() > wrote + 1.1, "a moment that is clearly later")
    repository.write({"src/b.txt": "a person's\n"})
    (tmp_path / "again").touch()
    moved = Repository(repository.root.rename(tmp_path / "moved"))
    there = Here(moved.root)

    assert there("resume", "-y").code == 0

    told = [json.loads(row) for row in there.ok("events", "--all").splitlines()]
    assert [row["outcome"] for row in told if row["type"] == "AttemptEnded"] == ["stopped", "done", "done"]
    assert not [row for row in told if row["type"] in {"ForeignChangeFound", "UnsureChangeFound"}]
    assert [row["workspace"] for row in told if row["type"] == "AttemptStarted"][1:] == [str(moved.root)] * 2
    assert {path: name for name, path in authors(moved)} == {"src/b.txt": "Ada", "src/a.txt": "agent-1", "b.txt": "agent-1"}
    there.ok("merge")
    assert moved.files("HEAD") == ["README.md", "b.txt", "src/a.txt", "src/b.txt"]
    assert moved.git("status", "--porcelain", "src") == " M src/b.txt"
