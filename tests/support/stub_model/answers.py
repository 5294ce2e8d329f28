"""Answers in the words of each interface.

An answer is text and at most one call; the same answer gives a whole JSON document, or the events of a stream. The first
event opens the answer: what comes after it can be held back or cut.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from tests.support.stub_model.asked import Asked, Interface
from tests.support.stub_model.tools import Concrete

Document: TypeAlias = dict[str, Any]
_numbers = count(1)

#: Tokens of every answer, besides the fresh ones of its request.
CACHED, OUTPUT = 200, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says in one turn."""

    words: Sequence[str] = ()  #: pieces of the text, as they are streamed
    call: Concrete | None = None

    @property
    def text(self) -> str:
        """Give the whole text."""
        return "".join(self.words)


def whole(asked: Asked, answer: Answer) -> Document:
    """Give an answer that is not streamed."""
    return {
        Interface.MESSAGES: _message,
        Interface.RESPONSES: _response,
        Interface.CHAT: _completion,
        Interface.GEMINI: _generated,
    }[asked.interface](asked, answer)


def stream(asked: Asked, answer: Answer) -> Iterator[bytes]:
    """Give the events of a streamed answer, each as it goes over the wire."""
    events = {
        Interface.MESSAGES: _message_events,
        Interface.RESPONSES: _response_events,
        Interface.CHAT: _completion_events,
        Interface.GEMINI: _generated_events,
    }[asked.interface](asked, answer)
    for event in events:
        name = f"event: {event['type']}\n" if "type" in event else ""
        yield f"{name}data: {json.dumps(event)}\n\n".encode()
    if asked.interface is Interface.CHAT:
        yield b"data: [DONE]\n\n"


def _message(asked: Asked, answer: Answer) -> Document:
    blocks: list[Document] = [{"type": "text", "text": answer.text}] if answer.words else []
    if answer.call:
        blocks.append({"type": "tool_use", "id": _id("toolu_"), "name": answer.call.name, "input": answer.call.input})
    usage = {
        "input_tokens": asked.fresh,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": OUTPUT,
    }
    return {
        "id": _id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": blocks,
        "stop_reason": "tool_use" if answer.call else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }


def _message_events(asked: Asked, answer: Answer) -> Iterator[Document]:
    message = _message(asked, answer)
    begun = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        is_text = block["type"] == "text"
        empty = {"type": "text", "text": ""} if is_text else {**block, "input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for piece in answer.words if is_text else [json.dumps(block["input"])]:
            delta = {"type": "text_delta", "text": piece} if is_text else {"type": "input_json_delta", "partial_json": piece}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _response(asked: Asked, answer: Answer) -> Document:
    items: list[Document] = []
    if answer.words:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        items.append({"type": "message", "id": _id("msg_"), "role": "assistant", "status": "completed", "content": content})
    if answer.call:
        items.append(_response_call(answer.call))
    return {
        "id": _id("resp_"),
        "object": "response",
        "created_at": 0,
        "model": asked.model,
        "status": "completed",
        "output": items,
        "usage": {
            "input_tokens": asked.fresh + CACHED,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.fresh + CACHED + OUTPUT,
        },
    }


def _response_call(call: Concrete) -> Document:
    named = {"id": _id("fc_"), "call_id": _id("call_"), "name": call.name, "status": "completed"}
    if isinstance(call.input, str):
        return {"type": "custom_tool_call", **named, "input": call.input}
    if call.name == "tool_search":
        return {"type": "tool_search_call", **named, "execution": "client", "arguments": call.input}
    space = {"namespace": call.namespace} if call.namespace else {}
    return {"type": "function_call", **named, **space, "arguments": call.text}


def _response_events(asked: Asked, answer: Answer) -> Iterator[Document]:
    response = _response(asked, answer)
    yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": [], "usage": None}}
    for index, item in enumerate(response["output"]):
        begun = {**item, "status": "in_progress", **({"content": []} if item["type"] == "message" else {})}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        if item["type"] == "message":
            place = {"item_id": item["id"], "output_index": index, "content_index": 0}
            yield {"type": "response.content_part.added", **place, "part": {**item["content"][0], "text": ""}}
            for piece in answer.words:
                yield {"type": "response.output_text.delta", **place, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": response}


def _completion(asked: Asked, answer: Answer) -> Document:
    message: Document = {"role": "assistant", "content": answer.text or None}
    if answer.call:
        message["tool_calls"] = [_completion_call(answer.call)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if answer.call else "stop"}
    usage = {
        "prompt_tokens": asked.fresh + CACHED,
        "completion_tokens": OUTPUT,
        "total_tokens": asked.fresh + CACHED + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
    }
    named = {"id": _id("chatcmpl-"), "object": "chat.completion", "created": 0, "model": asked.model}
    return {**named, "choices": [choice], "usage": usage}


def _completion_call(call: Concrete) -> Document:
    return {"index": 0, "id": _id("call_"), "type": "function", "function": {"name": call.name, "arguments": call.text}}


def _completion_events(asked: Asked, answer: Answer) -> Iterator[Document]:
    completion = _completion(asked, answer)
    calls = completion["choices"][0]["message"].get("tool_calls")
    deltas: list[Document] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in answer.words)]
    ended = completion["choices"][0]["finish_reason"]
    base = {key: completion[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    for delta in [*deltas, *([{"tool_calls": calls}] if calls else [])]:
        yield {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": ended}]}
    yield {**base, "choices": [], "usage": completion["usage"]}


def _generated(asked: Asked, answer: Answer) -> Document:
    return _candidate(asked, [*_pieces(answer.words and [answer.text]), *_function_call(answer.call)], ended=True)


def _generated_events(asked: Asked, answer: Answer) -> Iterator[Document]:
    for part in _pieces(answer.words):
        yield _candidate(asked, [part], ended=False)
    yield _candidate(asked, _function_call(answer.call), ended=True)


def _pieces(words: Sequence[str]) -> list[Document]:
    return [{"text": word} for word in words]


def _function_call(call: Concrete | None) -> list[Document]:
    return [{"functionCall": {"name": call.name, "args": call.input}}] if call else []


def _candidate(asked: Asked, parts: Sequence[Mapping[str, Any]], *, ended: bool) -> Document:
    candidate = {"index": 0, "content": {"role": "model", "parts": parts}, **({"finishReason": "STOP"} if ended else {})}
    usage = {
        "promptTokenCount": asked.fresh + CACHED,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": asked.fresh + CACHED + OUTPUT,
    }
    return {"candidates": [candidate], "modelVersion": asked.model, **({"usageMetadata": usage} if ended else {})}


def _id(prefix: str) -> str:
    return f"{prefix}stub{next(_numbers):06}"
