"""How quantities of the configuration are written: a pattern for those who check a file, and the way back to text.

A value that is written and read again is the same value: nothing is rounded for the eye here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

_PART = r"\d+(\.\d+)?(ms|s|m|h|d)"
_DURATION = rf"(0+(\.0+)?|({_PART})+)"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))  # seconds
_HOUR = r"([01]?\d|2[0-3]):[0-5]\d"
_NUMBER = r"\d{1,15}(\.\d{1,9})?"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Notation:
    """The form of a value, put beside its type."""

    pattern: str  #: a regular expression of JSON Schema, for the whole text
    numbers: Mapping[str, Any] = field(default_factory=dict)  #: what holds of a number that is written without a unit
    write: Callable[[Any], str | int | float] = str

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        """Give the value's JSON schema as it is written, not as it is kept."""
        number = self.numbers.get("type")
        rest = {name: limit for name, limit in self.numbers.items() if name != "type"}
        return {"type": ["string", number] if number else "string", "pattern": f"^{self.pattern}$", **rest}


def write_duration(seconds: float) -> str:
    """Write seconds exactly, in as few units as it takes: `90m`, `1.5s`, `1h1s`."""
    if seconds != int(seconds):
        return f"{_decimal(seconds)}s"
    rest, parts = int(seconds), []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0"


def write_count(number: int) -> str | int:
    """Write a count exactly: `5M`, `300k`, else all its digits."""
    for unit, size in (("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)):
        if number >= size and number % size == 0:
            return f"{number // size}{unit}"
    return number


def write_number(number: float) -> int | float:
    """Write a number without a fraction that says nothing."""
    return int(number) if number == int(number) else number


def _decimal(number: float) -> str:
    return f"{number:.17f}".rstrip("0") if float(f"{number:.9f}") != number else f"{number:.9f}".rstrip("0")


def _range(ends: tuple[float, float]) -> str:
    return "..".join(map(write_duration, ends))


def _hours(ends: tuple[int, int]) -> str:
    return "..".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in ends)


def _rate(rate: tuple[int, float]) -> str:
    return f"{rate[0]}/{write_duration(rate[1])}"


DURATION = Notation(pattern=_DURATION, numbers={"type": "integer", "minimum": 0, "maximum": 0}, write=write_duration)
SPAN = Notation(pattern=rf"(none|({_PART})+)", write=write_duration)
RANGE = Notation(pattern=rf"{_DURATION}\.\.{_DURATION}", write=_range)
RATE = Notation(pattern=rf"[1-9]\d*/({_PART})+", write=_rate)
COUNT = Notation(pattern=rf"(none|{_NUMBER}[kKMgG]?)", numbers={"type": "integer", "exclusiveMinimum": 0}, write=write_count)
MONEY = Notation(pattern=rf"(none|{_NUMBER})", numbers={"type": "number", "exclusiveMinimum": 0}, write=write_number)
WEIGHT = Notation(pattern=r"\d+(\.\d+)?", numbers={"type": "number", "minimum": 0}, write=write_number)
HOURS = Notation(pattern=rf"(none|{_HOUR}\.\.{_HOUR})", write=_hours)
ADDRESS = Notation(pattern=r"https?://[^\s/]\S*")
AGENT_ID = Notation(pattern=r"agent-(0|[1-9][0-9]*)(-[a-z0-9][a-z0-9-]*)?")
OPERATION = Notation(pattern=r"op:.+")
