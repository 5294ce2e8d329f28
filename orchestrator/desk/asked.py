"""What a request names, read: paths as agents write them, and how long they wait; and its refusal. Nothing is trusted."""

import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.claims import OPERATIONS
from orchestrator.control.protocol import INVALID_PARAMS, Rejected
from orchestrator.refusals import Advice, worded
from orchestrator.rights import Deny

FAR = 365 * 86400.0  #: seconds; longer than any run
LONGEST_PATH = 1024  #: bytes
_NUMBER = (int, float)


class Refused(Rejected):
    """A request that is refused with advice: in words for the one who reads it, and by its parts for programs."""

    def __init__(self, reason: str, advice: Sequence[Advice] = ()) -> None:
        data = {"reason": reason, "advice": [one.data() for one in advice]} if advice else None
        super().__init__(worded(reason, advice), data=data)
        self.why = reason
        self.advice = tuple(advice)


def denied(refused: Rejected) -> Deny:
    """Give a refusal as a decision."""
    if isinstance(refused, Refused):
        return Deny(reason=refused.why, advice=refused.advice)
    return Deny(reason=refused.reason)


def path_of(asked: object) -> str:
    """Give a path that was asked for; whether it lies inside is for `canonical` to say."""
    if not isinstance(asked, str) or not asked.strip() or "\0" in asked:
        raise Rejected("expected a path: {'path': 'shared/types.ts'}", code=INVALID_PARAMS)
    if asked.strip() in OPERATIONS:
        raise Rejected(f"{asked.strip()} is the beginning of a key without a name: write op:install", code=INVALID_PARAMS)
    if len(asked.encode()) > LONGEST_PATH:
        raise Rejected(f"a path of more than {LONGEST_PATH} bytes", code=INVALID_PARAMS)
    return asked


def is_below(raw: str, workspace: Path) -> bool:
    """Tell whether a path as an agent writes it lies in its workspace, and not elsewhere in the project."""
    base = os.path.realpath(workspace)
    return os.path.realpath(os.path.join(base, raw)).startswith(base + os.sep)  # noqa: PTH118 - as for the other paths here


def below_root(raw: str, roots: Sequence[str]) -> str:
    """Give an absolute path that reaches one of the roots through a symlink as it lies below that root."""
    if not raw.startswith("/") or any(raw == root or raw.startswith(root + "/") for root in roots):
        return raw
    real = os.path.realpath(raw)
    for root in roots:
        base = os.path.realpath(root)
        if real == base or real.startswith(base + "/"):
            return root + real[len(base) :] + ("/" if raw.endswith("/") else "")
    return raw


def seconds(value: object) -> float:
    """Read how long a request may wait; infinity means as long as it takes."""
    if isinstance(value, bool) or not isinstance(value, _NUMBER) or not value >= 0:  # NaN is not
        raise Rejected(f"expected wait as seconds, 0 or more, not {value!r}", code=INVALID_PARAMS)
    return float(min(value, FAR))


def number_of(value: object) -> int | None:
    """Read the number of a grant, if one is given."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Rejected(f"expected fence as the number of a grant, not {value!r}", code=INVALID_PARAMS)
    return value
