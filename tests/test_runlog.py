import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import FolderError
from orchestrator.events import Noticed, fields
from orchestrator.project import Project
from orchestrator.runlog import RunLog, open_log
from tests.support.builders import ended, entries, run_started, started


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_event_is_a_line_of_json(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "logs" / "squad.log")
    for entry in entries(run_started(title="two\nlines\x1b[2J"), started(), ended(reason="x")):
        log.note(entry)
    log.close()

    told = rows(tmp_path / "logs" / "squad.log")
    assert [(row["event"], row["seq"]) for row in told] == [("RunStarted", 1), ("AttemptStarted", 2), ("AttemptEnded", 3)]
    assert told[0]["title"] == "two\nlines\x1b[2J"
    assert told[1]["level_"] == "detect"
    assert all(str(row["timestamp"]).endswith("Z") for row in told)


def test_a_line_says_all_that_its_event_does(tmp_path: Path) -> None:
    told = entries(run_started(title='"\\\n'), started(), Noticed(text=""), ended(reason="x"))
    log = RunLog(tmp_path / "squad.log")
    log.note(*told)
    log.close()

    for row, entry in zip(rows(tmp_path / "squad.log"), told, strict=True):
        own = {f"{name}_" if name == "level" else name: value for name, value in fields(entry.event).items()}
        assert list(row) == ["timestamp", "seq", "run", *own, "event"]
        assert {**row, **own} == row


def test_the_folder_is_that_of_the_configuration_seen_from_the_project(tmp_path: Path) -> None:
    project = Project(root=tmp_path / "p", repository=False, state=tmp_path / "state")
    for folder, place in (
        (None, project.logs),
        ("own/logs", project.root / "own/logs"),
        (str(tmp_path / "far"), tmp_path / "far"),
    ):
        with open_log(project, folder) as log:
            log.note(entries(Noticed(text="x"))[0])
        assert len(rows(place / "squad.log")) == 1


def test_a_line_cut_off_by_a_death_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "squad.log"
    path.write_text('{"seq": 1}\n{"se', encoding="utf-8")

    log = RunLog(path)
    log.note(entries(Noticed(text="after"))[0])
    log.close()

    whole = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    assert [json.loads(line)["event"] for line in whole[1:]] == ["Noticed"]


def test_a_log_that_cannot_be_opened_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    project = Project(root=tmp_path, repository=False, state=tmp_path / "state")

    with pytest.raises(FolderError, match="file"), open_log(project, "file"):
        pass


def test_a_full_disk_is_told_and_ends_nothing() -> None:
    log = RunLog(Path("/dev/full"))
    log.note(entries(Noticed(text="x"))[0])
    log.close()

    assert log.failure == os.strerror(28)
