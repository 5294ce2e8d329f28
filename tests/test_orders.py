"""What a person orders of a living run: who may, and what comes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.control.protocol import METHOD_NOT_FOUND, Rejected
from orchestrator.control.server import Caller
from tests.support.builders import ONE
from tests.support.desks import Office, office


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        opened.lead.orders = {"repeat": lambda params: {"said": params["text"]}}
        yield opened


def test_a_person_is_answered(desk: Office) -> None:
    assert desk.desk.answer(Caller(None, pid=1), "repeat", {"text": "x"}) == {"said": "x"}


@pytest.mark.parametrize(("method", "named"), [("stop", "stop the run"), ("unlock", "take a lock away")])
def test_an_agent_ends_neither_the_run_nor_the_lock_of_another(desk: Office, method: str, named: str) -> None:
    """Through the socket of people, which the weaker levels do not hide, it once could."""
    desk.lead.pids.add(77)

    with pytest.raises(Rejected, match=f"an agent may not {named}.*only a person may"):
        desk.desk.answer(Caller(None, pid=77), method, {"path": "a.txt"})
    assert desk.lead.stopped == []


def test_an_agent_is_refused_through_either_socket(desk: Office) -> None:
    desk.lead.pids.add(77)

    with pytest.raises(Rejected, match="an agent may not order repeat: only a person may"):
        desk.desk.answer(Caller(None, pid=77), "repeat", {"text": "x"})
    with pytest.raises(Rejected) as refused:
        desk.desk.answer(Caller(ONE, pid=77), "repeat", {"text": "x"})
    assert refused.value.code == METHOD_NOT_FOUND
