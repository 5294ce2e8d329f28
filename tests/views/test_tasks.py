"""What was read, for programs."""

from orchestrator.prd import read
from orchestrator.views.tasks import tasks_json


def test_what_a_document_says_of_who_and_how_long_is_told_to_programs() -> None:
    text = (
        "version: 1\ntasks:\n  - {id: A, title: Build, agents: [agent-1], skills: [css], locks: [op:install], estimate: 10m}\n"
        "  - {id: B, title: Paint}\n"
    )

    rows = tasks_json(read(text.encode(), name="tasks.yaml"))["tasks"]

    assert isinstance(rows, list)
    assert [(row["agents"], row["skills"], row["locks"], row["estimate"]) for row in rows] == [
        (["agent-1"], ["css"], ["op:install"], 600.0),
        ([], [], [], None),
    ]
