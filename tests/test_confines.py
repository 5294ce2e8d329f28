"""What is made for an attempt before it is confined."""

from pathlib import Path

from orchestrator.confines import _plain


def test_a_link_that_an_agent_put_into_its_caches_leads_squad_nowhere(tmp_path: Path) -> None:
    """Squad once made links of its own through it, in folders that the agent could not write."""
    caches, theirs = tmp_path / "caches", tmp_path / "theirs"
    for folder in (caches, theirs):
        folder.mkdir()
    (caches / "cargo").symlink_to(theirs)
    (caches / "npm").write_text("a file", encoding="utf-8")

    assert _plain(caches / "cargo" / "registry", caches)
    assert not _plain(caches / "npm", caches)

    assert list(theirs.iterdir()) == []
    assert (caches / "cargo" / "registry").resolve().is_relative_to(caches)
