"""The least that a lock server in Python costs: an asyncio Protocol that reads a request, writes a line, and answers.

It keeps a dictionary and checks nothing: no owner, no token, no folder above a file, no symlink, no torn line.
"""

import asyncio
import os
import sys

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self, journal: int, held: dict[str, int]) -> None:
        self._journal = journal
        self._held = held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take one request, whole; write it down; answer."""
        asked = _decode(data)
        path = asked["params"]["path"]
        if asked["method"] == "lock":
            self._held[path] = fence = len(self._held) + 1
            result: dict[str, object] = {"path": path, "fence": fence, "waited_s": 0.0}
        else:
            del self._held[path]
            result = {"released": [path]}
        os.write(self._journal, data)
        self._transport.write(_encode({"jsonrpc": "2.0", "id": asked["id"], "result": result}) + b"\n")


async def answer(path: str, journal: str) -> None:
    """Answer on a socket until the process is ended."""
    held: dict[str, int] = {}
    descriptor = os.open(journal, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    server = await asyncio.get_running_loop().create_unix_server(lambda: Bare(descriptor, held), path)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(answer(*sys.argv[1:]))
