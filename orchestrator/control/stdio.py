"""The stdin and stdout of the server of tools: lines in, one message a line out, and nothing else.

One thread waits for the client and the supervisor alike. The end of stdin is the end: each call that does not wait is still
answered, however long the supervisor takes, and what waits is withdrawn.
"""

import json
import os
import select
import time

from orchestrator.control.mcp import Ask, Server

_LONGEST = 1 << 20  #: bytes of a line
_PARTING = 1.0  #: seconds after the end of stdin in which a lock that is free has been granted, also by a busy supervisor


def serve(ask: Ask, *, version: str, source: int = 0, sink: int = 1) -> None:
    """Answer a client until it ends."""
    server = Server(ask, version=version, now=time.monotonic)
    lines = _Lines()
    try:
        while True:
            if source in _ready(server, source):
                chunk = os.read(source, 65536)
                if not chunk:
                    _write(sink, [answer for line in lines.end() for answer in server.take(line)])
                    break
                for line in lines.feed(chunk):
                    _write(sink, server.take(line))
            _write(sink, server.answered())
        until = time.monotonic() + _PARTING
        while server.pending() and (server.is_due_an_answer or time.monotonic() < until):
            _ready(server, None, patience=None if server.is_due_an_answer else until - time.monotonic())
            _write(sink, server.answered())
    except (BrokenPipeError, ConnectionResetError):
        return  # nobody reads any more
    finally:
        server.end()


class _Lines:
    """Cuts bytes into lines; of one that is too long only its length is kept, and it is no JSON."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the lines that the next bytes complete."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest if len(rest) <= _LONGEST else b"\0"
        return [line if len(line) <= _LONGEST else b"\0" for line in lines if line.strip()]

    def end(self) -> list[bytes]:
        """Give the last line, if it was not ended."""
        return [self._rest] if self._rest.strip() else []


def _ready(server: Server, source: int | None, *, patience: float | None = None) -> set[int]:
    """Wait until something can be read or is due; give what can be read."""
    poll = select.poll()
    for one in (*server.pending(), *(() if source is None else (source,))):
        poll.register(one if isinstance(one, int) else one.fileno(), select.POLLIN)
    due = server.next_due()
    waits = [wait for wait in (patience, None if due is None else due - time.monotonic()) if wait is not None]
    return {found for found, _ in poll.poll(max(0.0, min(waits)) * 1000 if waits else None)}


def _write(sink: int, messages: list[object]) -> None:
    for message in messages:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(sink, line) :]
