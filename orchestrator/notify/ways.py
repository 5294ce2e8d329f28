"""How a person is reached: the terminal, the desktop, a command of theirs, an address of theirs.

Every way ends within its time limit and says nothing but how it ended: an address may be a secret as a whole, and so never
stands in what is given back.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

TRIES = 3
_PAUSES = (1.0, 3.0)  #: seconds before the second and third try
_DESKTOP = 5.0  #: seconds
_SPOKEN_777 = ("rxvt", "foot", "vte")
_BY_SCRIPT = ("on run argv", "display notification (item 1 of argv) with title (item 2 of argv)", "end run")


def terminal_of(streams: Sequence[IO[str]]) -> IO[str] | None:
    """Give the first of the streams that is a terminal."""
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty() and os.environ.get("TERM") != "dumb":
                return stream
    return None


def ring(stream: IO[str], title: str, text: str, *, environment: Mapping[str, str]) -> str:
    """Ring the bell, and send the message in the one escape sequence that the terminal is likely to know; others ignore it."""
    title, text = (one.replace("\x1b", "").replace("\x07", "").replace(";", ",") for one in (title, text))
    speaks = environment.get("TERM", "") + (" vte" if environment.get("VTE_VERSION") else "")
    is_777 = any(name in speaks for name in _SPOKEN_777)
    message = f"\x1b]777;notify;{title};{text}\x07" if is_777 else f"\x1b]9;{title}: {text}\x07"
    try:
        stream.write(f"\a{message}")
        stream.flush()
    except OSError as error:
        return error.strerror or "the terminal is gone"
    return ""


def desktop_command(environment: Mapping[str, str], *, platform: str = sys.platform) -> tuple[str, ...]:
    """Give the command that shows a message, the text and the title to be added; empty where there is no desktop."""
    path = environment.get("PATH")
    if platform == "darwin":
        found = shutil.which("osascript", path=path)
        return (found, *(word for line in _BY_SCRIPT for word in ("-e", line))) if found else ()
    found = shutil.which("notify-send", path=path)
    has_desktop = any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"))
    return (found, "--app-name=squad", "--") if found and has_desktop else ()


def show(command: Sequence[str], title: str, text: str, *, log: Path) -> str:
    """Show a message on the desktop; gives what went wrong."""
    words = (text, title) if "osascript" in Path(command[0]).name else (title, text)
    return call((*command, *words), b"", cwd=Path("/"), log=log, timeout=_DESKTOP)


def call(command: Sequence[str], body: bytes, *, cwd: Path, log: Path, timeout: float) -> str:
    """Run a command with a document on stdin; what it writes goes to the log. Gives what went wrong."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True)
            try:
                process.communicate(body, timeout=timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return f"ended after {timeout:g} s without an end of its own"
            except BrokenPipeError:  # it does not read
                process.wait()
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return f"exit {process.returncode}, see {log}" if process.returncode else ""


def post(address: str, document: Mapping[str, object], *, timeout: float, pause: Callable[[float], None] = time.sleep) -> str:
    """Send a document to an address, three times at most; gives what went wrong, without the address."""
    reason = ""
    for number in range(TRIES):
        if number:
            pause(_PAUSES[number - 1])
        reason, again = _post_once(address, json.dumps(document).encode(), timeout=timeout)
        if not again:
            return reason
    return f"{reason}, {TRIES} times"


def _post_once(address: str, body: bytes, *, timeout: float) -> tuple[str, bool]:
    """Give what went wrong, and whether it may go better another time."""
    import http.client  # noqa: PLC0415 - it costs start-up time, and few have an address
    import urllib.request  # noqa: PLC0415 - the same

    headers = {"Content-Type": "application/json", "User-Agent": "squad"}
    try:
        request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - the scheme was checked
        with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310 - the same
            return "", False
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}", error.code >= 500 or error.code in {408, 429}
    except (urllib.error.URLError, OSError) as error:
        cause = getattr(error, "reason", error)
        return (cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__), True
    except (ValueError, http.client.HTTPException) as error:  # their words may hold the address
        return type(error).__name__, False
