"""Where Kiro's drawn graph is found: as one pattern over the whole text would, which takes the square of its length."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.prd.formats.kiro_waves import waves_of

_SLOW = re.compile(r"^#{1,4}\s.*\bdependency graph\b.*\n+(`{3,}|~{3,})\w*\n(.*?)^\1", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_LINES = st.sampled_from(
    [
        *("# Plan", "## Task Dependency Graph", "the dependency graph", "```json", "```", "````", "~~~", "~~~text", "", "prose"),
        *('{"waves": [["1"], ["2"]]}', '{"waves": [["3"]]}', "#### Dependency graph", "dependency graphs"),
    ]
)


@given(st.lists(_LINES, max_size=14).map("\n".join))
def test_waves_are_those_of_the_last_fence_behind_the_words(text: str) -> None:
    found = _SLOW.search(text)
    try:
        drawn = json.loads(found[2]) if found else {}
    except ValueError:
        drawn = {}

    assert waves_of(text) == drawn.get("waves", [])


def test_a_graph_may_stand_behind_some_prose() -> None:
    assert waves_of('## Dependency Graph\n\nIn waves:\n\n```json\n{"waves": [["1"], ["2", "3"]]}\n```\n') == [["1"], ["2", "3"]]
