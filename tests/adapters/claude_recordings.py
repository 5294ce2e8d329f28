"""What the real Claude Code printed, kept in `tests/data/claude` as it was but for names of places and long lists."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tests.support.real_agents import DATA

_LISTS = ("slash_commands", "terminal_slash_commands", "skills", "plugins", "agents", "memory_paths", "messaging_socket_path")
#: The recordings there are.
NAMES = sorted(path.stem for path in (DATA / "claude").glob("*.jsonl"))


def recording(name: str) -> bytes:
    """Give the output of one process."""
    return (DATA / "claude" / f"{name}.jsonl").read_bytes()


def keep(name: str, printed: bytes, places: Mapping[str, str]) -> None:
    """Write a recording, if asked to."""
    if os.environ.get("SQUAD_TEST_RECORD") != "1":
        return
    text = printed.decode()
    for place, standing_for in places.items():
        text = text.replace(place, standing_for)
    lines = "".join(f"{_shortened(line)}\n" for line in text.splitlines() if line)
    (DATA / "claude" / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _shortened(line: str) -> str:
    if not line.startswith("{"):
        return line
    told: dict[str, Any] = json.loads(line)
    if told["type"] == "control_response":
        told["response"].pop("response", None)
    for key in _LISTS:
        told.pop(key, None)
    return json.dumps(told, ensure_ascii=False)
