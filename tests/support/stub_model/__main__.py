"""The stub model as a process of its own: prints its address, and serves until it is ended or its parent is gone."""

import json
import os
import sys
import time
from pathlib import Path

from tests.support.stub_model import StubModel
from tests.support.stub_model.plan import read_scripts


def main() -> None:
    """Serve the scripts of a JSON file."""
    parent = os.getppid()
    with StubModel(read_scripts(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))) as model:
        print(model.url, flush=True)
        while os.getppid() == parent:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
