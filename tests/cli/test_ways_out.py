"""The way out that a message names leads there: taken word for word, it does what is meant and nothing else."""

import json
import shlex
from pathlib import Path

import pytest

from orchestrator.project import find
from orchestrator.supervised import lock_of
from tests.support.calling import as_ordinary_user
from tests.support.here import Here, Said
from tests.support.repositories import Repository
from tests.support.runs import simulated
from tests.support.situations import Places, with_a_journal_that_is_read_only


def ran(here: Here, repository: Repository, *names: str) -> None:
    """Carry documents out, one run each."""
    for name in names:
        tasks = [simulated("T1", writes=[f"{name}.md"])]
        repository.commit({f"{name}.json": json.dumps({"version": 1, "tasks": tasks})})
        here.ok("run", f"{name}.json", "-n", "1", "--agent", "simulated")


def way_out(here: Here, said: Said) -> Said:
    """Do what the last line of a message says."""
    return here(*shlex.split(said.err.splitlines()[-1].partition("squad ")[2]))


def test_the_command_that_confirms_a_discard_names_its_run(here: Here, repository: Repository) -> None:
    """Without it, it would have dropped the latest."""
    ran(here, repository, "one", "two")

    unconfirmed = here("discard", "--run", "one-1")

    assert (unconfirmed.code, unconfirmed.err.splitlines()[-1]) == (6, "agree: squad discard --run one-1 -y")
    assert "dropped one-1" in way_out(here, unconfirmed).out
    assert repository.git("branch", "--list", "squad/*").split() == ["squad/two-1"]


def test_the_result_of_a_run_that_was_dropped_comes_back_by_the_command_that_merge_names(
    here: Here, repository: Repository
) -> None:
    ran(here, repository, "one")
    here.ok("discard", "-y")

    refused = here("merge")

    assert (refused.code, refused.err.splitlines()[0]) == (1, "squad: cannot merge squad/one-1: the run was dropped")
    command = refused.err.splitlines()[1].removeprefix("bring it back: git ")
    repository.git(*command.split())
    assert "merged squad/one-1" in here.ok("merge")
    assert (repository.root / "one.md").exists()


def test_what_a_run_has_done_is_not_planned_and_that_is_said(here: Here, repository: Repository) -> None:
    ran(here, repository, "one")
    here.ok("merge")

    said = here("plan", "one.json", "--why", "T1")

    assert (said.code, said.err) == (2, "squad: T1 is not planned: one-1 has done it\nplan it all the same: --all\n")
    assert here("plan", "one.json", "--why", "T1", "--all").code == 0


def test_a_name_in_other_letters_is_taken_where_one_is_the_same_and_proposed_where_it_is_near(
    here: Here, repository: Repository
) -> None:
    ran(here, repository, "one")

    assert here.ok("logs", "t1") == here.ok("logs", "T1")
    assert here("logs", "t12").err == "squad: there is no agent, task or attempt 't12'\ndid you mean 'T1'?\n"


def test_what_is_waited_for_and_does_not_come_says_why(here: Here, repository: Repository) -> None:
    ran(here, repository, "one")

    said = here("wait", "--for", "needs-you")

    assert said.code == 1
    assert said.err == "squad: one-1 has ended: done; needs-you does not come any more\nlook: squad report --run one-1\n"


def test_the_reasons_of_a_plan_its_drawing_and_its_difference_are_documents_too(here: Here, repository: Repository) -> None:
    ran(here, repository, "one")
    changed = [simulated("T1", writes=["other.md"])]
    repository.write({"changed.json": json.dumps({"version": 1, "tasks": changed})})

    assert here.json("plan", "changed.json", "--why", "T1")["why"][0].startswith("T1 Do T1")
    assert "T1" in here.json("plan", "changed.json", "--graph", "ascii")["graph"]
    differs = here("plan", "changed.json", "--check", "--json")
    assert (differs.code, differs.err) == (10, "")
    assert "tasks" in json.loads(differs.out)["differs"]


@pytest.mark.parametrize(
    ("call", "told"), [(("answer", "", "yes"), "the question is missing"), (("tell", "T1", " "), "the text is empty")]
)
def test_nothing_is_no_name_and_no_text(here: Here, call: tuple[str, ...], told: str) -> None:
    said = here(*call)

    assert (said.code, told in said.err) == (2, True)


def test_an_agent_that_no_run_knows_is_told_apart_from_one_that_there_is_not(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "agents: {agent-1-ui: {use: claude}}\n"})

    told = here("doctor", "agent-1-ui")

    assert (told.code, told.err) == (
        2,
        "squad: agent-1-ui has no part in the latest run: there is nothing to tell yet\nit uses claude: squad doctor claude\n",
    )


def test_a_result_is_taken_also_where_the_journal_may_only_be_read(around: Places) -> None:
    """It was merged, and then said to have failed."""
    project = with_a_journal_that_is_read_only(around.copy("read-merged", of="finished"))

    first, second = as_ordinary_user(project, [["merge"], ["merge"]], {})

    assert (first.code, first.out.splitlines()[0]) == (0, "merged squad/other-1 into main")
    assert f"not noted in the journal: cannot use the journal {project}/.git/squad/state.db" in first.err
    assert (second.code, second.out) == (0, "nothing to merge: main has all of squad/other-1 already\n")


def test_a_supervisor_that_cannot_write_its_lock_says_which_file(here: Here, repository: Repository) -> None:
    repository.commit({"one.json": json.dumps({"version": 1, "tasks": [simulated("T1")]})})
    lock = lock_of(find(repository.root))
    lock.mkdir(parents=True)

    said = here("run", "one.json", "--agent", "simulated")

    assert said.code == 3
    assert f"cannot supervise {repository.root}: {lock}: Is a directory\n" in said.err
    assert Path(said.err.split()[-1]) == lock
