"""What commands that squad starts out of agents' work can write, and what is said of those that were refused something."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from orchestrator.adoption import prepare
from orchestrator.confinement import leveling, walled
from orchestrator.confinement.confines import remove
from orchestrator.confinement.sights import SHARED
from orchestrator.confinement.walled import Came, For, Walled, WallsFailed
from orchestrator.enforcement.confinement import Means
from orchestrator.enforcement.probing import Probed
from orchestrator.model import AttemptId, RunId
from orchestrator.project import Project, find
from orchestrator.sections import EnforcementSettings
from orchestrator.state import State
from orchestrator.workspaces.private import private_folder
from orchestrator.workspaces.worktree import Worktrees
from tests.support.confined import needs
from tests.support.repositories import Repository
from tests.support.trying import rows_in, trying

RUN, MINE, THEIRS = RunId("demo-1"), AttemptId("T1.1"), AttemptId("T2.1")
UNCONFINED = 'echo x > "$HOME/free"'
MEANS = [pytest.param(means, marks=needs(means), id=means) for means in Means]


@dataclass(frozen=True, slots=True)
class Site:
    """A worktree in which commands are run by one means."""

    walled: Walled
    folder: Path
    log: Path

    async def run(self, text: str, *, held: bool = True) -> Came:
        return await self.walled.run(text, self.folder, For(attempt=MINE, caches="agent-1", held=held), log=self.log)


def site_at(project: Project, means: Means | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    async def found() -> Probed:
        return Probed(means=() if means is None else (means,))

    monkeypatch.setattr(leveling, "probe", found)
    worktrees = Worktrees(project=project, run=RUN, place=project.folder / "worktrees")
    for attempt in (MINE, THEIRS):
        worktrees.make(attempt, worktrees.folder(attempt), start=None)
        worktrees.finish(worktrees.folder(attempt))
    own = Walled(
        project=project,
        run_id=RUN,
        levels=leveling.Levels("deny"),
        settings=EnforcementSettings(unconfined=(UNCONFINED,)),
        environment={"HOME": str(Path.home()), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        state=lambda: State(run=RUN),
    )
    return Site(own, worktrees.folder(MINE), tmp_path / "log")


@pytest.fixture(params=MEANS)
def site(request: pytest.FixtureRequest, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_at(project, request.param, tmp_path, monkeypatch)


async def test_a_command_writes_its_folder_and_nothing_beside(site: Site, repository: Repository, home: Path) -> None:
    root, common = repository.root, '"$(git rev-parse --git-common-dir)"'
    can = [
        "echo x > new.txt && echo x >> README.md && mkdir -p build/deep && echo x > build/deep/out",
        "echo x > $TMPDIR/x && mkdir -p $TMPDIR/a/b && chmod 0 $TMPDIR/a",
        "mkdir -p $XDG_CACHE_HOME && echo x > $XDG_CACHE_HOME/x",
        "git status && git diff",
    ]
    cannot = [
        f"echo x >> {root}/README.md",
        f"echo x > {root}/stray",
        "echo x >> ../T2.1/README.md",
        "mv ../T2.1 ../T3.1",
        f"echo x > {common}/hooks/pre-commit",
        f"echo x > {common}/squad/stray",
        "git config user.name me",
        "git update-ref refs/heads/main HEAD^{tree}",
        "git branch mine",
        f"echo x > {home}/.profile",
        f"ln {root}/README.md linked && echo x >> linked",
        f"ln -s {root}/README.md sym && echo x >> sym",
    ]
    before = {place: place.read_bytes() for place in (root / "README.md", site.folder / ".git")}

    # what the environment and the command name is seen, and no less writable for it
    assert (await site.run(f"mkdir {site.folder}/named $npm_config_cache")).code == 0
    can += [f"echo x > {site.folder}/named/x", "echo x > $npm_config_cache/x"]
    came = await site.run(trying(*can, *cannot, "git add -A && git commit -qm mine", "rm .git"))

    answers = dict(rows_in(site.log))
    assert (came.code, came.confined) == (0, True)
    assert {command: answers[command] for command in (*can, *cannot)} == {
        **dict.fromkeys(can, "allowed"),
        **dict.fromkeys(cannot, "refused"),
    }
    is_sandbox = await site.walled.levels.of_commands() is Means.BUBBLEWRAP
    assert answers["git add -A && git commit -qm mine"] == ("allowed" if is_sandbox else "refused")
    assert {place: place.read_bytes() for place in before} == before
    here = Repository(site.folder)
    assert (here.head(), here.git("diff", "--cached", "--name-only")) == (repository.head(), "")
    assert list((site.walled.project.state / "private" / RUN).iterdir()) == []


async def test_who_is_refused_something_hears_of_the_walls_and_of_the_way_out(site: Site) -> None:
    refused = await site.run("echo x > ../stray")
    failed = await site.run("echo nothing is wrong here; exit 3")

    assert (refused.confined, failed.confined, failed.code, failed.words) == (True, True, 3, "")
    assert refused.words.startswith("; it was confined, and its log says ")
    assert "enforcement.writable" in refused.words


async def test_what_is_not_to_be_confined_is_not(site: Site, home: Path) -> None:
    named = await site.run(UNCONFINED)
    below_deny = await site.run("echo x > $HOME/below", held=False)

    at_auto = await Site(replace(site.walled, levels=leveling.Levels("auto")), site.folder, site.log).run("echo x > $HOME/auto")
    told = site.walled.settings.model_copy(update={"confine_checks": True})
    asked = await Site(replace(site.walled, levels=leveling.Levels("auto"), settings=told), site.folder, site.log).run("true")

    left = site.walled.settings.model_copy(update={"confine_checks": False})
    at_deny = await Site(replace(site.walled, settings=left), site.folder, site.log).run("echo x > $HOME/deny")

    came = [(one.code, one.confined) for one in (named, below_deny, at_auto, at_deny)]
    assert came == [(0, False), (0, None), (0, None), (0, None)]
    is_sandbox = await site.walled.levels.of_commands() is Means.BUBBLEWRAP
    assert asked.confined == is_sandbox, "by Landlock nobody is confined who does not demand it"
    assert (home / "free").exists()
    assert (home / "below").exists()


@pytest.mark.parametrize("is_linked", [False, True], ids=["main", "linked"])
async def test_in_a_shared_tree_git_only_reads(site: Site, repository: Repository, *, is_linked: bool) -> None:
    repository.git("branch", "other")
    shared = repository
    if is_linked:
        shared = Repository(repository.root.parent / "linked")
        repository.git("worktree", "add", "--quiet", "-b", "plain", str(shared.root))
    project = find(shared.root)
    prepare(project, now=0.0)
    here = Site(replace(site.walled, project=project), shared.root, site.log)
    reads = ["git status", "git log", "git rev-parse --verify main", "git rev-parse --verify other"]
    writes = ["git add -A", "git commit --allow-empty -qm mine", "git branch mine", "git stash", "mv .git moved", "rm -r .git"]

    came = await here.run(trying("echo x >> README.md", *reads, *writes))

    answers = dict(rows_in(site.log))
    assert (came.code, came.confined) == (0, True)
    assert {command: answers[command] for command in (*reads, *writes)} == {
        **dict.fromkeys(reads, "allowed"),
        **dict.fromkeys(writes, "refused"),
    }
    assert shared.git("status", "--porcelain", "--untracked-files=no") == " M README.md"


def test_what_a_supervisor_left_that_died_in_a_set_up_goes_with_the_attempt(project: Project) -> None:
    left = private_folder(project, RUN, MINE) / "command" / "tmp" / "t" / "shut"
    left.mkdir(parents=True)
    (left / "file").touch()
    left.chmod(0)

    remove(project, RUN, MINE)

    assert list((project.state / "private").iterdir()) == []


@needs(Means.BUBBLEWRAP)
async def test_what_others_have_at_the_place_of_temporary_files_is_not_seen(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_at(project, Means.BUBBLEWRAP, tmp_path, monkeypatch)

    with TemporaryDirectory(dir=SHARED) as theirs:
        monkeypatch.setattr(walled, "TEMPORARY", theirs)
        came = await site.run('test ! -e "$TMPDIR"')

    assert came.code == 0


async def test_where_nothing_can_confine_it_a_command_is_not_run(
    project: Project, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_at(project, None, tmp_path, monkeypatch)

    with pytest.raises(WallsFailed, match="enforcement level 'deny' is not to be had"):
        await site.run("touch $HOME/ran")

    assert not (home / "ran").exists()
