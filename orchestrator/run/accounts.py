"""Which agent works by which program, and whose account that is.

An account is a program, signed in by the same environment; only of a program that squad speaks with is known what its
account is, so any other is an account of its own for each agent. A usage limit holds for an account: for every agent that
uses it now, or would when it falls back to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.adapters import AnyAdapter, Conversing
from orchestrator.adapters.known import KNOWN
from orchestrator.events import LimitReached
from orchestrator.model import AgentId, AttemptId
from orchestrator.state import State

_Account: TypeAlias = tuple[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The programs of all agents of a run."""

    own: Mapping[AgentId, AnyAdapter]
    others: tuple[AnyAdapter, ...] = ()  #: what agents may fall back to, first choice first
    absent: Mapping[str, str] = field(default_factory=dict)  #: what they cannot, and why
    environments: Mapping[AgentId, Mapping[str, str]] = field(default_factory=dict)  #: as configured
    margin: float = 0.0  #: seconds that are waited after a reset

    def adapter(self, agent: AgentId, name: str) -> AnyAdapter:
        """Give the agent's adapter of that name; its own if it has none, as when the settings have changed since."""
        return next((one for one in (self.own[agent], *self.others) if one.name == name), self.own[agent])

    def ways(self) -> dict[AgentId, tuple[str, ...]]:
        """Give the adapters by which each agent can work, its own first."""
        return {agent: self._ways(agent) for agent in self.own}

    def limited(self, state: State, attempt: AttemptId, until: float | None, *, now: float) -> list[LimitReached]:
        """Tell all agents that use an attempt's account of the limit that its agent has run into, that one first."""
        teller = AgentId(state.attempts[attempt].agent)
        account = self._account(teller, state.attempts[attempt].adapter)
        stopped = [
            (agent, name) for agent in (teller, *self.own) for name in self._ways(agent) if self._account(agent, name) == account
        ]
        return [
            LimitReached(
                limit="usage",
                agent=agent,
                adapter=name,
                attempt=attempt,
                until=until,
                margin=self.margin,
                instead=self._instead(state, agent, account, now=now),
            )
            for agent, name in dict.fromkeys(stopped)
        ]

    def _instead(self, state: State, agent: AgentId, account: _Account, *, now: float) -> str:
        known = state.agents[agent].limits
        free = (name for name in self._ways(agent) if name not in known or known[name].until <= now)
        return next((name for name in free if self._account(agent, name) != account), "")

    def _ways(self, agent: AgentId) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.name for one in (self.own[agent], *self.others)))

    def _account(self, agent: AgentId, name: str) -> _Account:
        adapter = self.adapter(agent, name)
        return adapter.name, self.environments.get(agent, {}) if _is_known(adapter) else agent


def _is_known(adapter: AnyAdapter) -> bool:
    """Tell whether squad knows the program, and so what its account is; one that speaks squad may be anything."""
    return isinstance(adapter, Conversing) and adapter.name in KNOWN
