"""How bubblewrap is told what an attempt may see and write.

Pure but for a look at `/proc`. Of everything said about a place and the folders above it, what is said nearest decides: so the
mounts are made from the root downwards, parents before children. A folder between something writable and something in it that
is not is a mount too: else it could be renamed away, and what was protected made anew in its place.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Sight(StrEnum):
    """How a place is seen; each beats those before it where two are said of one place."""

    EMPTY = "empty"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """What stands at a place: something of the system, or an empty folder."""

    place: Path
    sight: Sight
    source: Path  #: what is shown there; the place itself unless something private stands there


def in_order(rules: Iterable[Mount]) -> tuple[Mount, ...]:
    """Put mounts in the order in which they are made; of two for one place the last counts."""
    chosen = {rule.place: rule for rule in rules}
    for rule in tuple(chosen.values()):
        for pin in _pins(rule, chosen):
            chosen.setdefault(pin.place, pin)
    return tuple(sorted(chosen.values(), key=lambda mount: mount.place.parts))


def missing(links: Mapping[Path, str], mounts: Iterable[Mount]) -> dict[Path, str]:
    """Give the links that nobody would see: those in folders which look empty, or in whose place another stands."""
    table = {mount.place: mount for mount in mounts}
    covered = {}
    for place, said in links.items():
        nearest = next((table[above] for above in (place, *place.parents) if above in table), None)
        if nearest is not None and nearest.place != place and (nearest.sight is Sight.EMPTY or nearest.source != nearest.place):
            covered[place] = said
    return covered


def arguments(mounts: Iterable[Mount], *, sealed: Iterable[str] = (), links: Mapping[Path, str] | None = None) -> list[str]:
    """Word a confinement for bwrap: everything else is read-only, devices and processes are the sandbox's own.

    The network stays. What ends the leash ends the sandbox at once. `sealed` is what of `/proc` is read-only.
    """
    words = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL"]
    words += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for place in sealed:
        words += ["--ro-bind", place, place]
    empty = []
    for mount in mounts:
        place, source = str(mount.place), str(mount.source)
        match mount.sight:
            case Sight.EMPTY:
                words += ["--tmpfs", place]
                empty.append(place)
            case Sight.READ:
                words += ["--ro-bind", source, place]
            case Sight.WRITE:
                words += ["--bind", source, place]
    for link, said in (links or {}).items():
        words += ["--symlink", said, str(link)]
    for place in empty:  # only now, so that what is seen in them found a place to stand
        words += ["--remount-ro", place]
    return words


def kernels(folder: Path, *, is_root: bool) -> list[str]:
    """Give what of `/proc` speaks to the kernel itself: to root's processes it listens, whatever rights they gave up.

    Nothing for others: whom it does not listen to anyway, and who could make no sandbox inside any more.
    """
    if not is_root:
        return []
    entries = [one for one in folder.iterdir() if not one.name.isdigit() and not one.is_symlink()]
    return sorted(str(one) for one in entries if one.is_dir() or one.stat().st_mode & stat.S_IWUSR)


def _pins(rule: Mount, chosen: dict[Path, Mount]) -> Iterator[Mount]:
    """Give the folders that must not be renamed from under a mount that holds something back."""
    if rule.sight is Sight.WRITE:
        return
    for folder in rule.place.parents:
        above = chosen.get(folder)
        if above is None:
            continue
        if above.sight is Sight.WRITE and above.source == above.place:
            between = rule.place.parts[len(folder.parts) : -1]
            for name in between:
                folder /= name  # noqa: PLW2901 - one step deeper each time
                yield Mount(place=folder, sight=Sight.WRITE, source=folder)
        return
