"""A supervisor that only notes what it is asked, and answers as it is told to."""

import json
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ANSWERS: dict[str, object] = {
    "lock": {"path": "a", "fence": 3, "waited_s": 0.0},
    "unlock": {"released": ["a"]},
    "owns": {"path": "a", "owners": ["agent-2"], "access": "EXCLUSIVE", "holder": "agent-3"},
    "me": {
        "agent": "agent-1",
        "state": "working",
        "task": "T1",
        "progress": {"done": 3, "total": 5},
        "locks": [{"path": "a", "fence": 3}],
    },
    "ask": {"accepted": True, "answer": "decide yourself"},
}


@dataclass(slots=True)
class FakeSupervisor:
    """Its socket; `refuse` and `silent` say how it answers, `refusals` and `waits` how about single paths."""

    path: Path
    workspace: Path
    asked: list[dict[str, Any]] = field(default_factory=list)
    refuse: str = ""
    silent: bool = False
    refusals: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  #: path -> error
    waits: dict[str, threading.Event] = field(default_factory=dict)  #: path -> when it is granted
    withdrawn: list[str] = field(default_factory=list)  #: paths that nobody waits for any more

    def serve(self) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.path))
        server.listen()
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            message = json.loads(connection.makefile("rb").readline())
            self.asked.append(message)
            path = str(message["params"].get("path", ""))
            if self.silent or (path in self.waits and not self._granted(connection, path)):
                connection.recv(1)
                self.withdrawn.append(path)
                return
            answer: dict[str, object] = {"jsonrpc": "2.0", "id": message["id"]}
            if self.refuse or path in self.refusals:
                answer["error"] = self.refusals.get(path) or {"code": -32000, "message": self.refuse}
            else:
                answer["result"] = ANSWERS.get(message["method"], {"accepted": True})
            connection.sendall(json.dumps(answer).encode() + b"\n")

    def _granted(self, connection: socket.socket, path: str) -> bool:
        """Wait until the path is granted; tell whether somebody still waits for it."""
        connection.settimeout(0.01)
        while not self.waits[path].is_set():
            try:
                if not connection.recv(1):
                    return False
            except TimeoutError:
                continue
        return True

    def params(self) -> dict[str, Any]:
        """Give the params of the only request."""
        [message] = self.asked
        params = dict(message["params"])
        assert params.pop("token") == "t0ken"
        return params

    def variables(self) -> dict[str, str]:
        """Give what an agent's process is told of it."""
        return {
            "AGENT_ID": "agent-1",
            "SQUAD_SOCKET": str(self.path),
            "SQUAD_TOKEN": "t0ken",
            "SQUAD_WORKSPACE": str(self.workspace),
        }

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), **self.variables()}
