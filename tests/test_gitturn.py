"""Whose turn it is in git: squad's own steps and agents' commands."""

import anyio

from orchestrator.gitturn import GitTurn
from tests.support.waiting import soon

LONG = 60.0


async def test_a_command_waits_for_squads_step_and_squad_for_a_command() -> None:
    turn, told = GitTurn(patience=LONG), list[str]()
    squad_done = anyio.Event()

    async def squad() -> None:
        async with turn:
            told.append("squad begins")
            await squad_done.wait()
            told.append("squad ends")

    async def command() -> None:
        await turn.begin("agent-1")
        told.append("command begins")

    async with anyio.create_task_group() as group:
        group.start_soon(squad)
        await soon(lambda: told, "squad's step")
        group.start_soon(command)
        await anyio.wait_all_tasks_blocked()
        assert told == ["squad begins"]
        squad_done.set()
        await soon(lambda: len(told) == 3, "the command")
        group.start_soon(squad)
        await anyio.wait_all_tasks_blocked()
        assert told == ["squad begins", "squad ends", "command begins"]
        turn.end("agent-1")

    assert told[3:] == ["squad begins", "squad ends"]


async def test_a_command_that_hangs_does_not_stop_squad() -> None:
    turn = GitTurn(patience=0.01)
    await turn.begin("agent-1")

    with anyio.fail_after(LONG):
        async with turn:
            pass


async def test_a_command_that_was_waited_for_in_vain_is_told_of_once_and_costs_no_later_step_anything() -> None:
    """Each step once waited its ten seconds for it again, one after another: six steps a minute for all agents together."""
    told = list[str]()
    turn = GitTurn(patience=0.01, tell=told.extend)
    await turn.begin("you")
    async with turn:
        pass
    turn._patience = LONG

    with anyio.fail_after(LONG / 2):
        for _ in range(3):
            async with turn:
                pass
    assert told == ["you"]
    turn.end("you")
    await turn.begin("you")

    with anyio.move_on_after(0.01) as scope:
        async with turn:
            pass
    assert scope.cancelled_caught, "the next command is waited for"


async def test_of_two_commands_squad_waits_for_the_one_that_it_did_not_wait_for_in_vain() -> None:
    turn, began = GitTurn(patience=0.01), anyio.Event()
    await turn.begin("you")
    async with turn:
        pass
    await turn.begin("agent-1")
    turn._patience = LONG

    async def squad() -> None:
        async with turn:
            began.set()

    async with anyio.create_task_group() as group:
        group.start_soon(squad)
        await anyio.wait_all_tasks_blocked()
        assert not began.is_set()
        turn.end("agent-1")
    assert began.is_set()


async def test_a_command_within_a_command_does_not_wait_for_squad_that_waits_for_the_outer_one() -> None:
    turn = GitTurn(patience=LONG)
    await turn.begin("agent-1")

    async def squad() -> None:
        async with turn:
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(squad)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(LONG / 2):
            await turn.begin("agent-1")
        turn.end("agent-1")
        turn.end("agent-1")


async def test_whoever_gives_up_waiting_leaves_the_turn_to_others() -> None:
    turn = GitTurn(patience=LONG)
    await turn.begin("agent-1")
    with anyio.move_on_after(0.01) as scope:
        async with turn:
            pass
    assert scope.cancelled_caught
    turn.end("agent-1")

    with anyio.fail_after(LONG):
        async with turn:
            pass


async def test_squad_waits_for_a_command_that_began_under_the_supervisor_before() -> None:
    turn, told = GitTurn(patience=LONG), list[str]()
    turn.go_on("you")

    async def squad() -> None:
        async with turn:
            told.append("squad")

    async with anyio.create_task_group() as group:
        group.start_soon(squad)
        await anyio.wait_all_tasks_blocked()
        assert told == []
        turn.end("you")

    assert told == ["squad"]
