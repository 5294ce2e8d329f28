"""A stand-in for Claude Code: speaks its stream-json, does what a script says, and notes how it was started and answered.

`install` puts it into a folder for PATH, with a script for each attempt: `{"T1.1": [["write", "a.txt"], ["say", "Done."]]}`.
Run as a program it needs nothing but the standard library. Its shapes are those of the recorded streams.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_SCRIPT, _NOTES, _VERSION = "script.json", "notes.jsonl", "version.txt"
_COST = {"inputTokens": 1000, "outputTokens": 50, "cacheReadInputTokens": 200, "cacheCreationInputTokens": 0, "costUSD": 0.005}


class FakeClaude:
    """What a test knows of the program it has installed."""

    def __init__(self, folder: Path) -> None:
        """Install it as `claude` in the folder."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "claude"
        program.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text(encoding='utf-8')}", encoding="utf-8")
        program.chmod(0o755)

    def play(self, scripts: dict[str, list[list[Any]]]) -> None:
        """Say what each attempt does; one without a script says that it is done."""
        (self.folder / _SCRIPT).write_text(json.dumps(scripts), encoding="utf-8")

    def call_itself(self, version: str) -> None:
        """Say which version it tells."""
        (self.folder / _VERSION).write_text(version, encoding="utf-8")

    def notes(self, attempt: str, kind: str) -> list[Any]:
        """Give what an attempt noted: `argv`, `told`, `answer`, `ended`."""
        lines = (self.folder / _NOTES).read_text(encoding="utf-8").splitlines()
        return [what for name, of, what in map(json.loads, lines) if (name, of) == (attempt, kind)]

    def conversation(self, attempt: str) -> tuple[str, str]:
        """Give how an attempt's conversation was begun, and its name."""
        [argv] = self.notes(attempt, "argv")
        place = next(place for place, word in enumerate(argv) if word in {"--resume", "--session-id"})
        return argv[place], argv[place + 1]


def _version(folder: Path) -> str:
    file = folder / _VERSION
    return file.read_text(encoding="utf-8") if file.exists() else "0-fake"


class _Program:
    def __init__(self) -> None:
        self.folder = Path(sys.argv[0]).parent
        self.attempt = os.environ["SQUAD_ATTEMPT_MARK"].rpartition("/")[2]
        self.session = next(
            word for before, word in zip(sys.argv, sys.argv[1:], strict=False) if before in {"--resume", "--session-id"}
        )
        self.refused: list[dict[str, Any]] = []
        self.text = "Done."
        self.number = 0

    def run(self) -> int:
        self.note("argv", sys.argv[1:])
        steps = json.loads((self.folder / _SCRIPT).read_text(encoding="utf-8")).get(self.attempt, [])
        self.hear("user")
        for name, *details in steps:
            if not getattr(self, name)(*details):
                break
        else:
            self.result()
        while self.hear("user"):  # what is told now is a turn of its own
            self.result()
        self.note("ended", "end of stdin")
        return 0

    def write(self, path: str, text: str = "written\n") -> bool:
        """Ask, and write if it is allowed; the model reads the refusal and goes on."""
        whole = str(Path(os.getcwd()) / path) if not path.startswith("/") else path  # noqa: PTH109 - few imports
        self.number += 1
        use, asked = f"use{self.number}", {"file_path": whole, "content": text}
        body = {"subtype": "can_use_tool", "tool_name": "Write", "input": asked, "tool_use_id": use}
        self.print({"type": "control_request", "request_id": f"q{self.number}", "request": body})
        answer = self.hear("control_response")["response"]["response"]
        self.note("answer", answer)
        if answer["behavior"] == "allow":
            Path(whole).parent.mkdir(parents=True, exist_ok=True)
            Path(whole).write_text(text, encoding="utf-8")
            changed = {"type": "create", "filePath": whole, "structuredPatch": []}
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

    def shell(self, command: str) -> bool:
        """Run a command that the user's own settings allow."""
        return os.system(command) == 0 or True

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

    def flood(self, length: int) -> bool:
        block = "x" * (1 << 20)
        for _ in range(length >> 20):
            sys.stdout.write(block)
        sys.stdout.write("\n")
        return True

    def result(self, **more: Any) -> None:
        denials, self.refused = self.refused, []
        told = {"is_error": False, "terminal_reason": "completed", "result": self.text, "queued_turn_count": 0}
        usage = {"model_usage_since_last_result": {"fake": _COST}, "permission_denials": denials}
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
        if line.get("subtype") == "init" and self.is_unknown():
            return
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def is_unknown(self) -> bool:
        scripts = json.loads((self.folder / _SCRIPT).read_text(encoding="utf-8"))
        return ["unknown"] in scripts.get(self.attempt, [])

    def note(self, kind: str, what: Any) -> None:
        with (self.folder / _NOTES).open("a", encoding="utf-8") as file:
            file.write(json.dumps([self.attempt, kind, what]) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(_version(Path(sys.argv[0]).parent), "(Claude Code)")
        sys.exit(0)
    sys.exit(_Program().run())
