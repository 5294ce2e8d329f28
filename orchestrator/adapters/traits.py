"""What matters of an agent program to whoever confines it.

Whether it asks beforehand, whether it brings a sandbox, and where it keeps its state: all of it is known from the table, and
nothing is asked of the program.
"""

from pathlib import PurePath

from orchestrator.adapters.base import AnyAdapter, Conversing, Invocation
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.adapters.simulated import SimulatedAdapter


def asks(adapter: AnyAdapter) -> bool:
    """Tell whether it says beforehand what it is about to change, or could."""
    return isinstance(adapter, Conversing | SimulatedAdapter)


def waits_for_leave(adapter: AnyAdapter) -> bool:
    """Tell whether it makes no file without having been told that it may."""
    return isinstance(adapter, Conversing) and adapter.name in KNOWN


def brings_sandbox(adapter: AnyAdapter) -> bool:
    """Tell whether its program starts a sandbox of its own."""
    return adapter.name in KNOWN and KNOWN[adapter.name].sandboxed


def known_program(adapter: AnyAdapter, invocation: Invocation) -> Known | None:
    """Give what is known of the program that is started, also where it is a command that a person configured."""
    return KNOWN.get(adapter.name) or KNOWN.get(PurePath(invocation.argv[0]).name if invocation.argv else "")
