"""The choice of the enforcement level."""

from dataclasses import replace

import pytest

from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.levels import Chosen, EnforcementUnavailable, Program, choose
from orchestrator.enforcement.probing import Probed
from orchestrator.errors import UsageError
from orchestrator.model import Level

BOTH = Probed(means=(Means.BUBBLEWRAP, Means.LANDLOCK), nests=True)
ALONE = Probed(means=(Means.BUBBLEWRAP, Means.LANDLOCK), nests=False)
NARROW = Probed(means=(Means.LANDLOCK,), faults={Means.BUBBLEWRAP: "bubblewrap is not installed: sudo apt install bubblewrap"})
NOTHING = Probed(means=(), faults={Means.BUBBLEWRAP: "no user namespaces here", Means.LANDLOCK: "Landlock is missing"})
SIMPLE = Program(name="make", asks=False)
ASKING = Program(name="claude", asks=True)
NESTING = Program(name="codex", asks=True, nests=True)


@pytest.mark.parametrize(
    ("program", "probed", "level"),
    [
        (SIMPLE, BOTH, Level.DENY),
        (NESTING, BOTH, Level.DENY),
        (NESTING, ALONE, Level.HOOK),
        (SIMPLE, NARROW, Level.DETECT),
        (ASKING, NARROW, Level.HOOK),
        (SIMPLE, NOTHING, Level.DETECT),
        (ASKING, NOTHING, Level.HOOK),
    ],
)
def test_without_a_wish_the_strongest_level_that_is_proved_holds(program: Program, probed: Probed, level: Level) -> None:
    assert choose("auto", program, probed).level is level


def test_why_it_is_none_stronger_is_said_where_nobody_asked_for_a_level() -> None:
    """An agent whose own bubblewrap fails inside ours, as for root, was once held by the hook without a word."""
    at_root = replace(ALONE, root=True)

    assert choose("auto", NESTING, at_root).why == "its own bubblewrap does not work inside ours where squad runs as root"
    assert choose("auto", SIMPLE, NARROW).why == "bubblewrap is not installed: sudo apt install bubblewrap"
    assert choose("auto", NESTING, BOTH).why == choose("hook", NESTING, NOTHING).why == ""
    with pytest.raises(EnforcementUnavailable) as caught:
        choose("deny", NESTING, at_root)
    assert caught.value.hint == "run squad as an ordinary user, or take what can be had: --enforce auto, here hook"


@pytest.mark.parametrize("asked", ["agree", "detect"])
def test_a_weak_level_needs_no_proof(asked: str) -> None:
    assert choose(asked, SIMPLE, NOTHING) == Chosen(level=Level(asked))


def test_landlock_holds_only_what_was_demanded_and_bubblewrap_cannot() -> None:
    assert choose("deny", SIMPLE, BOTH).means is Means.BUBBLEWRAP
    assert choose("deny", SIMPLE, NARROW).means is Means.LANDLOCK
    assert choose("auto", SIMPLE, NARROW).means is None


@pytest.mark.parametrize(
    ("asked", "program", "probed", "told"),
    [
        ("deny", SIMPLE, NOTHING, ["make", "no user namespaces here", "Landlock is missing", "detect"]),
        ("deny", NESTING, NARROW, ["codex", "sudo apt install bubblewrap", "a sandbox of its own", "hook"]),
        ("deny", NESTING, ALONE, ["codex", "its own bubblewrap does not work inside ours"]),
        ("hook", SIMPLE, BOTH, ["make", "does not ask beforehand"]),
    ],
)
def test_a_level_that_is_not_to_be_had_is_never_replaced_by_a_weaker_one(
    asked: str, program: Program, probed: Probed, told: list[str]
) -> None:
    with pytest.raises(EnforcementUnavailable) as caught:
        choose(asked, program, probed)

    assert caught.value.exit_code == 4
    assert all(word in str(caught.value) for word in told)


def test_a_word_that_is_no_level_is_a_mistake_of_the_command_line() -> None:
    with pytest.raises(UsageError, match="detekt") as caught:
        choose("detekt", SIMPLE, BOTH)

    assert caught.value.exit_code == 2
    assert "'detect'" in str(caught.value)
