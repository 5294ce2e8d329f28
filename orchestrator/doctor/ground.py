"""The ground that a run stands on: folders, what the kernel can refuse, clocks, and room on the disk.

Every finding says what to do about it. Looking changes nothing but a file that is made and removed at once in each folder.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.doctor.findings import Finding, Tool, fault, note, warning
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.probing import Probed
from orchestrator.project import Project

_FULL, _SCARCE = 200_000_000, 2_000_000_000  #: bytes that are free
_FEW = 10_000  #: files that can still be made
_JUMP = 2.0  #: seconds
_WATCHED = 0.05  #: seconds
_MEND_CLOCK = "sudo timedatectl set-ntp true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How time is told; replaced by tests."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def ground(
    project: Project, probed: Probed, *, worktrees: Path, last: float | None, environment: Mapping[str, str], clock: Clock
) -> tuple[Tool, ...]:
    """Give what was found; `last` is the time of the journal's newest event, if there is one."""
    return (folders(project, worktrees), disk(project), enforcement(probed), told_time(last, environment, clock))


def folders(project: Project, worktrees: Path) -> Tool:
    """Tell whether squad can write where it has to, and whether its parts lie together."""
    wanted = {"the project": project.root, "squad's views": project.folder, "the journal": project.state, "worktrees": worktrees}
    findings = [found for name, place in wanted.items() for found in _writable(name, place)]
    if project.repository and _device(project.state) != _device(worktrees):
        text = f"worktrees ({worktrees}) lie on another file system than the repository: each costs a copy of every file"
        findings.append(warning(text, "set isolation.place to a folder on the same one, or leave it out"))
    if project.sockets != project.folder / "run":
        text = f"the path of the project is too long for sockets, which lie in {project.sockets} instead"
        findings.append(note(text, "nothing has to be done; a shorter path keeps them with the project"))
    return Tool(name="folders", found=str(project.root), findings=tuple(findings))


def disk(project: Project) -> Tool:
    """Tell how much room is left where agents work and where the journal grows."""
    places = {_device(place): place for place in map(_existing, (project.state, project.root))}
    free = {place: shutil.disk_usage(place).free for place in places.values()}
    findings = [found for place, room in free.items() for found in _room(place, room, _files(place))]
    shown = ", ".join(f"{room / 1e9:.1f} GB free at {place}" for place, room in free.items())
    return Tool(name="disk", found=shown, findings=tuple(findings))


def enforcement(probed: Probed) -> Tool:
    """Tell which levels are to be had here, and why not the others."""
    levels = ["agree", "detect", "hook (agents that ask)"]
    if probed.means:
        levels.append(f"deny ({', '.join(str(means.value) for means in probed.means)})")
    findings = []
    for means, reason in probed.faults.items():
        said, command = _parted(reason)
        has_other = Means.BUBBLEWRAP in probed.means
        level = "Landlock, which stands in for bubblewrap" if means is Means.LANDLOCK else "level deny by bubblewrap"
        weight = note if has_other or means is Means.LANDLOCK else warning
        findings.append(
            weight(f"{level} is not to be had: {said}", command or "go on without: enforce: auto takes the strongest that is")
        )
    return Tool(name="enforcement", found=", ".join(levels), findings=tuple(findings))


def told_time(last: float | None, environment: Mapping[str, str], clock: Clock) -> Tool:
    """Tell of a clock that jumps, lags behind what was written already, or speaks of a zone that nobody knows."""
    begun = clock.wall() - clock.monotonic()
    clock.sleep(_WATCHED)
    now = clock.wall()
    jumped = abs(now - clock.monotonic() - begun)
    findings: list[Finding] = []
    if jumped > _JUMP:
        findings.append(warning(f"the clock on the wall jumped by {jumped:.0f} s while it was watched", _MEND_CLOCK))
    if last is not None and last > now + _JUMP:
        text = f"the journal's last event lies {last - now:.0f} s in the future: the clock was put back"
        findings.append(warning(text, _MEND_CLOCK))
    if (zone := environment.get("TZ", "").removeprefix(":")) and not _is_zone(zone):
        findings.append(
            warning(
                f"TZ={zone} is no zone that is known here, so times are told in UTC", "unset TZ   or: export TZ=Europe/Berlin"
            )
        )
    here = datetime.fromtimestamp(now).astimezone()
    return Tool(name="clock", found=f"{here:%Y-%m-%d %H:%M:%S} {here.tzname()} (UTC{here:%z})", findings=tuple(findings))


def _writable(name: str, place: Path) -> Iterator[Finding]:
    """Make a file and remove it: a permission is no proof on every file system."""
    there = _existing(place)
    try:
        with tempfile.NamedTemporaryFile(prefix=".squad-doctor-", dir=there):
            return
    except OSError as error:
        text = f"{name} cannot be written: {there}: {error.strerror or error}"
    yield fault(text, "free some room there" if "space" in text else f"sudo chown -R $(id -un) {there}")


def _room(place: Path, free: int, files: int) -> Iterator[Finding]:
    remedy = f"see what takes it: du -sh {place}/* | sort -h"
    if free < _FULL:
        yield fault(f"only {free / 1e6:.0f} MB are free at {place}: a run ends when the disk is full", remedy)
    elif free < _SCARCE:
        yield warning(f"only {free / 1e9:.1f} GB are free at {place}: each worktree is a copy of the project", remedy)
    if 0 < files < _FEW:
        yield warning(f"only {files} more files can be made at {place}", remedy)


def _files(place: Path) -> int:
    """Give how many files can still be made; -1 where the file system has no limit."""
    room = os.statvfs(place)
    return room.f_favail if room.f_files else -1


def _existing(place: Path) -> Path:
    """Give a folder, or the nearest above it that exists."""
    return next((one for one in (place, *place.parents) if one.is_dir()), Path("/"))


def _device(place: Path) -> int:
    return _existing(place).stat().st_dev


def _parted(reason: str) -> tuple[str, str]:
    """Part the command that helps from the reason."""
    found = re.search(r"(?:: |\()((?:sudo|give) [^()]+)", reason)
    return (reason[: found.start()].rstrip(" ("), found[1]) if found else (reason, "")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return name.startswith("/") or bool(re.fullmatch(r"<?[A-Za-z+-]{3,}>?[-+]?\d.*|UTC0?", name))
    return True
