"""A command that runs while paths are locked for it; standard library only, because agents call it all day.

The lock is bound to a connection that the command keeps open too: it ends with the command, and not before nothing is
left of it, whoever of the two is killed. Terminal, stdin and signals are the command's, as if nothing stood before it; one
that the leash runs beside its agent has no controlling terminal.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
from _socket import SHUT_WR, socket
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import NamedTuple

from orchestrator.cli.agent import Misused, duration, from_root, without_globals
from orchestrator.control.client import Unreachable, ask, ask_again, call
from orchestrator.control.protocol import Rejected, notification
from orchestrator.persons import called

HELP = """\
Example:  squad with-lock shared/types.ts -- npm run generate

Run a command while paths or operations are locked; they are free when it has ended.

Usage:  squad with-lock PATH... [--wait 10m] [--purpose TEXT] -- CMD [ARGS]

  --wait 10m       how long to stand in line; 0: try once
  --purpose TEXT   what others are told

Exit: that of the command (128 + n when signal n ended it, 127 not found, 126 cannot be run); 1 refused (reason on
stderr, the command was not run); 2 usage; 3 outside of a run.
"""

WAIT = 600.0  #: seconds a lock is waited for when nobody says how long
_ANSWER = 30.0  #: seconds in which a living supervisor has answered
_NOT_FOUND, _NOT_RUN = 127, 126  #: as a shell tells it
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
#: Beyond what shell scripts open by number, and below every limit.
_HIGH = 100


class Wish(NamedTuple):
    """What is to run, and what is to be locked for it."""

    paths: tuple[str, ...]
    command: tuple[str, ...]
    wait: float = WAIT  #: seconds
    purpose: str = ""
    quiet: bool = False


class Door(NamedTuple):
    """Where is asked."""

    socket: str
    token: Mapping[str, object]  #: an agent's


def run(arguments: Sequence[str], *, before: Sequence[str] = ()) -> int:
    """Carry out what an agent says behind `with-lock`; gives the exit code."""
    as_json = False
    try:
        folder, as_json, words = without_globals(before, arguments)
        if {"-h", "--help"} & {*words[: words.index("--") if "--" in words else len(words)]}:
            print(HELP, end="")
            return 0
        wish = read(words)._replace(quiet=bool({"-q", "--quiet"} & {*before}))
        os.chdir(folder)
        wish = wish._replace(paths=tuple(from_root(path, ".") for path in wish.paths))
        return carry_out(Door(os.environ["SQUAD_SOCKET"], {"token": os.environ.get("SQUAD_TOKEN", "")}), wish)
    except Misused as error:
        return _complain(str(error), "see: squad with-lock --help", code=2, as_json=as_json)
    except (Rejected, Unreachable, OSError) as error:
        return _complain(str(error), "", code=1, as_json=as_json)


def read(words: Sequence[str]) -> Wish:
    """Read what stands behind `with-lock`.

    Raises:
        Misused: It makes no sense.
    """
    if "--" not in words:
        raise Misused("a command is missing: squad with-lock PATH -- CMD")
    end = list(words).index("--")
    rest, command = list(words[:end]), tuple(words[end + 1 :])
    given: dict[str, str] = {}
    paths: list[str] = []
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in {"--wait", "--purpose"}:
            if not equals and not rest:
                raise Misused(f"{name} wants a value")
            given[name] = value if equals else rest.pop(0)
        elif word.startswith("-"):
            raise Misused(f"with-lock does not know {word!r}")
        else:
            paths.append(word)
    if not paths or not command:
        raise Misused(f"{'a path' if not paths else 'a command'} is missing: squad with-lock PATH -- CMD")
    wait = duration(given["--wait"]) if "--wait" in given else WAIT
    return Wish(paths=tuple(paths), command=command, wait=wait, purpose=given.get("--purpose", ""))


def carry_out(door: Door, wish: Wish) -> int:
    """Lock, run and give back; gives the exit code of the command.

    Raises:
        Rejected, Unreachable: It was not run.
    """
    connection, answer = take(door, wish)
    try:
        if answer.get("beside"):
            return _run_beside(door, wish.command, connection)
        return _run(wish.command, connection, tells=not door.token)
    finally:
        _give_back(connection, door, wish, kept=bool(answer.get("kept")))


def take(door: Door, wish: Wish, *, process: bool = False) -> tuple[socket, Mapping[str, object]]:
    """Lock what is wished for as long as the connection lasts, or this process; says so when that takes time.

    Raises:
        Rejected, Unreachable: It is not to be had.
    """
    purpose = wish.purpose or os.path.basename(wish.command[0])  # not its arguments: a secret may stand there
    params = {"paths": [*wish.paths], "wait": wish.wait, "purpose": purpose, "process": process}
    waiting: Callable[[], None] = lambda: _tell_wait(door, wish)  # noqa: E731 - a partial would cost functools
    slow = None if wish.quiet else waiting
    connection, answer = ask(door.socket, "hold", {**params, **door.token}, timeout=wish.wait + _ANSWER, slow=slow)
    return connection, answer if isinstance(answer, dict) else {}


def keep_open(connection: socket) -> int:
    """Let a connection outlast this process in what it starts or becomes; gives its descriptor."""
    descriptor = fcntl.fcntl(connection.fileno(), fcntl.F_DUPFD, _HIGH)
    os.set_inheritable(descriptor, True)
    return descriptor


def failure(program: str, error: OSError) -> int:
    """Say, as a shell does, why a program could not be run; gives the exit code."""
    is_missing = isinstance(error, FileNotFoundError)
    reason = "command not found" if is_missing and "/" not in program else error.strerror or str(error)
    _say(f"{program}: {reason}")
    return _NOT_FOUND if is_missing else _NOT_RUN


def _tell_wait(door: Door, wish: Wish) -> None:
    """Say what is waited for, and who holds it."""
    for path in wish.paths:
        owned: object = None
        with contextlib.suppress(Rejected, Unreachable):
            owned = call(door.socket, "owns", {"path": path, **door.token})
        if not isinstance(owned, dict) or owned.get("own"):
            continue
        holder = owned.get("holder")
        if holder is not None and holder != os.environ.get("AGENT_ID"):
            by = owned.get("by") or called(str(holder))  # which command it is, is told to a person only
            _say(f"squad: {path} is held by {by}; waiting for it, at most {wish.wait:g} s")


def _run(command: Sequence[str], connection: socket, *, tells: bool) -> int:
    """Run a command to its end and hand signals on to it; gives its exit code. A lock follows the process that is told."""
    child: list[int] = []
    early: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        if number in _FROM_TERMINAL and _is_in_foreground():
            return  # the terminal has sent it to the command too
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child[0], number)
        else:
            early.append(number)

    for number in (*_PASSED_ON, *_FROM_TERMINAL):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hand_on)
    descriptor = keep_open(connection)
    try:
        child.append(_start(command))
    except OSError as error:
        return failure(command[0], error)
    finally:
        os.close(descriptor)
    if tells:
        with contextlib.suppress(OSError):
            connection.sendall(notification("running", {"pid": child[0]}))
    for sent in early:
        os.kill(child[0], sent)
    _, status = os.waitpid(child[0], 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _run_beside(door: Door, command: Sequence[str], connection: socket) -> int:
    """Let squad run a command that may write more than whoever asks, and hand signals on to it; gives its exit code."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(notification("signal", {"number": number, **door.token}))

    for number in (*_PASSED_ON, *_FROM_TERMINAL):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hand_on)
    descriptor = keep_open(connection)  # the command gets it, so that the lock lasts as long as that does
    params = {"command": [*command], "line": descriptor, **door.token}
    try:
        answer = ask_again(connection, door.socket, "run", params)
    except Rejected as refusal:
        if not isinstance(refusal.data, dict) or "code" not in refusal.data:
            raise
        _say(refusal.reason)
        return int(refusal.data["code"])
    finally:
        os.close(descriptor)
    return int(answer["code"]) if isinstance(answer, dict) else 1


def _start(command: Sequence[str]) -> int:
    """Start a program found by PATH; a script that names no interpreter is the shell's, as everywhere."""
    found = [signal.SIGPIPE, *([signal.SIGXFSZ] if hasattr(signal, "SIGXFSZ") else [])]  # what Python ignores
    try:
        return os.posix_spawnp(command[0], [*command], os.environ, setsigdef=found)
    except OSError as error:
        if error.strerror != "Exec format error":
            raise
        return os.posix_spawnp("sh", ["sh", *command], os.environ, setsigdef=found)


def _is_in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _give_back(connection: socket, door: Door, wish: Wish, *, kept: bool) -> None:
    """End the connection for everybody who has it open, and wait until the supervisor has seen that."""
    if _is_lost(connection):
        _say(f"squad: the supervisor ended while the command ran{_became(door, wish, kept=kept)}")
    with contextlib.suppress(OSError):
        connection.shutdown(SHUT_WR)
        connection.settimeout(1.0)
        while connection.recv(4096):
            pass
    connection.close()


def _became(door: Door, wish: Wish, *, kept: bool) -> str:
    """Tell what became of a lock whose supervisor has ended; what is `kept` is there for whoever goes on with the run."""
    held: list[object] = []
    try:
        held += [call(door.socket, "owns", {"path": path}) for path in wish.paths if not door.token]
    except Unreachable:
        if kept:
            return "; nobody else in its run was granted the lock"
    except Rejected:
        held.clear()
    if held and all(isinstance(one, dict) and one.get("own") for one in held):
        return "; the lock was kept for it by the next one"
    return ", and with it the lock"


def _is_lost(connection: socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _complain(message: str, hint: str, *, code: int, as_json: bool) -> int:
    if as_json:
        _say(json.dumps({"schema_version": 1, "error": {"message": message, "hint": hint, "exit_code": code}}))
    else:
        _say(f"squad with-lock: {message}" + (f"\n{hint}" if hint else ""))
    return code


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
