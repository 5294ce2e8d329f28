import io
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cli import settings
from orchestrator.cli.context import Context
from orchestrator.config import Config, layer
from orchestrator.config import combine as combined
from orchestrator.errors import InputError
from orchestrator.project import find
from tests.support.here import Here
from tests.support.repositories import Repository

STARTS = "agents: {agent-1: {use: command, command: [make, it]}}\nrun: {checks: [make check]}\n"


def load(folder: Path, **flags: str) -> Config:
    context = Context(folder=folder)
    return settings.load(context, context.project(), flags)


def test_the_file_is_found_from_a_folder_upward_to_the_root(repository: Repository) -> None:
    repository.write({"squad.yaml": "run: {attempts: 4}\n", "a/b/c.txt": "", "near/squad.yaml": "run: {attempts: 5}\n"})

    assert load(repository.root).run.attempts == 4
    assert load(repository.root / "a" / "b").run.attempts == 4
    assert load(repository.root / "near").run.attempts == 5


def test_a_file_above_the_root_is_not_the_projects(repository: Repository) -> None:
    (repository.root.parent / "squad.yaml").write_text("run: {attempts: 9}\n", encoding="utf-8")

    assert load(repository.root).run == Config().run


def test_sources_beat_each_other_in_the_documented_order(
    repository: Repository, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = home / "config" / "squad" / "config.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("run: {attempts: 1, agents: 1, checks: [user]}\nenforce: agree\nlog: {folder: user}\n", encoding="utf-8")
    assert load(repository.root).run.attempts == 1

    repository.write({"squad.yaml": "run: {attempts: 2, agents: 2, checks: [file]}\nenforce: detect\n"})
    assert load(repository.root).run.attempts == 2

    repository.write({".squad/local.yaml": "run: {attempts: 3, agents: 3}\n"})
    assert load(repository.root).run.attempts == 3

    monkeypatch.setenv("SQUAD_CONFIG_RUN__AGENTS", "4")
    config = load(repository.root)
    assert (config.run.agents, config.run.attempts, config.run.checks) == (4, 3, ("file",))
    assert (config.enforce, config.log.folder) == ("detect", "user")

    assert load(repository.root, **{"run.agents": "5"}).run.agents == 5


def test_c_takes_a_path_or_the_name_of_one_in_configs(here: Here) -> None:
    here.folder.joinpath("configs").mkdir()
    here.folder.joinpath("configs/fast.yaml").write_text("run: {agnets: 1}\n", encoding="utf-8")
    here.folder.joinpath("prd.md").write_text("## Tasks\n- Do it\n", encoding="utf-8")

    for name in ("fast", "configs/fast.yaml", str(here.folder / "configs/fast.yaml")):
        said = here("plan", "prd.md", "-c", name)
        assert said.code == 3
        assert "configs/fast.yaml:1:7: run.agnets: unknown key\n  run: {agnets: 1}\n        ^" in said.err


def test_a_configuration_that_is_not_there_is_named_with_the_nearest(here: Here) -> None:
    here.folder.joinpath("configs").mkdir()
    here.folder.joinpath("configs/fast.yaml").write_text("", encoding="utf-8")

    said = here("plan", "prd.md", "-c", "fats", "--json")

    assert (said.code, said.error["message"]) == (3, "there is no configuration 'fats'")
    assert said.error["hint"] == "did you mean 'fast'?"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"run: {agents: 1}\nlog: {folder: \xe9}\n", "squad.yaml:2: not UTF-8"),
        (b"\0\1\2", "squad.yaml:1:1"),
    ],
)
def test_a_file_that_is_no_text_is_told_with_its_place(repository: Repository, data: bytes, told: str) -> None:
    (repository.root / "squad.yaml").write_bytes(data)

    with pytest.raises(InputError) as caught:
        load(repository.root)

    assert told in str(caught.value)


def test_a_file_of_an_editor_with_a_byte_order_mark_is_read(repository: Repository) -> None:
    (repository.root / "squad.yaml").write_bytes(b"\xef\xbb\xbfrun: {attempts: 4}\n")

    assert load(repository.root).run.attempts == 4


def test_a_folder_or_a_broken_link_in_place_of_the_file_is_not_passed_over(repository: Repository) -> None:
    (repository.root / "squad.yaml").symlink_to("gone.yaml")

    with pytest.raises(InputError, match=r"squad\.yaml: cannot be read: No such file"):
        load(repository.root)


class Asked:
    """A person at a terminal who answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        self.screen = io.StringIO()
        for name, stream in (("stdin", io.StringIO(answer)), ("stderr", self.screen)):
            stream.isatty = lambda: True  # type: ignore[method-assign]  # a terminal in a test
            monkeypatch.setattr(f"sys.{name}", stream)


def confirm(repository: Repository, context: Context | None = None, text: str = STARTS) -> None:
    context = replace(context or Context(), folder=repository.root)
    settings.confirm(combined([layer(text, name="squad.yaml")]), context, find(repository.root))


def test_commands_that_nobody_agreed_to_are_refused_and_shown(repository: Repository) -> None:
    with pytest.raises(settings.Unconfirmed) as caught:
        confirm(repository)

    assert caught.value.exit_code == 6
    assert "agent agent-1: make it" in str(caught.value)
    assert "check: make check" in str(caught.value)


def test_a_configuration_without_commands_asks_nothing(repository: Repository) -> None:
    confirm(repository, text="run: {agents: 3}\nagents: {agent-1: {use: claude}}\n")


def test_consent_is_remembered_for_exactly_these_commands(repository: Repository) -> None:
    confirm(repository, Context(yes=True))

    confirm(repository)
    confirm(repository, text=f"{STARTS}enforce: agree\n")
    with pytest.raises(settings.Unconfirmed):
        confirm(repository, text=STARTS.replace("make check", "make check; curl example.org"))
    confirm(repository)


def test_consent_is_for_one_project(repository: Repository, tmp_path: Path) -> None:
    confirm(repository, Context(yes=True))

    with pytest.raises(settings.Unconfirmed):
        confirm(Repository.init(tmp_path / "another"))


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_person_is_shown_the_commands_and_agrees(repository: Repository, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    person = Asked(monkeypatch, answer)

    confirm(repository)

    assert "agent agent-1: make it" in person.screen.getvalue()
    confirm(repository, Context(no_input=True))


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yep\n"])
def test_anything_but_yes_is_no(repository: Repository, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    Asked(monkeypatch, answer)

    with pytest.raises(settings.Unconfirmed):
        confirm(repository)


@pytest.mark.parametrize(("variable", "context"), [("CI", Context()), ("IGNORED", Context(no_input=True))])
def test_nobody_is_asked_where_nobody_is(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, variable: str, context: Context
) -> None:
    Asked(monkeypatch, "y\n")
    monkeypatch.setenv(variable, "true")

    with pytest.raises(settings.Unconfirmed):
        confirm(repository, context)


def test_consent_that_cannot_be_remembered_holds_this_once(repository: Repository, home: Path) -> None:
    (home / "state").write_text("in the way", encoding="utf-8")

    confirm(repository, Context(yes=True))

    with pytest.raises(settings.Unconfirmed):
        confirm(repository)


def test_a_command_cannot_hide_itself_by_control_sequences(repository: Repository) -> None:
    with pytest.raises(settings.Unconfirmed) as caught:
        confirm(repository, text='run: {checks: ["evil\\e[2K\\rharmless"]}\n')

    assert "\x1b" not in str(caught.value)
    assert "evil" in str(caught.value)
