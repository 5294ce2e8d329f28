"""A model that does what a script says, for tests of real agent programs: no internet, no key, no chance.

    with StubModel({"T1": [Call("write", {"path": "a.txt", "content": "a"}), Say()]}) as model:
        ...  # ANTHROPIC_BASE_URL=model.url, or model.url + "/v1" for the OpenAI interfaces; any key

Several agents may talk to it at once: the script is found by its word in what the user's side said last, and the step by
how often the model has answered since. `python -m tests.support.stub_model SCRIPTS.json` serves as a process of its own.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.support.stub_model.asked import Asked, Interface
from tests.support.stub_model.plan import ALWAYS, Call, Cut, Drip, Fail, Limit, Say, Script, Silence, Step
from tests.support.stub_model.server import Server

__all__ = ["ALWAYS", "Asked", "Call", "Cut", "Drip", "Fail", "Interface", "Limit", "Say", "Silence", "Step", "StubModel"]


class StubModel:
    """The server in a thread of its own."""

    def __init__(self, scripts: Mapping[str, Sequence[Step]], *, counts: bool = False) -> None:
        """Take the scripts, by their words; nothing listens before `with`. Told to, a request costs as much as is in it."""
        self._server = Server({word: Script(steps) for word, steps in scripts.items()}, counts=counts)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stub model", daemon=True)
        self.url = ""

    def play(self, **scripts: Sequence[Step]) -> None:
        """Add scripts, by their words."""
        self._server.scripts.update({word: Script(steps) for word, steps in scripts.items()})

    @property
    def asked(self) -> list[Asked]:
        """Give the requests for an answer so far."""
        return list(self._server.asked)

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result()
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
