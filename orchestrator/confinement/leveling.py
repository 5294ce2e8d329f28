"""Which level holds for which program of a run, told from one look at what the kernel refuses.

The look takes a moment, so with `auto` it is taken when the first agent is about to be started, and never before; a level that
is demanded is tried before anything starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio

from orchestrator.adapters import AnyAdapter
from orchestrator.adapters.traits import asks, brings_sandbox
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.levels import Chosen, Program, choose, is_probed
from orchestrator.enforcement.probing import Probed, probe
from orchestrator.model import Level

_NOT_LOOKED = Probed(means=())
_COMMANDS = Program(name="checks and set-ups", asks=False)


@dataclass(slots=True)
class Levels:
    """The levels of the programs of one run."""

    asked: str
    _first: anyio.Lock = field(default_factory=anyio.Lock)
    _told: set[str] = field(default_factory=set)  #: programs of which it was said why they are held no firmer

    async def of(self, adapter: AnyAdapter) -> Chosen:
        """Give the level for an adapter.

        Raises:
            EnforcementUnavailable: It was asked for and is not to be had.
        """
        async with self._first:
            probed = await probe() if is_probed(self.asked) else _NOT_LOOKED
        return choose(self.asked, _program(adapter), probed)

    async def of_commands(self) -> Means | None:
        """Give what confines commands that squad starts out of the work of agents; None where it asks for no such thing.

        Raises:
            EnforcementUnavailable: It was asked for and is not to be had.
        """
        if not is_probed(self.asked):
            return None
        async with self._first:
            return choose(self.asked, _COMMANDS, await probe()).means

    def news(self, adapter: AnyAdapter, chosen: Chosen) -> str:
        """Say once for each program why it is held no firmer; nothing where there is nothing to say."""
        if not chosen.why or adapter.name in self._told:
            return ""
        self._told.add(adapter.name)
        return f"{adapter.name} is held at level {chosen.level}, not {Level.DENY}: {chosen.why}"


def require_levels(asked: str, adapters: Iterable[AnyAdapter]) -> None:
    """See to it that a demanded level holds for all programs.

    Raises:
        EnforcementUnavailable: It does not for one.
        UsageError: There is no such level.
    """
    if asked == "auto":
        return
    probed = anyio.run(probe) if is_probed(asked) else _NOT_LOOKED
    for adapter in adapters:
        choose(asked, _program(adapter), probed)


def _program(adapter: AnyAdapter) -> Program:
    return Program(name=adapter.name, asks=asks(adapter), nests=brings_sandbox(adapter))
