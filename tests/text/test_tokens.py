"""The count by which squad keeps its promise about tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.tokens import tokens

#: What Anthropic's published tokenizer counts, the higher of the two that the proxy was held against.
MEASURED = [
    ("", 0),
    ("Read the code and tests around the task first, and do as they do.", 16),
    ("You may write: `src/app/dashboard/charts/`, `shared/types/metrics.ts`.", 23),
    ("> FAILED tests/test_a.py::test_sum - assert 3 == 4", 18),
    ("commit 3f9a2b7c1d on squad-work/user-dashboard-1/T1.1", 26),
    ("データの検証を実装する", 10),
]


@pytest.mark.parametrize(("text", "measured"), MEASURED)
def test_it_counts_rather_too_many_than_too_few(text: str, measured: int) -> None:
    assert measured <= tokens(text) <= 2.2 * measured


@given(st.text(), st.text())
def test_more_text_never_costs_less(one: str, other: str) -> None:
    assert tokens(one) <= tokens(one + other) <= tokens(one) + tokens(other)
