"""From an attempt that claims done to a result on the branch: evidence decides, and only what passed moves it."""

from pathlib import Path

import pytest

from orchestrator.events import (
    AgentStalled,
    AttemptEnded,
    CheckEnded,
    ForeignChangeFound,
    Integrated,
    MergeConflicted,
    Noticed,
    ResultRefused,
    TaskDone,
    TaskFailed,
    TaskParked,
    UnsureChangeFound,
)
from tests.support.repositories import Repository
from tests.support.runs import Runs, shell
from tests.support.trying import WHO
from tests.support.waiting import marked

BRANCH = "squad/tasks-1"
WAIT_FOR = 'i=0; while [ ! -e "{0}" ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done; '


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


def test_a_result_is_merged_with_its_author_its_committer_and_its_trailers(run: Runs) -> None:
    run.repository.git("config", "user.name", "Grace")

    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]))

    assert ran.code == 0
    shown = "%an|%cn|%(trailers:key=Squad-Run,valueonly,separator=)|%(trailers:key=Squad-Task,valueonly,separator=)"
    assert run.repository.git("log", "--first-parent", f"--format={shown}", f"main..{BRANCH}") == "agent-1|Grace|tasks-1|T1"
    assert run.repository.git("log", "-1", "--format=%P", BRANCH).split()[0] == run.repository.git("rev-parse", "main")
    assert ran.all(TaskDone) == [TaskDone(task="T1", attempt="T1.1", checked=False)]


def test_a_task_that_writes_nothing_is_done_without_a_merge(run: Runs) -> None:
    ran = run(shell("T1", "true", writes=[]))

    assert ran.code == 0
    assert ran.about("T1", TaskDone, Integrated) == ["TaskDone"]
    assert run.repository.git("rev-parse", BRANCH) == run.repository.git("rev-parse", "main")


def test_a_check_runs_on_the_attempt_and_on_the_merge_and_leaves_its_output(run: Runs) -> None:
    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]), run={"checks": ["echo looking; test -s a.txt"]})

    checks = ran.all(CheckEnded)
    assert [(check.where, check.ok, check.exit) for check in checks] == [("attempt", True, 0), ("combined", True, 0)]
    assert {Path(check.log).read_bytes() for check in checks} == {b"looking\n"}
    assert ran.all(TaskDone)[0].checked


def test_a_failed_check_sends_the_task_back_and_what_it_left_is_not_blamed_on_the_agent(run: Runs, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    check = f"echo junk > junk.txt; echo formatted >> README.md; echo x >> {seen}; test $(wc -l < {seen}) -gt 1"

    ran = run(shell("T1", "echo one >> a.txt", writes=["a.txt"], checks=[check]), run={"attempts": 2})

    # the check of the base is the second look at the file, and passes
    assert ran.code == 0
    assert ran.all(ForeignChangeFound) == []
    assert [refusal.cause for refusal in ran.all(ResultRefused)] == ["check"]
    assert run.repository.files(BRANCH) == ["README.md", "a.txt"]


def test_a_check_that_fails_on_the_base_too_is_not_the_agents_fault(run: Runs) -> None:
    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]), run={"checks": ["test -e never.txt"], "attempts": 2})

    assert ran.code == 6
    assert {(refusal.cause, refusal.counted) for refusal in ran.all(ResultRefused)} == {("environment", False)}
    assert "fails on the base too" in ran.all(TaskParked)[0].reason
    assert run.repository.git("rev-parse", BRANCH) == run.repository.git("rev-parse", "main")


def test_a_task_whose_check_never_passes_fails_for_good_and_never_reaches_the_branch(run: Runs) -> None:
    ran = run(shell("T1", "echo one >> a.txt", writes=["a.txt"]), run={"checks": ["test ! -e a.txt"], "attempts": 2})

    assert ran.code == 1
    assert len(ran.all(AttemptEnded)) == 2
    assert "check `test ! -e a.txt` failed" in ran.all(TaskFailed)[0].reason
    assert run.repository.files(BRANCH) == ["README.md"]


def test_what_passes_alone_and_fails_together_does_not_reach_the_branch(run: Runs) -> None:
    ran = run(
        shell("T1", "echo one > a.txt", writes=["a.txt"]),
        shell("T2", "echo two > b.txt", writes=["b.txt"]),
        count=2,
        run={"checks": ["test $(ls *.txt | wc -l) -lt 2"], "attempts": 1},
    )

    assert ran.code == 1
    assert len(ran.all(TaskDone)) == 1
    assert "(combined)" in ran.all(TaskFailed)[0].reason
    assert len(run.repository.files(BRANCH)) == 2


def test_two_results_of_unknown_extent_that_meet_are_put_together_one_after_the_other(run: Runs, tmp_path: Path) -> None:
    both = f"touch {tmp_path}/$SQUAD_TASK; " + WAIT_FOR.format(f"{tmp_path}/T1") + WAIT_FOR.format(f"{tmp_path}/T2")

    ran = run(shell("T1", both + "echo T1 >> a.txt"), shell("T2", both + "echo T2 >> a.txt"), count=2)

    assert ran.code == 0
    assert [(refusal.cause, refusal.counted) for refusal in ran.all(ResultRefused)] == [("overlap", False)]
    assert sorted(run.repository.show(BRANCH, "a.txt").splitlines()) == ["T1", "T2"]


def test_results_of_unknown_extent_that_do_not_meet_are_done_at_once(run: Runs, tmp_path: Path) -> None:
    both = f"touch {tmp_path}/$SQUAD_TASK; " + WAIT_FOR.format(f"{tmp_path}/T1") + WAIT_FOR.format(f"{tmp_path}/T2")

    ran = run(shell("T1", both + "echo T1 > one.txt"), shell("T2", both + "echo T2 > two.txt"), count=2)

    assert ran.code == 0
    assert ran.all(ResultRefused) == []


def test_a_result_of_unknown_extent_waits_for_the_task_that_declares_what_it_wrote(run: Runs, tmp_path: Path) -> None:
    waiting = WAIT_FOR.format(f"{tmp_path}/written")

    ran = run(
        shell("KNOWN", f"touch {tmp_path}/begun; {waiting} echo KNOWN >> a.txt", writes=["a.txt"]),
        shell("T2", f"{WAIT_FOR.format(f'{tmp_path}/begun')} echo T2 >> a.txt"),
        shell(
            "T3",
            f"until git -C {run.repository.root} for-each-ref | grep -q kept/.*/T2; do sleep 0.01; done; sleep 0.3;"
            f" touch {tmp_path}/written",
            writes=[],
        ),
        count=3,
    )

    assert ran.code == 0
    assert [(refusal.task, refusal.cause, refusal.counted) for refusal in ran.all(ResultRefused)] == [("T2", "overlap", False)]
    assert ran.order(Integrated) == ["KNOWN", "T2"]
    assert run.repository.show(BRANCH, "a.txt").splitlines() == ["KNOWN", "T2"]


def test_a_task_between_the_areas_of_the_prd_waits_for_who_works_there_and_is_done(run: Runs, tmp_path: Path) -> None:
    """It once failed for good: the areas that squad proposed for others took in all it could write."""
    front = f"touch {tmp_path}/begun; {WAIT_FOR.format(f'{tmp_path}/written')} mkdir -p frontend; echo T1 > frontend/a.ts"
    between = f"{WAIT_FOR.format(f'{tmp_path}/begun')} mkdir -p frontend; echo T2 > frontend/socket.ts"
    refs = f"git -C {run.repository.root} for-each-ref"

    ran = run(
        shell("T1", front, area="Frontend"),
        shell("T2", between),
        shell("T3", f"until {refs} | grep -q kept/.*/T2; do sleep 0.01; done; sleep 0.3; touch {tmp_path}/written", writes=[]),
        count=3,
    )

    assert ran.code == 0
    assert [(refusal.task, refusal.cause, refusal.counted) for refusal in ran.all(ResultRefused)] == [("T2", "overlap", False)]
    assert ran.all(ForeignChangeFound) == []
    assert {"frontend/a.ts", "frontend/socket.ts"} <= set(run.repository.files(BRANCH))


def test_what_failed_together_is_mended_where_both_sides_are_seen_with_the_own_work_kept(run: Runs, tmp_path: Path) -> None:
    begun = f"touch {tmp_path}/$SQUAD_TASK; {WAIT_FOR.format(f'{tmp_path}/T1')} {WAIT_FOR.format(f'{tmp_path}/T2')}"
    script = "test $(ls *.txt | wc -l) -lt 2 || { touch $SQUAD_TASK.mended; exit 0; }; echo $SQUAD_TASK > $SQUAD_TASK.txt"

    ran = run(
        *(shell(name, f"{begun} {script}", writes=[f"{name}.txt", f"{name}.mended"]) for name in ("T1", "T2")),
        count=2,
        run={"checks": ["test $(ls *.txt | wc -l) -lt 2 || ls *.mended"], "attempts": 2},
    )

    assert ran.code == 0
    second = ran.all(ResultRefused)[0].task
    assert {"T1.txt", "T2.txt", f"{second}.mended"} <= set(run.repository.files(BRANCH))
    assert ran.all(AttemptEnded)[-1].paths == [f"{second}.mended", f"{second}.txt"]


def test_a_check_that_fails_the_same_way_again_is_the_same_failure_whatever_its_log_is_called(run: Runs) -> None:
    ran = run(
        shell("T1", "echo one >> a.txt", writes=["a.txt"]),
        run={"checks": ["test ! -e a.txt"], "attempts": 5, "stall": {"same_failure": 2, "ladder": ["park"]}},
    )

    assert ran.code == 6
    assert [(stall.verdict, stall.evidence) for stall in ran.all(AgentStalled)] == [
        ("same-failure", "2 times in a row: check: check `test ! -e a.txt` failed (attempt)")
    ]
    assert ran.all(TaskParked)[0].reason.endswith("see .squad/logs/tasks-1/T1.2.attempt-1.log")


def test_a_conflict_goes_back_and_is_done_again_from_the_new_tip(run: Runs, tmp_path: Path) -> None:
    run.repository.commit({"docs/a.txt": "before\n"})
    run.repository.commit({"docs/a.txt": "person\n"})
    older, moved = "git reset --quiet --hard HEAD~1", tmp_path / "moved"

    # a folder: git replaces the files that it checks out
    ran = run(shell("T1", f"test -e {moved} || {{ touch {moved}; {older}; }}; echo T1 >> docs/a.txt", writes=["docs/"]))

    assert ran.code == 0
    assert [(conflict.task, conflict.paths) for conflict in ran.all(MergeConflicted)] == [("T1", ["docs/a.txt"])]
    assert [refusal.cause for refusal in ran.all(ResultRefused)] == ["conflict"]
    assert run.repository.show(BRANCH, "docs/a.txt").splitlines() == ["person", "T1"]


@pytest.mark.usefixtures("at_detect")
def test_a_branch_that_somebody_moves_in_the_moment_of_an_integration_is_put_back_and_the_task_is_done(run: Runs) -> None:
    """The task was parked once, with what git says of a reference that it cannot lock."""
    stranger = (
        "git update-ref refs/heads/squad/tasks-1 $(git -c user.name=a -c user.email=a commit-tree -p HEAD^1 -m Other HEAD^{tree})"
    )
    check = f"case $PWD in */integration) {stranger};; esac"

    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]), run={"checks": [check]})

    assert ran.all(ResultRefused) == []
    assert ran.all(TaskDone) == [TaskDone(task="T1", attempt="T1.1", checked=True)]
    assert run.repository.git("log", "-1", "--format=%s", BRANCH) == "Do T1"
    [told] = ran.all(UnsureChangeFound)
    assert told.paths == [f"refs/heads/{BRANCH}"]
    assert run.repository.git("log", "-1", "--format=%s", told.ref) == "Other"


def test_a_check_that_leaves_a_daemon_ends_with_its_daemon(run: Runs, tmp_path: Path) -> None:
    ran = run(
        shell("T1", "echo one > a.txt", writes=["a.txt"]),
        run={"checks": [f"setsid sleep 600 {tmp_path} & sh -c 'setsid sleep 601' & true"]},
    )

    assert ran.code == 0
    assert marked(f"{tmp_path}") == []


def test_a_check_that_hangs_is_ended_and_has_failed(run: Runs) -> None:
    ran = run(
        shell("T1", "echo one > a.txt", writes=["a.txt"]),
        run={"checks": ["test ! -e a.txt || sleep 600"], "stall": {"after": "1200ms"}, "attempts": 1},
    )

    assert ran.code == 1
    assert "showed no sign of life for 1.2 s" in ran.all(TaskFailed)[0].reason
    assert [check.exit for check in ran.all(CheckEnded)] == [124, 0]


def test_a_check_that_works_without_a_word_is_not_taken_for_hanging(run: Runs) -> None:
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"

    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]), run={"checks": [f"{busy}; {busy}"], "stall": {"after": "700ms"}})

    assert ran.code == 0


def test_an_attempt_whose_work_cannot_be_kept_does_not_bring_the_others_down(run: Runs, tmp_path: Path) -> None:
    remove = 'rm -rf "$(git rev-parse --absolute-git-dir)"'  # all of it: where the kernel keeps some, it is mended
    spoil = f"test -e {tmp_path}/spoilt || {{ touch {tmp_path}/spoilt; echo precious > a.txt; {remove}; }}"

    ran = run(
        shell("T1", f"{spoil}; echo one >> a.txt", writes=["a.txt"]),
        shell("T2", "echo two > b.txt", writes=["b.txt"]),
        count=2,
        settings={"enforce": "detect"},
    )

    assert ran.code == 0
    assert [ended.outcome for ended in ran.all(AttemptEnded) if ended.task == "T1"] == ["failed", "done"]
    aside = list((run.repository.root / ".squad" / "worktrees" / "tasks-1").glob("T1.1-aside-*/a.txt"))
    assert [path.read_text(encoding="utf-8") for path in aside] == ["precious\none\n"]


def test_odd_names_and_a_repository_inside_reach_the_branch(run: Runs) -> None:
    script = "printf x > \"$(printf 'caf\\351.txt')\"; mkdir in; cd in; git init -q; echo deep > deep.txt"

    ran = run(shell("T1", script))

    assert ran.code == 0
    assert ran.all(AttemptEnded)[0].paths == ["caf\\udce9.txt", "in/deep.txt"]
    assert "in/deep.txt" in run.repository.files(BRANCH)


def test_a_branch_that_squad_made_for_one_who_never_began_is_not_told_of(run: Runs, tmp_path: Path) -> None:
    """Once who was at work meanwhile was told that somebody had moved it."""
    wait = "until test -e {0}; do sleep 0.02; done; "
    began, failed = tmp_path / "began", tmp_path / "failed"

    ran = run(
        shell("T1", f"touch {began}; {wait.format(failed)} sleep 0.7; echo one > a.txt", writes=["a.txt"]),
        shell("T2", f"{wait.format(began)} echo two > b.txt", writes=["b.txt"]),
        shell("T3", "echo three > c.txt", writes=["c.txt"], needs=["T2"]),
        count=3,
        settings={"isolation": {"setup": [f"case $PWD in *T3*) test -e {failed} || {{ touch {failed}; exit 3; }};; esac"]}},
        run={"restart": {"backoff": "2s..2s"}},
    )

    assert ran.code == 0
    assert [(ended.task, ended.outcome) for ended in ran.all(AttemptEnded)] == [
        *[("T2", "done"), ("T3", "environment"), ("T1", "done"), ("T3", "done")]
    ]
    assert ran.all(UnsureChangeFound) == []


def test_a_setup_that_failed_is_done_again_before_an_agent_starts(run: Runs, tmp_path: Path) -> None:
    setup = f"test -e {tmp_path}/once && touch ready || {{ touch {tmp_path}/once; exit 3; }}"

    ran = run(
        shell("T1", "test -e ready; echo one > a.txt", writes=["a.txt"]),
        settings={"isolation": {"setup": [setup]}},
    )

    assert ran.code == 0
    assert [ended.outcome for ended in ran.all(AttemptEnded)] == ["environment", "done"]
    assert "ended with exit 3" in ran.all(AttemptEnded)[0].reason
    assert run.repository.files(BRANCH) == ["README.md", "a.txt"]


def test_what_the_set_up_left_is_not_blamed_on_the_agent(run: Runs) -> None:
    settings = {"isolation": {"setup": ["echo locked > lock.json; echo more >> README.md"]}}

    ran = run(shell("T1", "echo one > a.txt", writes=["a.txt"]), shell("T2", "true", writes=[]), settings=settings)

    assert ran.code == 0
    assert ran.all(ForeignChangeFound) == []
    assert run.repository.files(BRANCH) == ["README.md", "a.txt"]
    assert run.repository.show(BRANCH, "README.md") == "# Project"


@pytest.mark.usefixtures("at_detect")
def test_what_the_set_up_left_is_not_blamed_on_the_agent_unless_it_changes_it(run: Runs) -> None:
    settings = {"isolation": {"setup": ["echo locked > lock.json; echo more >> README.md"]}}

    ran = run(
        shell("T1", "echo one > a.txt", writes=["a.txt"]),
        shell("T2", "true", writes=[]),
        shell("T3", 'test -e "$HOME/once" || { touch "$HOME/once"; echo mine >> lock.json; }; echo b > b.txt', writes=["b.txt"]),
        settings=settings,
    )

    assert ran.code == 0
    assert [(found.task, found.paths) for found in ran.all(ForeignChangeFound)] == [("T3", ["lock.json"])]
    assert run.repository.files(BRANCH) == ["README.md", "a.txt", "b.txt"]
    assert run.repository.show(BRANCH, "README.md") == "# Project"


@pytest.mark.usefixtures("at_detect")
def test_a_foreign_change_that_was_committed_and_taken_back_is_in_no_commit_of_the_branch(run: Runs) -> None:
    """The end was clean, so that it came along in the history of the branch; the commits of who kept to its own still do."""
    commit = 'commit() { git add -A; git commit -qm "$1"; }'
    stray = (
        "echo x > README.md; commit stray; git revert --no-edit HEAD; git mv README.md b.md; commit moved; git mv b.md README.md"
    )
    apart = f"git checkout -q -b side; {stray}; commit back; git checkout -q -; git merge -q --no-ff side"

    def script(before: str, file: str) -> str:
        return f"{WHO}{commit}; {before}; echo one > {file}; commit one; echo two > {file}"

    ran = run(
        shell("T1", script(stray, "a.txt"), writes=["a.txt"]),
        shell("T2", script("true", "c.txt"), writes=["c.txt"]),
        shell("T3", script(apart, "d.txt"), writes=["d.txt"]),
    )

    assert ran.code == 0
    ref = "refs/squad/kept/tasks-1/T1.1-commits"
    assert run.repository.git("log", "--full-history", "--format=%s", f"main..{BRANCH}", "--", "README.md", "b.md") == ""
    assert run.repository.show(BRANCH, "a.txt") == "two"
    assert "stray" in run.repository.git("log", "--format=%s", ref).splitlines()
    own = run.repository.git("log", "--format=%s", f"main..{BRANCH}").splitlines()
    counts = {line: own.count(line) for line in ("stray", "one", "Do T1", "Do T3")}
    assert counts == {"stray": 0, "one": 1, "Do T1": 2, "Do T3": 2}  # each with its merge
    told = [one.text for one in ran.all(Noticed)]
    assert f"T1.1 changed README.md, b.md in commits of its own and changed it back; they are kept under {ref}" in told[0]
    assert len(told) == 2
    assert ran.all(ForeignChangeFound) == []


@pytest.mark.usefixtures("at_detect")
def test_a_foreign_change_is_refused_kept_and_gone_from_the_next_attempt(run: Runs) -> None:
    script = 'echo one >> a.txt; test -e "$HOME/once" || { touch "$HOME/once"; echo x > README.md; echo y > strewn.txt; }'

    ran = run(shell("T1", script, writes=["a.txt"]))

    assert ran.code == 0
    found = ran.all(ForeignChangeFound)
    assert [(change.paths, change.ref) for change in found] == [
        (["README.md", "strewn.txt"], "refs/squad/kept/tasks-1/T1.1-foreign")
    ]
    assert run.repository.show(found[0].ref, "strewn.txt") == "y"
    assert run.repository.files(BRANCH) == ["README.md", "a.txt"]
    assert run.repository.show(BRANCH, "README.md") == "# Project"
