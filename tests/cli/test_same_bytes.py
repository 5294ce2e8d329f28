"""The same input gives the same plan, byte for byte, wherever and however squad is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repositories import Repository

ROOT = Path(__file__).parents[2]
PRD = """\
# Feature: Shop
## Requirements
1. Backend: orders and users
2. Frontend: the cart
## Tasks
- [ ] T1 Add the `orders` table in `db/migrations/002_orders.sql`
- [ ] T2 Serve GET /orders/:id from `src/api/orders.py` (depends on T1)
- [ ] T3 Draw the cart in `web/cart.tsx` and `web/index.ts`
- [ ] T4 Run npm install for `package.json`
- [ ] T5 Write `docs/*.md`
- [ ] T6 Tidy up
"""
FILES = {
    "prd.md": PRD,
    "package.json": "{}",
    "yarn.lock": "",
    "web/index.ts": "",
    "src/api/__init__.py": "",
    "tests/test_orders.py": "",
    "db/migrations/001_init.sql": "",
    "CODEOWNERS": "/web/ @org/frontend\n/src/ @org/backend\n",
    "specs/a/tasks.md": "# Tasks\n## Phase 1: Setup\n- [ ] T001 [P] Make `a.py`\n- [ ] T002 [P] Make `b.py`\n",
    "specs/b/tasks.md": "# Tasks\n## Phase 1: Setup\n- [ ] T001 [P] Make `c.py`\n- [ ] T002 Make `a.py`\n",
    "squad.yaml": "never_parallel: {op:install: [npm install], op:migrate: [migrations]}\ncapacity: {op:build: 2}\n",
}
#: Seed of hashes, folder, locale, time zone, umask.
PLACES = (
    ("0", "one", "C", "UTC", 0o022),
    ("1", "a/much/deeper/place é", "de_DE.UTF-8", "Asia/Kathmandu", 0o077),
    ("4294967295", "two", "tr_TR.UTF-8", "America/St_Johns", 0o000),
)


@pytest.mark.parametrize("document", ["prd.md", "specs"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, document: str) -> None:
    bodies = [plan(tmp_path, number, document) for number in range(len(PLACES))]

    assert bodies[0].startswith(b"{")
    assert len(set(bodies)) == 1
    assert str(tmp_path).encode() not in bodies[0]


def plan(tmp_path: Path, number: int, document: str) -> bytes:
    """Plan in a process and a folder of its own, whose files were made in an order of their own."""
    seed, folder, locale, zone, mask = PLACES[number]
    repository = Repository.init(tmp_path / folder, commit=False)
    names = sorted(FILES, reverse=number % 2 == 1)
    repository.write({name: FILES[name] for name in (*names[number:], *names[:number])})
    repository.git("add", ".")
    repository.git("commit", "-qm", "Begin")
    environment = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "LANG": locale, "TZ": zone, "PYTHONPATH": str(ROOT)}
    below = number == 1  # from a folder inside the project, by another name of the document
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "plan", f"../{document}" if below else document, "--json"],
        cwd=repository.root / "web" if below else repository.root,
        env={**os.environ, **environment},
        umask=mask,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
