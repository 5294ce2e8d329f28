import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.stub_model import Call, Cut, Drip, Fail, Interface, Limit, Say, Silence, Step, StubModel
from tests.support.stub_model.tools import concrete

Document = dict[str, Any]
WRITE = Call("write", {"path": "a.txt", "content": "a\n"})
LIMITED_UNTIL = 4102444800.0


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def document(self) -> Document:
        return dict(json.loads(self.body))

    @property
    def events(self) -> list[Document]:
        lines = [line.removeprefix("data: ") for line in self.body.splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One interface, as a client would use it."""

    interface: Interface
    path: str
    tool: Document
    said: Callable[[str], Document]  #: a message of the user's side
    answered: Callable[[], Document]  #: a message of the model
    conversation: str  #: key of the messages
    streaming: Document
    read: Callable[[Answered], tuple[str, list[Document]]]  #: text and calls of a streamed answer

    def ask(self, url: str, *texts: str | None, stream: bool = True) -> Answered:
        """Ask with these texts of the user's side; None stands for an answer of the model."""
        messages = [self.answered() if text is None else self.said(text) for text in texts]
        body = {self.conversation: messages, "tools": [self.tool], **(self.streaming if stream else {})}
        path = self.path if stream else self.path.replace("streamGenerateContent", "generateContent")
        return post(url, path, body)


def post(url: str, path: str, body: Document) -> Answered:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("POST", path, json.dumps(body), {"x-api-key": "test"})
        response = connection.getresponse()
        return Answered(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


def _read_messages(answered: Answered) -> tuple[str, list[Document]]:
    deltas = [event["delta"] for event in answered.events if event["type"] == "content_block_delta"]
    names = [event["content_block"].get("name") for event in answered.events if event["type"] == "content_block_start"]
    inputs = [json.loads(delta["partial_json"]) for delta in deltas if "partial_json" in delta]
    calls = [{"name": name, "input": told} for name, told in zip(filter(None, names), inputs, strict=True)]
    return "".join(delta.get("text", "") for delta in deltas), calls


def _read_responses(answered: Answered) -> tuple[str, list[Document]]:
    text = "".join(event["delta"] for event in answered.events if event["type"] == "response.output_text.delta")
    items = next(event["response"]["output"] for event in answered.events if event["type"] == "response.completed")
    calls = [item for item in items if item["type"] == "function_call"]
    return text, [{"name": call["name"], "input": json.loads(call["arguments"])} for call in calls]


def _read_chat(answered: Answered) -> tuple[str, list[Document]]:
    deltas = [choice["delta"] for event in answered.events for choice in event["choices"]]
    functions = [call["function"] for delta in deltas for call in delta.get("tool_calls", [])]
    calls = [{"name": function["name"], "input": json.loads(function["arguments"])} for function in functions]
    return "".join(delta.get("content") or "" for delta in deltas), calls


def _read_gemini(answered: Answered) -> tuple[str, list[Document]]:
    parts = [part for event in answered.events for part in event["candidates"][0]["content"]["parts"]]
    functions = [part["functionCall"] for part in parts if "functionCall" in part]
    calls = [{"name": function["name"], "input": function["args"]} for function in functions]
    return "".join(part.get("text", "") for part in parts), calls


_SCHEMA = {"type": "object", "properties": {"file_path": {}, "content": {}}}
DIALECTS = [
    Dialect(
        interface=Interface.MESSAGES,
        path="/v1/messages?beta=true",
        tool={"name": "Write", "input_schema": _SCHEMA},
        said=lambda text: {"role": "user", "content": [{"type": "text", "text": text}]},
        answered=lambda: {"role": "assistant", "content": [{"type": "text", "text": "well"}]},
        conversation="messages",
        streaming={"stream": True},
        read=_read_messages,
    ),
    Dialect(
        interface=Interface.RESPONSES,
        path="/v1/responses",
        tool={"type": "function", "name": "Write", "parameters": _SCHEMA},
        said=lambda text: {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
        answered=lambda: {"type": "function_call", "name": "Write", "arguments": "{}", "call_id": "1"},
        conversation="input",
        streaming={"stream": True},
        read=_read_responses,
    ),
    Dialect(
        interface=Interface.CHAT,
        path="/v1/chat/completions",
        tool={"type": "function", "function": {"name": "Write", "parameters": _SCHEMA}},
        said=lambda text: {"role": "user", "content": text},
        answered=lambda: {"role": "assistant", "content": "well"},
        conversation="messages",
        streaming={"stream": True},
        read=_read_chat,
    ),
    Dialect(
        interface=Interface.GEMINI,
        path="/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        tool={"functionDeclarations": [{"name": "Write", "parametersJsonSchema": _SCHEMA}]},
        said=lambda text: {"role": "user", "parts": [{"text": text}]},
        answered=lambda: {"role": "model", "parts": [{"text": "well"}]},
        conversation="contents",
        streaming={},
        read=_read_gemini,
    ),
]


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.interface.name.lower())
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found = request.param
    assert isinstance(found, Dialect)
    return found


@pytest.fixture
def serve() -> Iterator[Callable[..., StubModel]]:
    models: list[StubModel] = []

    def start(*steps: Step, **scripts: list[Step]) -> StubModel:
        models.append(StubModel({"T1": steps, **scripts}).__enter__())
        return models[-1]

    yield start
    for model in models:
        model.__exit__(None, None, None)


Serve = Callable[..., StubModel]


def test_a_text_is_streamed(dialect: Dialect, serve: Serve) -> None:
    assert dialect.read(dialect.ask(serve(Say("All is well.")).url, "do T1")) == ("All is well.", [])


def test_a_call_names_the_tool_that_the_client_offers(dialect: Dialect, serve: Serve) -> None:
    _, calls = dialect.read(dialect.ask(serve(WRITE).url, "do T1"))

    assert calls == [{"name": "Write", "input": {"file_path": "a.txt", "content": "a\n"}}]


def test_the_next_step_comes_when_the_model_has_answered(dialect: Dialect, serve: Serve) -> None:
    text, calls = dialect.read(dialect.ask(serve(WRITE, Say("Written.")).url, "do T1", None, "file created"))

    assert (text, calls) == ("Written.", [])


def test_after_its_last_step_a_script_says_that_all_is_done(dialect: Dialect, serve: Serve) -> None:
    assert dialect.read(dialect.ask(serve().url, "do T1"))[0] == "All done."


def test_what_is_not_streamed_is_one_document(dialect: Dialect, serve: Serve) -> None:
    answered = dialect.ask(serve(Say("All is well.")).url, "do T1", stream=False)

    assert answered.headers["content-type"] == "application/json"
    assert "All is well." in answered.body


def test_a_slow_drip_says_each_word_by_itself(dialect: Dialect, serve: Serve) -> None:
    answered = dialect.ask(serve(Drip("one two three", pause=0.0)).url, "do T1")

    assert dialect.read(answered)[0].split() == ["one", "two", "three"]
    assert all(f'"{word} "' in answered.body for word in ("one", "two", "three"))


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_a_failure_has_its_status_and_the_wait_it_asks_for(dialect: Dialect, serve: Serve, status: int) -> None:
    answered = dialect.ask(serve(Fail(status, retry_after=7)).url, "do T1")

    assert (answered.status, answered.headers["retry-after"]) == (status, "7")
    assert "error" in answered.document


def test_a_failure_comes_as_often_as_told_and_then_the_next_step(dialect: Dialect, serve: Serve) -> None:
    url = serve(Fail(529, times=2), Say("At last.")).url
    statuses = [dialect.ask(url, "do T1").status for _ in range(2)]

    assert statuses == [529, 529]
    assert dialect.read(dialect.ask(url, "do T1"))[0] == "At last."


def test_a_usage_limit_tells_when_it_is_lifted(dialect: Dialect, serve: Serve) -> None:
    answered = dialect.ask(serve(Limit(LIMITED_UNTIL)).url, "do T1")

    assert answered.status == 429
    assert LIMITED_UNTIL - time.time() - 5 < int(answered.headers["retry-after"]) < LIMITED_UNTIL - time.time() + 5


def test_a_cut_connection_ends_in_the_middle_of_an_answer(dialect: Dialect, serve: Serve) -> None:
    url = serve(Cut(times=1), Say("At last.")).url

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        dialect.ask(url, "do T1")
    assert dialect.read(dialect.ask(url, "do T1"))[0] == "At last."


def test_silence_lasts_until_the_model_is_ended(dialect: Dialect) -> None:
    with ThreadPoolExecutor() as pool:
        with StubModel({"T1": [Silence()]}) as model:
            asking = pool.submit(dialect.ask, model.url, "do T1")
            while not model.asked:
                time.sleep(0.01)
            assert not asking.done()
        assert isinstance(asking.exception(timeout=60), (http.client.HTTPException, ConnectionError))


def test_several_conversations_at_once_follow_their_own_scripts(dialect: Dialect, serve: Serve) -> None:
    url = serve(Say("one"), T2=[Say("two")], T3=[Say("three")]).url

    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda number: dialect.read(dialect.ask(url, f"do T{number}"))[0], (1, 2, 3))

    assert list(answers) == ["one", "two", "three"]


def test_a_script_begins_anew_where_its_word_is_said_again(dialect: Dialect, serve: Serve) -> None:
    url = serve(Say("first"), Say("second"), T2=[Say("other")]).url

    assert dialect.read(dialect.ask(url, "do T1", None, "go on"))[0] == "second"
    assert dialect.read(dialect.ask(url, "do T1", None, "do T1"))[0] == "first"
    assert dialect.read(dialect.ask(url, "do T1", None, "forget T1, do T2"))[0] == "other"


def test_a_request_is_kept_with_what_was_said_and_the_key(dialect: Dialect, serve: Serve) -> None:
    model = serve(Say())
    dialect.ask(model.url, "do T1")

    [asked] = model.asked
    assert (asked.interface, asked.said, list(asked.tools), asked.key) == (dialect.interface, ["do T1"], ["Write"], "test")


def test_a_side_question_without_tools_is_no_turn(serve: Serve) -> None:
    model = serve(Fail(529))
    answered = post(model.url, "/v1/messages", {"messages": [{"role": "user", "content": "a title for T1?"}]})

    assert answered.document["content"] == [{"type": "text", "text": "ok"}]


def test_results_of_tools_are_kept_in_order(serve: Serve) -> None:
    model = serve(Say())
    result = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "T1 is locked"}]}
    messages = [{"role": "user", "content": "do T1"}, {"role": "assistant", "content": []}, {"role": "user", "content": [result]}]
    post(model.url, "/v1/messages", {"messages": messages, "tools": [{"name": "Write"}]})

    assert model.asked[0].results == ["T1 is locked"]


def _tool(name: str, *properties: str) -> Mapping[str, Mapping[str, Any]]:
    return {name: {"name": name, "input_schema": {"properties": {key: {} for key in properties}}}}


EDIT = Call("edit", {"path": "a.txt", "old": "a", "new": "b"})
SHELL = Call("shell", {"command": "ls"})


@pytest.mark.parametrize(
    ("call", "offered", "name", "told"),
    [
        (WRITE, _tool("Write", "file_path"), "Write", {"file_path": "a.txt", "content": "a\n"}),
        (WRITE, _tool("write", "filePath"), "write", {"filePath": "a.txt", "content": "a\n"}),
        (
            WRITE,
            {"apply_patch": {"type": "custom"}},
            "apply_patch",
            "*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch\n",
        ),
        (WRITE, _tool("shell"), "shell", {"command": ["bash", "-lc", "printf %s 'a\n' > a.txt"]}),
        (EDIT, _tool("Edit", "file_path"), "Edit", {"file_path": "a.txt", "old_string": "a", "new_string": "b"}),
        (
            EDIT,
            _tool("replace", "file_path", "instruction"),
            "replace",
            {"file_path": "a.txt", "old_string": "a", "new_string": "b", "instruction": "as the script says"},
        ),
        (EDIT, _tool("edit", "filePath", "oldString"), "edit", {"filePath": "a.txt", "oldString": "a", "newString": "b"}),
        (
            EDIT,
            _tool("apply_patch"),
            "apply_patch",
            {"input": "*** Begin Patch\n*** Update File: a.txt\n@@\n-a\n+b\n*** End Patch\n"},
        ),
        (SHELL, _tool("Bash", "description"), "Bash", {"command": "ls", "description": "as the script says"}),
        (SHELL, _tool("exec_command"), "exec_command", {"cmd": "ls"}),
        (Call("Read", {"file_path": "a"}), {}, "Read", {"file_path": "a"}),
    ],
)
def test_each_client_is_called_by_its_own_words(
    call: Call, offered: Mapping[str, Mapping[str, Any]], name: str, told: object
) -> None:
    called = concrete(call, offered)

    assert (called.name, called.input) == (name, told)


def test_it_serves_as_a_process_of_its_own(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.json"
    scripts.write_text(json.dumps({"T1": [{"step": "Say", "text": "from afar"}]}), encoding="utf-8")
    argv = [sys.executable, "-m", "tests.support.stub_model", str(scripts)]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answered = post(url, "/v1/messages", {"messages": [{"role": "user", "content": "T1"}], "tools": [{"name": "Write"}]})
        process.terminate()

    assert answered.document["content"][0]["text"] == "from afar"
