"""A stand-in for Codex: speaks its app-server's JSON-RPC, in the shapes of the recorded streams."""

import json
import sys
import time
import uuid
from typing import Any, ClassVar

from tests.support.fake_agent import CACHED, FRESH, OUTPUT, FakeAgent, Program, whole


class FakeCodex(FakeAgent):
    """Codex, as far as a test knows of it."""

    name: ClassVar[str] = "codex"
    module: ClassVar[str] = "tests.support.fake_codex"


class _Interrupted(Exception):
    pass


class _Codex(Program):
    def __init__(self) -> None:
        super().__init__()
        self.thread = self.turn = ""
        self.number = self.turns = 0

    def run(self) -> int:
        while request := self.hear():
            self.serve(request)
        self.note("ended", "end of stdin")
        return 0

    def serve(self, request: dict[str, Any]) -> None:
        """Answer a request; a turn is carried out before the next is heard."""
        params = request.get("params", {})
        match request.get("method"):
            case "initialize":
                self.respond(request, {"codexHome": "/home/ada/.codex"})
            case "thread/start" | "thread/resume":
                self.thread = params.get("threadId") or str(uuid.uuid4())
                self.respond(request, {"thread": {"id": self.thread, "cliVersion": "0-fake"}})
                if self.consumed():
                    self.tell_tokens()
            case "turn/start":
                self.take_turn(request)
            case "turn/interrupt" | "turn/steer":
                self.print({"id": request["id"], "error": {"code": -32600, "message": "no turn to interrupt"}})

    def take_turn(self, request: dict[str, Any]) -> None:
        self.turns += 1
        self.turn = f"turn-{self.attempt}-{self.turns}"
        self.note("told", request["params"]["input"][0]["text"])
        self.respond(request, {"turn": {"id": self.turn, "status": "inProgress"}})
        self.notify("turn/started", turn={"id": self.turn, "status": "inProgress"})
        try:
            if self.turns > 1 or self.carry_out():
                self.end("completed")
        except _Interrupted:
            self.end("interrupted")

    def write(self, path: str, text: str = "written\n") -> bool:
        """Announce, ask, and write if it is allowed."""
        self.number += 1
        item, change = f"call{self.number}", {"path": str(whole(path)), "kind": {"type": "add"}, "diff": text}
        announced = {"type": "fileChange", "id": item, "changes": [change], "status": "inProgress"}
        self.notify("item/started", item=announced)
        params = {"threadId": self.thread, "turnId": self.turn, "itemId": item}
        self.print({"method": "item/fileChange/requestApproval", "id": self.number, "params": params})
        decision = self.answer(self.number)["decision"]
        self.note("answer", decision)
        if decision == "accept":
            self.put(whole(path), text)
        self.notify("item/completed", item={**announced, "status": "completed" if decision == "accept" else "declined"})
        return True

    def say(self, text: str) -> bool:
        self.notify("item/completed", item={"type": "agentMessage", "id": f"m{self.number}", "text": text})
        return True

    def limit(self, seconds: float) -> bool:
        windows = {"primary": {"usedPercent": 100, "windowDurationMins": 300, "resetsAt": time.time() + seconds}}
        self.notify("account/rateLimits/updated", rateLimits={**windows, "secondary": None})
        self.end("failed", error={"message": "You've hit your usage limit.", "codexErrorInfo": "usageLimitExceeded"})
        return False

    def hang(self) -> bool:
        """Say nothing any more until it is interrupted."""
        self.answer(None)
        return False

    def answer(self, number: int | None) -> dict[str, Any]:
        """Give the answer to a question; what is said to the model meanwhile is noted."""
        while line := self.hear():
            match line.get("method"):
                case "turn/steer":
                    self.note("told", line["params"]["input"][0]["text"])
                    self.respond(line, {"turnId": self.turn})
                case "turn/interrupt":
                    self.note("interrupt", line["params"])
                    self.respond(line, {})
                    raise _Interrupted
                case None if line.get("id") == number:
                    return dict(line["result"])
        sys.exit(0)

    def end(self, status: str, **more: Any) -> None:
        """End the turn; tokens are told in total over the thread, also of earlier processes."""
        (self.folder / self.thread).write_text(str(self.consumed() + 1), encoding="utf-8")
        self.note("consumed", OUTPUT)
        self.tell_tokens()
        self.notify("turn/completed", turn={"id": self.turn, "status": status, "error": None, **more})
        self.turn = ""

    def consumed(self) -> int:
        """Give how many turns the thread has had."""
        file = self.folder / self.thread
        return int(file.read_text(encoding="utf-8")) if file.exists() else 0

    def tell_tokens(self) -> None:
        total, last = _tokens(self.consumed()), _tokens(1)
        self.notify("thread/tokenUsage/updated", turnId=self.turn, tokenUsage={"total": total, "last": last})

    def respond(self, request: dict[str, Any], result: dict[str, Any]) -> None:
        self.print({"id": request["id"], "result": result})

    def notify(self, method: str, **params: Any) -> None:
        self.print({"method": method, "params": {"threadId": self.thread, **params}})

    def hear(self) -> dict[str, Any]:
        """Give the next line; an empty object at the end."""
        line = sys.stdin.readline()
        return dict(json.loads(line)) if line else {}


def _tokens(turns: int) -> dict[str, int]:
    counts = {"inputTokens": FRESH + CACHED, "cachedInputTokens": CACHED, "outputTokens": OUTPUT}
    return {name: turns * count for name, count in counts.items()}


def main() -> int:
    """Be the program."""
    return _Codex().run()
