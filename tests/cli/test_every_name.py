"""Every name that a command takes: its beginning where only one begins so, never a guess, and the nearest one proposed.

Which commands take which names is read from the parser: one that has no call here fails the test that holds the list whole.
"""

import re
from typing import Any

import pytest

from orchestrator.cli.usage import label_of
from tests.support.here import Here
from tests.support.parser import commands
from tests.support.situations import Places

#: How a name is given to each command; after the double slash: what of the command takes it.
CALLS = """
plan tasks.json --all --why {}             // TASK
plan tasks.json --all --prompt {}          // TASK
resume {}                                  // RUN
status --run {}                            // RUN
events --run {}                            // RUN
logs {}                                    // AGENT|TASK
logs --run {}                              // RUN
wait --run {}                              // RUN
locks --run {}                             // RUN
owns README.md --run {}                    // RUN
inbox --run {}                             // RUN
diff {}                                    // TASK
diff --run {}                              // RUN
merge --run {}                             // RUN
discard --run {}                           // RUN
report --run {}                            // RUN
compare {} tasks-2                         // RUN
compare tasks-2 {}                         // RUN
cost --run {}                              // RUN
restart {}                                 // AGENT|TASK
tell {} hello                              // AGENT|TASK
retry {}                                   // TASK
retry --failed --run {}                    // RUN
reassign {} --to agent-2-backend           // TASK
reassign T1 --to {}                        // AGENT
reassign T1 --to agent-2-backend --run {}  // RUN
skip {} -y                                 // TASK
skip T1 -y --run {}                        // RUN
add {}                                     // FILE
add --title More --needs {}                // TASK
add --title More --agents {}               // AGENT
add --title More --run {}                  // RUN
scale 1 --run {}                           // RUN
open {}                                    // TASK
open last --run {}                         // RUN
doctor {}                                  // NAME
answer {} yes                              // ID
tasks {}                                   // FILE
tasks tasks.json --format {}               // FORMAT
plan {}                                    // FILE
plan tasks.json --graph {}                 // FORM
plan tasks.json --split-with {}            // ADAPTER
verify {}                                  // PLAN
run {} --dry-run                           // FILE
run tasks.json --dry-run --agent {}        // ADAPTER
run tasks.json --dry-run --enforce {}      // LEVEL
report --format {}                         // text|md|html|json
wait --for {}                              // done|idle|needs-you
config {}                                  // ACTION
config check {}                            // FILE
config show --enforce {}                   // LEVEL
completion {}                              // SHELL
"""
ROWS = [(row.partition("//")[0].split(), row.partition("//")[2].strip()) for row in CALLS.strip().splitlines()]
#: Names that are made and not looked for.
FREE = {"COUNT", "N", "OUTPUT", "TIMEOUT", "WAIT", "PURPOSE", "PATH", "DIR", "TEXT", "PATH -- CMD", "TIME", "N|+N|-N"}
#: What is nearly a name, the name, and the exit code where there is none; of a run another than of the rest.
NEARLY = {
    "RUN": ("taks-1", "tasks-1", 3),
    "TASK": ("lsta", "last", 2),
    "AGENT|TASK": ("agnet-2-backend", "agent-2-backend", 2),
    "NAME": ("agnet-2-backend", "agent-2-backend", 2),
    "AGENT": ("agnet-2-backend", "agent-2-backend", 2),
    "FILE": ("task.json", "tasks.json", 3),
    "PLAN": ("plan.jsn", "plan.json", 3),
    "FORMAT": ("seed-pdr", "seed-prd", 2),
    "FORM": ("acsii", "ascii", 2),
    "ADAPTER": ("claud", "claude", 2),
    "LEVEL": ("den", "deny", 2),
    "ACTION": ("sho", "show", 2),
    "SHELL": ("bsh", "bash", 2),
    "text|md|html|json": ("htlm", "html", 2),
    "done|idle|needs-you": ("don", "done", 2),
}
SHORT = {"RUN": ("oth", "other-1"), "TASK": ("la", "last"), "AGENT|TASK": ("agent-2", "agent-2-backend")}
SHORT["NAME"] = SHORT["AGENT|TASK"]
#: Commands that change a run which is not at its end: names are tried there, and the right ones elsewhere.
SHAPING = ("retry", "reassign", "skip", "add", "scale")
SEVERAL = {
    "RUN": ("tasks", "2 runs begin with 'tasks': tasks-1, tasks-2", 3),
    "TASK": ("T", "'T' may be any of T1, T10, T11", 2),
    "AGENT|TASK": ("agent", "'agent' may be any of agent-1-frontend, agent-2-backend", 2),
}
SEVERAL["AGENT"] = SEVERAL["AGENT|TASK"]


def label(parameter: Any) -> str:
    return re.sub(r"\.\.\.|^\[|\]$", "", label_of(parameter)).strip("[]")


def rows(*labels: str) -> list[tuple[list[str], str]]:
    return [(words, of) for words, of in ROWS if of in labels]


def changing(words: list[str], of: str) -> bool:
    """Tell whether a right name would change a run."""
    return words[0] in SHAPING and of in {"TASK", "AGENT"}


HARMLESS = [row for row in rows(*SHORT) if not changing(*row)]
AMBIGUOUS = [row for row in rows(*SEVERAL) if (row[0][0], row[1]) != ("add", "AGENT")]  # a role, an area or an id, and whole


def call(words: list[str], name: str) -> list[str]:
    return [word.replace("{}", name) for word in words]


@pytest.fixture
def here(around: Places) -> Here:
    return Here(around.project("finished"))


def where(around: Places, words: list[str], of: str) -> Here:
    return Here(around.project("dead" if changing(words, of) else "finished"))


def test_every_name_that_a_command_takes_has_a_call() -> None:
    taken = [
        (name, label(one))
        for name, command in commands().items()
        for one in command.params
        if not getattr(one, "is_flag", False) and label(one) not in FREE
    ]
    taken.remove(("report", "FILE"))  # where it is written
    taken.remove(("add", "ID"))  # of a new task

    assert sorted(taken) == sorted((words[0], of) for words, of in ROWS)


@pytest.mark.parametrize(("words", "of"), rows(*NEARLY), ids=lambda it: " ".join(it) if isinstance(it, list) else "")
def test_for_a_name_that_there_is_not_the_nearest_is_proposed(around: Places, words: list[str], of: str) -> None:
    here, (wrong, right, code) = where(around, words, of), NEARLY[of]

    said, as_json = here(*call(words, wrong)), here("--json", *call(words, wrong))

    if words[:2] == ["config", "check"]:
        wrong, right = "overnite", "overnight"
        said, as_json = here(*call(words, wrong)), here("--json", *call(words, wrong))
    assert (said.code, said.out) == (code, "")
    assert wrong in said.err
    assert f"did you mean {right!r}?" in said.err
    assert f"did you mean {right!r}?" in as_json.error["hint"]


@pytest.mark.parametrize(
    ("words", "of"),
    [row for row in rows(*SHORT) if not changing(*row)],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_the_beginning_of_a_name_will_do_where_no_other_begins_so(here: Here, around: Places, words: list[str], of: str) -> None:
    short, whole = SHORT[of]
    if words[0] == "merge":  # the second time there is nothing to merge
        here = Here(around.copy("merged", of="finished"))
        assert "merged squad/other-1 into main" in here.ok(*call(words, short))
        words = [*words, "--json"]

    assert stripped(here(*call(words, short))) == stripped(here(*call(words, whole)))


@pytest.mark.parametrize(("words", "of"), AMBIGUOUS, ids=lambda it: " ".join(it) if isinstance(it, list) else "")
def test_where_several_begin_so_all_are_named_and_none_is_taken(around: Places, words: list[str], of: str) -> None:
    here, (short, told, code) = where(around, words, of), SEVERAL[of]

    said, as_json = here(*call(words, short)), here("--json", *call(words, short))

    assert (said.code, said.out) == (code, "")
    assert told in said.err
    assert "name one of them" in as_json.error["hint"]


def stripped(said: object) -> str:
    """Leave out what another moment changes."""
    return re.sub(r"\d+(\.\d+)?(ms|s|m|h)\b", "", str(said))
