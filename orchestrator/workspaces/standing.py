"""Whether what a run integrated stands in a commit; only git is asked, and nothing is written.

It stands where the merge is part of the commit's history, or where its changes are there without it, as after a squash. It
does not where all of them were taken back.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import git
from orchestrator.errors import RepositoryError
from orchestrator.git import Git


@dataclass(slots=True)
class Standing:
    """What stands in one commit of a repository."""

    root: Path
    head: str
    _since: dict[str, frozenset[str]] = field(default_factory=dict)  #: commit -> paths that differ from it in the head

    def holds(self, merge: str, *, base: str, tip: str) -> bool:
        """Tell whether the head holds what a merge brought; its run had the branch at `base` first, at `tip` in the end."""
        try:
            before = Git(self.root).attempt("rev-parse", "--verify", "--quiet", f"{merge}^1").stdout.strip()
            if not before:  # nobody has it any more, so the head does not either
                return False
            changed = frozenset(git.changed_paths(self.root, before, merge))
            if changed and not changed & self._differing(before) & self._differing(base):
                return False
            if self.is_ancestor(merge):
                return True
            if not changed:
                return False
            if not changed & self._differing(merge) or not changed & self._differing(tip):
                return True
            return self._can_be_taken_back(before, merge)
        except RepositoryError:
            return False

    def is_ancestor(self, commit: str) -> bool:
        """Tell whether a commit is part of the head's history."""
        return Git(self.root).succeeds("merge-base", "--is-ancestor", commit, self.head)

    def has(self, path: str) -> bool:
        """Tell whether a file is in the head."""
        return Git(self.root).succeeds("cat-file", "-e", f"{self.head}:{path}")

    def _differing(self, commit: str) -> frozenset[str]:
        if commit not in self._since:
            self._since[commit] = frozenset(git.changed_paths(self.root, commit, self.head))
        return self._since[commit]

    def _can_be_taken_back(self, before: str, merge: str) -> bool:
        """Tell whether every change of a merge is found in the head, though the files have gone on since."""
        here = Git(self.root)
        patch = here.run("diff-tree", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", before, merge)
        with tempfile.TemporaryDirectory(prefix="squad-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            here.run("read-tree", self.head, extra=index)
            return here.attempt("apply", "--cached", "--check", "--reverse", stdin=patch, extra=index).returncode == 0
