"""What a confined process sees of the machine, told from what its attempt needs."""

from pathlib import Path

import pytest

from orchestrator.confinement import sights
from orchestrator.confinement.sights import Around, look
from orchestrator.project import find
from tests.support.repositories import Repository


def test_a_squad_whose_own_temporary_folder_is_where_its_agents_get_theirs_leaves_that_to_them(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "t"
    given.mkdir()
    monkeypatch.setattr(sights, "SHARED", tmp_path)
    monkeypatch.setattr(sights, "TEMPORARY", str(given))
    monkeypatch.setenv("TMPDIR", str(given))
    project = find(repository.root)
    around = Around(
        project=project,
        workspace=project.root,
        home=tmp_path,
        argv=(),
        environment={"TMPDIR": str(given)},
        spoken_to=(),
        writable=(),
    )

    seen = look(around)

    assert given not in {*seen.hidden, *seen.visible}
