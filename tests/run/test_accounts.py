"""Whom a usage limit holds: one account is one program, signed in one way."""

from collections.abc import Mapping

from orchestrator import events as ev
from orchestrator.adapters import AnyAdapter, make_adapter
from orchestrator.model import AgentId, AttemptId
from orchestrator.run.accounts import Accounts
from tests.support.builders import ONE, THREE, TWO, plan, planned, prepared, seat, started, state_after, task

SEATS = (ONE, TWO, THREE)
OF = plan(planned(task("T1")), seats=[seat(name) for name in SEATS])


def accounts(
    *own: str, others: tuple[str, ...] = (), environments: Mapping[AgentId, Mapping[str, str]] | None = None
) -> Accounts:
    def made(name: str) -> AnyAdapter:
        return make_adapter(name, path="")

    return Accounts(
        own=dict(zip(SEATS, map(made, own), strict=True)),
        others=tuple(map(made, others)),
        environments=environments or {},
        margin=60.0,
    )


def held(by: Accounts, *, adapter: str, known: tuple[ev.Event, ...] = ()) -> list[tuple[str, str, str]]:
    """Give agent, adapter and what it goes on with, for a limit that the first agent meets by an adapter."""
    state = state_after(OF, *known, prepared(adapter=adapter), started(adapter=adapter))
    told = by.limited(state, AttemptId("T1.1"), 900.0, now=10.0)
    assert {(one.attempt, one.until, one.margin) for one in told} == {("T1.1", 900.0, 60.0)}
    return [(one.agent, one.adapter, one.instead) for one in told]


def test_agents_of_one_program_share_its_account_unless_they_are_signed_in_otherwise() -> None:
    all_claude = accounts("claude", "claude", "claude", environments={THREE: {"ANTHROPIC_API_KEY": "another"}})

    assert held(all_claude, adapter="claude") == [(ONE, "claude", ""), (TWO, "claude", "")]


def test_whose_account_a_plain_command_uses_is_not_known() -> None:
    assert held(accounts("simulated", "simulated", "gemini"), adapter="simulated") == [(ONE, "simulated", "")]


def test_a_limit_met_by_a_program_fallen_back_to_holds_those_whose_own_it_is_and_spares_the_others_own() -> None:
    mixed = accounts("claude", "codex", "claude", others=("codex",))
    claude_is_out = tuple(ev.LimitReached(limit="usage", agent=agent, adapter="claude", until=500.0) for agent in (ONE, THREE))

    assert held(mixed, adapter="codex", known=claude_is_out) == [(ONE, "codex", ""), (TWO, "codex", ""), (THREE, "codex", "")]
    assert held(mixed, adapter="claude") == [(ONE, "claude", "codex"), (THREE, "claude", "codex")]


def test_an_adapter_of_earlier_settings_is_taken_for_the_agents_own() -> None:
    assert accounts("claude", "claude", "claude").adapter(ONE, "codex").name == "claude"
    assert accounts("claude", "claude", "claude", others=("codex",)).ways()[ONE] == ("claude", "codex")
