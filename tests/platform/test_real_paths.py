"""Where many relative paths really lie."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.platform import real_relative
from orchestrator.platform.real_paths import RealPaths

_PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "file", "in", "out", "loop", "lost", "up"]), min_size=1, max_size=5).map("/".join),
    max_size=8,
)


def _tree(root: Path) -> Path:
    """Make folders, a file, and links: inside, outside, to the root, in a circle and to nowhere."""
    project = root / "project"
    if not project.exists():
        (project / "a" / "b").mkdir(parents=True)
        (project / "a" / "file").write_text("x", encoding="utf-8")
        for link, target in {"in": "a/b", "out": "../elsewhere", "loop": "loop", "lost": "a/gone", "a/up": ".."}.items():
            (project / link).symlink_to(target)
        (root / "elsewhere").mkdir()
    return project


@given(_PATHS)
def test_many_paths_lie_where_each_by_itself_does(tmp_path_factory: pytest.TempPathFactory, paths: list[str]) -> None:
    project = _tree(tmp_path_factory.getbasetemp() / "real-paths")
    real = RealPaths(project)

    assert [real(path) for path in paths] == [real_relative(project, path) for path in paths]


def test_the_root_itself_lies_at_a_dot(tmp_path: Path) -> None:
    assert RealPaths(tmp_path)(".") == "."


def test_a_path_of_very_many_folders_is_followed_too(tmp_path: Path) -> None:
    path = "/".join(["a"] * 3000)

    assert RealPaths(tmp_path)(path) == path
