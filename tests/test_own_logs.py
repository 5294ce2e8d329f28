"""The logs of squad's runs on its own repository are what they say: whole, in order, and without a machine's name in them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator import config
from orchestrator.prd import read
from tests.support.pages import ROOT

LOGS = sorted((ROOT / "logs").glob("*/squad.log"))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_there_are_some() -> None:
    assert LOGS


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.parent.name)
def test_a_log_tells_of_one_run_from_its_start_to_its_end(path: Path) -> None:
    told = rows(path)

    assert {row["run"] for row in told} == {path.parent.name}
    assert [row["seq"] for row in told] == list(range(told[0]["seq"], told[0]["seq"] + len(told)))
    assert (told[0]["event"], told[-1]["event"]) == ("RunStarted", "RunEnded")
    assert {row["task"] for row in told if row["event"] == "TaskDone"} == {row["task"] for row in told if "task" in row}


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.parent.name)
def test_a_log_and_its_report_name_nothing_of_the_machine_but_a_scratch_folder(path: Path) -> None:
    text = path.read_text(encoding="utf-8") + path.with_name("report.md").read_text(encoding="utf-8")

    assert {row["node"] for row in rows(path) if row.get("node")} == {"machine"}
    assert re.findall(r'(?<![\w.])/(?!tmp/squad[/"])(?:home|root|work|Users|opt|usr|var|tmp)/[^\s"]*', text) == []


def test_what_the_runs_were_made_with_can_be_read() -> None:
    text = (ROOT / "logs" / "squad.yaml").read_text(encoding="utf-8")
    settings = config.combine([config.layer(text, name="squad.yaml")])

    assert settings.log.folder == "logs"
    assert len(read((ROOT / "logs" / "chores.yaml").read_bytes(), name="chores.yaml").tasks) == 6
