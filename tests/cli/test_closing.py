import pytest

from orchestrator.cli.closing import countdown, said
from orchestrator.model import Haste


@pytest.mark.parametrize(
    ("haste", "now_and_next"),
    [
        (Haste.ORDERLY, ("agents get 10 s", "Ctrl-C once more ends them now")),
        (Haste.NOW, ("ended now", "Ctrl-C once more kills what is left")),
        (Haste.KILLED, ("killing", "Ctrl-C once more leaves")),
    ],
)
def test_each_wish_to_end_says_what_it_does_and_what_the_next_one_would(haste: int, now_and_next: tuple[str, str]) -> None:
    assert all(part in said(haste) for part in now_and_next)
    assert "\n" not in said(haste)


@pytest.mark.parametrize(
    ("passed", "left"), [(0.0, "10 s"), (0.2, "10 s"), (3.1, "7 s"), (9.9, "1 s"), (10.0, "is killed"), (99.0, "is killed")]
)
def test_the_countdown_says_how_long_agents_still_have(passed: float, left: str) -> None:
    line = countdown(Haste.ORDERLY, since=1000.0, now=1000.0 + passed)

    assert left in line
    assert "Ctrl-C ends" in line


@pytest.mark.parametrize("haste", [Haste.NOW, Haste.KILLED])
def test_there_is_no_countdown_where_nobody_is_waited_for(haste: int) -> None:
    assert countdown(haste, since=0.0, now=1.0) == said(haste)
