"""Real git repositories for tests.

Most begin alike: such a one is made by git once in each process and copied, index and all, which is a fifth of the cost.
"""

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
_IDLE = ("-c", "maintenance.auto=false")  #: to look whether there is housekeeping to do takes each commit a process more


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository and its work tree."""

    root: Path

    @classmethod
    def init(cls, root: Path, *, commit: bool = True) -> Self:
        """Make one; with a first commit unless told otherwise."""
        made = cls(root)
        if commit:
            shutil.copytree(_template(), root)
            made.git("update-index", "--refresh")  # the copies are other files than those that git saw
        else:
            root.mkdir(parents=True)
            made.git("init", "--quiet", "--initial-branch=main")
        return made

    def git(self, *arguments: str, check: bool = True) -> str:
        """Run git; gives its output without the newline at the end."""
        done = subprocess.run(["git", *IDENTITY, *_IDLE, *arguments], cwd=self.root, capture_output=True, text=True, check=False)
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


@functools.cache
def _template() -> Path:
    """Give a repository with one commit, as git makes it but for the examples of hooks; it goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="squad-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Repository.init(folder / "project", commit=False)
    made.commit({"README.md": "# Project\n"}, "Start")
    for example in (made.root / ".git/hooks").glob("*.sample"):
        example.unlink()
    return made.root
