"""`squad agent ...`: what agents call while they work; standard library only.

Who asks is known by the socket in SQUAD_SOCKET; paths are told relative to the workspace. Exit 0: granted or accepted;
1: refused, with the reason on stderr; 2: used wrongly, or outside of an agent.
"""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence

from orchestrator.control.client import Unreachable, call
from orchestrator.control.protocol import Rejected

HELP = """\
Example:  squad agent lock shared/types.ts --purpose "add a field"

  squad agent lock PATH [--wait 10m] [--purpose TEXT]     ask for a path; waits, or says why not
  squad agent unlock PATH                                 give it back
  squad agent status [--message TEXT] [--progress 3/5]    tell where you stand; bare: show it
  squad agent handoff FILE --to AGENT [--note TEXT]       ask the owner of a file to change it
  squad agent ask TEXT                                    ask a question
  squad agent blocked --on PATH [--meanwhile TEXT]        say what you cannot go on without
  squad agent done [--note TEXT]                          claim that the task is done

Every command takes --json. Exit: 0 granted or accepted, 1 refused (reason on stderr), 2 usage.
"""

_WAIT = 600.0  #: seconds a lock is waited for when nobody says how long
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

#: command -> names of its positional arguments, its options, those that must be there
_COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "lock": (("path",), ("wait", "purpose"), ("path",)),
    "unlock": (("path",), (), ("path",)),
    "status": ((), ("message", "progress"), ()),
    "handoff": (("file",), ("to", "note"), ("file", "to")),
    "ask": (("text",), (), ("text",)),
    "blocked": ((), ("on", "meanwhile"), ("on",)),
    "done": ((), ("note",), ()),
}


class _Usage(Exception):
    """The command is used wrongly."""


def run(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Carry one command out; gives the exit code."""
    as_json = as_json or "--json" in arguments
    words = [word for word in arguments if word != "--json"]
    if not words or words[0] in {"-h", "--help", "help"} or "--help" in words[1:] or "-h" in words[1:]:
        print(HELP, end="")
        return 0 if words else 2
    try:
        given = _parse(words)
        method, params = _request(words[0], given)
        token = os.environ.get("SQUAD_TOKEN", "")
        answer = call(_socket(), method, {**params, "token": token}, timeout=None if words[0] == "lock" else 30.0)
    except _Usage as error:
        return _complain(str(error), "see: squad agent --help", code=2, as_json=as_json)
    except (Rejected, Unreachable) as error:
        return _complain(str(error), "", code=1, as_json=as_json)
    print(json.dumps({"schema_version": 1, "result": answer}) if as_json else _told(words[0], method, answer))
    return 0


def _socket() -> str:
    path = os.environ.get("SQUAD_SOCKET")
    if not path or not os.environ.get("AGENT_ID"):
        raise _Usage("only an agent of a run can say this: AGENT_ID and SQUAD_SOCKET are not set")
    return path


def _parse(words: Sequence[str]) -> dict[str, str]:
    if words[0] not in _COMMANDS:
        raise _Usage(f"unknown command {words[0]!r}")
    names, options, required = _COMMANDS[words[0]]
    given: dict[str, str] = {}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in options:
            if not equals and not rest:
                raise _Usage(f"--{name} wants a value")
            given[name] = value if equals else rest.pop(0)
        elif word.startswith("--") or len([one for one in names if one not in given]) == 0:
            raise _Usage(f"{words[0]} does not know {word!r}")
        else:
            given[next(one for one in names if one not in given)] = word
    missing = [name for name in required if not given.get(name)]
    if missing:
        raise _Usage(f"{words[0]} wants {' and '.join(name.upper() if name in names else '--' + name for name in missing)}")
    return given


def _request(command: str, given: Mapping[str, str]) -> tuple[str, dict[str, object]]:
    if command == "lock":
        wait = _duration(given["wait"]) if "wait" in given else _WAIT
        return "lock", {"path": _from_root(given["path"]), "wait": wait, "purpose": given.get("purpose", "")}
    if command == "unlock":
        return "unlock", {"path": _from_root(given["path"])}
    if command == "status" and not given:
        return "me", {}
    if command == "status" and "progress" in given and not re.fullmatch(r"\d+\s*/\s*\d+", given["progress"]):
        raise _Usage(f"--progress wants something like 3/5, not {given['progress']!r}")
    if command == "handoff":
        return "handoff", {**given, "file": _from_root(given["file"])}
    if command == "blocked":
        return "blocked", {**given, "on": _from_root(given["on"])}
    return command, {**given}


def _from_root(path: str) -> str:
    """Give a path relative to the workspace; one that is absolute, or an operation, stays."""
    if os.path.isabs(path) or re.match(r"[a-z]+:", path):
        return path
    workspace = os.environ.get("SQUAD_WORKSPACE")
    here = os.path.realpath(os.getcwd())
    root = os.path.realpath(workspace) if workspace else here
    if here != root and not here.startswith(root + os.sep):
        return path
    slash = "/" if path.endswith("/") else ""
    return os.path.normpath(os.path.join(os.path.relpath(here, root), path)) + slash


def _duration(text: str) -> float:
    if text == "0":
        return 0.0
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", text):
        raise _Usage(f"--wait wants a duration such as 30s or 10m (0: try once), not {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text))


def _told(command: str, method: str, answer: object) -> str:
    told = answer if isinstance(answer, dict) else {}
    if command == "lock":
        return f"locked {told.get('path')}"
    if command == "unlock":
        return f"unlocked {', '.join(told.get('released', []))}"
    if command == "ask":
        return str(told.get("answer") or "asked")
    if method == "me":
        locks = ", ".join(lock["path"] for lock in told.get("locks", [])) or "none"
        progress = told.get("progress", {})
        done = f" {progress['done']}/{progress['total']}" if progress.get("total") else ""
        return f"{told.get('agent')}: {told.get('state')}{done}\ntask: {told.get('task') or 'none'}\nlocks: {locks}"
    return "accepted"


def _complain(message: str, hint: str, *, code: int, as_json: bool) -> int:
    if as_json:
        body = {"schema_version": 1, "error": {"message": message, "hint": hint, "exit_code": code}}
        print(json.dumps(body), file=sys.stderr)
    else:
        print(f"squad agent: {message}" + (f"\n{hint}" if hint else ""), file=sys.stderr)
    return code
