"""What must be seen for a program to start, told from where a shell in the workspace would find it."""

from pathlib import Path

import pytest

from orchestrator.enforcement.programs import led_away, started


def program(place: Path, text: str = "#!/bin/sh\n") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)
    return place


@pytest.mark.parametrize("path", ["tools", "./tools:/bin", "/bin:tools/", ":tools"])
def test_a_folder_of_path_without_a_slash_before_it_is_meant_from_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    workspace, elsewhere = tmp_path / "workspace", tmp_path / "elsewhere"
    own = program(workspace / "tools" / "my-agent")
    program(elsewhere / "tools" / "my-agent")
    monkeypatch.chdir(elsewhere)  # where the supervisor was started

    seen = [*started("my-agent", path=path, workspace=workspace)]

    assert {own, own.parent} <= set(seen)
    assert not [place for place in seen if place.is_relative_to(elsewhere)]


def test_a_link_out_of_a_folder_of_path_below_the_workspace_is_followed_too(tmp_path: Path) -> None:
    end = program(tmp_path / "hidden" / "my-agent")
    link = tmp_path / "workspace" / "tools" / "my-agent"
    link.parent.mkdir(parents=True)
    link.symlink_to(end)

    assert [*led_away("tools", [tmp_path / "hidden"], workspace=tmp_path / "workspace")] == [link]


def test_a_program_or_an_interpreter_in_a_folder_that_may_not_be_entered_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11 raises where it is asked whether there is a file, and the attempt ended with that."""
    closed = tmp_path / "closed"
    script = program(tmp_path / "script", f"#!{closed}/python\n")
    is_file = Path.is_file

    def refused(path: Path) -> bool:
        if path.is_relative_to(closed):  # as for a user who is not root
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)

    assert [*started(f"{closed}/my-agent", path="/bin", workspace=tmp_path)] == []
    assert [*started("./script", path="/bin", workspace=tmp_path)] == [script, tmp_path]
