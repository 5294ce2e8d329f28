"""A stand-in for Claude Code: speaks its stream-json, in the shapes of the recorded streams."""

import json
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from tests.support.fake_agent import CACHED, FRESH, OUTPUT, FakeAgent, Program, whole

_VERSION = "version.txt"
_USED = {"inputTokens": FRESH, "outputTokens": OUTPUT, "cacheReadInputTokens": CACHED, "cacheCreationInputTokens": 0}
_COST = {**_USED, "costUSD": 0.005}


class FakeClaude(FakeAgent):
    """Claude Code, as far as a test knows of it."""

    name: ClassVar[str] = "claude"
    module: ClassVar[str] = "tests.support.fake_claude"

    def call_itself(self, version: str) -> None:
        """Say which version it tells."""
        (self.folder / _VERSION).write_text(version, encoding="utf-8")

    def conversation(self, attempt: str) -> tuple[str, str]:
        """Give how an attempt's conversation was begun, and its name."""
        [argv] = self.notes(attempt, "argv")
        place = next(place for place, word in enumerate(argv) if word in {"--resume", "--session-id"})
        return argv[place], argv[place + 1]


def _version(folder: Path) -> str:
    file = folder / _VERSION
    return file.read_text(encoding="utf-8") if file.exists() else "0-fake"


class _Claude(Program):
    def __init__(self) -> None:
        super().__init__()
        self.session = next(
            word for before, word in zip(sys.argv, sys.argv[1:], strict=False) if before in {"--resume", "--session-id"}
        )
        self.refused: list[dict[str, Any]] = []
        self.text = "Done."
        self.number = 0

    def run(self) -> int:
        self.hear("user")
        if self.carry_out():
            self.result()
        while self.hear("user"):  # what is told now is a turn of its own
            self.result()
        self.note("ended", "end of stdin")
        return 0

    def write(self, path: str, text: str = "written\n") -> bool:
        """Ask, and write if it is allowed; the model reads the refusal and goes on."""
        file = str(whole(path))
        self.number += 1
        use, asked = f"use{self.number}", {"file_path": file, "content": text}
        body = {"subtype": "can_use_tool", "tool_name": "Write", "input": asked, "tool_use_id": use}
        self.print({"type": "control_request", "request_id": f"q{self.number}", "request": body})
        answer = self.hear("control_response")["response"]["response"]
        self.note("answer", answer)
        if answer["behavior"] == "allow":
            self.put(Path(file), text)
            changed = {"type": "create", "filePath": file, "structuredPatch": []}
            self.print({"type": "user", "message": {}, "tool_use_result": changed})
        else:
            self.refused.append({"tool_name": "Write", "tool_use_id": use, "tool_input": asked})
        return True

    def use(self, tool: str, told: dict[str, Any]) -> bool:
        """Ask for a tool that only its name tells of."""
        self.number += 1
        body = {"subtype": "can_use_tool", "tool_name": tool, "input": told, "tool_use_id": f"use{self.number}"}
        self.print({"type": "control_request", "request_id": f"q{self.number}", "request": body})
        self.note("answer", self.hear("control_response")["response"]["response"])
        return True

    def say(self, text: str) -> bool:
        self.text = text
        message = {"id": f"m{time.monotonic()}", "content": [{"type": "text", "text": text}]}
        self.print({"type": "assistant", "message": message, "parent_tool_use_id": None})
        return True

    def limit(self, seconds: float) -> bool:
        info = {"status": "rejected", "resetsAt": time.time() + seconds}
        self.print({"type": "rate_limit_event", "rate_limit_info": info})
        self.result(is_error=True, api_error="usage_limit_reached", terminal_reason="api_error", result="You've hit your limit")
        return False

    def fail(self, status: int) -> bool:
        said = f"API error {status}"
        self.result(is_error=True, api_error_status=status, terminal_reason="api_error", result=said)
        return False

    def unknown(self) -> bool:
        """End as one that is to resume a conversation it does not know, and begins none."""
        self.result(is_error=True, errors=["No conversation found"], subtype="error_during_execution")
        return False

    def hang(self) -> bool:
        """Say nothing any more until it is interrupted."""
        self.note("interrupt", self.hear("control_request"))
        self.result(terminal_reason="aborted_streaming", is_error=True)
        return False

    def result(self, **more: Any) -> None:
        denials, self.refused = self.refused, []
        told = {"is_error": False, "terminal_reason": "completed", "result": self.text, "queued_turn_count": 0}
        usage = {"model_usage_since_last_result": {"fake": _COST}, "permission_denials": denials}
        self.note("consumed", OUTPUT)
        self.print({"type": "result", "session_id": self.session, **told, **usage, **more})

    def hear(self, kind: str) -> Any:
        """Give the next line of a kind; begin a turn with what the user's side says."""
        for line in sys.stdin:
            told = json.loads(line)
            if told["type"] != kind or told.get("request", {}).get("subtype") == "initialize":
                continue
            if kind == "user":
                self.note("told", told["message"]["content"])
                self.print(
                    {
                        "type": "system",
                        "subtype": "init",
                        "session_id": self.session,
                        "claude_code_version": _version(self.folder),
                    }
                )
            return told
        return None

    def print(self, line: dict[str, Any]) -> None:
        if line.get("subtype") != "init" or ["unknown"] not in self.steps():
            super().print(line)


def main() -> int:
    """Be the program."""
    if sys.argv[1:] == ["--version"]:
        print(_version(Path(sys.argv[0]).parent), "(Claude Code)")
        return 0
    return _Claude().run()
