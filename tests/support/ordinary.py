"""A supervisor in one file of the standard library, so that any user can run it: `ordinary.py LEASH...`.

The first line of its input is what to put on the leash; each line after it is a question, answered with one line.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Supervisor:
    def __init__(self, leash: list[str], spec: dict[str, Any]) -> None:
        self.connection, theirs = socket.socketpair()
        with theirs:
            self.leash = subprocess.Popen(leash, stdin=theirs.fileno(), start_new_session=True, cwd="/")
        self.log = Path(spec["log"])
        self.read = 0
        self.events = self.receive()
        self.send(spec)

    def send(self, message: dict[str, Any]) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Iterator[dict[str, Any]]:
        with self.connection.makefile("rb") as file:
            for line in file:
                event = json.loads(line)
                if event["event"] == "output":
                    self.send({"op": "ack"})
                yield event

    def until(self, *names: str) -> dict[str, Any]:
        return next(event for event in self.events if event["event"] in {*names, "gone"})

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if "say" not in question:
            self.send({"id": 1, "patience": 1.0, "folder": False, **question})
            return self.until("opened", "closed", "busy", "failed")
        self.send({"op": "stdin", "data": question["say"] + "\n"})
        until = time.monotonic() + 60
        while not (line := self.line()) and time.monotonic() < until:
            time.sleep(0.005)
        return {"said": line}

    def line(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self.read)
            line = file.readline()
        if not line.endswith(b"\n"):
            return ""
        self.read += len(line)
        return line.decode().rstrip("\n")

    def end(self) -> dict[str, Any]:
        self.send({"op": "stop", "grace": 0.2})
        gone = self.until()
        self.leash.wait()
        return gone


def main() -> None:
    supervisor = Supervisor(sys.argv[1:], json.loads(sys.stdin.readline()))
    print(json.dumps(supervisor.until("started", "failed")), flush=True)
    for line in sys.stdin:
        print(json.dumps(supervisor.ask(json.loads(line))), flush=True)
    print(json.dumps(supervisor.end()), flush=True)


if __name__ == "__main__":
    main()
