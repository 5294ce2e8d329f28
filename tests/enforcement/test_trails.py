"""Ways over symlinks, as the kernel goes them."""

from pathlib import Path

from orchestrator.enforcement.bubblewrap import Mount, Sight, missing
from orchestrator.enforcement.trails import trail


def test_a_way_tells_each_link_and_each_name_of_what_it_leads_to(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "bin").mkdir(parents=True)
    (real / "bin" / "tool.py").touch()
    (real / "bin" / "tool").symlink_to("tool.py")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "second").symlink_to("real/bin/../")

    way = trail(tmp_path / "first" / "bin" / "tool")

    assert way is not None
    assert way.links == {
        tmp_path / "first": str(tmp_path / "second"),
        tmp_path / "second": "real/bin/..",
        real / "bin" / "tool": "tool.py",
    }
    assert way.names == (tmp_path / "first" / "bin" / "tool", real / "bin" / "tool", real / "bin" / "tool.py")
    assert way.crossed == {real / "bin"}


def test_links_that_lead_nowhere_or_round_and_round_are_no_way(tmp_path: Path) -> None:
    for name, said in {"a": "b", "b": "a", "gone": "nothing"}.items():
        (tmp_path / name).symlink_to(said)

    assert [trail(tmp_path / name) for name in ("a", "gone", "never", "x" * 5000)] == [None] * 4


def test_only_links_that_would_not_be_seen_are_made_again() -> None:
    mounts = [
        Mount(place=Path("/tmp"), sight=Sight.WRITE, source=Path("/private")),
        Mount(place=Path("/tmp/shown"), sight=Sight.READ, source=Path("/tmp/shown")),
        Mount(place=Path("/run/user"), sight=Sight.EMPTY, source=Path("/run/user")),
    ]
    links = {Path(place): "x" for place in ("/tmp/a", "/tmp/shown", "/tmp/shown/b", "/run/user/0/c", "/usr/d")}

    assert missing(links, mounts) == {Path("/tmp/a"): "x", Path("/run/user/0/c"): "x"}
