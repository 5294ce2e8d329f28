"""The configurations that come with squad: they hold what they say, and editors that know the schema agree."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator import config as configuration
from orchestrator.config import Config
from orchestrator.errors import InputError
from orchestrator.keys import keys_of
from orchestrator.views.config_schema import config_schema
from orchestrator.views.configuration import explained
from orchestrator.views.yaml_writing import MODELINE
from tests.support.wheels import installed
from tests.test_config import FULL

CONFIGS = Path(__file__).parents[1] / "configs"
SHIPPED = sorted(CONFIGS.glob("*.yaml"))
BEGINNING = (
    f"{MODELINE}schema.json",
    "# Every key with its default. Take what you need into squad.yaml: what is not there stays as it stands here.",
)


class Core(yaml.SafeLoader):
    """Reads YAML as editors do: by the core schema of YAML 1.2, where `no` is a text and 22:00 no number."""


Core.yaml_implicit_resolvers = {}
Core.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)$"), [*"~nN", ""])
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))
Core.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]*$"), list("-+0123456789."))


def faults(text: str) -> list[str]:
    """Give what an editor would underline."""
    validator = Draft202012Validator(config_schema())
    return [error.message for error in validator.iter_errors(yaml.load(text, Loader=Core))]


def of_squad(text: str) -> Config:
    return configuration.combine([configuration.layer(text, name="squad.yaml")])


def test_the_default_configuration_is_every_key_with_its_default_and_its_meaning() -> None:
    text = (CONFIGS / "default.yaml").read_text(encoding="utf-8")

    assert text == explained(Config(), above=BEGINNING), "squad config show --comments, below the first two lines"
    assert of_squad(text) == Config()
    assert [name for name in _names(Config) if not re.search(rf"^[ #]*{name}:.*", text, re.MULTILINE)] == []


def test_every_key_has_a_meaning() -> None:
    assert [key.name for section in _sections(Config) for key in keys_of(section) if not key.meaning] == []


def test_the_schema_beside_them_is_the_one_that_squad_prints() -> None:
    assert json.loads((CONFIGS / "schema.json").read_text(encoding="utf-8")) == config_schema()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(config_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_configuration_names_the_schema_fits_it_and_starts_no_command(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert text.startswith(f"{MODELINE}schema.json\n")
    assert faults(text) == []
    assert configuration.commands(of_squad(text)) == ()


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        "",
        "run:\nagents:\n  agent-1:\n",
        "notify: {quiet: none}\n",
        "run: {limits: {money: none, tokens: 300k, time: 1h30m}, questions: {wait: 0}}\n",
        "agents: {agent-1: {environment: {PORT: 8000, DEBUG: true, no: no}}}\n",
        "notify: {quiet: 22:00..7:00, webhook: https://example.org/x}\n",
        "allocation: {area: 2.5, score: scoring:score}\n",
        "capacity: {op:build: 2}\nlocks: {warn_after: 250ms}\n",
    ],
)
def test_what_squad_takes_the_schema_takes(text: str) -> None:
    of_squad(text)

    assert faults(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "run: {agnets: 3}\n",
        "run: {agents: 0}\n",
        "run: {agents: many}\n",
        "run: {stall: {after: 10}}\n",
        "run: {stall: {after: soon}}\n",
        "run: {restart: {backoff: 5s}}\n",
        "run: {restart: {fleet: often}}\n",
        "run: {limits: {currency: usd}}\n",
        "run: {checks: pytest}\n",
        "enforce: agre\n",
        "agents: {frontend: {}}\n",
        "never_parallel: {install: [npm]}\n",
        "notify: {quiet: 22..7}\n",
        "notify: {webhook: example.org}\n",
        "version: 2\n",
    ],
)
def test_what_the_schema_refuses_squad_refuses_too(text: str) -> None:
    assert faults(text) != []
    with pytest.raises(InputError):
        of_squad(text)


def test_editors_are_told_what_a_key_means_and_what_it_is_without_a_word() -> None:
    limits: Any = config_schema()["$defs"]["LimitSettings"]["properties"]
    stall: Any = config_schema()["$defs"]["StallSettings"]["properties"]

    assert limits["tokens"]["description"] == "fresh, cached and output together"
    assert stall["after"]["default"] == "10m"


def test_from_the_wheel_a_shipped_configuration_is_found_by_its_name_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    python = installed(tmp_path / "wheel")

    def squad(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(python), "-P", "-m", "orchestrator", *arguments]
        return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)

    shown = squad("-c", "overnight", "config", "show", "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["config"]["notify"]["urgent"] == ["stopped-early"]
    [source] = {row["name"] for row in json.loads(shown.stdout)["origins"].values() if row["source"] == "file"}
    assert Path(source).is_relative_to(tmp_path / "wheel"), "not the one of this checkout"
    for name in ("default", "ci"):
        assert squad("config", "check", name).returncode == 0
    assert (
        squad("-c", "overnigt", "config", "show").stderr
        == "squad: there is no configuration 'overnigt'\ndid you mean 'overnight'?\n"
    )
    assert sys.executable != str(python)


def _sections(section: Any) -> list[Any]:
    below = [key.section for key in keys_of(section) if key.section is not None]
    return [section, *(one for part in below for one in _sections(part))]


def _names(section: Any) -> list[str]:
    return sorted({key.name for part in _sections(section) for key in keys_of(part)})
