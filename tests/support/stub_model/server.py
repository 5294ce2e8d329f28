"""The stub model's HTTP server: loopback only, one request a connection.

It answers from scripts, keeps every request, and writes nothing. Whatever is still being answered when it stops is cut.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.stub_model.answers import Answer, stream, whole
from tests.support.stub_model.asked import Asked, counted, interface_of, read
from tests.support.stub_model.failures import failure
from tests.support.stub_model.plan import Call, Cut, Drip, Fail, Limit, Say, Script, Silence, Step
from tests.support.stub_model.tools import concrete
from tests.support.waiting import until

_KEYS = ("x-api-key", "authorization", "x-goog-api-key")
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 500: "Error"}


@dataclass(slots=True)
class Server:
    """Answers requests."""

    scripts: dict[str, Script]
    counts: bool = False  #: a request costs what is in it, and not always the same
    asked: list[Asked] = field(default_factory=list)
    _answering: set[asyncio.Task[None]] = field(default_factory=set)
    _listening: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; gives the port."""
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut whatever is going on."""
        if self._listening is not None:
            self._listening.close()
        for answering in self._answering:
            answering.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._answering.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path, headers, raw = await _request(reader)
        interface = interface_of(path)
        if interface is None:
            status = 200 if path.endswith(("/count_tokens", ":countTokens", "/models", "/")) else 404
            await _document(writer, status, {"input_tokens": 100, "totalTokens": 100, "data": [], "models": []})
            return
        secret = next((headers[name].removeprefix("Bearer ") for name in _KEYS if name in headers), "")
        asked = read(interface, path, json.loads(raw), key=secret)
        asked = counted(asked) if self.counts else asked
        self.asked.append(asked)
        await self._take_step(writer, asked, self._step(asked))

    def _step(self, asked: Asked) -> Step:
        """Find the script by its word; what offers no tools is a side question of the client, and no turn."""
        begun = asked.begun_by(self.scripts)
        if begun is None or not asked.tools:
            return Say("ok")
        word, turn = begun
        return self.scripts[word].step(turn)

    async def _take_step(self, writer: asyncio.StreamWriter, asked: Asked, step: Step) -> None:
        match step:
            case Fail() | Limit():
                failed = failure(asked.interface, step)
                await _document(writer, failed.status, failed.body, failed.headers)
            case Silence() | Cut():
                await _stream(writer, [next(stream(asked, Answer(words=["..."])))], ended=False)
                if isinstance(step, Silence):
                    await asyncio.Event().wait()
                writer.transport.abort()
            case Drip(text=text, pause=pause):
                words = [word + " " for word in text.split()]
                await _stream(writer, list(stream(asked, Answer(words=words))), pause=pause)
            case Say(text=text):
                await _time_has_come(step)
                await _say(writer, asked, Answer(words=[text]))
            case Call(text=text):
                await _time_has_come(step)
                await _say(writer, asked, Answer(words=[text] if text else [], call=concrete(step, asked.tools)))


async def _time_has_come(step: Say | Call) -> None:
    await asyncio.sleep(step.after)
    if step.once:
        await asyncio.to_thread(until, Path(step.once).exists, step.once)


async def _say(writer: asyncio.StreamWriter, asked: Asked, answer: Answer) -> None:
    if asked.streaming:
        await _stream(writer, list(stream(asked, answer)))
    else:
        await _document(writer, 200, whole(asked, answer))


async def _request(reader: asyncio.StreamReader) -> tuple[str, Mapping[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    path = head[0].split(" ")[1].partition("?")[0]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("expect", "").lower() == "100-continue":
        raise ConnectionError
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return path, headers, await _chunks(reader)
    return path, headers, await reader.readexactly(int(headers.get("content-length", "0")))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


async def _document(
    writer: asyncio.StreamWriter, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    raw = json.dumps(body).encode()
    lines = {"content-type": "application/json", "content-length": str(len(raw)), "request-id": "req_stub", **(headers or {})}
    _head(writer, status, lines)
    writer.write(raw)
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, events: Sequence[bytes], *, pause: float = 0.0, ended: bool = True) -> None:
    _head(writer, 200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", "request-id": "req_stub"})
    for event in events:
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
        if pause:
            await asyncio.sleep(pause)
    if ended:
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _head(writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode())
