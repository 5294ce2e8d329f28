"""What real agents printed, kept in `tests/data` as it was but for names of places and long lists."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tests.support.real_agents import DATA

#: Long, and about the machine rather than the conversation.
_LEFT_OUT = frozenset(
    {"slash_commands", "terminal_slash_commands", "skills", "plugins", "agents", "memory_paths", "messaging_socket_path"}
    | {"installationId", "serverName", "userAgent"}
)


def recordings(agent: str) -> list[str]:
    """Name the recordings there are of an agent."""
    return sorted(path.stem for path in (DATA / agent).glob("*.jsonl"))


def recording(agent: str, name: str) -> bytes:
    """Give the output of one process."""
    return (DATA / agent / f"{name}.jsonl").read_bytes()


def keep(agent: str, name: str, printed: bytes, places: Mapping[str, str]) -> None:
    """Write a recording, if asked to."""
    if os.environ.get("SQUAD_TEST_RECORD") != "1":
        return
    text = printed.decode()
    for place, standing_for in places.items():
        text = text.replace(place, standing_for)
    (DATA / agent).mkdir(exist_ok=True)
    lines = "".join(f"{_shortened(line)}\n" for line in text.splitlines() if line)
    (DATA / agent / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _shortened(line: str) -> str:
    if not line.startswith("{"):
        return line
    told: dict[str, Any] = json.loads(line)
    if told.get("type") == "control_response":
        told["response"].pop("response", None)
    for inside in (told, told.get("params", {}), told.get("result", {})):
        for key in _LEFT_OUT & inside.keys() if isinstance(inside, dict) else ():
            del inside[key]
    return json.dumps(told, ensure_ascii=False)
