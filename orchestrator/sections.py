"""Parts of the configuration: what all sections have in common, those about limits, and the weights of allocation.

A limit that nobody set does not hold: None, which is what a key with nothing behind it and the word `none` amount to.
"""

import hashlib
import math
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.text.notation import ADDRESS, COUNT, DURATION, HOURS, MONEY, RANGE, RATE, SPAN, WEIGHT
from orchestrator.text.quantities import parse_count, parse_duration, parse_hours, parse_money, parse_range, parse_rate

Rung: TypeAlias = Literal["nudge", "interrupt", "restart", "reassign", "park"]
RUNGS: tuple[Rung, ...] = ("nudge", "interrupt", "restart", "reassign", "park")


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _range(value: object) -> object:
    return parse_range(value) if isinstance(value, str) else value


def _rate(value: object) -> object:
    return parse_rate(value) if isinstance(value, str) else value


def _at_most(value: object, read: Callable[[str], float], expected: str) -> object:
    """Read what limits something; `none` lifts what a weaker source sets."""
    if isinstance(value, dict | list):
        raise ValueError(f"expected {expected}")  # noqa: TRY004 - what pydantic reports, with the place
    if not isinstance(value, str):
        return value
    if value == "none":
        return None
    if not (number := read(value)):
        raise ValueError("'0' would allow nothing: expected more than 0")
    return number


def _in_order(ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
    if list(ladder) != [rung for rung in RUNGS if rung in ladder]:
        raise ValueError(f"expected each step once at most, in this order: {', '.join(RUNGS)}")
    return ladder


def _absolute(value: str) -> str:
    if not value.startswith(("/", "~/")):
        raise ValueError(f"{value!r} is no path outside of the project: expected one that begins with / or ~/")
    return value


def _span(value: object) -> object:
    return _at_most(value, parse_duration, "a duration such as 8h or 1h30m")


def _count(value: object) -> object:
    return _at_most(value, parse_count, "a count such as 5000, 300k or 5M")


def _money(value: object) -> object:
    return _at_most(value, parse_money, "an amount such as 20 or 2.50")


def _hours(value: object) -> object:
    if value == "none":
        return None
    return parse_hours(value) if isinstance(value, str) else value


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]\S*", value):
        raise ValueError("expected an address that begins with https:// or http://")
    return value


def _weight(value: object) -> object:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{value!r}: expected a number of 0 or more such as 2 or 0.5")
    return number


def _function(value: object) -> object:
    if not isinstance(value, str) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", value):
        raise ValueError(f"{value!r}: expected module:function such as scoring:score")
    return value


#: Programs that are configured by their own name.
Named: TypeAlias = Literal["claude", "codex", "gemini", "aider"]
Seconds = Annotated[float, BeforeValidator(_seconds), DURATION]
Range = Annotated[tuple[float, float], BeforeValidator(_range), RANGE]
Rate = Annotated[tuple[int, float], BeforeValidator(_rate), RATE]
Span = Annotated[float | None, BeforeValidator(_span), SPAN]
Count = Annotated[int | None, BeforeValidator(_count), COUNT]
Money = Annotated[float | None, BeforeValidator(_money), MONEY]
Weight = Annotated[float, BeforeValidator(_weight), WEIGHT]


class Section(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, values: object) -> object:
        """Take a known key with nothing behind it as not written."""
        if values is None:
            return {}
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {k: v for k, v in values.items() if v is not None or k not in known} if isinstance(values, dict) else values


class StallSettings(Section):
    """`run.stall:` when an agent counts as stalled, and what is done."""

    after: Seconds = 600.0  #: without a sign of life of any kind
    same_failure: int = Field(default=3, ge=1)  #: the same failure so often
    ladder: Annotated[tuple[Rung, ...], AfterValidator(_in_order)] = RUNGS  #: steps, in order


class LimitSettings(Section):
    """`run.limits:` what a run may consume; without a value as much as it takes."""

    time: Span = None  #: while a squad works on it
    reserve: Span = None  #: end of the time in which nothing is started; default: a tenth of it, 10m at most
    money: Money = None  #: as agents tell it
    money_per_task: Money = None  #: a task that has used it up is parked, others go on
    tokens: Count = None  #: fresh, cached and output together
    attempts: Count = None  #: starts of agents
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")  #: in which agents tell money; nothing is converted

    @model_validator(mode="after")
    def _leaves_time(self) -> "LimitSettings":
        if self.reserve is not None and self.reserve >= (self.time or 0.0):
            message = "leaves no time to work: expected less than limits.time"
            raise PydanticCustomError("no_time", "{message}", {"message": message, "below": "reserve"})
        return self


class QuotaSettings(Section):
    """`run.on_quota:` what follows from a usage limit of a provider."""

    resume: Literal["auto", "stop"] = "auto"  #: when nothing else can go on: wait for the reset, or end with exit 5
    margin: Seconds = 60.0  #: after the stated reset
    fall_back_to: tuple[Literal["simulated", Named], ...] = ()  #: programs with which an agent goes on meanwhile, in this order


class ComplexitySettings(Section):
    """`allocation.complexity:` by how much each of these beyond the ordinary lengthens a task whose length nobody knows."""

    files: Weight = 0.1  #: each file, folder or pattern beyond three
    existing: Weight = 0.05  #: each of them that is there already, and so has to be understood, beyond three
    tests: Weight = 0.05  #: each of them that is a test, beyond three
    criteria: Weight = 0.1  #: each acceptance criterion beyond three
    steps: Weight = 0.05  #: each line of its text, which is a step mostly, beyond three
    words: Weight = 0.1  #: each hundred words of its text beyond one hundred
    most: Annotated[float, BeforeValidator(_weight), Field(ge=1), WEIGHT] = 4.0  #: times the default, at most


class AllocationSettings(Section):
    """`allocation:` what decides who does a task where several could; the highest sum does."""

    area: Weight = 100.0  #: times the share of its owned paths that are the agent's; 1 where its label is the agent's area
    words: Weight = 5.0  #: where words of its title are those of the agent's area
    skill: Weight = 1.0  #: times the share of its words and skills that the agent has as skills
    role: Weight = 1.0  #: times the share of its words that are those of the agent's role and label
    load: Weight = 0.0  #: who comes that near to the highest sum may do it too: the order takes who is free first
    hot: int = Field(default=4, ge=1)  #: tasks that write one file, beyond which it is only a lock and binds nobody together
    stream: Weight = 1.2  #: times the bound: the longest that tasks which share files are kept with one agent
    complexity: ComplexitySettings = ComplexitySettings.model_construct()
    score: Annotated[str, BeforeValidator(_function)] | None = None  #: `module:function` instead of the sum


class EnforcementSettings(Section):
    """`enforcement:` what agents and checks may write at `deny` besides what is theirs."""

    writable: tuple[Annotated[str, AfterValidator(_absolute)], ...] = ()  #: outside of the project
    scratch: tuple[str, ...] = ()  #: folders of a workspace that git ignores, made before the agent starts
    sockets: tuple[Annotated[str, AfterValidator(_absolute)], ...] = ()  #: of other programs, that may be spoken to
    confine_checks: bool | None = None  #: and set-ups, like agents at `deny`; unset: where `enforce: deny` demands that level
    unconfined: tuple[str, ...] = ()  #: of these commands, as they are written, those that run with your own rights


class LockSettings(Section):
    """`locks:` when a lock counts as left behind: its holder has shown no life of any kind for so long."""

    warn_after: Seconds = 600.0  #: it is told of
    stale_after: Seconds = 1800.0  #: a person may free it

    @model_validator(mode="after")
    def _warns_first(self) -> "LockSettings":
        if not 0 < self.warn_after <= self.stale_after:
            message = "expected more than 0 and no more than locks.stale_after, 30m unless said"
            raise PydanticCustomError("too_late", "{message}", {"message": message, "below": "warn_after"})
        return self


class LogSettings(Section):
    """`log:` squad's own structured log."""

    folder: str | None = None  #: where it lies; default: beside the raw logs


class QuestionSettings(Section):
    """`run.questions:` what agents ask."""

    wait: Seconds = 1800.0  #: how long a person may take to answer; 0: nobody is there


#: What a person may want to be told of.
Occasion: TypeAlias = Literal["needs-you", "finished", "stopped-early"]
OCCASIONS: tuple[Occasion, ...] = ("needs-you", "finished", "stopped-early")


class NotifySettings(Section):
    """`notify:` how you are told that a run needs you, is finished, or stopped early."""

    events: tuple[Occasion, ...] = OCCASIONS  #: of what
    bell: bool = True  #: ring the terminal, and let it show a message where it can; only where squad runs on one
    desktop: bool = True  #: by notify-send or osascript, where there is a desktop
    command: tuple[str, ...] = ()  #: is started with a JSON document on stdin
    webhook: Annotated[str, AfterValidator(_address), ADDRESS] | None = None  #: address that gets the same by POST
    timeout: Seconds = 10.0  #: for the command, and for each of three attempts at the webhook
    quiet: Annotated[tuple[int, int] | None, BeforeValidator(_hours), HOURS] = None  #: such as 22:00..07:00: told when they end
    urgent: tuple[Occasion, ...] = ()  #: told in quiet hours too


def called_by(notify: NotifySettings) -> tuple[str, ...]:
    """Give what notifying starts and calls, as a person is asked about it; of an address what is no secret, and a digest."""
    lines = [shlex.join(notify.command)] if notify.command else []
    if notify.webhook is not None:
        digest = hashlib.sha256(notify.webhook.encode()).hexdigest()[:12]
        lines.append(f"POST to {urlsplit(notify.webhook).hostname or 'an address'} (address {digest})")
    return tuple(lines)


def run_by_squad(setup: Sequence[str], checks: Sequence[str], unconfined: Sequence[str]) -> Iterator[str]:
    """Give the commands that squad itself runs, as a person is asked about them; those of a document's tasks are not known."""
    for what, commands in (("setup", setup), ("check", checks)):
        yield from (f"{what}{', not confined' if command in unconfined else ''}: {command}" for command in commands)
    yield from (f"not confined: {command}" for command in unconfined if command not in {*setup, *checks})
