"""What reading costs, format by format, beside what no reader of it can do without: parsing its blocks, or its JSON."""

import json
import time
from collections.abc import Callable

import pytest
import yaml
from markdown_it import MarkdownIt

from orchestrator.prd import read_material
from orchestrator.prd.page import Material
from tests.support.growing import ALL, grown

pytestmark = pytest.mark.benchmark

ROUNDS = 3
MEGABYTE = 1_000_000


@pytest.mark.parametrize("name", ALL)
def test_reading_a_megabyte_costs_a_small_multiple_of_parsing_it(name: str) -> None:
    given = grown(name, int(1.6 * MEGABYTE) if name == "taskmaster-json" else MEGABYTE)
    size = sum(len(page.text.encode()) for page in given.pages) / MEGABYTE

    floor = _best(lambda: _parse(given))
    whole = _best(lambda: read_material(given))

    document = read_material(given)
    told = f"{len(given.pages)} files, {len(document.tasks)} tasks"
    print(
        f"\n{name:<18} {size:.2f} MB, {told}: {whole:.2f} s CPU, parsing alone {floor:.2f} s, {whole / floor:.1f} times", end=""
    )
    assert document.format == name.partition(",")[0]
    assert whole <= (60 if "json" in name.casefold() else 4) * floor + 0.1


def _parse(given: Material) -> None:
    """Do what is left when nothing is looked for."""
    for page in given.pages:
        if page.path.endswith(".jsonl"):
            for line in page.text.split("\n"):
                _loaded(line)
        elif page.path.endswith(".json"):
            _loaded(page.text)
        elif page.path.endswith(".yaml"):
            yaml.compose(page.text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        else:
            parser = MarkdownIt("commonmark")
            parser.core.ruler.enableOnly(["normalize", "block"])
            parser.parse(page.text)


def _loaded(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        return


def _best(act: Callable[[], object]) -> float:
    """Give the least CPU seconds of some rounds."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return min(spent)
