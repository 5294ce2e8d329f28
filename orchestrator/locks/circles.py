"""Circles of waiting: found before anybody is in one, so that none ever has to be broken."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from orchestrator.model import AgentId


def circle(
    asking: AgentId, in_the_way: Iterable[AgentId], waits_for: Callable[[AgentId], Iterable[AgentId]]
) -> tuple[AgentId, ...]:
    """Give the shortest chain of waiting that would lead from the asking agent back to itself; empty if there is none.

    Args:
        asking: Who would wait.
        in_the_way: For whom.
        waits_for: For whom each other one waits already.
    """
    came_from: dict[AgentId, AgentId] = dict.fromkeys(in_the_way, asking)
    todo = deque(reversed(came_from))  # the last to ask knows the reasons of those before it
    while todo:
        last = todo.popleft()
        for name in waits_for(last):
            if name == asking:
                return (*_way_to(last, came_from, asking), asking)
            if name not in came_from:
                came_from[name] = last
                todo.append(name)
    return ()


def _way_to(last: AgentId, came_from: Mapping[AgentId, AgentId], asking: AgentId) -> tuple[AgentId, ...]:
    way = [last]
    while way[-1] != asking:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
