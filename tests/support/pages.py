"""The pages of the project, and what is fenced on them behind a mark."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "logs").glob("*.md")))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(page: Path, mark: str) -> list[str]:
    """Give the fenced blocks behind a mark."""
    return re.findall(rf"<!-- {re.escape(mark)} -->\n```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
