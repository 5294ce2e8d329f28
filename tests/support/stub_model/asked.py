"""What a client asks the stub model, whichever of the four interfaces it speaks.

Nothing here depends on a client: a request is reduced to the conversation so far, the tools on offer and the last results.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from orchestrator.text.tokens import tokens


class Interface(StrEnum):
    """The wire format of a request."""

    MESSAGES = "anthropic messages"
    RESPONSES = "openai responses"
    CHAT = "openai chat completions"
    GEMINI = "gemini generateContent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of the conversation."""

    model: bool  #: said by the model
    text: str = ""
    result: str | None = None  #: what a tool gave back


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for an answer."""

    interface: Interface
    model: str
    streaming: bool
    tools: Mapping[str, Mapping[str, Any]]
    turns: Sequence[Turn]
    key: str = ""  #: the secret it came with
    body: Mapping[str, Any] = field(default_factory=dict)
    fresh: int = 1000  #: tokens that it costs

    @property
    def results(self) -> list[str]:
        """Give what the tools gave back so far, in order."""
        return [turn.result for turn in self.turns if turn.result is not None]

    @property
    def said(self) -> list[str]:
        """Give what the user's side said, in order."""
        return [turn.text for turn in self.turns if not turn.model and turn.text]

    def begun_by(self, words: Iterable[str]) -> tuple[str, int] | None:
        """Give the word that the user's side said last, and how often the model has answered since."""
        answered = 0
        for turn in reversed(self.turns):
            places = {} if turn.model else {word: (turn.text.rfind(word), len(word)) for word in words if word in turn.text}
            if places:
                return max(places, key=places.__getitem__), answered
            answered += turn.model
        return None


def counted(asked: Asked) -> Asked:
    """Give a request at the price of all the words in it."""
    return replace(asked, fresh=sum(map(tokens, _texts(asked.body))))


def interface_of(path: str) -> Interface | None:
    """Tell the interface by the path of a request."""
    endings = {
        "/messages": Interface.MESSAGES,
        "/responses": Interface.RESPONSES,
        "/chat/completions": Interface.CHAT,
        ":streamGenerateContent": Interface.GEMINI,
        ":generateContent": Interface.GEMINI,
    }
    return next((interface for ending, interface in endings.items() if path.endswith(ending)), None)


def read(interface: Interface, path: str, body: Mapping[str, Any], *, key: str = "") -> Asked:
    """Understand a request."""
    turns = {
        Interface.MESSAGES: lambda: _spoken(body.get("messages") or []),
        Interface.CHAT: lambda: _spoken(body.get("messages") or []),
        Interface.RESPONSES: lambda: _responses(body.get("input") or []),
        Interface.GEMINI: lambda: _gemini(body.get("contents") or []),
    }[interface]()
    return Asked(
        interface=interface,
        model=body.get("model") or path.rpartition("/")[2].partition(":")[0],
        streaming=bool(body.get("stream")) or path.endswith(":streamGenerateContent"),
        tools=_tools(body.get("tools") or []),
        turns=turns,
        key=key,
        body=body,
    )


def _spoken(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    turns: list[Turn] = []
    for message in messages:
        if message["role"] == "tool":
            turns.append(Turn(model=False, result=_text(message.get("content"))))
            continue
        content = message.get("content") or []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        turns += [Turn(model=False, result=_text(block.get("content"))) for block in blocks if block["type"] == "tool_result"]
        text = _text([block for block in blocks if block["type"] != "tool_result"])
        turns.append(Turn(model=message["role"] == "assistant", text=text))
    return turns


def _responses(items: str | Sequence[Mapping[str, Any]]) -> list[Turn]:
    """Read a list of items; what the model said and called without anything between is one answer."""
    if isinstance(items, str):
        return [Turn(model=False, text=items)]
    turns: list[Turn] = []
    for item in items:
        kind = item.get("type", "message")
        if kind.endswith("_output"):
            turns.append(Turn(model=False, result=_text(item.get("output"))))
        elif kind.endswith("_call") or item.get("role") == "assistant":
            if not (turns and turns[-1].model):
                turns.append(Turn(model=True, text=_text(item.get("content"))))
        elif kind == "message":
            turns.append(Turn(model=False, text=_text(item.get("content"))))
    return turns


def _gemini(contents: Sequence[Mapping[str, Any]]) -> list[Turn]:
    turns: list[Turn] = []
    for content in contents:
        parts = content.get("parts") or []
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        turns += [Turn(model=False, result=str(result.get("response"))) for result in results]
        turns.append(Turn(model=content.get("role") == "model", text=_text(parts)))
    return turns


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping | list):
        for inner in told.values() if isinstance(told, Mapping) else told:
            yield from _texts(inner)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _text(content.get("text") or content.get("content"))
    if isinstance(content, Sequence):
        return "\n".join(filter(None, map(_text, content)))
    return ""


def _tools(offered: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    tools: dict[str, Mapping[str, Any]] = {}
    for tool in offered:
        inner = tool.get("functionDeclarations") or tool.get("function_declarations") or tool.get("tools")
        for one in inner if isinstance(inner, list) else [tool.get("function") or tool]:
            tools[one.get("name") or one.get("type", "")] = one
    return tools
