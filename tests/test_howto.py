"""The pages that people begin with: a reader who has nothing but git and squad does what they say, and sees what they show."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.agent import HELP
from tests.support.pages import PAGES, README, ROOT
from tests.support.parser import option_names
from tests.support.programs import squad_in
from tests.support.shown import Reader, agrees

WALKED = [ROOT / "docs" / "concepts.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
MARKS = r"<!-- (?:file: \S+|shown(?:: in any order)?|usage) -->\n"
COMMANDS = option_names()
WRONG = {"statu", "agent ..."}  #: what pages show as a mistake, or mean in general
GLOBAL = {"-C", "-c", "--json", "-q", "-v", "-y", "--no-input", "--color", "--help", "--version"}


@pytest.fixture
def reader(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Somebody with an empty folder, with git and squad, but without an agent program."""
    programs, folder = squad_in(tmp_path / "programs"), tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{home}/bin:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("XDG_CONFIG_HOME")  # so that ~/.config is what a page means by it
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    monkeypatch.setenv("SQUAD_CONFIG_ENFORCE", "detect")  # walls around each attempt would show nothing here, and take time
    return Reader(folder, programs)


@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.stem)
def test_a_reader_who_does_what_the_page_says_sees_what_it_shows(page: Path, reader: Reader) -> None:
    reader.follow(page)


@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.stem)
def test_nothing_stands_on_a_page_that_nobody_tries(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(re.findall(r"^```", text, re.MULTILINE)) == 2 * len(re.findall(rf"^{MARKS}```", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_speaks_of_exists_with_its_options(page: Path) -> None:
    assert [wrong for call in spoken_of(page) if (wrong := unknown_in(call)) not in {"", *WRONG}] == []


def spoken_of(page: Path) -> Iterator[str]:
    """Give the calls of squad in a page's text and in its fences."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"`squad ([a-z][^`\n]*)`", text)
    for fence in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^(?:\$ )?squad ([a-z-]+(?: .*?)?)(?:   .*)?$", fence, re.MULTILINE)


def unknown_in(call: str) -> str:
    """Give a call whose command does not exist, or one of whose options it does not have; nothing for one that is right."""
    command, _, rest = re.split(r"[|;>)]| -- | #", call)[0].partition(" ")
    if command == "agent":
        known = set(re.findall(r"--[a-z-]+", HELP)) if f"squad agent {(rest.split() or [''])[0]}" in HELP else None
    else:
        known = {one for spellings in COMMANDS[command] for one in spellings} if command in COMMANDS else None
    options = set(re.findall(r"(?:(?<=\s)|^)\[?(--?[a-zA-Z][a-z-]*)", rest))
    return call if known is None or not options <= known | GLOBAL else ""


def test_the_readme_leads_to_every_page_and_its_table_to_those_to_begin_with() -> None:
    pages = [page.relative_to(ROOT).as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    table = README[README.index("## Pages") : README.index("## What it does not do")]

    assert [page for page in pages if f"]({page})" not in README and "decisions/0" not in page] == []
    assert [page for page in WALKED if f"]({page.relative_to(ROOT).as_posix()})" not in table] == []


@pytest.mark.parametrize(
    ("shown", "said", "agree"),
    [
        (["T1 done"], ["T1 failed"], False),
        (["T1 done"], ["T1 done", "T2 done"], False),
        (["T1 done", "..."], ["T1 done", "T2 done"], True),
        (["...", "T2 done"], ["T1 done", "T2 done"], True),
        (["...", "T3 done", "..."], ["T1 done", "T2 done"], False),
        (["wall 2.5s"], ["wall 12s"], True),
        (["4 of 4 tasks done"], ["3 of 4 tasks done"], False),
        (["merged as 3caa77e"], ["merged as 5027f72"], True),
        (["T1 ..."], ["T1 running agent-1"], True),
        (["T1 ..."], ["T2 running agent-1"], False),
    ],
)
def test_what_differs_from_run_to_run_counts_for_nothing_and_everything_else_does(
    shown: list[str], said: list[str], *, agree: bool
) -> None:
    assert agrees(shown, said) == agree


def test_in_any_order_every_line_still_has_to_be_there() -> None:
    assert agrees(["T1 done", "T2 done"], ["T2 done", "T1 done"], any_order=True)
    assert not agrees(["T1 done", "T1 done"], ["T2 done", "T1 done"], any_order=True)
    assert not agrees(["T1 done"], ["T2 done", "T1 done"], any_order=True)
