"""How long tasks took that were like a new one: what this project's own journals know beats any guess.

Alike is what shares words of its title, or the folder that it writes with at least one word. From three on the median of those
most alike is the estimate, with the middle half as its spread; tasks of simulated agents teach nothing.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from orchestrator.claims import Claim
from orchestrator.model import Task
from orchestrator.text.stems import stems

_FEWEST, _MOST = 3, 9  #: samples
_ALIKE = 0.25  #: shared words / all words of both titles (Jaccard, 1901)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A finished task, and how long its attempts worked on it."""

    title: str
    writes: tuple[Claim, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What finished tasks tell of one that is alike."""

    seconds: float  #: the median
    low: float  #: a quarter took less
    high: float  #: a quarter took more
    count: int


def learn(task: Task, samples: Sequence[Sample]) -> Learned | None:
    """Give what the samples tell of a task; None where too few of them are like it."""
    words, folders = stems(task.title), _folders(task.writes or ())
    scores = [(_likeness(words, folders, sample), number) for number, sample in enumerate(samples)]
    alike = sorted((one for one in scores if one[0] >= _ALIKE), key=lambda one: (-one[0], one[1]))[:_MOST]
    seconds = sorted(samples[number].seconds for _, number in alike)
    if len(seconds) < _FEWEST:
        return None
    low, _, high = quantiles(seconds, n=4, method="inclusive")
    return Learned(seconds=round(median(seconds), 3), low=low, high=high, count=len(seconds))


def _likeness(words: frozenset[str], folders: frozenset[str], sample: Sample) -> float:
    """Give a number from 0 to 1."""
    other = stems(sample.title)
    shared = words & other
    alike = len(shared) / len(words | other) if shared else 0.0
    return max(alike, _ALIKE) if shared and folders & _folders(sample.writes) else alike


def _folders(writes: Sequence[Claim]) -> frozenset[str]:
    return frozenset(folder for claim in writes if (folder := posixpath.dirname(claim.rstrip("/"))))
