"""How squad reads a worktree: with an index, settings and rules of its own.

They stand as they were before the first agent of the run was started, in a git folder beside the journal. So whatever an
agent does to git's own files (bits in the index, excludes, attributes and filters, settings, replaced commits), what it
changed in its workspace is seen as it lies there.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git import Git, own_dir
from orchestrator.model import RunId
from orchestrator.project import Project
from orchestrator.workspaces.mending import clear_away

#: Settings that are not taken over: they point elsewhere, or keep parts of an index in files of another folder.
_LEFT = ("core.worktree", "core.bare", "core.hookspath", "core.splitindex", "core.untrackedcache", "extensions.worktreeconfig")
_FILES = ("exclude", "attributes", "sparse-checkout")  #: of git's folder `info`
#: Rules that lie elsewhere: the setting that names them, and where they lie without it.
_RULES = {"core.excludesFile": "ignore", "core.attributesFile": "attributes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the worktrees of one run are read."""

    project: Project
    run: RunId

    @property
    def folder(self) -> Path:
        """Give the git folder that only squad uses."""
        return self.project.state / "reading" / self.run

    def begin(self) -> None:
        """Note settings and rules as they stand; once noted, nothing changes them.

        Raises:
            GitFailed: Git could not tell them.
        """
        if self.folder.is_dir():
            return
        new = self.folder.with_name(f"{self.run}.new")
        shutil.rmtree(new, ignore_errors=True)
        (new / "info").mkdir(parents=True)
        for name in ("refs", "objects"):
            (new / name).mkdir()
        (new / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        here = Git(self.project.root)
        for name in _FILES:
            _copy(self.project.root / here.line("rev-parse", "--git-path", f"info/{name}"), new / "info" / name)
        settings = _settings(here)
        for setting, name in _RULES.items():
            told = here.run("config", "--type=path", setting, check=False).rstrip("\n")
            _copy(Path(told) if told else _home() / "git" / name, new / name)
            settings.append((setting.lower(), str(self.folder / name)))
        if not any(key == "lfs.storage" for key, _ in settings):
            settings.append(("lfs.storage", str(self.project.state.parent / "lfs")))
        (new / "config").write_bytes(os.fsencode("".join(map(_written, settings))))
        new.rename(self.folder)  # last: now it is whole

    def git(self, workspace: Path) -> Git:
        """Give git for a workspace as squad reads it; it has objects in common with the project, and nothing else."""
        index = self.index(workspace)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)  # of a killed git: nobody else writes there
        return Git(workspace, self._environment(workspace, index))

    def _environment(self, workspace: Path, index: Path) -> dict[str, str]:
        return {
            "GIT_DIR": str(self.folder),
            "GIT_WORK_TREE": str(workspace),
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(self.project.state.parent / "objects"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def apart(self, workspace: Path, folder: Path) -> Git:
        """Give git for a look at a workspace that leaves nothing behind: what it stages lies in a folder that is thrown away."""
        index = folder / "index"
        shutil.copy2(self.index(workspace), index)
        objects = self.project.state.parent / "objects"
        apart = {"GIT_OBJECT_DIRECTORY": str(folder / "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
        (folder / "objects").mkdir()
        return Git(workspace, {**self._environment(workspace, index), **apart})

    def index(self, workspace: Path) -> Path:
        """Give squad's own index of a workspace."""
        return self.folder / f"index-{self.project.note_of(workspace).name}"

    def setup(self, workspace: Path) -> Path:
        """Give the note of what set-up commands left in a workspace."""
        return self.folder / f"setup-{self.project.note_of(workspace).name}"

    def forget(self, workspace: Path) -> None:
        """Drop what is known of a workspace that is made anew."""
        self.index(workspace).unlink(missing_ok=True)
        self.setup(workspace).unlink(missing_ok=True)

    def note(self, workspace: Path) -> None:
        """Take over the index of a workspace that no agent was in yet, with what it knows of the files."""
        shutil.copy2(_index_of(workspace), self.index(workspace))

    def give(self, workspace: Path) -> None:
        """Let the workspace's own index be squad's: what stands there is what was read.

        It is put in the place of what an agent left there: written through, a link of its would lead to somebody's file.
        """
        index = _index_of(workspace)
        new = index.with_name(f"index-of-squad-{os.getpid()}")
        clear_away(new)
        shutil.copy2(self.index(workspace), new, follow_symlinks=False)
        if index.is_dir():
            clear_away(index)
        new.replace(index)


def _index_of(workspace: Path) -> Path:
    return own_dir(workspace) / "index"


def _settings(here: Git) -> list[tuple[str, str | None]]:
    """Give all that git is set to here, with what is included from elsewhere; a setting may stand without a value."""
    found: list[tuple[str, str | None]] = []
    for row in here.names("config", "--list", "--includes", "-z"):
        key, told, value = row.partition("\n")
        if key not in _LEFT and not key.startswith(("include.", "includeif.")):
            found.append((key, value if told else None))
    return [*found, ("core.bare", "false")]


def _written(setting: tuple[str, str | None]) -> str:
    """Give a setting as it stands in a file of git's."""
    key, value = setting
    section, _, rest = key.partition(".")
    inner, dot, name = rest.rpartition(".")
    inner = inner.replace("\\", "\\\\").replace('"', '\\"')
    head = f'[{section} "{inner}"]' if dot else f"[{section}]"
    if value is None:
        return f"{head}\n\t{name}\n"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'{head}\n\t{name} = "{quoted}"\n'


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)


def _home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
