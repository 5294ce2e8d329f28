"""A stand-in for an agent that speaks ACP: does what a script says, and notes how it was started and answered.

`FakeAcp(folder)` installs it there as `fake-acp`, with a script for each attempt:
`{"T1.1": [["write", "a.txt"], ["say", "Done."]]}`. Run as a program it needs nothing but the standard library. Its shapes
are those of the recorded streams.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

_SCRIPT, _NOTES = "script.json", "notes.jsonl"
_MODES = {"currentModeId": "auto", "availableModes": [{"id": "auto", "name": "auto"}, {"id": "default", "name": "ask"}]}
_OPTIONS = [
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]


class FakeAcp:
    """What a test knows of the program it has installed."""

    def __init__(self, folder: Path, *, name: str = "fake-acp") -> None:
        """Install it in the folder."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.program = folder / name
        self.program.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text(encoding='utf-8')}", encoding="utf-8")
        self.program.chmod(0o755)
        self.play({})

    def play(self, scripts: dict[str, list[list[Any]]]) -> None:
        """Say what each attempt does; one without a script says that it is done."""
        (self.folder / _SCRIPT).write_text(json.dumps(scripts), encoding="utf-8")

    def notes(self, attempt: str, kind: str) -> list[Any]:
        """Give what an attempt noted: `argv`, `asked` (a method), `told`, `answer`, `ended`."""
        lines = (self.folder / _NOTES).read_text(encoding="utf-8").splitlines()
        return [what for name, of, what in map(json.loads, lines) if (name, of) == (attempt, kind)]


class _Program:
    def __init__(self) -> None:
        self.folder = Path(sys.argv[0]).parent
        self.attempt = os.environ["SQUAD_ATTEMPT_MARK"].rpartition("/")[2]
        self.session = f"session-of-{self.attempt}"
        self.steps = json.loads((self.folder / _SCRIPT).read_text(encoding="utf-8")).get(self.attempt, [])
        self.number = 0
        self.prompt: Any = None

    def run(self) -> int:
        self.note("argv", sys.argv[1:])
        while self.hear("session/prompt"):
            self.turn()
        self.note("ended", "end of stdin")
        return 0

    def turn(self) -> None:
        """Do the steps up to the end of the turn."""
        while self.steps:
            name, *details = self.steps.pop(0)
            if not getattr(self, name)(*details):
                return
        self.result("end_turn")

    def write(self, path: str, text: str = "written\n") -> bool:
        """Ask, and write if it is allowed; what the model reads of a refusal is that there was one."""
        whole = str(Path(os.getcwd()) / path)  # noqa: PTH109 - few imports
        self.number += 1
        diff = {"type": "diff", "path": whole, "oldText": None, "newText": text}
        call = {"toolCallId": f"call{self.number}", "title": "Write", "kind": "edit", "content": [diff]}
        self.update(sessionUpdate="tool_call", status="pending", **call)
        if self.ask({"toolCallId": call["toolCallId"]}) == "yes":
            Path(whole).parent.mkdir(parents=True, exist_ok=True)
            Path(whole).write_text(text, encoding="utf-8")
            self.update(sessionUpdate="tool_call_update", toolCallId=call["toolCallId"], status="completed")
        return True

    def blind(self, kind: str) -> bool:
        """Ask for something of which nothing is told."""
        self.ask({"toolCallId": "blind", "kind": kind, "title": "something"})
        return True

    def shell(self, command: str) -> bool:
        if self.ask({"toolCallId": "shell", "kind": "execute", "title": command}) == "yes":
            os.system(command)
        return True

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

    def fail(self, code: int, message: str, data: Any = None) -> bool:
        self.print({"id": self.prompt, "error": {"code": code, "message": message, "data": data}})
        return False

    def hang(self) -> bool:
        """Say nothing any more until it is cancelled."""
        self.hear("session/cancel")
        self.note("asked", "session/cancel")
        self.result("cancelled")
        return False

    def flood(self, length: int) -> bool:
        block = "x" * (1 << 20)
        for _ in range(length >> 20):
            sys.stdout.write(block)
        sys.stdout.write("\n")
        return True

    def ask(self, call: dict[str, Any]) -> str:
        params = {"sessionId": self.session, "toolCall": call, "options": _OPTIONS}
        self.print({"id": f"q{self.number}", "method": "session/request_permission", "params": params})
        answer = self.hear("")["result"]["outcome"]
        self.note("answer", answer)
        return str(answer.get("optionId", answer["outcome"]))

    def result(self, stop: str) -> None:
        usage = {"totalTokens": 1250, "inputTokens": 1000, "cachedReadTokens": 200, "outputTokens": 50}
        self.print({"id": self.prompt, "result": {"stopReason": stop, "usage": usage}})

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
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **line}) + "\n")
        sys.stdout.flush()

    def note(self, kind: str, what: Any) -> None:
        with (self.folder / _NOTES).open("a", encoding="utf-8") as file:
            file.write(json.dumps([self.attempt, kind, what]) + "\n")


if __name__ == "__main__":
    sys.exit(_Program().run())
