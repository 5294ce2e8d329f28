"""The recorded afternoon happens: its steps are lived through again, and the recording that is shown is one of them."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.afternoon.pane import HEIGHT, WIDTH
from tests.support.afternoon.pictures import cast, page
from tests.support.afternoon.playing import ROOT, play
from tests.support.afternoon.steps import AFTERNOON, Type
from tests.support.commands import Squad
from tests.support.repositories import Repository

PLACE = ROOT / "docs" / "recordings"
WORKPLACES = re.compile(r"/(?:home|root|work|Users|opt|usr|var|private)/\S*|/tmp/(?!project\b)\S*")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="squad-") as place:
        yield Path(place)


@pytest.mark.soak
@pytest.mark.skipif(not (shutil.which("tmux") and shutil.which("watch")), reason="tmux and watch are not installed")
def test_the_afternoon_happens_as_it_was_recorded(folder: Path) -> None:
    seen = play(folder)

    repository, squad = Repository(folder / "project"), Squad(folder / "project")
    assert [one.step for one in seen] == list(AFTERNOON)
    assert set(repository.files("main")) >= {"backend/metrics.ts", "docs/help.md", "docs/metrics.md", "frontend/live.ts"}
    assert repository.show("main", "frontend/dashboard.ts") == "export const charts = 3"
    assert [(run["id"], run["outcome"]) for run in squad.json("ls")["runs"]] == [
        ("user-dashboard-1", "done"),
        ("user-dashboard-2", "done"),
    ]
    ended = [json.loads(row) for row in squad.ok("events", "--run", "user-dashboard-1").splitlines()]
    outcomes = {row["attempt"]: row["outcome"] for row in ended if row["type"] == "AttemptEnded"}
    assert outcomes == {"T1.1": "stopped", "T1.2": "done", "T2.1": "stalled", "T2.2": "done", "T3.1": "done"} | {
        "T4.1": "stopped",
        "T4.2": "done",
    }
    assert [row["task"] for row in ended if row["type"] == "AgentStalled"] == ["T2"]
    assert [run["id"] for run in squad.json("ls")["runs"]] == ["user-dashboard-1", "user-dashboard-2"]
    assert WORKPLACES.findall(cast(seen) + page(seen)) == []


def test_the_page_shows_the_steps_and_what_is_typed_in_them() -> None:
    text = PLACE.joinpath("afternoon.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \d+\. (.*)$", text, re.MULTILINE) == [step.title for step in AFTERNOON]
    typed = [act.text for step in AFTERNOON for act in step.acts if isinstance(act, Type) and "watch " not in act.text]
    shown = [re.sub(r"^kill -9 \d+$", "kill -9 {supervisor}", line) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)]
    assert [line for line in shown if "watch " not in line] == typed


def test_the_recording_can_be_played() -> None:
    head, *rows = map(json.loads, PLACE.joinpath("afternoon.cast").read_text(encoding="utf-8").splitlines())

    assert (head["version"], head["width"], head["height"]) == (2, WIDTH, HEIGHT)
    assert [at for at, _, _ in rows] == sorted(at for at, _, _ in rows)
    assert {kind for _, kind, _ in rows} == {"o"}
    for wanted in ("wrote squad.yaml", "R1 pending", "its supervisor is gone", "done already", "4 of 4 tasks done"):
        assert any(wanted in text for _, _, text in rows)


@pytest.mark.parametrize("name", ["afternoon.md", "afternoon.cast"])
def test_the_recording_names_no_place_of_the_machine_it_was_made_on(name: str) -> None:
    assert WORKPLACES.findall(PLACE.joinpath(name).read_text(encoding="utf-8")) == []
