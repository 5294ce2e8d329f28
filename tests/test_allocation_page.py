"""The page about allocation: each of its examples gives what it says."""

import re
from pathlib import Path

import pytest

from orchestrator.sections import AllocationSettings, ComplexitySettings
from tests.support.here import Here

PAGE = (Path(__file__).parents[1] / "docs" / "allocation.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
AGENTS = FENCES[0][1]
FUNCTION = next(body for kind, body in FENCES if kind == "python")


def examples() -> list[tuple[str, str, str]]:
    """Give the document, the configuration and the output of each example; a document holds for all until the next."""
    found, prd = [], ""
    for place, (kind, body) in enumerate(FENCES[1:], start=1):
        prd = body if kind == "markdown" else prd
        if kind == "text":
            assert FENCES[place - 1][0] == "yaml"
            found.append((prd, FENCES[place - 1][1], body))
    return found


@pytest.mark.parametrize(("prd", "configuration", "told"), examples())
def test_each_example_of_the_page_gives_what_it_says(here: Here, prd: str, configuration: str, told: str) -> None:
    (here.folder / "prd.md").write_text(prd)
    (here.folder / "squad.yaml").write_text(AGENTS + configuration)
    (here.folder / "scoring.py").write_text(FUNCTION)

    said = here.ok("-y", "plan", "prd.md", "--why", "T1").splitlines()

    assert [line for line in told.splitlines() if line not in said] == [], "\n".join(said)


def test_every_key_has_an_example_and_the_default_it_is_said_to_have() -> None:
    used = " ".join(body for kind, body in FENCES if kind == "yaml")
    for settings in (AllocationSettings(), ComplexitySettings()):
        for name in type(settings).model_fields:
            assert f"{name}:" in used, f"{name} has no example"
            default = getattr(settings, name)
            if isinstance(default, int | float):
                assert f"`{name}` ({default:g})" in PAGE.replace("**", ""), f"the default of {name} is {default:g}"
