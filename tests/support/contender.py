"""An agent that fights for nested paths: it writes its name where it holds a lock, and tells of every other name it meets.

Run as a program by a run's agent: the folder all share, seconds. Standard library and squad's own client only.
"""

import os
import random
import sys
import time
from pathlib import Path

from orchestrator.control.client import call
from orchestrator.control.protocol import Rejected

#: Twenty paths, most of which lie in others.
PATHS = ("a", *(f"a/{one}" for one in "bcde"), *(f"a/{one}/{two}" for one in "bc" for two in "xyz"), "b", "b/c", "b/c/d")
PATHS += ("b/c/d/e", "b/f", "c", "c/d", "c/e", "c/e/f", "d")


def main(folder: Path, seconds: float) -> None:
    """Ask, write, look and give back until the time is over."""
    me, token = os.environ["AGENT_ID"], os.environ["SQUAD_TOKEN"]
    draw = random.Random(me)
    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        path = draw.choice(PATHS)
        try:
            call(os.environ["SQUAD_SOCKET"], "lock", {"path": path, "wait": 30, "token": token}, timeout=60)
        except Rejected:
            continue  # it would have closed a circle, or others were faster for too long
        meet(folder, path, me)
        call(os.environ["SQUAD_SOCKET"], "unlock", {"path": path, "token": token}, timeout=60)
        rounds += 1
    Path(f"own-{me}.md").write_text(f"{rounds}\n", encoding="utf-8")
    (folder / f"{me}.rounds").write_text(f"{rounds}\n", encoding="utf-8")


def meet(folder: Path, path: str, me: str) -> None:
    """Write a name to every place that the path covers, and see to it that no other name comes there meanwhile."""
    places = [folder / one.replace("/", "%") for one in PATHS if one == path or one.startswith(f"{path}/")]
    above = [folder / one.replace("/", "%") for one in PATHS if path.startswith(f"{one}/")]
    for place in places:
        place.write_text(me, encoding="utf-8")
    time.sleep(0.001)  # others get their chance to do wrong
    found = [(place.name, place.read_text(encoding="utf-8")) for place in places]
    strangers = [row for row in found if row[1] != me] + [(place.name, "above") for place in above if is_held(place, me)]
    if strangers:
        with (folder / "violations").open("a", encoding="utf-8") as file:
            file.write(f"{me} at {path}: {strangers}\n")
    hold = folder / f"{path.replace('/', '%')}.held"
    hold.write_text(me, encoding="utf-8")
    if hold.read_text(encoding="utf-8") != me:
        (folder / "violations").write_text(f"{me} at {path}: not its own\n", encoding="utf-8")
    hold.unlink()


def is_held(place: Path, me: str) -> bool:
    """Tell whether another says that it holds a folder at this moment."""
    try:
        return place.with_name(f"{place.name}.held").read_text(encoding="utf-8") not in {me, ""}
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
