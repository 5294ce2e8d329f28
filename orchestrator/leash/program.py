"""The leash: the small process between squad and an agent that guarantees containment.

The program that `begin.py` begins, with nothing but the standard library. It owns the agent, its pipes and the raw log,
and adopts stray descendants. Its first input is the specification; from then on it obeys commands, and when the connection
closes, because the supervisor is gone, it stops the agent at once. It leaves only when no descendant is left and how it
ended stands in a file. Bytes go from the pipes to the files inside the kernel where that is possible: at any instant each is
either in the pipe or in the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import time

ORPHAN_GRACE = 1.0  #: seconds between TERM and KILL for what outlives the agent, or when the supervisor is gone
RETRY = 0.5  #: seconds between two attempts to write to a full disk
GIVE_UP = 10.0  #: seconds after the first KILL at which what is left is called unkillable
STORM = 5  #: rounds of one KILL: what forks at each look is met again before it has run far


TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING or __package__:
    from orchestrator.leash import processes, starting, streams, walls
else:  # with nothing of squad's in reach but what lies beside it
    import processes
    import starting
    import streams
    import walls

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from orchestrator.leash.begin import Begun

    #: What comes and goes over the connection is JSON and trusted: both ends are squad's own.
    Message: TypeAlias = dict[str, Any]


def main(begun: Begun | None) -> None:
    """Read the specification from descriptor 0 and keep the agent on the leash until it is gone."""
    control = socket.socket(fileno=0)
    line, rest = first_line(control)
    if not line:
        return
    spec = json.loads(line)
    try:
        Leash(control, spec, rest).run(begun)
    except BaseException:
        import traceback

        processes.kill_all(os.getpid())
        with contextlib.suppress(OSError), open(spec["log"] + ".leash-error", "a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        raise


def first_line(control: socket.socket) -> tuple[bytes, bytes]:
    """Read the first line and what came with it; nothing if the other end left before it was whole."""
    parts = []
    while data := control.recv(1 << 16):
        line, newline, rest = data.partition(b"\n")
        parts.append(line)
        if newline:
            return b"".join(parts), rest
    return b"", b""


class Leash:
    """One agent, from its start to the end of its last descendant."""

    def __init__(self, control: socket.socket, spec: Message, rest: bytes) -> None:
        self.control = control
        self.spec = spec
        self.buffer = rest
        self.unsent = b""
        self.alive = True  #: the supervisor's connection
        self.acknowledged = True
        self.told = (-1, -1)
        self.stopped: str | None = None
        self.deadline: float | None = None
        self.killing_since: float | None = None
        self.full_until: float | None = None
        self.full = False
        self.exit: int | None = None
        self.signal: str | None = None
        self.leader_gone = False
        self.buried = False  #: the leader's number may belong to another process now
        self.pidfd: int | None = None
        self.stdin: int | None = None
        self.feed = bytearray()
        self.listener: socket.socket | None = None
        self.clients: list[socket.socket] = []
        self.family_changed = True

    def run(self, begun: Begun | None) -> None:
        """Start the agent and see it to its end."""
        try:
            self.walls = walls.build(self.spec["confine"], begun)
        except OSError as error:
            self.refuse(str(error))
            return
        try:
            # first of all, so that its number has one digit: more a shell script cannot redirect to
            self.status = streams.Stream(self.spec["log"] + ".status")
            self.output = streams.Stream(self.spec["log"])
        except OSError as error:
            self.refuse(f"its log cannot be written: {error}")
            return
        self.selector = selectors.DefaultSelector()
        self.take_signals()
        processes.become_subreaper()
        if not self.start():
            return
        self.listen()
        self.watch()
        self.flush(0.0)  # a silent agent wakes nobody: that it has started is told at once
        while not self.is_over():
            self.turn()
        self.finish()

    def take_signals(self) -> None:
        """Heed the signals that matter here, and see to it that the agent inherits none ignored and none blocked."""
        self.wake, self.waker = socket.socketpair()
        for end in (self.wake, self.waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        for name in signal.valid_signals():
            if signal.getsignal(name) is signal.SIG_IGN:
                signal.signal(name, signal.SIG_DFL)
        # handlers and not SIG_IGN: what is ignored stays ignored in the agent
        for name in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop("terminated", ORPHAN_GRACE))
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def start(self) -> bool:
        if self.is_deserted():
            return False
        environment = {**self.spec["environment"], "SQUAD_STATUS_FD": str(self.status.write)}
        start = starting.Start(
            self.spec["argv"],
            environment,
            self.spec["cwd"],
            feeds=self.spec["stdin"] is not None or self.spec["keep_stdin"],
            output=self.output.write,
            status=self.status.write,
            control=self.control.fileno(),
        )
        try:
            self.leader = self.walls.start(start)
        except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
            self.refuse(str(error))
            return False
        os.close(self.output.write)
        os.close(self.status.write)
        if self.leader.stdin is not None:
            self.stdin = self.leader.stdin.fileno()
            os.set_blocking(self.stdin, False)
            self.feed += (self.spec["stdin"] or "").encode("utf-8", "surrogateescape")
        self.born = processes.start_time(self.leader.pid)
        self.send({"event": "started", "pid": self.leader.pid, "born": self.born, "leash": os.getpid()})
        self.flush(0.0)
        self.walls.go_on()
        return True

    def is_deserted(self) -> bool:
        """Tell whether the supervisor left before anything was started."""
        try:
            return not self.buffer and not self.control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def refuse(self, reason: str) -> None:
        self.send({"event": "failed", "reason": reason})
        self.flush(2.0)

    def listen(self) -> None:
        path = self.spec["socket"]
        if not path:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        old = os.umask(0o177)
        try:
            listener.bind(path)
            listener.listen(8)
        except OSError:
            listener.close()  # without it a later supervisor sweeps instead of asking
            return
        finally:
            os.umask(old)
        listener.setblocking(False)
        self.listener = listener

    def watch(self) -> None:
        self.control.setblocking(False)
        self.selector.register(self.control, selectors.EVENT_READ, self.on_control)
        self.selector.register(self.wake, selectors.EVENT_READ, self.on_signal)
        self.selector.register(self.output.read, selectors.EVENT_READ, lambda: self.on_bytes(self.output))
        self.selector.register(self.status.read, selectors.EVENT_READ, lambda: self.on_bytes(self.status))
        if self.listener is not None:
            self.selector.register(self.listener, selectors.EVENT_READ, self.on_client)
        if hasattr(os, "pidfd_open"):
            self.pidfd = os.pidfd_open(self.leader.pid)
            self.selector.register(self.pidfd, selectors.EVENT_READ, self.on_leader)
        self.on_stdin()
        self.on_commands(b"")

    # one turn of the loop

    def turn(self) -> None:
        self.flush(0.0)  # before waiting: a silent agent's start would else be told at its first word
        for key, _ in self.selector.select(self.patience()):
            key.data()
        if self.family_changed:
            self.family_changed = False
            processes.reap(os.getpid(), besides=self.leader.pid)
            self.on_leader()
        if self.full_until is not None and time.monotonic() >= self.full_until:
            self.retry_full()
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.kill()
        self.tell_offsets()

    def patience(self) -> float | None:
        times = [at for at in (self.deadline, self.full_until) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def on_control(self) -> None:
        try:
            data = self.control.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lose_supervisor()
            return
        self.on_commands(data)

    def on_commands(self, data: bytes) -> None:
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self.obey(json.loads(line))

    def obey(self, command: Message) -> None:
        name = command["op"]
        if name == "ack":
            self.acknowledged = True
        elif name == "stop":
            self.stop("asked", command["grace"])
        elif name == "signal":
            self.signal_leader(command["signal"])
        elif name == "stdin":
            self.feed += command["data"].encode("utf-8", "surrogateescape")
            self.on_stdin()
        elif name in {"open", "close", "beside", "pass on"}:
            self.walls.ask(command, self.selector, self.send)
        elif name == "eof":
            self.spec["keep_stdin"] = False
            self.on_stdin()

    def lose_supervisor(self) -> None:
        self.selector.unregister(self.control)
        self.alive = False
        self.stop("supervisor gone", ORPHAN_GRACE)

    def on_signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.wake.recv(4096)
        self.family_changed = True

    def on_client(self) -> None:
        with contextlib.suppress(OSError):
            # its end of file will tell the client that this leash has ended
            self.clients.append(self.listener.accept()[0])  # type: ignore[union-attr]  # registered only once it listens

    def on_bytes(self, stream: streams.Stream) -> None:
        try:
            stream.move()
        except OSError as error:
            self.selector.unregister(stream.read)
            self.full_until = time.monotonic() + RETRY
            if not self.full:
                self.send({"event": "full", "reason": error.strerror or str(error)})
            self.full = True
            return
        if self.full and self.full_until is None:
            self.full = False
            self.send({"event": "room"})
        if not stream.open:
            self.selector.unregister(stream.read)

    def retry_full(self) -> None:
        self.full_until = None
        for stream in (self.output, self.status):
            if stream.open and stream.read not in self.selector.get_map():
                self.selector.register(stream.read, selectors.EVENT_READ, lambda stream=stream: self.on_bytes(stream))

    def on_stdin(self) -> None:
        if self.stdin is None:
            return
        try:
            while self.feed:
                del self.feed[: os.write(self.stdin, self.feed[:65536])]
        except BlockingIOError:
            if self.stdin not in self.selector.get_map():
                self.selector.register(self.stdin, selectors.EVENT_WRITE, self.on_stdin)
            return
        except OSError:
            self.feed.clear()  # the agent does not read any more
            self.spec["keep_stdin"] = False
        if self.stdin in self.selector.get_map():
            self.selector.unregister(self.stdin)
        if not self.spec["keep_stdin"]:
            self.leader.stdin.close()  # type: ignore[union-attr]  # there is one, or there were no number of it
            self.stdin = None

    def on_leader(self) -> None:
        """Note the agent's own end without reaping it, so that its number stays its own until all is over."""
        if self.leader_gone:
            return
        ended = processes.how_ended(self.leader)
        if ended is None:
            return
        self.leader_gone = True
        if self.pidfd is not None:
            self.selector.unregister(self.pidfd)
        self.exit, self.signal = ended
        self.send({"event": "exited", "exit": self.exit, "signal": self.signal})
        if self.deadline is None and self.left():
            self.end_tree(ORPHAN_GRACE)

    # ending

    def stop(self, why: str, grace: float) -> None:
        if not self.leader_gone and self.stopped is None:
            self.stopped = why
        self.end_tree(grace)

    def end_tree(self, grace: float) -> None:
        if self.killing_since is not None:
            return
        processes.signal_all(self.left(), signal.SIGTERM, signal.SIGCONT)
        until = time.monotonic() + grace
        self.deadline = until if self.deadline is None else min(self.deadline, until)

    def kill(self) -> None:
        """Kill what is left; again at short intervals, because a dying tree may still have forked."""
        if self.killing_since is None:
            self.killing_since = time.monotonic()
        self.walls.fall()
        for _ in range(STORM):
            if not (left := self.left()):
                break
            processes.kill_groups(left)
            processes.signal_all(left, signal.SIGKILL)
        now = time.monotonic()
        self.deadline = now + (0.02 if now - self.killing_since < 1.0 else RETRY)

    def left(self) -> list[int]:
        skipped = {self.leader.pid} if self.leader_gone and not self.buried else set()
        if self.leader_gone and processes.has_only_children(skipped):
            return []  # at once: others wait for the locks of an agent that is gone
        skipped |= self.walls.own()  # which may have adopted what the agent left
        return [pid for pid in processes.descendants(os.getpid()) if pid not in skipped]

    def is_over(self) -> bool:
        if not self.leader_gone or self.left():
            return self.gave_up()
        if self.full and self.alive and not self.gave_up():
            return False  # nothing is lost as long as somebody can make room
        return self.is_alone() or self.gave_up()

    def is_alone(self) -> bool:
        """Ask the kernel, which misses nothing: orphans become children, so that without a child there is no descendant."""
        self.leader.wait()
        self.buried = True
        self.walls.fall()
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        self.end_tree(ORPHAN_GRACE)
        return False

    def gave_up(self) -> bool:
        return self.killing_since is not None and time.monotonic() - self.killing_since > GIVE_UP

    def finish(self) -> None:
        """Take what stands in the pipes, say how it ended, write it down, and leave."""
        for stream in (self.output, self.status):
            stream.drain()
        ending = {
            "exit": self.exit,
            "signal": self.signal,
            "stopped": self.stopped,
            "pid": self.leader.pid,
            "born": self.born,
            "ended_at": time.time(),
            "log": self.output.size,
            "status": self.status.size,
            "lost": self.output.waiting() + self.status.waiting(),
            "survivors": self.left(),
        }
        self.send({"event": "gone", "ending": ending})
        self.flush(0.0)  # first, since others wait for the locks of an agent that is gone
        with contextlib.suppress(OSError):
            write_ending(self.spec["log"] + ".end", ending)
        self.flush(2.0)
        if self.listener is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.spec["socket"])

    # speaking

    def tell_offsets(self) -> None:
        now = (self.output.size, self.status.size)
        if self.acknowledged and now != self.told:
            self.told, self.acknowledged = now, False
            self.send({"event": "output", "log": now[0], "status": now[1]})

    def send(self, message: Message) -> None:
        if self.alive:
            self.unsent += json.dumps(message).encode() + b"\n"

    def flush(self, seconds: float) -> None:
        """Send what waits; at the end of all wait for the supervisor to take it, but not for ever."""
        if not self.alive:
            return
        self.control.settimeout(seconds)
        try:
            while self.unsent:
                self.unsent = self.unsent[self.control.send(self.unsent) :]
        except (BlockingIOError, TimeoutError):
            pass
        except OSError:
            self.unsent = b""
        finally:
            self.control.setblocking(False)

    def signal_leader(self, name: str) -> None:
        if not self.leader_gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.leader.pid, signal.Signals[name])


def write_ending(path: str, ending: Message) -> None:
    """Write the ending so that it is either there and whole or not there."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(ending, file)
    os.rename(path + ".new", path)
