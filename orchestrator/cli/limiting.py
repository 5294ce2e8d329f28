"""The limits of a run: as configured, as changed by a person who resumes it, and what they cannot bound.

A run that is resumed keeps its settings; only what is said about limits is read anew, so that one can be raised. What
nobody says now stays as it was, so that no limit is lost because a file or a variable is missing.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.adapters import AnyAdapter, Conversing
from orchestrator.adapters.known import tells
from orchestrator.config import Config, Layer, combine, dump, settings
from orchestrator.places import Document, Plain
from orchestrator.run.accounts import Accounts
from orchestrator.scheduling.limits import Limits
from orchestrator.sections import LimitSettings
from orchestrator.text.quantities import format_count, format_duration

_RESERVE = 0.1, 600.0  #: of the time, and seconds at most
_READ_ANEW = ("limits", "on_quota")


def limits_of(config: Config) -> Limits:
    """Give what a run may consume."""
    wanted = config.run.limits
    share, most = _RESERVE
    usual = min(share * wanted.time, most) if wanted.time is not None else 0.0
    return Limits(
        time=wanted.time,
        reserve=usual if wanted.reserve is None else wanted.reserve,
        money=wanted.money,
        money_per_task=wanted.money_per_task,
        tokens=wanted.tokens,
        attempts=wanted.attempts,
        currency=wanted.currency,
    )


def amended(config: Config, layers: Sequence[Layer], *, unattended: bool = False) -> Config:
    """Give the settings of a run with what is said about limits and notifying now, and with nobody to ask if unattended.

    Raises:
        ConfigError: A value of those is wrong; with its place.
    """
    kept = Layer("the settings of the run", Document(name="", text="", plain=json.loads(dump(config))))
    nobody = [settings({"run.questions.wait": "0"}, name="the command line")] if unattended else []
    return combine([*nobody, *map(_about_limits, layers), kept])


def differences(before: LimitSettings, now: LimitSettings) -> Iterator[str]:
    """Tell of each limit that is another one than before."""
    for name in LimitSettings.model_fields:
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            yield f"limit {name} is {_shown(name, new)} from here on, and was {_shown(name, old)}"


def warnings(config: Config, accounts: Accounts) -> Iterator[str]:
    """Say what the limits cannot bound, and why a program that is to be fallen back to cannot be."""
    wanted = config.run.limits
    if wanted.money is not None or wanted.money_per_task is not None:
        yield from _untold("money", wanted, accounts)
        if wanted.currency != "USD" and any(tells(one.name, "money") for one in accounts.own.values()):
            yield f"limit money: limits.currency is {wanted.currency}, and agents tell USD: nothing is converted"
    if wanted.tokens is not None:
        yield from _untold("tokens", wanted, accounts)
    for name, reason in accounts.absent.items():
        yield f"on_quota: nobody falls back to {name}: {reason}"


def _about_limits(layer: Layer) -> Layer:
    plain = layer.document.plain if isinstance(layer.document.plain, dict) else {}
    run = plain.get("run")
    kept: dict[str, Plain] = {name: run[name] for name in _READ_ANEW if name in run} if isinstance(run, dict) else {}
    told = {name: plain[name] for name in ("notify",) if name in plain}  # who is told how is the person's of today
    return replace(layer, document=replace(layer.document, plain={"run": kept, **told}))


def _untold(what: str, wanted: LimitSettings, accounts: Accounts) -> Iterator[str]:
    """Name the agents of whose consumption squad may learn nothing, and what bounds them instead."""
    silent = {agent: adapter for agent, adapter in accounts.own.items() if not _tells(adapter, what)}
    names = [f"{agent} ({adapter.name})" for agent, adapter in silent.items()]
    names += [f"{other.name} (to fall back to)" for other in accounts.others if not _tells(other, what)]
    if not names:
        return
    others = [name for name in ("tokens", "time", "attempts") if name != what and getattr(wanted, name) is not None]
    bound = f"{' and '.join(others)} bound the rest" if others else "nothing bounds the rest: limit time or attempts too"
    whole = "no agent of this run is known to tell any" if len(silent) == len(accounts.own) else "not known to tell any"
    yield f"limit {what}: {whole}: {', '.join(names)}; only what a program reports by itself counts, {bound}"


def _tells(adapter: AnyAdapter, what: str) -> bool:
    return isinstance(adapter, Conversing) and tells(adapter.name, what)


def _shown(name: str, value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or "none"
    if name in {"time", "reserve"}:
        return format_duration(value)
    return format_count(int(value)) if name in {"tokens", "attempts"} else f"{value:g}"
