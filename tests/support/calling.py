"""Calls commands one after another in a process of another user: `calling.py < calls > said`, both JSON."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.here import Here, Said
from tests.support.ordinary_user import as_user, python_path


def as_ordinary_user(folder: Path, calls: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[Said]:
    """Give what each call says that an ordinary user makes in a folder."""
    done = subprocess.run(
        [*as_user()[0], "-m", "tests.support.calling"],
        input=json.dumps(calls),
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Said(*one) for one in json.loads(done.stdout)]


def main() -> None:
    calls = json.load(sys.stdin)
    sys.stdin = io.StringIO()
    here = Here(Path.cwd())
    print(json.dumps([(said.code, said.out, said.err) for said in (here(*call) for call in calls)]))


if __name__ == "__main__":
    main()
