"""What the processes of one attempt may see and write, as a value.

Pure but for `arguments`, which asks whose processes ours are: who decides it looks at the system, and the leash carries it
out. Paths are absolute and real, without symlinks; what is not mentioned may be read and not written.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from orchestrator.enforcement.bubblewrap import Mount, Sight, arguments, in_order, kernels, missing


class Means(StrEnum):
    """What makes the kernel refuse."""

    BUBBLEWRAP = "bubblewrap"  #: paths can be opened and closed while the attempt runs
    LANDLOCK = "landlock"  #: set at the start for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What the processes of one attempt may see and write; of two that meet, the deeper path counts."""

    means: Means
    writable: tuple[Path, ...] = ()  #: existing files and folders
    protected: tuple[Path, ...] = ()  #: existing, inside something writable, read-only all the same
    hidden: tuple[Path, ...] = ()  #: existing folders that look empty
    visible: tuple[Path, ...] = ()  #: inside something hidden, readable all the same
    grounds: tuple[Path, ...] = ()  #: existing folders in which paths are opened while the attempt runs
    private: Mapping[Path, Path] = field(default_factory=dict)  #: place as seen -> what stands there, writable
    shown: Mapping[Path, Path] = field(default_factory=dict)  #: place as seen -> what stands there, readable
    links: Mapping[Path, str] = field(default_factory=dict)  #: place -> what the link says; made where what is there is not seen
    silenced: tuple[Path, ...] = ()  #: sockets at which nobody is found; one that is gone when the sandbox stands is none

    def mounts(self) -> tuple[Mount, ...]:
        """Give what must be mounted over a read-only root, in its order."""
        return in_order(self._rules())

    def arguments(self, *, is_root: bool | None = None) -> list[str]:
        """Word it for bubblewrap, whose processes are root's or not, as ours are unless it is said; nothing for other means."""
        if self.means is not Means.BUBBLEWRAP:
            return []
        sealed = kernels(Path("/proc"), is_root=os.geteuid() == 0 if is_root is None else is_root)
        return arguments(mounts := self.mounts(), sealed=sealed, links=missing(self.links, mounts))

    def to_spec(self) -> dict[str, object]:
        """Word it for the leash, as JSON."""
        return {
            "means": str(self.means),
            "sights": {str(mount.place): str(mount.sight) for mount in self.mounts()},
            "writable": _words(self.writable),
            "protected": _words(self.protected),
            "grounds": _words(self.grounds),
            "silenced": _words(self.silenced),
            "private": {str(place): str(source) for place, source in self.private.items()},
        }

    def _rules(self) -> Iterator[Mount]:
        """Give one mount for each thing said, the weakest word first."""
        yield from (Mount(place=place, sight=Sight.EMPTY, source=place) for place in self.hidden)
        yield from (Mount(place=place, sight=Sight.READ, source=place) for place in self.visible)
        yield from (Mount(place=place, sight=Sight.READ, source=source) for place, source in self.shown.items())
        yield from (Mount(place=place, sight=Sight.WRITE, source=place) for place in self.writable)
        yield from (Mount(place=place, sight=Sight.WRITE, source=source) for place, source in self.private.items())
        yield from (Mount(place=place, sight=Sight.READ, source=place) for place in self.protected)


def _words(paths: tuple[Path, ...]) -> list[str]:
    return [str(path) for path in paths]
