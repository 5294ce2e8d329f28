import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters import make_adapter
from orchestrator.adapters.acp import AcpAdapter, acp_adapter
from orchestrator.adapters.acp_conversation import AcpConversation, Wanted
from orchestrator.adapters.acp_profiles import ACP_PROFILES
from orchestrator.adapters.command import CommandAdapter
from orchestrator.config import AgentSettings
from orchestrator.messages import Conversed, Done, Permission, Reply, Retrying, Said, Status, Turned, TurnEnd, Usage, Withdrawn
from orchestrator.model import Operation
from tests.adapters import recordings
from tests.support.builders import order

Document = dict[str, Any]


def recording(name: str) -> bytes:
    return recordings.recording("gemini", name)


RECORDINGS = [recording(name) for name in recordings.recordings("gemini")]
_LINES = sorted({line for printed in RECORDINGS for line in printed.splitlines() if line.startswith(b"{")})


def former() -> str:
    """Name the conversation that the recording `loaded` goes on with."""
    rows = [json.loads(line) for line in recording("loaded").splitlines() if line.startswith(b'{"jsonrpc"')]
    return next(str(row["params"]["sessionId"]) for row in rows if row.get("method") == "session/update")


def conversation(goes_on: str = "", *, mode: str = "default", model: str = "", sign_in: str = "") -> AcpConversation:
    wanted = Wanted(prompt="do T1", workspace="/project", conversation=goes_on, mode=mode, model=model, sign_in=sign_in)
    return AcpConversation(wanted, now=lambda: 1000.0)


def hear(printed: bytes, talk: AcpConversation | None = None) -> list[Said]:
    talk = talk or conversation()
    return [*talk.feed(printed), *talk.finish()]


def lines(*rows: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps({"jsonrpc": "2.0", **row}).encode() + b"\n" for row in rows)


def of(said: Iterable[Said], *kinds: type) -> list[Said]:
    return [one for one in said if isinstance(one, kinds)]


def ending(said: Iterable[Said]) -> list[tuple[TurnEnd, float | None]]:
    return [(one.outcome, one.until) for one in said if isinstance(one, Turned)]


def replies(said: Iterable[Said]) -> list[Document]:
    return [json.loads(one.line) for one in said if isinstance(one, Reply)]


def update(update_: str, **more: Any) -> Document:
    return {"method": "session/update", "params": {"sessionId": "s", "update": {"sessionUpdate": update_, **more}}}


def chunk(text: str, **more: Any) -> Document:
    return update("agent_message_chunk", content={"type": "text", "text": text}, **more)


def ask(
    call: Mapping[str, Any], request: Any = 0, kinds: Iterable[str] = ("allow_always", "allow_once", "reject_once")
) -> Document:
    options = [{"optionId": kind, "name": kind, "kind": kind} for kind in kinds]
    params = {"sessionId": "s", "toolCall": {"toolCallId": "c", **call}, "options": options}
    return {"id": request, "method": "session/request_permission", "params": params}


GREETED: Document = {"id": 1, "result": {"protocolVersion": 1, "agentInfo": {"name": "x", "version": "7"}}}
CAPABLE: Document = {"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}}
OPENED: Document = {"id": 2, "result": {"sessionId": "s"}}
PROMPT = 3  #: number of the first prompt where neither mode nor model is set


def opened(**more: str) -> AcpConversation:
    talk = conversation(mode="", **more)
    talk.feed(lines(GREETED, OPENED))
    return talk


def ended(stop: str = "end_turn", number: int = PROMPT, **more: Any) -> Document:
    return {"id": number, "result": {"stopReason": stop, **more}}


def failing(code: int, message: str = "", **more: Any) -> Document:
    return {"id": PROMPT, "error": {"code": code, "message": message, **more}}


# what was recorded of Gemini


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("write", TurnEnd.DONE),
        ("held", TurnEnd.DONE),
        ("shell", TurnEnd.DONE),
        ("status-400", TurnEnd.PERMANENT),
        ("status-401", TurnEnd.AUTH),
        ("status-429", TurnEnd.TRANSIENT),
        ("status-500", TurnEnd.TRANSIENT),
        ("status-529", TurnEnd.TRANSIENT),
        ("limit", TurnEnd.LIMIT),
        ("cut", TurnEnd.TRANSIENT),
        ("sign-in", TurnEnd.AUTH),
    ],
)
def test_a_turn_ends_as_it_was_seen_to(name: str, outcome: TurnEnd) -> None:
    assert ending(hear(recording(name))) == [(outcome, None)]


def test_a_conversation_that_is_not_there_fails_for_good() -> None:
    assert ending(hear(recording("no-conversation"), conversation("former"))) == [(TurnEnd.PERMANENT, None)]


def test_after_an_interrupt_the_conversation_goes_on() -> None:
    talk = conversation()
    said: list[Said] = []
    for line in recording("interrupt").splitlines(keepends=True):
        heard = talk.feed(line)
        said += heard
        if b'"..."' in line:
            assert b"session/cancel" in talk.interrupt()
        elif ending(heard) == [(TurnEnd.INTERRUPTED, None)]:
            talk.tell("leave it, do T2")

    assert ending(said) == [(TurnEnd.INTERRUPTED, None), (TurnEnd.DONE, None)]


def test_a_refusal_is_followed_by_a_prompt_with_its_reason() -> None:
    talk = conversation()
    said: list[Said] = []
    for line in recording("refused").splitlines(keepends=True):
        heard = talk.feed(line)
        said += heard
        for asked in of(heard, Permission):
            assert isinstance(asked, Permission)
            assert b'"optionId": "cancel"' in talk.answer(asked, allow=False, reason="it is theirs")

    prompts = [told["params"]["prompt"][0]["text"] for told in replies(said) if told["method"] == "session/prompt"]
    assert prompts[0] == "do T1"
    assert "/project/hello.txt: it is theirs" in prompts[1]
    [turned] = of(said, Turned)
    assert isinstance(turned, Turned)
    assert (turned.outcome, turned.reason) == (TurnEnd.REFUSED, "refused: /project/hello.txt")


def test_a_write_is_asked_for_with_its_path_and_told_when_it_is_done() -> None:
    said = hear(recording("write"))

    [asked] = of(said, Permission)
    assert isinstance(asked, Permission)
    assert (asked.paths, asked.operation, asked.command) == (("/project/hello.txt",), Operation.CREATE, "")
    assert Status(files={"/project/hello.txt": "created"}) in said
    assert Done(ok=True) in said
    assert of(said, Usage) == [Usage(fresh=2400, output=100)]


def test_the_mode_in_which_edits_ask_is_set_before_the_prompt() -> None:
    said = hear(recording("write"))

    methods = [(told["method"], told["params"].get("modeId")) for told in replies(said)]
    assert methods == [("session/new", None), ("session/set_mode", "default"), ("session/prompt", None)]
    [begun] = of(said, Conversed)
    assert isinstance(begun, Conversed)
    assert begun.version == "0.61.0"


def test_what_a_loaded_conversation_replays_is_no_news() -> None:
    said = hear(recording("loaded"), conversation(former()))

    assert [type(one) for one in said if not isinstance(one, Reply)] == [Conversed, Usage, Turned]
    assert replies(said)[0]["params"]["sessionId"] == former()


@given(st.sampled_from(RECORDINGS), st.lists(st.integers(0, 5000), max_size=8))
def test_bytes_cut_anywhere_say_the_same(printed: bytes, cuts: list[int]) -> None:
    talk = conversation()
    places = sorted({0, len(printed), *(cut for cut in cuts if cut < len(printed))})
    pieces = [printed[begin:end] for begin, end in pairwise(places)]

    assert [*(said for piece in pieces for said in talk.feed(piece)), *talk.finish()] == hear(printed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "kind", "path", "x"]), inner, max_size=3),
    max_leaves=6,
)
WORDS = ["jsonrpc", "id", "method", "params", "result", "error", "update", "sessionUpdate", "toolCall", "content", "code", "data"]


def _broken(line: bytes, place: int, value: object) -> bytes:
    """Put something else in the place of a value of a real line."""
    told = json.loads(line)
    spots: list[tuple[Any, Any]] = []
    stack = [told]
    while stack:
        here = stack.pop()
        for key, inner in here.items() if isinstance(here, dict) else enumerate(here):
            spots.append((here, key))
            if isinstance(inner, dict | list):
                stack.append(inner)
    container, key = spots[place % len(spots)]
    container[key] = value
    return json.dumps(told).encode() + b"\n"


@given(st.lists(st.tuples(st.sampled_from(_LINES), st.integers(0, 200), JSON), max_size=4), st.binary(max_size=40))
def test_garbage_never_raises(broken: list[tuple[bytes, int, object]], noise: bytes) -> None:
    talk = opened()
    for line, place, value in broken:
        for said in talk.feed(_broken(line, place, value)):
            if isinstance(said, Permission):
                talk.answer(said, allow=False, reason="no")
    talk.feed(lines(*(dict.fromkeys(WORDS, value) for _, _, value in broken)) + noise + b"\n")
    talk.tell("x")
    talk.interrupt()
    talk.finish()


@given(JSON)
def test_a_question_of_any_shape_is_answered_or_handed_on(call: object) -> None:
    asked = {"id": "q", "method": "session/request_permission", "params": {"sessionId": "s", "toolCall": call, "options": []}}
    [said] = opened().feed(lines(asked))

    assert isinstance(said, Permission) or json.loads(of([said], Reply)[0].line)["id"] == "q"  # type: ignore[union-attr]  # a Reply


# how a conversation opens


def test_a_new_conversation_is_opened_in_the_workspace_and_the_prompt_is_said() -> None:
    said = conversation(mode="").feed(lines(GREETED, OPENED))

    new, prompt = replies(said)
    assert (new["method"], new["params"]) == ("session/new", {"cwd": "/project", "mcpServers": []})
    assert prompt["params"] == {"sessionId": "s", "prompt": [{"type": "text", "text": "do T1"}]}
    assert of(said, Conversed) == [], "it could not be taken up again"


def test_a_former_conversation_is_resumed_where_that_is_offered_else_loaded() -> None:
    resuming = {"agentCapabilities": {"loadSession": True, "sessionCapabilities": {"resume": {}}}}

    [resumed] = replies(conversation("s").feed(lines({"id": 1, "result": {"protocolVersion": 1, **resuming}})))
    [loaded] = replies(conversation("s").feed(lines(CAPABLE)))

    assert (resumed["method"], resumed["params"]["sessionId"]) == ("session/resume", "s")
    assert (loaded["method"], loaded["params"]["sessionId"]) == ("session/load", "s")
    assert ending(conversation("s").feed(lines(GREETED))) == [(TurnEnd.PERMANENT, None)]


def test_a_mode_that_does_not_ask_is_never_taken_for_one_that_does() -> None:
    other = {"id": 2, "result": {"sessionId": "s", "modes": {"currentModeId": "yolo", "availableModes": [{"id": "yolo"}]}}}

    said = conversation(mode="read-only").feed(lines(GREETED, other))

    [turned] = of(said, Turned)
    assert isinstance(turned, Turned)
    assert (turned.outcome, "no mode 'read-only'" in turned.reason) == (TurnEnd.PERMANENT, True)
    assert "session/prompt" not in [told["method"] for told in replies(said)]


OPTIONS = [{"id": "model", "category": "model", "name": "m", "type": "select"}]


@pytest.mark.parametrize(
    ("offered", "method", "params"),
    [
        ({"configOptions": OPTIONS}, "session/set_config_option", {"configId": "model", "value": "big"}),
        ({"models": {"availableModels": [{"modelId": "small"}]}}, "session/set_model", {"modelId": "big"}),
    ],
)
def test_a_model_is_chosen_as_the_agent_offers_it(offered: Document, method: str, params: Document) -> None:
    talk = conversation(mode="", model="big")

    said = talk.feed(lines(GREETED, {"id": 2, "result": {"sessionId": "s", **offered}}))

    told = replies(said)[-1]
    assert (told["method"], told["params"]) == (method, {"sessionId": "s", **params})
    unknown = talk.feed(lines({"id": 3, "error": {"code": -32602, "message": "no such model"}}))
    assert ending(unknown) == [(TurnEnd.PERMANENT, None)]


def test_a_model_that_cannot_be_chosen_is_told() -> None:
    [turned] = of(conversation(mode="", model="big").feed(lines(GREETED, OPENED)), Turned)

    assert isinstance(turned, Turned)
    assert "leave `model` out" in turned.reason


# what an agent asks


def permission(*told: Document) -> Permission:
    [asked] = of(opened().feed(lines(*told)), Permission)
    assert isinstance(asked, Permission)
    return asked


@pytest.mark.parametrize(
    ("call", "paths", "operation"),
    [
        ({"kind": "edit", "locations": [{"path": "/project/a"}]}, ("/project/a",), Operation.WRITE),
        ({"kind": "edit", "rawInput": {"filePath": "a"}}, ("a",), Operation.WRITE),
        ({"kind": "edit", "rawInput": {"changes": {"a": {}, "b": {}}}}, ("a", "b"), Operation.WRITE),
        ({"kind": "delete", "locations": [{"path": "a"}]}, ("a",), Operation.DELETE),
        ({"kind": "move", "rawInput": {"old_path": "a", "new_path": "b"}}, ("a", "b"), Operation.WRITE),
        ({"kind": "read", "locations": [{"path": "a"}]}, ("a",), Operation.READ),
        ({"kind": "edit"}, ("..",), Operation.WRITE),
        ({"kind": "switch_mode"}, (), Operation.WRITE),
        ({"kind": "other", "rawInput": {"command": "rm"}}, (), Operation.WRITE),
    ],
)
def test_a_question_names_what_it_is_about(call: Document, paths: tuple[str, ...], operation: Operation) -> None:
    asked = permission(ask(call))

    assert (asked.paths, asked.operation) == (paths, operation)


def test_what_was_announced_is_joined_with_the_question() -> None:
    diff = {"type": "diff", "path": "/project/a", "oldText": "x", "newText": "y"}
    announced = update("tool_call", toolCallId="c", title="Edit", kind="edit", content=[diff])

    assert permission(announced, ask({})).paths == ("/project/a",)


@pytest.mark.parametrize("raw", [{"command": "ls -l"}, {"command": ["ls", "-l"]}, {"cmd": "ls -l"}, {}])
def test_a_command_is_asked_for_by_its_text(raw: Document) -> None:
    assert permission(ask({"kind": "execute", "title": "ls -l", "rawInput": raw})).command == "ls -l"


def test_an_answer_holds_once() -> None:
    talk = opened()
    [asked] = of(talk.feed(lines(ask({"kind": "edit"}, request=9))), Permission)
    assert isinstance(asked, Permission)

    allowed = json.loads(talk.answer(asked, allow=True))

    assert allowed == {"jsonrpc": "2.0", "id": 9, "result": {"outcome": {"outcome": "selected", "optionId": "allow_once"}}}
    assert talk.answer(asked, allow=True) == b""


def test_leave_for_good_is_not_given_even_where_nothing_else_is_offered() -> None:
    talk = opened()
    [asked] = of(talk.feed(lines(ask({"kind": "edit"}, kinds=["allow_always"]))), Permission)
    assert isinstance(asked, Permission)

    assert json.loads(talk.answer(asked, allow=True))["result"]["outcome"] == {"outcome": "cancelled"}


@pytest.mark.parametrize("method", ["fs/write_text_file", "fs/read_text_file", "terminal/create", "session/elicitation"])
def test_what_squad_does_not_offer_is_answered_so(method: str) -> None:
    [told] = replies(opened().feed(lines({"id": 5, "method": method, "params": {}})))

    assert (told["id"], told["error"]["code"]) == (5, -32601)


def test_an_interrupt_answers_what_is_asked() -> None:
    talk = opened()
    talk.feed(lines(ask({"kind": "edit"}, request="q")))

    cancel, answer = map(json.loads, talk.interrupt().splitlines())

    assert (cancel["method"], cancel["params"]) == ("session/cancel", {"sessionId": "s"})
    assert (answer["id"], answer["result"]["outcome"]) == ("q", {"outcome": "cancelled"})
    assert ending(talk.feed(lines(ended("cancelled")))) == [(TurnEnd.INTERRUPTED, None)]
    assert json.loads(talk.tell("go on"))["params"]["prompt"][0]["text"] == "go on"


def test_a_question_may_be_withdrawn() -> None:
    talk = opened()
    talk.feed(lines(ask({"kind": "edit"}, request="q")))

    assert talk.feed(lines({"method": "$/cancel_request", "params": {"requestId": "q"}})) == [Withdrawn(request="q")]


def test_what_it_is_told_in_mid_turn_is_the_next_turn() -> None:
    talk = opened()

    assert talk.tell("mind the tests") == b""
    said = talk.feed(lines(ended()))

    assert ending(said) == []
    assert replies(said)[0]["params"]["prompt"][0]["text"] == "mind the tests"


# how turns end


@pytest.mark.parametrize(
    ("row", "outcome", "until"),
    [
        (failing(-32000, "Authentication required"), TurnEnd.AUTH, None),
        (failing(403), TurnEnd.AUTH, None),
        (failing(404), TurnEnd.PERMANENT, None),
        (failing(503), TurnEnd.TRANSIENT, None),
        (failing(-32602), TurnEnd.PERMANENT, None),
        (failing(-32603), TurnEnd.TRANSIENT, None),
        # Qwen Code
        (failing(-32603, "Internal error", data={"details": "401 bad key"}), TurnEnd.AUTH, None),
        (failing(-32603, "Internal error", data={"details": "400 bad request"}), TurnEnd.PERMANENT, None),
        # Claude
        (failing(-32603, "x", data={"errorKind": "authentication_failed"}), TurnEnd.AUTH, None),
        (failing(-32603, "x", data={"errorKind": "server_error"}), TurnEnd.TRANSIENT, None),
        (failing(-32603, "x", data={"errorKind": "billing_error"}), TurnEnd.LIMIT, None),
        # Codex
        (failing(-32603, "x", data={"message": "m", "codexErrorInfo": "usageLimitExceeded"}), TurnEnd.LIMIT, None),
        # Gemini, signed in with an account
        (failing(429, "You have exhausted your capacity. It will reset after 1h2m3s."), TurnEnd.LIMIT, 1000.0 + 3723.0),
        (failing(429, "Too many requests"), TurnEnd.TRANSIENT, None),
        (ended("refusal"), TurnEnd.PERMANENT, None),
        (ended("max_tokens"), TurnEnd.INTERRUPTED, None),
        (ended("cancelled"), TurnEnd.INTERRUPTED, None),
        # Codex, whose model is out of reach
        (ended(_meta={"quota": {"token_count": None, "model_usage": []}}), TurnEnd.TRANSIENT, None),
    ],
)
def test_an_end_is_told_by_its_codes(row: Document, outcome: TurnEnd, until: float | None) -> None:
    assert ending(opened().feed(lines(row))) == [(outcome, until)]


def test_codex_tells_that_it_tries_again_and_that_it_gave_up() -> None:
    trying = update("session_info_update", _meta={"codex": {"error": {"message": "Reconnecting... 1/5", "willRetry": True}}})
    gone = update("session_info_update", _meta={"codex": {"threadStatus": {"type": "systemError"}}})

    said = opened().feed(lines(trying, gone, ended()))

    assert of(said, Retrying) == [Retrying(error="Reconnecting... 1/5", delay=0.0)]
    assert ending(said) == [(TurnEnd.TRANSIENT, None)]


def test_claims_are_read_from_whole_messages_and_not_from_what_the_user_said() -> None:
    said = hear(lines(chunk("Status: COM"), chunk("PLETE"), update("user_message_chunk", content={}), ended()), opened())

    assert of(said, Done) == [Done(ok=True)]
    assert of(hear(lines(chunk("The word Status"), chunk(" says nothing")), opened()), Done) == []


# what turns consume


USAGE = {"totalTokens": 1250, "inputTokens": 1000, "cachedReadTokens": 200, "outputTokens": 50}


def spent(*rows: Document, talk: AcpConversation | None = None) -> list[Said]:
    return of((talk or opened()).feed(lines(*rows)), Usage)


def cost(amount: float, currency: str = "USD") -> Document:
    return update("usage_update", used=1, size=2, cost={"amount": amount, "currency": currency})


def test_tokens_from_the_cache_are_counted_once_however_they_are_told() -> None:
    inclusive = {**USAGE, "inputTokens": 1200}

    assert spent(ended(usage=USAGE)) == spent(ended(usage=inclusive)) == [Usage(fresh=1000, cached=200, output=50)]


def test_money_is_told_in_total_and_reported_as_what_is_new() -> None:
    talk = opened()

    assert spent(cost(0.5), ended(usage=USAGE), talk=talk)[0].money == 0.5  # type: ignore[union-attr]  # a Usage
    talk.tell("more")
    assert spent(cost(0.75), ended(usage=USAGE, number=4), talk=talk)[0].money == 0.25  # type: ignore[union-attr]  # a Usage
    assert spent(cost(9, "EUR"), ended(usage=USAGE))[0].money is None  # type: ignore[union-attr]  # a Usage


def test_what_a_former_conversation_has_cost_is_not_counted_again() -> None:
    told, untold = conversation("s", mode=""), conversation("s", mode="")

    after = spent(CAPABLE, cost(2.0), {"id": 2, "result": {}}, cost(2.5), ended(usage=USAGE), talk=told)
    unknown = spent(CAPABLE, {"id": 2, "result": {}}, cost(2.5), ended(usage=USAGE), talk=untold)

    assert [usage.money for usage in (*after, *unknown)] == [0.5, None]  # type: ignore[union-attr]  # Usage


def test_an_agent_that_tells_of_each_request_is_not_counted_twice() -> None:
    meta = {"usage": {**USAGE, "inputTokens": 1200}}

    assert spent(chunk("", _meta=meta), chunk("", _meta=meta), ended()) == [Usage(fresh=1000, cached=200, output=50)] * 2


# profiles


def test_each_profile_can_be_configured() -> None:
    assert set(AgentSettings.model_fields["profile"].annotation.__args__[0].__args__) == set(ACP_PROFILES)  # type: ignore[union-attr]  # a Literal or None


@pytest.mark.parametrize("name", ACP_PROFILES)
def test_a_profile_starts_its_program(name: str, tmp_path: Path) -> None:
    adapter = make_adapter("acp", profile=name, model="big", path="")
    assert isinstance(adapter, AcpAdapter)

    invocation = adapter.invoke(order())

    assert adapter.name == name
    assert invocation.argv[: len(ACP_PROFILES[name].command)] == ACP_PROFILES[name].command
    assert ("big" in invocation.argv) == bool(ACP_PROFILES[name].model_flag)
    assert json.loads(invocation.stdin or b"")["params"]["clientCapabilities"]["fs"] == {
        "readTextFile": False,
        "writeTextFile": False,
    }
    assert ACP_PROFILES[name].install in (adapter.missing(str(tmp_path)) or "")


def test_gemini_means_acp_unless_a_command_is_configured() -> None:
    assert make_adapter("gemini", path="").name == "gemini"
    assert isinstance(make_adapter("gemini", path=""), AcpAdapter)
    assert isinstance(make_adapter("gemini", command=("my", "way"), path=""), CommandAdapter)


def test_a_missing_package_is_told_with_the_command_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent").touch(mode=0o755)
    adapter = acp_adapter("acp", command=("agent",))
    assert adapter.missing(str(tmp_path)) is None

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert "pip install 'squad-orchestrator[acp]'" in (adapter.missing(str(tmp_path)) or "")


def test_nothing_else_of_squad_loads_the_package() -> None:
    program = "import sys, orchestrator.cli, orchestrator.adapters, orchestrator.run.supervisor; print('acp' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
