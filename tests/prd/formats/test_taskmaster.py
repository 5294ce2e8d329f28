from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InputError
from orchestrator.model import Document, Mark, Task
from orchestrator.prd import read

DATA = Path(__file__).parents[2] / "data" / "formats" / "taskmaster"


def told(name: str) -> Document:
    return read((DATA / name).read_bytes(), name=f".taskmaster/tasks/{name}")


def by_id(document: Document) -> dict[str, Task]:
    return {task.id: task for task in document.tasks}


def test_every_task_and_subtask_is_read_with_the_line_of_its_object() -> None:
    document = told("legacy.json")

    assert (document.format, document.title) == ("taskmaster-json", "Parcel tracker")
    lines = (DATA / "legacy.json").read_text(encoding="utf-8").split("\n")
    assert list(by_id(document)) == ["1", "2", "2.1", "2.2", "2.3", "3", "4", "5", "6"]
    starts = {str(task.id): lines[task.source.line - 1 : task.source.line + 1] for task in document.tasks}
    assert all(f'"id": {task}' in "".join(starts[task]) for task in "1345")
    assert '"title": "Build the tree"' in starts["2.2"][0]


def test_states_are_those_of_task_master_and_an_unknown_one_is_not_done() -> None:
    document = told("legacy.json")

    states = {task.id: task.state for task in document.tasks}
    assert states == {
        "1": Mark.DONE,
        "2": Mark.IN_PROGRESS,
        "2.1": Mark.DONE,
        "2.2": Mark.IN_PROGRESS,
        "2.3": Mark.OPEN,
        "3": Mark.DEFERRED,
        "4": Mark.OPEN,
        "5": Mark.DEFERRED,
        "6": Mark.UNKNOWN,
    }
    assert [one for one in document.warnings if "unknown state [someday]" in one]


def test_a_need_of_a_subtask_may_be_local_or_dotted_and_one_that_points_nowhere_is_told() -> None:
    document = told("legacy.json")

    needs = {task.id: task.needs for task in document.tasks if task.needs}
    assert needs == {"2": ("1",), "2.2": ("2.1",), "2.3": ("2.2", "2.1"), "3": ("1",), "4": ("2",), "6": ("2.3",)}
    assert [one for one in document.warnings if "3 depends on '41'" in one]


def test_files_come_from_the_texts_and_a_route_is_none() -> None:
    tasks = by_id(told("legacy.json"))

    assert tasks["1"].writes == ("package.json", "src/index.ts")
    assert tasks["2"].writes == ("src/parsers/dhl.ts", "src/parsers/ups.ts")
    assert tasks["2.1"].writes == ("src/parsers/tokens.ts",)
    assert tasks["4"].writes is None


def test_a_person_s_step_is_a_gate_and_tests_are_criteria() -> None:
    tasks = by_id(told("legacy.json"))

    assert [task for task in tasks if tasks[task].gate] == ["4"]
    assert tasks["1"].criteria == ("npm run lint ends without a finding",)
    assert [tasks[task].priority for task in ("1", "2", "3", "4")] == [1, 2, 3, None]
    assert (tasks["2.1"].parent, tasks["2"].parent) == ("2", None)


def test_what_is_no_task_of_the_list_is_told() -> None:
    document = told("legacy.json")

    assert [(one.text, one.reason) for one in document.skipped] == [
        ("id 7", "a task without title and description"),
        ("not a task", "an object with a title that stands in no list of tasks"),
    ]


def test_each_tag_counts_its_own_tasks() -> None:
    document = told("tagged.json")

    assert [(task.id, task.area) for task in document.tasks] == [
        ("1", "master"),
        ("2", "master"),
        ("3", "master"),
        ("1~2", "billing"),
        ("1.1", "billing"),
        ("1.2", "billing"),
        ("2~2", "billing"),
    ]
    assert by_id(document)["2~2"].needs == ("1~2",)
    assert by_id(document)["1.2"].needs == ("1.1",)
    assert len([one for one in document.warnings if "stands twice" in one]) == 2


@given(st.sampled_from(["legacy.json", "tagged.json"]), st.data())
def test_no_change_of_bytes_and_no_prefix_crashes_the_reader(name: str, data: st.DataObject) -> None:
    body = bytearray((DATA / name).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        document = read(bytes(body[: data.draw(st.integers(0, len(body)))]), name="tasks.json")
    except InputError:
        return
    assert len({task.id for task in document.tasks}) == len(document.tasks)
