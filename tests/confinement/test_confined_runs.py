"""What agents in real runs can write where the kernel confines them, and what their git can do."""

import shlex
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import events as ev
from orchestrator.enforcement.confinement import Means
from tests.support.confined import needs
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import Ran, Runs, shell, simulated
from tests.support.trying import TRIES, WHO, rows_in, trying

pytestmark = needs(Means.BUBBLEWRAP)
#: Fails if it can write where no check and no set-up may, or cannot where it may.
STRAYS = "mkdir -p build && echo x > build/out && for at in ../../.. ../ .git $HOME; do ! (echo x > $at/stray) || exit 9; done"


@pytest.fixture
def run(repository: Repository) -> Runs:
    repository.commit({".gitignore": ".squad/\n/build/\n", "src/kept.txt": "kept\n", "other/theirs.txt": "theirs\n"})
    return Runs(repository)


@pytest.fixture(autouse=True)
def at_deny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "deny")


def said(repository: Repository) -> dict[str, str]:
    return dict(rows_said(repository))


def rows_said(repository: Repository) -> list[tuple[str, str]]:
    return rows_in(repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log")


def outcomes(ran: Ran) -> list[str]:
    return [one.outcome for one in ran.all(ev.AttemptEnded)]


def test_an_agent_writes_its_write_set_and_nothing_else_nor_do_checks_and_set_ups(run: Runs, repository: Repository) -> None:
    mine = ["echo x > src/new", "echo x >> src/kept.txt", "mv src/new src/newer", "echo x > notes.txt", "echo x > docs/a.md"]
    others = [
        "echo x > other/theirs.txt",
        "echo x > other/new",
        "rm other/theirs.txt",
        "mv other elsewhere",
        "echo x > stray.txt",
        "ln other/theirs.txt src/link && echo x > src/link",
        "ln -sf ../other/theirs.txt src/sym && echo x > src/sym",
        "echo x > src/../other/theirs.txt",
        "echo x > /proc/self/root$PWD/other/theirs.txt",
        "chmod 777 other/theirs.txt",
        "touch -d 2001-01-01 other/theirs.txt",
        "echo x > ../../../../README.md",
        "echo x > $HOME/.profile",
        "unshare -Urm sh -c 'mount -o remount,bind,rw / && echo x > other/new'",
    ]

    task = shell("T1", trying(*mine, *others), writes=["src/", "notes.txt", "docs/*.md"])
    ran = run(task, settings={"isolation": {"setup": [STRAYS]}}, run={"checks": [STRAYS]})

    assert said(repository) == {**dict.fromkeys(mine, "allowed"), **dict.fromkeys(others, "refused")}
    assert [(check.where, check.confined, check.ok) for check in ran.all(ev.CheckEnded)] == [
        ("attempt", True, True),
        ("combined", True, True),
    ]
    assert [one.level for one in ran.all(ev.AttemptStarted)] == ["deny"]
    assert outcomes(ran) == ["done"]
    assert repository.files("squad/tasks-1") == [
        *[".gitignore", "README.md", "docs/a.md", "notes.txt", "other/theirs.txt", "src/kept.txt", "src/newer", "src/sym"]
    ]


@contextmanager
def listening(path: Path) -> Iterator[None]:
    """Let a program of this machine listen at a path, and answer whoever speaks to it."""
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(str(path))
        outside.listen()
        yield


def test_a_program_that_listens_is_spoken_to_only_where_the_user_says_so(run: Runs, repository: Repository) -> None:
    ask = "python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "
    places = [repository.root / name for name in ("in-project", "in-environment", "allowed")]
    settings = {
        "agents": {"agent-1": {"environment": {"DOCKER_HOST": str(places[1])}}},
        "enforcement": {"sockets": [str(places[2])]},
    }

    with listening(places[0]), listening(places[1]), listening(places[2]):
        run(shell("T1", trying(*(ask + str(place) for place in places)), writes=["src/"]), settings=settings)

    assert list(said(repository).values()) == ["refused", "refused", "allowed"]


def test_what_was_made_and_not_used_is_gone_again(run: Runs, repository: Repository) -> None:
    ran = run(shell("T1", "echo x > a/b.txt", writes=["a/b.txt", "c/d.txt", "e/", "f/*.md"]))

    workspace = Path(ran.all(ev.AttemptStarted)[0].workspace)
    seen = sorted(path.name for path in workspace.iterdir() if not path.name.startswith("."))
    assert seen == ["README.md", "a", "other", "src"]
    assert outcomes(ran) == ["done"]
    assert not (repository.root / ".git" / "squad" / "private" / "tasks-1").exists()


def test_a_part_of_an_area_that_others_own_stays_theirs(run: Runs, repository: Repository) -> None:
    repository.commit({"src/theirs/x.txt": "theirs\n", "src/fixed.lock": "fixed\n"})
    matrix = {"/src/theirs": {"owner": "agent-2", "access": "EXCLUSIVE"}, "/src/fixed.lock": {"access": "READ-ONLY"}}
    commands = ["echo x > src/mine", "echo x > src/theirs/x.txt", "mv src/theirs src/moved", "echo x > src/fixed.lock"]

    run(shell("T1", trying(*commands), writes=["src/"]), count=2, settings={"ownership": matrix})

    assert list(said(repository).values()) == ["allowed", "refused", "refused", "refused"]


def test_an_agents_git_commits_on_its_branch_and_touches_nothing_else(run: Runs, repository: Repository) -> None:
    can = [
        "git status",
        "echo x > src/x && git add src && git commit -qm one",
        "git commit -q --amend -m two",
        "echo y >> src/x && git stash && git stash pop",
        "git diff && git log && git checkout src/x",
    ]
    cannot = [
        "git config user.name me",
        "git branch mine",
        "git update-ref refs/heads/main HEAD",
        "git update-ref refs/heads/squad/tasks-1 HEAD",
        "git worktree add ../elsewhere",
        "git gc",
        "git pack-refs --all",
        "git push ../../../.. HEAD:refs/heads/pushed",
        'echo x > "$(git rev-parse --git-common-dir)/hooks/pre-commit"',
        'echo x > "$(git rev-parse --git-dir)/config.worktree"',
        'echo x > "$(git rev-parse --git-dir)/commondir"',
        'rm "$(git rev-parse --git-dir)/gitdir"',
        "rm .git",
    ]

    ran = run(shell("T1", trying(*can, *cannot), writes=["src/"]))

    assert said(repository) == {**dict.fromkeys(can, "allowed"), **dict.fromkeys([*cannot], "refused")}
    assert outcomes(ran) == ["done"]
    assert "two" in repository.git("log", "--format=%s", "squad/tasks-1").splitlines()
    assert repository.git("fsck", "--connectivity-only") == ""
    kept = repository.git("for-each-ref", "--format=%(refname)", "refs/squad/kept/tasks-1").splitlines()
    assert "refs/squad/kept/tasks-1/T1.1-stash-0" in kept


def test_the_branch_of_another_attempt_is_out_of_reach(run: Runs, repository: Repository) -> None:
    move = "! git update-ref refs/heads/squad-work/tasks-1/T2.1 $(git rev-parse HEAD^{tree}) && echo x > a.txt"
    commit = f"{WHO}echo y > b.txt; git add b.txt; git commit -qm mine"

    ran = run(shell("T1", move, writes=["a.txt"]), shell("T2", commit, writes=["b.txt"]), count=2)

    assert outcomes(ran) == ["done", "done"]
    assert repository.show("squad/tasks-1", "b.txt") == "y"


def test_an_agent_sees_its_own_socket_and_temporary_files_alone(run: Runs, repository: Repository, tmp_path: Path) -> None:
    socket = 'import os, socket; s = socket.socket(socket.AF_UNIX); s.connect(os.environ["SQUAD_SOCKET"])'
    commands = [
        f"python3 -c {shlex.quote(socket)}",
        'test -z "$(ls /run/user 2>/dev/null)"',
        'test "$(ls $(dirname $SQUAD_SOCKET))" = $(basename $SQUAD_SOCKET)',
        "echo x > $TMPDIR/x && echo x > /tmp/y",
        "echo note >> $AGENT_COMM",
        "cat $AGENT_PLAN",
        "echo x > $XDG_CACHE_HOME/x",
    ]
    # as an attempt before it left it: below /tmp, as the tests are, it could only be read once
    (repository.root / ".git" / "squad" / "caches" / "agent-1" / "cache").mkdir(parents=True)

    run(shell("T1", trying(*commands, "echo x >> $(dirname $AGENT_COMM)/agent-2-comm.md"), writes=["src/"]), count=1)

    answers = said(repository)
    assert [answers[command] for command in commands] == ["allowed"] * len(commands)
    assert list(answers.values())[-1] == "refused"
    assert not Path("/tmp/y").exists()


def test_folders_that_git_ignores_are_the_worktrees_own(run: Runs, repository: Repository) -> None:
    commands = ["echo x > build/out", "mkdir target", "echo x > .pytest_cache/x"]

    run(shell("T1", trying(*commands), writes=["src/"]), settings={"enforcement": {"scratch": ["build/"]}})

    assert list(said(repository).values()) == ["allowed", "refused", "allowed"]


def test_a_lock_opens_its_file_while_it_is_held(run: Runs, repository: Repository) -> None:
    script = """
    try 'echo x > other/theirs.txt'
    squad agent lock other/theirs.txt
    try 'echo mine > other/new.tmp && mv other/new.tmp other/theirs.txt'
    try 'echo mine >> other/theirs.txt; true'
    try 'echo x > other/beside.txt'
    squad agent unlock other/theirs.txt
    try 'echo late > other/theirs.txt'
    echo done > src/done
    """
    repository.commit({"other/beside.txt": "beside\n"})

    ran = run(shell("T1", TRIES + script, writes=["src/"]))

    assert list(said(repository).values()) == ["refused", "allowed", "allowed", "refused", "refused"]
    assert outcomes(ran) == ["done"]
    assert repository.show("squad/tasks-1", "other/theirs.txt") == "mine\nmine"


@pytest.mark.parametrize("mode", ["worktree", "shared"])
def test_no_lock_opens_what_is_gits_or_squads_own(run: Runs, repository: Repository, mode: str) -> None:
    """Who could write there would have squad, or a person's git, run what it likes outside of what confines it."""
    asked = ["src/link/hooks", ".squad"]  # who asks in vain a third time is stalled
    written = [".git/hooks/x", ".git/hooks/declared", ".git/config", ".git/squad/x", ".squad/x", ".squad/run/bin/git"]
    script = ["ln -s ../.git src/link"]
    script += [f"try 'squad agent lock {path}'" for path in asked]
    script += ["squad agent lock .", "squad agent lock README.md"]
    script += [f"try 'echo x >> {path}'" for path in written]
    script += ["try 'mv .git .moved'", "try 'echo x >> README.md'", "rm src/link", "echo x > src/own"]

    ran = run(
        shell("T1", TRIES + "\n".join(script), writes=["src/", ".git/hooks/declared"]), settings={"isolation": {"mode": mode}}
    )

    assert list(said(repository).values()) == ["refused"] * (len(asked) + len(written) + 1) + ["allowed"]
    assert {one.path for one in ran.all(ev.LockGranted)} >= {"src", "."}
    assert [one.reason for one in ran.all(ev.LockRefused)] == [
        ".git/hooks is git's own: what belongs there git writes when you run it; no lock opens it",
        ".squad is squad's own; no lock opens it",
    ]


def test_a_declared_file_can_be_replaced_once_it_is_asked_for(run: Runs, repository: Repository) -> None:
    """`sed -i` and most editors write beside a file and rename over it, which a file alone does not allow."""
    script = """
    try 'sed -i s/kept/early/ src/kept.txt'
    squad agent lock src/kept.txt
    try 'sed -i s/kept/edited/ src/kept.txt'
    squad agent lock src/kept.txt
    try 'sed -i s/edited/again/ src/kept.txt'
    try 'echo x > src/beside.txt'
    try 'squad with-lock src/two.txt -- sed -i s/two/second/ src/two.txt'
    try 'echo x >> src/two.txt'
    try 'echo x > src/three.txt'
    """
    repository.commit({"src/beside.txt": "beside\n", "src/two.txt": "two\n", "src/three.txt": "three\n"})

    ran = run(shell("T1", TRIES + script, writes=["src/kept.txt", "src/two.txt", "src/three.txt"]))

    assert list(said(repository).values()) == ["refused", "allowed", "allowed", "refused", "allowed", "allowed", "allowed"]
    assert outcomes(ran) == ["done"]
    assert repository.show("squad/tasks-1", "src/kept.txt") == "again"
    assert repository.show("squad/tasks-1", "src/two.txt").splitlines() == ["second", "x"]


def test_a_lock_opens_its_file_to_a_shell_that_stays_in_its_folder(run: Runs, repository: Repository) -> None:
    script = """
    cd other/deep
    try 'echo x > theirs.txt'
    squad agent lock theirs.txt
    try 'echo mine > theirs.txt'
    try 'echo mine > theirs.tmp && mv theirs.tmp theirs.txt'
    try 'echo x > beside.txt'
    squad agent unlock theirs.txt
    try 'echo late > theirs.txt'
    squad agent lock new.txt
    try 'echo new > new.txt'
    squad agent unlock new.txt
    try 'echo late > new.txt'
    squad agent lock ..
    try 'echo all > beside.txt'
    try 'echo x > ../up.txt'
    squad agent unlock ..
    try 'echo late > beside.txt'
    """
    repository.commit({"other/deep/beside.txt": "beside\n", "other/deep/theirs.txt": "theirs\n"})

    ran = run(shell("T1", TRIES + script, writes=["src/"]))

    answers = [answer for _, answer in rows_said(repository)]
    yes, no = "allowed", "refused"
    assert answers == [no, yes, yes, no, no, yes, no, yes, yes, no]
    assert outcomes(ran) == ["done"]
    assert repository.show("squad/tasks-1", "other/deep/theirs.txt") == "mine"
    assert repository.show("squad/tasks-1", "other/deep/beside.txt") == "all"


def test_a_path_in_another_case_is_the_one_that_stands_there_declared_locked_or_under_a_command(
    run: Runs, repository: Repository
) -> None:
    """A lock on `OTHER/Theirs.txt` made an empty `OTHER`, and was handed to who asked for the file that is there."""
    script = """
    try 'echo x >> src/kept.txt'
    squad agent lock OTHER/Theirs.txt | grep -qx 'locked other/theirs.txt' || exit 9
    try 'echo x >> other/theirs.txt'
    squad agent unlock Other/THEIRS.txt
    try 'echo x >> other/theirs.txt'
    try 'squad with-lock other/THEIRS.txt -- sh -c "echo x >> other/theirs.txt"'
    """

    ran = run(shell("T1", TRIES + script, writes=["SRC/Kept.txt"]))

    assert [answer for _, answer in rows_said(repository)] == ["allowed", "allowed", "refused", "allowed"]
    assert outcomes(ran) == ["done"]
    assert "OTHER" not in "".join(repository.files("squad/tasks-1"))


def test_names_in_brackets_are_those_of_routes_and_no_patterns(run: Runs, repository: Repository) -> None:
    """A lock on a route was refused as a pattern, and one that was declared let its agent write other routes."""
    locks = ["app/[id]/page.tsx", "app/[id]/more.tsx", "pages/[id].tsx", "app/[[...slug]]/", "pages/[ab].tsx", "[", "pages/*.tsx"]
    writes = ["app/[id]/new.tsx", "app/[id]/page.tsx", "app/i/page.tsx", "pages/[id].tsx", "pages/i.tsx"]
    tries = "".join(f"try 'echo x > {path}'\n" for path in writes)
    script = f'{TRIES}{tries}for path in "$@"; do squad agent lock "$path" || :; done\n{tries}'
    repository.commit({path: "x\n" for path in writes if "new" not in path})

    ran = run(shell("T1", f"set -- {shlex.join(locks)}\n{script}", writes=["app/[id]/new.tsx"]))

    yes, no = "allowed", "refused"
    assert [answer for _, answer in rows_said(repository)] == [yes, no, no, no, no, yes, yes, no, yes, no]
    assert [one.path for one in ran.all(ev.LockGranted) if not one.declared][:4] == [one.rstrip("/") for one in locks[:4]]
    assert "[ab]" not in "".join(repository.files("squad/tasks-1"))


def test_who_keeps_a_file_open_beyond_its_lock_is_ended_before_the_next_is_told(run: Runs, repository: Repository) -> None:
    script = """
    exec 7>&1
    squad agent lock other/theirs.txt
    exec 8>>other/theirs.txt
    squad agent unlock other/theirs.txt
    sleep 60
    """

    ran = run(shell("T1", script, writes=["src/"]), run={"attempts": 1})

    told = [one.text for one in ran.all(ev.Noticed) if "still can write there" in one.text]
    assert len(told) == 1
    assert "other/theirs.txt" in told[0]
    assert [(one.outcome, "the lock on other/theirs.txt has ended" in one.reason) for one in ran.all(ev.AttemptEnded)] == [
        ("failed", True)
    ]


def test_a_stray_of_the_simulated_agent_is_refused(run: Runs, repository: Repository) -> None:
    ran = run(simulated("T1", "stray", "done", writes=["src/x.txt"]), agent="simulated")

    assert ran.code == 0
    assert "squad-stray.txt" not in repository.files("squad/tasks-1")


def test_what_the_environment_names_and_nobody_can_look_at_is_in_nobodys_way(run: Runs) -> None:
    """A PATH that led into the closed home of another user, or a long word that begins with a slash, was no start at all once."""
    agent = {"use": "command", "command": ["sh", "-c", "echo x > src/x"], "environment": {"LONG": f"/{'x' * 5000}/bin"}}

    ran = run({"id": "T1", "title": "Do T1", "writes": ["src/"]}, settings={"agents": {"agent-1": agent}})

    assert outcomes(ran) == ["done"]


def program(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder below the one that each agent has to itself."""
    with tempfile.TemporaryDirectory(prefix="squad-links-", dir="/tmp") as folder:
        yield Path(folder)


def test_programs_are_found_over_links_that_lie_where_nothing_else_is_seen(
    run: Runs, repository: Repository, elsewhere: Path, runtime: Path, home: Path
) -> None:
    """An agent whose PATH led over a link in /tmp was not found once, and one whose interpreter lay there did not start."""
    tools, modules = elsewhere / "real", elsewhere / "real" / "one" / "node_modules"
    program(modules / "pkg" / "cli.sh", f'#!{elsewhere}/sh -e\n. "$(dirname "$(readlink -f "$0")")/../lib/lib.sh"\n')
    program(modules / "lib" / "lib.sh", "second\nthird\nfourth\nfifth\n")
    program(tools / "two" / "second", "#!/bin/sh\necho 2 >> src/x\n")
    program(tools / "three" / "third.sh", '#!/usr/bin/env -S own-sh -e\n. "$(dirname "$(readlink -f "$0")")/beside"\n')
    program(tools / "three" / "beside", "echo 3 >> src/x\n")
    program(tools / "four" / "bin" / "fourth", "#!/bin/sh\necho 4 >> src/x\n")
    program(runtime / "tools" / "fifth", "#!/bin/sh\necho 5 >> src/x\n")
    (modules / ".bin").mkdir()
    (elsewhere / "crossed").mkdir()
    (home / "bin").mkdir()
    links = {
        modules / ".bin" / "agent": "../pkg/cli.sh",
        elsewhere / "all": "all-2/one/..",
        elsewhere / "all-2": str(tools),
        elsewhere / "sh": "shells/sh",
        elsewhere / "shells": "../" + elsewhere.name + "/real/shells",
        elsewhere / "entry": "all/two",
        home / "bin" / "third": f"{elsewhere}/all/three/third.sh",
        elsewhere / "four": "crossed/../real/four/bin",
        elsewhere / "fifth": str(runtime / "link"),
        runtime / "link": "tools",
    }
    (tools / "shells").mkdir()
    links |= {tools / "shells" / "sh": "own-sh", tools / "shells" / "own-sh": "/bin/sh"}
    for place, said in links.items():
        place.symlink_to(said)
    folders = ["all/one/node_modules/.bin", "entry", "four", "fifth", "shells"]
    path = ":".join([*(f"{elsewhere}/{name}" for name in folders), str(home / "bin"), "/usr/bin:/bin"])
    agent = {"use": "command", "command": ["agent"], "environment": {"PATH": path}}

    ran = run({"id": "T1", "title": "Do T1", "writes": ["src/"]}, settings={"agents": {"agent-1": agent}}, run={"attempts": 1})

    log = repository.root / ".git" / "squad" / "logs" / "tasks-1" / "T1.1.log"
    assert log.read_text(encoding="utf-8") == ""
    assert outcomes(ran) == ["done"]
    assert repository.show("squad/tasks-1", "src/x").split() == ["2", "3", "4", "5"]


def test_what_is_configured_as_writable_is_and_who_is_not_to_be_confined_is_not(
    run: Runs, repository: Repository, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "shelf").mkdir()
    commands = ["echo x > src/x", f"echo x > {home}/shelf/x", f"echo x > {home}/y"]
    monkeypatch.delenv("SQUAD_CONFIG_ENFORCEMENT__WRITABLE")

    check = f"echo x >> {home}/checked"
    settings = {"enforcement": {"writable": [str(home / "shelf")], "unconfined": [check]}}
    ran = run(shell("T1", trying(*commands), writes=["src/"], checks=[check]), settings=settings)

    assert list(said(repository).values()) == ["allowed", "allowed", "refused"]
    assert [(ended.ok, ended.confined) for ended in ran.all(ev.CheckEnded)] == [(True, False)] * 2
    assert "not confined: echo x" in Here(repository.root).ok("report", "--format", "md")
