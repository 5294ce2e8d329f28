"""A simulated coding agent: no model, but a real process that works, speaks and ends in every way an agent can.

Run as a program with nothing but the standard library; its first input is a JSON object with task, title, attempt,
work (seconds), text, locks, files and ending. It overwrites nothing: to a declared file it appends one line, unless it is told
what the file shall hold.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

TYPE_CHECKING = False  # importing it from typing would cost every start
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    #: What squad's side of the adapter wrote: `simulated.simulation` names the keys.
    Told: TypeAlias = dict[str, Any]

STRAY = "squad-stray.txt"
FLOOD = 64 << 20  #: bytes
LONG_LINE = 100_000_000  #: bytes
QUOTA = 3  #: seconds until the pretended limit is lifted
PATIENCE = 600.0  #: seconds for which it waits for a lock


def main() -> int:
    """Do what stdin says; gives the exit code."""
    told = json.load(sys.stdin)
    ending = told["ending"]
    say(f"simulated agent: no model is at work here ({told['task']}, attempt {told['attempt']})")
    report(type="status", status="ACTIVE", message=told["title"])
    if ending in NEVER:
        NEVER[ending](told)
    work(told["work"] / 2, told, part=1)
    if ending == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if ending in ("fail", "quota"):
        return give_up(ending)
    for path in told["locks"]:
        lock(path, told)
    work(told["work"] / 2, told, part=2)
    if ending != "lie":
        write(told["files"], told)
    if ending in MORE:
        MORE[ending](told)
    report(type="done", note=f"simulated {told['task']}")
    say(f"{told['task']} done")
    return 0


def work(seconds: float, told: Told, part: int) -> None:
    """Take time, with a line and a report at the end of each part."""
    threading.Event().wait(seconds)
    say(f"{told['task']} part {part} of 2")
    report(type="progress", done=part, total=2)


def write(files: list[str], told: Told) -> None:
    """Append one line to each file, below folders that are made if they are missing."""
    for path in files:
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        existed = os.path.exists(path)
        with open(path, "w" if told["text"] else "a", encoding="utf-8") as file:
            file.write(told["text"] or f"{told['task']}.{told['attempt']} {told['title']}\n")
        report(type="file", path=path, change="modified" if existed else "created")


def give_up(ending: str) -> int:
    """End as an agent that says it failed, or that ran into its provider's limit."""
    if ending == "fail":
        say("Status: FAILED")
    else:
        text = f"usage limit reached, resets in {QUOTA} s"
        say(text)
        say(json.dumps({"type": "limit", "until": time.time() + QUOTA, "text": text}))
    return 1


def hang(_told: Told) -> None:
    """Stay silent for ever."""
    while True:
        signal.pause()


def spin(_told: Told) -> None:
    """Burn CPU for ever without a word; that is life, so only a budget or a person ends it."""
    while True:
        pass


def deaf(told: Told) -> None:
    """Ignore everything that can be ignored."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    hang(told)


def stop_itself(_told: Told) -> None:
    """Freeze, again each time it is thawed."""
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def orphan(_told: Told) -> None:
    """Leave a daemon that holds the pipe."""
    subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal\nwhile True: signal.pause()"], start_new_session=True)


def flood(_told: Told) -> None:
    """Print 64 MB in short lines."""
    block = b"".join(b"%08d simulated noise that means nothing at all\n" % number for number in range(1 << 14))
    left = FLOOD
    while left > 0:
        put(block[:left])
        left -= len(block)
    put(b"\n")


def garbage(_told: Told) -> None:
    """Print bytes that are no text."""
    put(b'\xff\xfe\x00\x80{"type": \xc3\x28\n\x1b]0;title\x07\x1b[31m{{{{\n' + bytes(range(256)) * 16 + b"\n")


def longline(_told: Told) -> None:
    """Print a line of 100 MB."""
    block = b"x" * (1 << 20)
    left = LONG_LINE
    while left > 0:
        put(block[:left])
        left -= len(block)
    put(b"\n")


def stray(told: Told) -> None:
    """Write a file outside of the agent's area; that it is refused is said, and the task is given up."""
    try:
        write([STRAY], told)
    except OSError as error:
        report(type="done", ok=False, note=f"{STRAY} was refused: {error.strerror}")
        sys.exit(1)


def ask(told: Told) -> None:
    """Ask a question and take any answer, also none."""
    question = f"May I go on with {told['task']}?"
    if not os.environ.get("SQUAD_SOCKET"):
        report(type="ask", text=question)
        return
    try:
        say(f"answer: {request('ask', 5.0, text=question).decode('utf-8', 'replace').strip()}")
    except OSError as error:
        say(f"no answer: {error}")


def lock(path: str, told: Told) -> None:
    """Ask for a path or an operation, and wait in line for it; squad frees it at the end. Without it the task is given up."""
    try:
        answer = json.loads(request("lock", PATIENCE + 5, path=path, wait=PATIENCE, purpose=told["title"]))
        refused = "" if "result" in answer else answer["error"]["message"]
    except (OSError, ValueError) as error:
        refused = str(error)
    if refused:
        report(type="done", ok=False, note=f"{path} was refused: {refused}")
        sys.exit(1)
    say(f"{told['task']} has {path}")


def request(method: str, patience: float, **params: object) -> bytes:
    """Ask squad through the socket; gives the line that it answers within so many seconds."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience)
        connection.connect(os.environ.get("SQUAD_SOCKET", ""))
        params["token"] = os.environ.get("SQUAD_TOKEN", "")
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection.sendall(line.encode() + b"\n")
        return connection.makefile("rb").readline()


NEVER = {"hang": hang, "spin": spin, "deaf": deaf, "stopped": stop_itself}
MORE = {"orphan": orphan, "flood": flood, "garbage": garbage, "longline": longline, "stray": stray, "ask": ask}


def say(text: str) -> None:
    """Print a line."""
    put(text.encode() + b"\n")


def report(**message: object) -> None:
    """Send a message on the status pipe, or as a line of output where there is none."""
    line = json.dumps(message).encode() + b"\n"
    number = os.environ.get("SQUAD_STATUS_FD")
    put(line, descriptor=int(number) if number else 1)


def put(data: bytes, descriptor: int = 1) -> None:
    """Write everything, however slowly it is read."""
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
