"""An agent that writes what it may not, by the way that its first argument names, at the path of its second.

Only the standard library: it runs as any agent does, at any level of enforcement. Its last line tells how it went: `allowed`,
or `refused` with what stopped it. Whether anything was changed, and found, is for the test to look at.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

MINE = os.environ.get("SQUAD_TASK", "mine")
OWN = f"own/{MINE}"  #: what the task may write
STRAY = "stray\n"


def write(path: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(STRAY)


def rename_over(path: str) -> None:
    write(f"{OWN}/renamed")
    os.rename(f"{OWN}/renamed", path)


def hard_link(path: str) -> None:
    os.link(path, f"{OWN}/linked")
    try:
        write(f"{OWN}/linked")
    finally:
        os.unlink(f"{OWN}/linked")


def symlink(path: str) -> None:
    os.symlink(os.path.abspath(path), f"{OWN}/pointing")
    try:
        write(f"{OWN}/pointing")
    finally:
        os.unlink(f"{OWN}/pointing")


def dots(path: str) -> None:
    write(f"{OWN}/../../{path}")


def proc_root(path: str) -> None:
    write(f"/proc/self/root{os.path.abspath(path)}")


def chmod(path: str) -> None:
    os.chmod(path, 0o755)


def utimes(path: str) -> None:
    os.utime(path, (1, 1))


def shell(path: str) -> None:
    run("sh", "-c", 'echo stray >> "$0"', path)


def daemon(path: str) -> None:
    """A process in a session of its own goes on writing when the agent has claimed done and is gone."""
    script = 'while :; do echo stray >> "$0" || exit 1; echo > "$1"; sleep 0.02; done'
    said = f"{OWN}/daemon"
    quiet = subprocess.DEVNULL
    left = subprocess.Popen(["sh", "-c", script, path, said], start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)
    while not os.path.exists(said):
        if left.poll() is not None:
            raise OSError("the daemon could not write")
        time.sleep(0.005)


def helper(path: str, name: str) -> None:
    """Ask a process that is no agent to write."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(name)
        connection.sendall(os.path.abspath(path).encode() + b"\n")
        if not connection.recv(16):
            raise OSError("the helper did not write")


def abstract_helper(path: str) -> None:
    helper(path, "\0" + os.environ["ESCAPE_HELPER"])


def socket_helper(path: str) -> None:
    helper(path, os.environ["ESCAPE_HELPER"])


def second_namespace(path: str) -> None:
    run("unshare", "-Urm", "sh", "-c", 'mount --bind "$1" "$1" && echo stray >> "$0"', path, OWN)


def kept_descriptor(path: str) -> None:
    """Lock it, open it, give the lock back, and only then write."""
    squad("lock", path, "--wait", "0")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    squad("unlock", path)
    time.sleep(1.5)
    os.write(descriptor, STRAY.encode())


def git(*arguments: str) -> str:
    return run("git", "-c", "user.name=A", "-c", "user.email=a@a", *arguments)


def squad(*arguments: str) -> str:
    return run(*json.loads(os.environ["ESCAPE_SQUAD"]), "agent", *arguments)


def run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{argv[0]} {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


WAYS: dict[str, Callable[[str], None]] = {
    name.replace("_", "-"): way
    for name, way in list(globals().items())
    if callable(way) and getattr(way, "__module__", "") == __name__ and name not in {"run", "git", "squad", "helper", "main"}
}


def main(argv: Sequence[str]) -> int:
    """Try the way, then do the honest part of the task and claim done."""
    name, path = argv
    os.makedirs(OWN, exist_ok=True)
    with open(f"{OWN}/honest.txt", "w", encoding="utf-8") as file:
        file.write("honest\n")
    try:
        WAYS[name](path)
    except OSError as error:
        print(f"{name}: refused: {error}", flush=True)
    else:
        print(f"{name}: allowed", flush=True)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
