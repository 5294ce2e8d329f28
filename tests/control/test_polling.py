"""Descriptors that are looked at together: what the system has for it, and what the standard library has everywhere."""

import selectors
import socket
from collections.abc import Callable

import pytest

from orchestrator.control.polling import GONE, READ, WRITE, Polling, Selecting, polling


def _selecting() -> Polling:
    selector = selectors.DefaultSelector()
    return Selecting(selector, selector.fileno())


@pytest.fixture(params=[polling, _selecting], ids=["of the system", "of the library"])
def look(request: pytest.FixtureRequest) -> Callable[[], Polling]:
    made: Callable[[], Polling] = request.param
    return made


def test_what_is_ready_is_told_with_what_for(look: Callable[[], Polling]) -> None:
    of, (one, other) = look(), socket.socketpair()
    with one, other:
        of.watch(one.fileno(), READ, is_new=True)
        assert list(of.ready()) == []

        other.send(b"!")
        assert list(of.ready()) == [(one.fileno(), READ)]
        of.watch(one.fileno(), READ | WRITE, is_new=False)
        ready = list(of.ready())  # of each way apart, or of both at once
        assert {number for number, _ in ready} == {one.fileno()}
        assert sum({events for _, events in ready}) == READ | WRITE

        of.leave(one.fileno())
        assert list(of.ready()) == []
    of.close()


def test_one_that_is_looked_at_only_for_its_going_away_is_not_read(look: Callable[[], Polling]) -> None:
    of, (one, other) = look(), socket.socketpair()
    with one, other:
        of.watch(one.fileno(), READ, is_new=True)
        other.send(b"!")
        of.watch(one.fileno(), GONE, is_new=False)
        assert list(of.ready()) == []

        of.watch(one.fileno(), READ | GONE, is_new=False)
        assert list(of.ready()) == [(one.fileno(), READ)]
        of.watch(one.fileno(), GONE, is_new=False)
        of.leave(one.fileno())
    of.close()


def test_it_is_ready_itself_when_one_of_its_descriptors_is(look: Callable[[], Polling]) -> None:
    outer, of, (one, other) = selectors.DefaultSelector(), look(), socket.socketpair()
    with one, other, outer:
        of.watch(one.fileno(), READ, is_new=True)
        outer.register(of.fileno(), selectors.EVENT_READ)
        assert outer.select(0) == []

        other.send(b"!")
        assert [key.fd for key, _ in outer.select(0)] == [of.fileno()]
    of.close()


def test_the_other_end_going_away_is_to_be_read(look: Callable[[], Polling]) -> None:
    of, (one, other) = look(), socket.socketpair()
    with one:
        of.watch(one.fileno(), READ, is_new=True)
        other.close()

        [(number, events)] = of.ready()
        assert number == one.fileno()
        assert events & READ
    of.close()
