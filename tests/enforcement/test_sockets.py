"""Programs that listen at a path: found as the kernel lists them."""

import socket
import sys
from pathlib import Path

import pytest

from orchestrator.enforcement.sockets import is_socket, listening, reachable

#: The header and rows as Linux 6.18 prints them: a listener, a datagram socket, a connection, an abstract and a nameless one.
TABLE = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01  3151 /run/a b.sock
0000000000000000: 00000002 00000000 00000000 0002 01  3152 /run/log
0000000000000000: 00000003 00000000 00000000 0001 03  3153 /run/connected
0000000000000000: 00000002 00000000 00010000 0001 01  3154 @/abstract
0000000000000000: 00000003 00000000 00000000 0001 03  3155
"""


def test_the_kernels_table_is_read() -> None:
    assert list(listening(TABLE)) == ["/run/a b.sock", "/run/log"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists them")
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_whoever_listens_stands_in_it(kind: socket.SocketKind, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, kind) as outside:
        outside.bind(str(tmp_path / "s"))
        if kind != socket.SOCK_DGRAM:
            outside.listen()

        assert str(tmp_path / "s") in listening(Path("/proc/net/unix").read_text(encoding="utf-8"))


def test_only_what_is_there_and_not_allowed_counts(tmp_path: Path) -> None:
    for name in ("allowed", "other"):
        with socket.socket(socket.AF_UNIX) as outside:
            outside.bind(str(tmp_path / name))
    (tmp_path / "link").symlink_to("other")
    (tmp_path / "file").touch()

    found = reachable(
        [str(tmp_path / name) for name in ("allowed", "link", "other", "gone", "file")], allowed=[tmp_path / "allowed"]
    )

    assert found == (tmp_path.resolve() / "other",)
    assert [is_socket(tmp_path / name) for name in ("other", "file", "gone")] == [True, False, False]
