"""The choice of the enforcement level."""

import pytest

from orchestrator.enforcement import EnforcementUnavailable, choose
from orchestrator.errors import UsageError
from orchestrator.model import Level


@pytest.mark.parametrize(("asked", "level"), [("auto", Level.DETECT), ("detect", Level.DETECT), ("agree", Level.AGREE)])
def test_a_level_that_is_built_is_chosen(asked: str, level: Level) -> None:
    assert choose(asked) is level


@pytest.mark.parametrize("asked", ["hook", "deny"])
def test_a_level_that_is_not_built_is_never_replaced_by_a_weaker_one(asked: str) -> None:
    with pytest.raises(EnforcementUnavailable) as caught:
        choose(asked)

    assert caught.value.exit_code == 4
    assert "auto, agree, detect" in str(caught.value)


def test_a_word_that_is_no_level_is_a_mistake_of_the_command_line() -> None:
    with pytest.raises(UsageError, match="detekt") as caught:
        choose("detekt")

    assert caught.value.exit_code == 2
    assert "'detect'" in str(caught.value)
