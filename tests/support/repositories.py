"""Real git repositories for tests."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository and its work tree."""

    root: Path

    @classmethod
    def init(cls, root: Path, *, commit: bool = True) -> Self:
        """Make one; with a first commit unless told otherwise."""
        root.mkdir(parents=True)
        made = cls(root)
        made.git("init", "--quiet", "--initial-branch=main")
        if commit:
            made.commit({"README.md": "# Project\n"}, "Start")
        return made

    def git(self, *arguments: str, check: bool = True) -> str:
        """Run git; gives its output without the newline at the end."""
        done = subprocess.run(["git", *IDENTITY, *arguments], cwd=self.root, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def write(self, files: Mapping[str, str]) -> None:
        """Write files without committing them."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, files: Mapping[str, str], message: str = "Change") -> str:
        """Write and commit files; gives the commit."""
        self.write(files)
        self.git("add", "--all", "--", *files)
        self.git("commit", "--quiet", "--message", message)
        return self.head()

    def head(self) -> str:
        """Give the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def files(self, revision: str) -> list[str]:
        """Give the files of a revision."""
        return self.git("ls-tree", "-r", "--name-only", revision).splitlines()

    def show(self, revision: str, path: str) -> str:
        """Give the text of a file in a revision."""
        return self.git("show", f"{revision}:{path}")
