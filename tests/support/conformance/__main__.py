"""Write the page of the documentation that holds the table."""

from pathlib import Path

from tests.support.conformance.subjects import LACKS, SOAKED
from tests.support.conformance.table import page

Path(__file__).parents[3].joinpath("docs", "conformance.md").write_text(page(LACKS, SOAKED), encoding="utf-8")
