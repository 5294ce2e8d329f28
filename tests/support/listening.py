"""An agent that keeps what it is told, and does at each attempt what a shell script says."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ListeningAgent:
    """Knows what each attempt was told."""

    folder: Path  #: of its scripts and of what it heard

    @property
    def command(self) -> list[str]:
        """Give its command, which takes its prompt from stdin."""
        name = "${SQUAD_ATTEMPT_MARK##*/}"
        return ["sh", "-ec", f'cat > "{self.folder}/{name}.md"; . "{self.folder}/{name}.sh"']

    def play(self, **scripts: str) -> None:
        """Say what attempts do, by their names with `_` for the dot."""
        self.folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            (self.folder / f"{name.replace('_', '.')}.sh").write_text(script + "\n", encoding="utf-8")

    def heard(self, attempt: str) -> str:
        """Give what an attempt was told, every byte of it."""
        return (self.folder / f"{attempt}.md").read_bytes().decode("utf-8")
