"""A stand-in for an agent that speaks ACP, in the shapes of the recorded streams."""

import json
import sys
from typing import Any, ClassVar

from tests.support.fake_agent import CACHED, FRESH, OUTPUT, FakeAgent, Program, whole

_MODES = {"currentModeId": "auto", "availableModes": [{"id": "auto", "name": "auto"}, {"id": "default", "name": "ask"}]}
_OPTIONS = [
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
_USED = {
    "totalTokens": FRESH + CACHED + OUTPUT,
    "inputTokens": FRESH,
    "cachedReadTokens": CACHED,
    "outputTokens": OUTPUT,
}


class FakeAcp(FakeAgent):
    """The agent, as far as a test knows of it; started with `fresh` it cannot take up a former conversation."""

    name: ClassVar[str] = "fake-acp"
    module: ClassVar[str] = "tests.support.fake_acp"


class _Acp(Program):
    def __init__(self) -> None:
        super().__init__()
        self.session = f"session-of-{self.attempt}"
        self.left = self.steps()  #: of its script, which may go over several turns
        self.number = 0
        self.prompt: Any = None

    def run(self) -> int:
        while self.hear("session/prompt"):
            if self.take_turn():
                self.result("end_turn")
        self.note("ended", "end of stdin")
        return 0

    def take_turn(self) -> bool:
        """Take the steps up to the end of the turn; tells whether it is still to be ended."""
        while self.left:
            name, *details = self.left.pop(0)
            if not getattr(self, name)(*details):
                return False
        return True

    def write(self, path: str, text: str = "written\n") -> bool:
        """Ask, and write if it is allowed; what the model reads of a refusal is that there was one."""
        self.number += 1
        diff = {"type": "diff", "path": str(whole(path)), "oldText": None, "newText": text}
        call = {"toolCallId": f"call{self.number}", "title": "Write", "kind": "edit", "content": [diff]}
        self.update(sessionUpdate="tool_call", status="pending", **call)
        if self.ask({"toolCallId": call["toolCallId"]}) == "yes":
            self.put(whole(path), text)
            self.update(sessionUpdate="tool_call_update", toolCallId=call["toolCallId"], status="completed")
        return True

    def blind(self, kind: str) -> bool:
        """Ask for something of which nothing is told."""
        self.ask({"toolCallId": "blind", "kind": kind, "title": "something"})
        return True

    def shell(self, command: str) -> bool:
        """Ask, and run the command if it is allowed."""
        return self.ask({"toolCallId": "shell", "kind": "execute", "title": command}) != "yes" or super().shell(command)

    def say(self, text: str) -> bool:
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            self.update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": piece})
        return True

    def spend(self, amount: float) -> bool:
        self.update(sessionUpdate="usage_update", used=1, size=2, cost={"amount": amount, "currency": "USD"})
        return True

    def end(self, stop: str = "end_turn") -> bool:
        self.result(stop)
        return False

    def limit(self, seconds: float) -> bool:
        """End the turn as Gemini does for who is signed in with Google."""
        return self.fail(429, f"You have exhausted your capacity on this model. Your quota will reset after {round(seconds)}s.")

    def fail(self, code: int, message: str, data: Any = None) -> bool:
        self.print({"id": self.prompt, "error": {"code": code, "message": message, "data": data}})
        return False

    def hang(self) -> bool:
        """Say nothing any more until it is cancelled."""
        self.hear("session/cancel")
        self.note("asked", "session/cancel")
        self.result("cancelled")
        return False

    def ask(self, call: dict[str, Any]) -> str:
        params = {"sessionId": self.session, "toolCall": call, "options": _OPTIONS}
        self.print({"id": f"q{self.number}", "method": "session/request_permission", "params": params})
        answer = self.hear("")["result"]["outcome"]
        self.note("answer", answer)
        return str(answer.get("optionId", answer["outcome"]))

    def result(self, stop: str) -> None:
        self.note("consumed", OUTPUT)
        self.print({"id": self.prompt, "result": {"stopReason": stop, "usage": _USED}})

    def update(self, **update: Any) -> None:
        self.print({"method": "session/update", "params": {"sessionId": self.session, "update": update}})

    def hear(self, method: str) -> Any:
        """Give the next line of a method; what opens the conversation is answered on the way."""
        for line in sys.stdin:
            told = json.loads(line)
            if told.get("method", "") == method:
                if method == "session/prompt":
                    self.prompt = told["id"]
                    self.note("told", told["params"]["prompt"][0]["text"])
                return told
            if "id" in told and "method" in told:
                self.open(told)
        return None

    def open(self, told: dict[str, Any]) -> None:
        self.note("asked", told["method"])
        params = told["params"]
        if told["method"] == "initialize":
            capabilities = {"loadSession": "fresh" not in sys.argv}
            answer: dict[str, Any] = {"protocolVersion": 1, "agentCapabilities": capabilities}
            answer["agentInfo"] = {"name": "fake", "version": "0-fake"}
        elif told["method"] == "session/load":
            self.session = params["sessionId"]
            self.say("Status: FAILED")  # replayed
            answer = {"modes": _MODES}
        else:
            self.note("set", params)
            answer = {"sessionId": self.session, "modes": _MODES}
        self.print({"id": told["id"], "result": answer})

    def print(self, line: dict[str, Any]) -> None:
        super().print({"jsonrpc": "2.0", **line})


def main() -> int:
    """Be the program."""
    return _Acp().run()
