"""The order of mounts, as a pure value: what is said nearest to a path decides what may be done with it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.enforcement.bubblewrap import Mount, Sight, arguments, in_order, kernels
from orchestrator.enforcement.confinement import Confinement, Means

ROOT = Path("/w")
PATHS = st.lists(st.sampled_from("abc"), max_size=3).map(lambda names: ROOT.joinpath(*names))
SOME = st.lists(PATHS, max_size=3, unique=True).map(tuple)
CONFINEMENTS = st.builds(
    Confinement,
    means=st.just(Means.BUBBLEWRAP),
    writable=SOME,
    protected=SOME,
    hidden=SOME,
    visible=SOME,
    private=st.dictionaries(PATHS, PATHS.map(lambda path: Path("/private", *path.parts[1:])), max_size=2),
)


def said_of(confinement: Confinement, path: Path) -> Sight:
    """Give what was said nearest; of several words about one place the last of these counts."""
    for place in (path, *path.parents):
        if place in confinement.protected:
            return Sight.READ
        if place in confinement.private or place in confinement.writable:
            return Sight.WRITE
        if place in confinement.visible:
            return Sight.READ
        if place in confinement.hidden:
            return Sight.EMPTY
    return Sight.READ


def seen_at(mounts: tuple[Mount, ...], path: Path) -> Sight:
    """Make the mounts one after another, as the kernel does: each covers what was made at or below its place before."""
    table: dict[Path, Mount] = {}
    for mount in mounts:
        table = {place: one for place, one in table.items() if not place.is_relative_to(mount.place)}
        table[mount.place] = mount
    nearest = next((place for place in (path, *path.parents) if place in table), None)
    return table[nearest].sight if nearest else Sight.READ


@given(CONFINEMENTS, PATHS)
def test_what_is_said_nearest_to_a_path_decides(confinement: Confinement, path: Path) -> None:
    assert seen_at(confinement.mounts(), path) is said_of(confinement, path)


@given(CONFINEMENTS)
def test_no_folder_above_something_held_back_can_be_renamed(confinement: Confinement) -> None:
    """What stands at a mount cannot be renamed; so every writable folder above what is held back is one."""
    mounts = {mount.place: mount for mount in confinement.mounts()}
    for mount in mounts.values():
        if mount.sight is Sight.WRITE:
            continue
        for folder in mount.place.parents:
            above = next((mounts[one] for one in (folder, *folder.parents) if one in mounts), None)
            if above is None or above.sight is not Sight.WRITE or above.source != above.place:
                break
            assert folder in mounts


def test_parents_are_mounted_before_what_is_in_them() -> None:
    places = ["/w/a/b", "/w", "/w/a b", "/w/a"]

    mounts = in_order(Mount(place=Path(place), sight=Sight.WRITE, source=Path(place)) for place in places)

    assert [str(mount.place) for mount in mounts] == ["/w", "/w/a", "/w/a/b", "/w/a b"]


def test_what_looks_empty_becomes_read_only_once_everything_in_it_has_its_place() -> None:
    confinement = Confinement(means=Means.BUBBLEWRAP, hidden=(Path("/tmp"),), writable=(Path("/tmp/w"),))

    words = arguments(confinement.mounts())

    assert words[-7:] == ["--tmpfs", "/tmp", "--bind", "/tmp/w", "/tmp/w", "--remount-ro", "/tmp"]
    assert words.index("--proc") < words.index("--tmpfs"), "nothing of the system's own covers what was said"


def test_what_of_proc_speaks_to_the_kernel_is_read_only_for_root(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "12").mkdir()
    (tmp_path / "self").symlink_to("12")
    (tmp_path / "trigger").touch(0o200)
    (tmp_path / "version").touch(0o444)

    sealed = kernels(tmp_path, is_root=True)

    assert sealed == [str(tmp_path / "sys"), str(tmp_path / "trigger")]
    assert kernels(tmp_path, is_root=False) == []
    words = arguments((), sealed=sealed)
    assert words[words.index("--proc") :][2:5] == ["--ro-bind", sealed[0], sealed[0]]
