"""A conversation without a program: words for what an agent says, and text for what is written to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.messages import Permission, Said


@dataclass(slots=True)
class Script:
    """A conversation that says what it is fed by name, and words everything as text."""

    said: Mapping[bytes, Said]
    held: int = 0

    def feed(self, chunk: bytes) -> list[Said]:
        return [self.said[word] for word in chunk.split()]

    def finish(self) -> list[Said]:
        return []

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        return f"{permission.request} {'yes' if allow else f'no: {reason}'}".encode()

    def tell(self, text: str) -> bytes:
        return f"tell {text}".encode()

    def interrupt(self) -> bytes:
        return b"interrupt"


@dataclass(slots=True)
class Stdin:
    """Stands for the leash: keeps what is written."""

    written: list[str] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        self.written.append(data.decode())

    def close_stdin(self) -> None:
        self.written.append("end")
