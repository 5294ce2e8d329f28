"""`squad open`: a shell where a task is or was worked on."""

import json
from pathlib import Path

from tests.support.here import Here
from tests.support.repositories import Repository
from tests.support.runs import shell
from tests.support.terminals import Terminal


def carry_out(here: Here, repository: Repository, *, mode: str = "worktree") -> None:
    row = shell("T1", "echo mine > a.txt", writes=["a.txt"])
    later = shell("T2", "true", needs=["T1"], writes=[])
    agents = {"agent-1-x": {"use": "command", "command": ["true"], "role": "tester", "environment": {"NODE_ENV": "test"}}}
    configuration = {"agents": agents, "isolation": {"mode": mode}, "enforce": "detect"}
    files = {"squad.yaml": json.dumps(configuration), "tasks.yaml": json.dumps({"version": 1, "tasks": [row, later]})}
    repository.commit(files)
    assert here("run", "tasks.yaml", "-y", "-q").code == 0


def test_it_tells_where_a_task_was_worked_on_and_the_environment_but_not_what_speaks_for_its_agent(
    here: Here, repository: Repository
) -> None:
    carry_out(here, repository)

    told = here.json("open", "T1")

    path = told["path"]
    assert (Path(path) / "a.txt").read_text() == "mine\n"
    assert here.ok("open", "T1") == here.ok("open", "T1", "--print") == f"{path}\n"
    assert [here("open", name).code for name in ("T3", "T", "agent-1-x")] == [2, 2, 2]
    environment = told["environment"]
    assert (told["task"], told["attempt"], told["kept"], told["agent_at_work"]) == ("T1", "T1.1", False, None)
    assert (environment["SQUAD_TASK"], environment["AGENT_ID"], environment["AGENT_TYPE"]) == ("T1", "agent-1-x", "tester")
    assert environment["NODE_ENV"] == "test"
    assert Path(environment["AGENT_PLAN"]).exists()
    assert Path(environment["AGENT_COMM"]).exists()
    assert not {"SQUAD_SOCKET", "SQUAD_TOKEN"} & environment.keys()


def test_on_a_terminal_it_is_a_shell_that_stands_there(here: Here, repository: Repository) -> None:
    carry_out(here, repository)
    path = here.ok("open", "T1", "--print").rstrip("\n")

    with Terminal(repository.root, "open", "T1", SHELL="/bin/sh") as terminal:
        terminal.wait_for(b"back: exit")
        terminal.type(b'echo "$SQUAD_TASK at $PWD:" && cat a.txt; exit 0\n')
        assert terminal.finish() == 0
    with Terminal(repository.root, "open", "T1", SHELL="/nowhere/sh") as nowhere:
        assert nowhere.finish() == 4

    assert f"T1 at {path}:\r\nmine".encode() in terminal.text
    assert b"SHELL=/bin/sh squad open T1" in nowhere.text


def test_the_kept_work_of_a_run_that_was_dropped_is_put_into_a_folder_that_is_the_persons(
    here: Here, repository: Repository
) -> None:
    carry_out(here, repository)
    assert here("discard", "-y").code == 0

    told = here.json("open", "T1")
    folder = Path(told["path"])
    assert (told["kept"], (folder / "a.txt").read_text()) == (True, "mine\n")
    (folder / "a.txt").write_text("changed\n")
    assert here.ok("open", "T1") == f"{folder}\n"
    assert (folder / "a.txt").read_text() == "changed\n"


def test_in_a_shared_tree_it_is_the_project(here: Here, repository: Repository) -> None:
    carry_out(here, repository, mode="shared")

    assert here.ok("open", "T1") == f"{repository.root}\n"


def test_a_task_that_nobody_began_has_no_workspace(here: Here, repository: Repository) -> None:
    assert here("open", "T1").code == 3
    row = shell("T1", "exit 1", writes=["a.txt"])
    later = shell("T2", "true", needs=["T1"], writes=[])
    repository.commit({"tasks.yaml": json.dumps({"version": 1, "tasks": [row, later]})})
    repository.write({"squad.yaml": "{enforce: detect, run: {attempts: 1}}\n"})
    assert here("run", "tasks.yaml", "--agent", "command", "-y", "-q").code == 1

    refused = here("open", "T2", "--json")

    assert (refused.code, refused.error["message"]) == (1, "T2 has no workspace: no attempt was begun yet")
    assert Path(here.ok("open", "T1").rstrip("\n")).is_dir()
