import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import config as configuration
from orchestrator.config import Config
from orchestrator.text.notation import write_count, write_duration
from orchestrator.text.quantities import parse_count, parse_duration
from orchestrator.views.configuration import explained, shown
from orchestrator.views.yaml_writing import scalar
from tests.support.here import Here
from tests.support.repositories import Repository
from tests.test_config import FULL

ODD = 'agents: {agent-1: {use: simulated, environment: {A: "on", B: "x: y", C: "#no", D: "", E: "é\\u2028", F: "none"}}}\n'


def of(text: str) -> Config:
    return configuration.combine([configuration.layer(text, name="squad.yaml")])


@pytest.mark.parametrize("text", ["", FULL, ODD, "run: {limits: {time: 90m, tokens: 1234567}, stall: {after: 1500ms}}\n"])
def test_what_is_shown_can_be_read_back(text: str) -> None:
    config = of(text)

    assert of(shown(config)) == config
    assert of(explained(config)) == config


@given(st.text())
def test_any_text_is_written_so_that_it_is_read_back(text: str) -> None:
    written = f"run: {{checks: {scalar([text])}}}\n"

    assert of(written).run.checks == (text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),)


@given(st.floats(0.001, 3e9))
def test_a_duration_is_written_exactly(seconds: float) -> None:
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


@given(st.integers(1, 10**14))
def test_a_count_is_written_exactly(count: int) -> None:
    assert parse_count(str(write_count(count))) == count


def test_the_origin_of_each_value_is_told(
    here: Here, repository: Repository, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home / "config" / "squad" / "config.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("log: {folder: mine}\nrun:\n  attempts: 9\n", encoding="utf-8")
    repository.write({"squad.yaml": "run:\n  attempts: 2\n  checks: [make]\n", ".squad/local.yaml": "\nenforce: detect\n"})
    monkeypatch.setenv("SQUAD_CONFIG_RUN__TICK", "true")

    lines = {
        line.split(":")[0].strip(): line.partition("#")[2].strip()
        for line in here.ok("config", "show", "--origin", "-n", "2").splitlines()
    }

    assert lines["checks"] == "squad.yaml:3"
    assert lines["enforce"] == ".squad/local.yaml:2"
    assert lines["tick"] == "SQUAD_CONFIG_RUN__TICK"
    assert lines["bell"] == "default"
    told = here.json("config", "show", "-n", "2")["origins"]
    assert told["run.agents"]["source"] == "flag"
    assert (told["log.folder"]["name"], told["log.folder"]["line"]) == (str(own), 1)
    assert told["run.attempts"] == {"source": "file", "name": "squad.yaml", "line": 2}


def test_a_configuration_that_holds_is_told_in_one_line(here: Here, repository: Repository) -> None:
    assert here.ok("config", "check") == "no file, only defaults: valid\n"

    repository.write({"squad.yaml": "run: {agents: 3}\n", "other.yaml": "enforce: detect\n"})

    assert here.ok("config", "check") == "squad.yaml: valid\n"
    assert here.ok("config", "check", "other.yaml") == "other.yaml: valid\n"
    assert here.ok("config", "check", "overnight").endswith("overnight.yaml: valid\n")


def test_a_fault_is_told_as_a_run_tells_it(here: Here, repository: Repository) -> None:
    repository.write({"squad.yaml": "run:\n  agnets: 3\n", "prd.md": "## Tasks\n- Do it\n"})

    checked, run = here("config", "check"), here("run", "prd.md", "--agent", "simulated")

    assert (checked.code, run.code) == (3, 3)
    assert (
        checked.err == run.err == "squad: squad.yaml:2:3: run.agnets: unknown key\n    agnets: 3\n    ^\ndid you mean 'agents'?\n"
    )
    assert here("config", "check", "squad.yaml").err == run.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekc"], "did you mean 'check'?"),
        (["show", "squad.yaml"], "squad -c squad.yaml config show"),
        (["check", "--origin"], "--origin and --comments go with show"),
        (["show", "--origin", "--comments"], "one of them"),
        ([], "see: squad config --help"),
    ],
)
def test_a_wrong_call_is_told_with_the_right_one(here: Here, arguments: list[str], said: str) -> None:
    done = here("config", *arguments)

    assert done.code == 2
    assert said in done.err


def test_the_schema_is_printed_as_a_document(here: Here) -> None:
    assert json.loads(here.ok("config", "schema"))["$schema"] == "https://json-schema.org/draft/2020-12/schema"
