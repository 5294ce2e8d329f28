"""A process that tells in the morning what quiet hours held back, after its run has ended.

It is given everything on stdin, since neither the run nor the project may be there any more; it looks at the clock on the
wall each minute, so that a suspended laptop tells when it wakes.
"""

import json
import sys
import time
from pathlib import Path

from orchestrator.notify import Reach
from orchestrator.notify.notices import Notice
from orchestrator.sections import NotifySettings

_LOOKS = 60.0  #: seconds between two looks at the clock


def main() -> None:
    """Wait, then tell everything by the ways that are left without a terminal."""
    given = json.loads(sys.stdin.read())
    while (left := given["at"] - time.time()) > 0:
        time.sleep(min(left, _LOOKS))
    reach = Reach(
        settings=NotifySettings.model_validate_json(given["settings"]), root=Path(given["root"]), log=Path(given["log"])
    )
    for told in given["told"]:
        about, text, command = told["about"], told["text"], told["command"]
        notice = Notice(what=told["event"], about=about, of=told["seq"], at=given["at"], text=text, command=command)
        for way in reach.ways().values():
            way(notice, told)


if __name__ == "__main__":
    main()
