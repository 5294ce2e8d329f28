"""Whatever a confined agent tries, as an ordinary user, with the kernel's answer: refused, or allowed and why."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.enforcement.confinement import Confinement, Means
from tests.support.confined import Ordinary, interpreter, needs, ordinary, ordinary_folder, probed

pytestmark = needs(Means.BUBBLEWRAP)

TEXT = "as it was\n"
REFUSED = "refused"
WAYS = (
    "write",
    "truncate",
    "rename_over",
    "move_over",
    "rename_out",
    "hard_link",
    "symlink",
    "dots",
    "own_root",
    "init_root",
    "own_folder",
    "chmod",
    "utimes",
    "xattr",
    "remove",
    "shell",
    "daemon",
    "mount_over",
    "second_namespace",
)


@dataclass(frozen=True, slots=True)
class Prisoner:
    """An agent that may write `own`, but not `own/kept/deep`; `shared/file` is opened to it at times."""

    user: Ordinary
    folder: Path

    @property
    def foreign(self) -> Path:
        return self.folder / "workspace" / "shared" / "file"

    @property
    def deep(self) -> Path:
        return self.folder / "workspace" / "own" / "kept" / "deep" / "file"

    def tries(self, what: str, at: object) -> str:
        return self.user.say(f"{what} {at}").partition(":")[0]


@pytest.fixture(scope="module")
def prisoner() -> Iterator[Prisoner]:
    with prisoner_of_its_own() as one:
        yield one


@contextmanager
def prisoner_of_its_own() -> Iterator[Prisoner]:
    with ordinary_folder() as folder:
        workspace = folder / "workspace"
        for path in (workspace / "shared" / "file", workspace / "own" / "kept" / "deep" / "file", folder / "hidden" / "secret"):
            path.parent.mkdir(parents=True)
            path.write_text(TEXT, encoding="utf-8")
        (folder / "mine").mkdir()
        confinement = Confinement(
            means=Means.BUBBLEWRAP,
            writable=(workspace / "own",),
            protected=(workspace / "own" / "kept" / "deep",),
            hidden=(folder / "hidden",),
            private={Path("/tmp"): folder / "mine"},
            visible=(workspace, folder / "parts"),
            grounds=(workspace,),
        )
        argv = (interpreter(), str(folder / "parts" / "escaping.py"))
        with ordinary(folder, confinement, argv, cwd=workspace) as user:
            yield Prisoner(user, folder)


@pytest.mark.parametrize(
    "what",
    WAYS,
)
def test_a_foreign_file_is_out_of_reach(prisoner: Prisoner, what: str) -> None:
    before = prisoner.foreign.stat()

    assert prisoner.tries(what, prisoner.foreign) == REFUSED

    assert prisoner.foreign.read_text(encoding="utf-8") == TEXT
    after = prisoner.foreign.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, 1)


@pytest.mark.parametrize("what", ["write", "remove", "chmod", "shell", "second_namespace", "replace_folder"])
def test_what_is_protected_inside_its_own_is_out_of_reach(prisoner: Prisoner, what: str) -> None:
    """Renaming the folder above the protected one away, and making it anew, once was a way round."""
    assert prisoner.tries(what, prisoner.deep) == REFUSED

    assert prisoner.deep.read_text(encoding="utf-8") == TEXT


def test_its_own_is_its_own(prisoner: Prisoner) -> None:
    own = prisoner.folder / "workspace" / "own"

    assert prisoner.tries("write", own / "new") == "allowed"
    assert prisoner.tries("write", own / "kept" / "new") == "allowed"

    assert (own / "kept" / "new").read_text(encoding="utf-8") == "stray\n"


@pytest.mark.parametrize("path", ["/etc/stray", "/stray", "/dev/stray-device/x", "/proc/sys/kernel/hostname", "/run/stray"])
def test_the_rest_of_the_machine_is_read_only(prisoner: Prisoner, path: str) -> None:
    assert prisoner.tries("write", path) == REFUSED
    assert not path.endswith("stray") or not Path(path).exists()


def test_what_is_hidden_is_neither_seen_nor_written(prisoner: Prisoner) -> None:
    hidden = prisoner.folder / "hidden"

    assert prisoner.tries("listed", hidden) == REFUSED
    assert prisoner.tries("read", hidden / "secret") == REFUSED
    assert prisoner.tries("create", hidden / "new") == REFUSED


def test_the_temporary_folder_is_private(prisoner: Prisoner) -> None:
    assert prisoner.tries("write", "/tmp/note") == "allowed"

    assert (prisoner.folder / "mine" / "note").exists()
    assert not Path("/tmp/note").exists()


def test_processes_outside_are_neither_seen_nor_signalled(prisoner: Prisoner) -> None:
    assert prisoner.tries("signals", os.getpid()) == REFUSED
    assert prisoner.tries("memory", os.getpid()) == REFUSED
    assert prisoner.tries("rights", "") == REFUSED, "it has no right that the making of its sandbox gave"


@pytest.mark.parametrize("kind", ["path_socket", "abstract"])
def test_nobody_outside_can_be_asked_to_write(prisoner: Prisoner, kind: str) -> None:
    """Abstract sockets have no path that could be hidden; Landlock keeps from them where it can (version 6 of it)."""
    address = str(prisoner.folder / "hidden" / "ask") if kind == "path_socket" else f"\0squad-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as outside:
        outside.bind(address)
        outside.listen()
        if kind == "path_socket":
            Path(address).chmod(0o777)
        heard: list[bytes] = []
        helper = threading.Thread(target=_answer, args=(outside, heard), daemon=True)
        helper.start()

        said = prisoner.tries(kind, address.strip("\0"))

        assert said == (REFUSED if kind == "path_socket" or probed().abstract_sockets else "allowed")


def _answer(outside: socket.socket, heard: list[bytes]) -> None:
    try:
        heard.append(outside.accept()[0].recv(10))
    except OSError:
        return


def test_a_path_is_writable_while_it_is_open_and_no_longer(prisoner: Prisoner) -> None:
    said = [prisoner.tries("write", prisoner.foreign)]
    assert prisoner.user.open(prisoner.foreign)["event"] == "opened"
    said.append(prisoner.tries("write", prisoner.foreign))
    assert prisoner.user.close(prisoner.foreign)["event"] == "closed"
    said.append(prisoner.tries("write", prisoner.foreign))

    assert said == [REFUSED, "allowed", REFUSED]
    prisoner.foreign.write_text(TEXT, encoding="utf-8")


def test_a_folder_is_opened_to_who_stands_in_it_and_no_longer() -> None:
    """An ordinary user's agent lives in a second user namespace, from which no floor can be laid any more."""
    with prisoner_of_its_own() as other:
        shared = other.foreign.parent
        assert other.tries("change_to", shared) == "allowed"
        said = [other.tries("replace", "file")]
        assert other.user.open(shared, folder=True)["event"] == "opened"
        said.append(other.tries("replace", "file"))
        assert other.user.close(shared)["event"] == "closed"
        said.append(other.tries("replace", "file"))

    assert said == [REFUSED, "allowed", REFUSED]


def test_a_descriptor_kept_from_an_expired_grant_is_told_with_its_holder(prisoner: Prisoner) -> None:
    prisoner.user.open(prisoner.foreign)
    assert prisoner.tries("keep_open", prisoner.foreign) == "allowed"

    answer = prisoner.user.close(prisoner.foreign)

    assert answer["event"] == "busy"
    assert [(one["path"], "escaping.py" in one["command"]) for one in answer["holders"]] == [(str(prisoner.foreign), True)]
    assert prisoner.tries("let_go", prisoner.foreign) == "allowed"
    prisoner.user.open(prisoner.foreign)
    assert prisoner.user.close(prisoner.foreign)["event"] == "closed"


def test_a_copy_of_the_mounts_kept_from_an_expired_grant_is_told_with_its_holder(prisoner: Prisoner) -> None:
    """What was writable when a namespace was copied stays writable in the copy, whatever is done to the mounts it came from."""
    prisoner.user.open(prisoner.foreign)
    assert prisoner.tries("keep_copy", prisoner.foreign) == "allowed"

    answer = prisoner.user.close(prisoner.foreign)

    assert answer["event"] == "busy"
    assert {one["path"] for one in answer["holders"]} == {"a copy of the mounts"}
    (prisoner.folder / "workspace" / "own" / "now").touch()


def test_whoever_does_not_let_itself_be_looked_at_is_named_too() -> None:
    with prisoner_of_its_own() as other:
        other.user.open(other.foreign)
        assert other.tries("hide", other.foreign) == "allowed"

        answer = other.user.close(other.foreign)

    assert answer["event"] == "busy"
    assert [one["path"] for one in answer["holders"]] in (["it cannot be looked at"], [str(other.foreign)])


def test_the_sandbox_of_an_agents_own_works_inside(prisoner: Prisoner) -> None:
    assert prisoner.tries("nest", prisoner.foreign) == "allowed"
