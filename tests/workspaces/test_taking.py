"""What agents did, told apart from what others did to the same files, and put onto a branch."""

from collections.abc import Sequence

import pytest

from orchestrator.adoption import prepare
from orchestrator.claims import Claim
from orchestrator.model import AgentId, AttemptId
from orchestrator.parties import Party
from orchestrator.project import Project, find
from orchestrator.state import State
from orchestrator.workspaces.hidden import Hidden
from orchestrator.workspaces.ledger import Ledger
from orchestrator.workspaces.taking import NotTaken, ledger_of, take, work_of
from tests.support.builders import RUN, ended, plan, planned, prepared, run_started, started, state_after, task
from tests.support.repositories import Repository

LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
TITLES = {"T1": "One", "T2": "Two"}


class Tree:
    """A shared tree that is looked at after each write, with who may write it then."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.ledger = Ledger(hidden=Hidden(find(repository.root)), run=RUN)
        self.ledger.look(tuple)

    def write(self, task: str, text: str, name: str = "a.txt") -> None:
        """Write as the agent of a task, or as a person."""
        self.repository.write({name: text})
        self.ledger.look(lambda: _parties(task))


def _parties(name: str) -> Sequence[Party]:
    if not name:
        return ()
    agent = AgentId(f"agent-{name[1:]}")
    return [Party(attempt=AttemptId(f"{name}.1"), task=name, agent=agent, title=TITLES[name], claims=(Claim("."),))]


@pytest.fixture
def tree(repository: Repository) -> Tree:
    repository.commit({"a.txt": LINES})
    repository.write({"a.txt": LINES.replace("seven", "seven, and mine")})
    prepare(find(repository.root), now=0.0)
    return Tree(repository)


def state() -> State:
    tasks = plan(planned(task("T1")), planned(task("T2"), agent=AgentId("agent-2")))
    both = ((name, f"agent-{name[1]}") for name in ("T1.1", "T2.1"))
    begun = [
        event
        for name, agent in both
        for event in (prepared(name, agent=agent), started(name, agent=agent), ended(name, agent=agent))
    ]
    return state_after(tasks, run_started(), *begun)


def project(tree: Tree) -> Project:
    return find(tree.repository.root)


def taken(tree: Tree, *tasks: str) -> list[str]:
    """Take tasks; gives the commits that came of it, oldest first."""
    before = tree.repository.head()
    take(project(tree), state(), {name: TITLES[name] for name in tasks or TITLES})
    return tree.repository.git("log", "--reverse", "--format=%an: %s", f"{before}..HEAD").splitlines()


MINE = "seven, and mine"


def test_a_look_in_the_middle_of_a_write_changes_nothing_of_what_is_taken(tree: Tree) -> None:
    """A file that was just empty could once not be put beside what the user had changed in it."""
    tree.write("T1", "")
    tree.write("T1", LINES.replace("one", "ONE").replace("seven", MINE))

    assert taken(tree) == ["agent-1: One"]
    assert tree.repository.show("HEAD", "a.txt") == LINES.replace("one", "ONE").rstrip()


def test_work_in_turn_makes_a_commit_for_each_task_where_that_comes_to_the_same(tree: Tree) -> None:
    tree.write("T1", LINES.replace("one", "ONE"))
    tree.write("T2", LINES.replace("one", "ONE").replace("three", "THREE"))
    tree.write("T1", "x\n", "b.txt")

    assert taken(tree) == ["agent-1: One", "agent-2: Two"]


def test_work_that_builds_on_each_other_is_taken_in_its_order(tree: Tree) -> None:
    tree.write("T1", "1\n", "b.txt")
    tree.write("T2", "2\n", "b.txt")
    tree.write("T1", "3\n", "b.txt")

    assert taken(tree) == ["agent-1: One", "agent-2: Two", "agent-1: One"]
    assert tree.repository.show("HEAD", "b.txt") == "3"


def test_what_a_person_did_in_between_is_left_out(tree: Tree) -> None:
    tree.write("T1", LINES.replace("one", "ONE"))
    tree.write("", LINES.replace("one", "ONE").replace("four", "FOUR"))
    tree.write("T1", LINES.replace("one", "ONE").replace("four", "FOUR").replace("six", "SIX"))

    assert taken(tree) == ["agent-1: One"]
    assert tree.repository.show("HEAD", "a.txt") == LINES.replace("one", "ONE").replace("six", "SIX").rstrip()


def test_what_was_taken_is_known_and_goes_on_from_there(tree: Tree) -> None:
    tree.write("T1", "1\n", "b.txt")
    tree.write("T1", "2\n", "b.txt")
    assert taken(tree) == ["agent-1: One"]
    tree.write("T1", "3\n", "b.txt")

    assert taken(tree) == ["agent-1: One"]
    assert taken(tree) == []
    assert tree.repository.show("HEAD", "b.txt") == "3"


def test_a_task_that_rests_on_what_is_not_taken_is_refused_by_name(tree: Tree) -> None:
    tree.write("T1", "1\n", "b.txt")
    tree.write("T2", "2\n", "b.txt")

    with pytest.raises(NotTaken, match=r"b\.txt"):
        taken(tree, "T2")


def test_what_came_to_nothing_is_no_work(tree: Tree) -> None:
    tree.write("T1", "1\n", "b.txt")
    (tree.repository.root / "b.txt").unlink()
    tree.ledger.look(lambda: _parties("T1"))

    assert [changes for _, changes in work_of(ledger_of(project(tree), state()), state(), TITLES)] == [{}, {}]
    assert taken(tree) == []
