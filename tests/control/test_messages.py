"""Messages read and answered."""

import json

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.control.messages import Fault, Request, answer, line, read, request_of
from orchestrator.control.protocol import Rejected

_LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_PARTS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _LEAVES,
        "method": st.text() | _LEAVES,
        "params": st.dictionaries(st.text(), _LEAVES) | _LEAVES,
        "id": _LEAVES | st.sampled_from([2**63, 2**63 - 1, -(2**63), 1 - 2**63]) | st.lists(_LEAVES, max_size=1),
        "more": _LEAVES,
    },
)


@given(_PARTS | _LEAVES | st.lists(_PARTS, max_size=2))
@example({"jsonrpc": "2.0", "method": "lock", "id": None})
@example({"jsonrpc": "2.0", "method": "lock", "id": True})
@example({"jsonrpc": "2.0", "method": "lock", "params": None, "id": 1})
def test_a_message_is_read_in_one_step_as_it_is_by_its_parts(message: object) -> None:
    whole, parts = read(json.dumps(message).encode()), message if isinstance(message, list) and message else request_of(message)

    assert whole == parts
    assert isinstance(whole, Fault | Request | list)


def test_only_a_request_is_answered() -> None:
    asked, said = Request("2.0", "lock", {}, 7), Request("2.0", "status")

    assert msgspec.json.decode(line(answer(asked, {"fence": 1}))) == {"jsonrpc": "2.0", "id": 7, "result": {"fence": 1}}
    refused = msgspec.json.decode(line(answer(asked, Rejected("held", data={"reason": "held"}))))
    assert refused == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "held", "data": {"reason": "held"}}}
    assert answer(said, {"accepted": True}) is None


def test_a_name_that_is_no_utf8_is_escaped_in_an_answer() -> None:
    asked = Request("2.0", "owns", {}, "x")

    assert json.loads(line(answer(asked, {"path": "a\udcff"}))) == {"jsonrpc": "2.0", "id": "x", "result": {"path": "a\udcff"}}
