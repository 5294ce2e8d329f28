"""What is made for an attempt before it is confined."""

import os
import sys
from pathlib import Path

import pytest

from orchestrator.confinement.confines import _plain
from orchestrator.leash.placeholders import Placeholders


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can confine an agent")
def test_a_link_in_the_way_of_what_is_to_be_made_leaves_nothing_open(tmp_path: Path) -> None:
    """Each refusal once left a descriptor behind, and each attempt two."""
    (tmp_path / "link").symlink_to(tmp_path)
    before = lowest_free()

    placeholders = Placeholders()
    with pytest.raises(OSError, match="symbolic links"):
        placeholders.make(str(tmp_path / "link" / "x"), folder=False)
    placeholders.close()

    assert lowest_free() <= before


def lowest_free() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor
