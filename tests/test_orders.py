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


def test_an_agent_is_refused_through_either_socket(desk: Office) -> None:
    desk.lead.pids.add(77)

    with pytest.raises(Rejected, match="an agent may not order repeat: only a person may"):
        desk.desk.answer(Caller(None, pid=77), "repeat", {"text": "x"})
    with pytest.raises(Rejected) as refused:
        desk.desk.answer(Caller(ONE, pid=77), "repeat", {"text": "x"})
    assert refused.value.code == METHOD_NOT_FOUND
