"""`squad agent ...`: what agents call while they work; standard library only.

Who asks is known by the socket in SQUAD_SOCKET; paths are told relative to the workspace. Exit 0: granted or accepted;
1: refused, with the reason on stderr; 2: used wrongly, or outside of an agent.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence

from orchestrator.cli.options import FLAGS, FOLDER, JSON, VALUES
from orchestrator.control.client import Asked, Unreachable, call
from orchestrator.control.protocol import Rejected
from orchestrator.control.wording import ANSWER, seconds, told

HELP = """\
Example:  squad agent lock shared/types.ts --purpose "add a field"

  squad agent lock PATH [--wait 10m] [--purpose TEXT]     ask for a path; waits, or says why not
  squad agent unlock PATH                                 give it back; with --fence N, as with lock: only if that
                                                          grant still holds (its number: lock --json)
  squad agent unlock op:NAME --done                       the same of an operation that your task declares
  squad agent status [--message TEXT] [--progress 3/5]    tell where you stand; bare: show it
  squad agent handoff FILE --to AGENT [--note TEXT]       ask the owner of a file to change it
  squad agent ask TEXT [--wait 30m]                       ask a person; --wait prints the answer
  squad agent blocked --on PATH [--meanwhile TEXT]        say what you cannot go on without
  squad agent done [--note TEXT]                          claim that the task is done
  squad agent owns PATH                                   tell whose a path is, and who holds it
  squad agent mcp                                         the same as tools, for a client of MCP on stdin and stdout

And:  squad with-lock PATH -- CMD     run a command while you hold the lock
Every command takes --json and -C DIR. Exit: 0 granted or accepted, 1 refused (reason on stderr), 2 usage.
"""

_WAIT = 600.0  #: seconds a lock is waited for when nobody says how long
_OPERATIONS = ("op:", "api:", "table:", "files:")  #: beginnings of keys that are no paths

#: command -> names of its positional arguments, its options, those that must be there
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "lock": (("path",), ("wait", "purpose", "fence"), ("path",)),
    "unlock": (("path",), ("fence",), ("path",)),
    "status": ((), ("message", "progress"), ()),
    "handoff": (("file",), ("to", "note"), ("file", "to")),
    "ask": (("text",), ("wait",), ("text",)),
    "blocked": ((), ("on", "meanwhile"), ("on",)),
    "done": ((), ("note",), ()),
    "owns": (("path",), (), ("path",)),
    "mcp": ((), (), ()),
}
#: The one option without a value: an operation that the task declares is not needed any more.
_SWITCH = ("unlock", "--done")


class Misused(Exception):
    """The command is used wrongly."""


def run(arguments: Sequence[str], *, before: Sequence[str] = ()) -> int:
    """Carry one command out, with the global options before `agent`; gives the exit code."""
    as_json = False
    try:
        folder, as_json, words = without_globals(before, arguments)
        if not words or words[0] in {"-h", "--help", "help"} or "--help" in words[1:] or "-h" in words[1:]:
            print(HELP, end="")
            return 0 if words else 2
        given = _parse(words)
        if words[0] == "mcp":
            return _serve()
        method, params = _request(words[0], given, folder)
        wait = params.get("wait")
        timeout = ANSWER + (wait if isinstance(wait, float) else 0.0)
        answer = call(_socket(), method, {**params, "token": os.environ.get("SQUAD_TOKEN", "")}, timeout=timeout)
        print(json.dumps({"schema_version": 1, "result": answer}) if as_json else told(method, answer))
    except Misused as error:
        return _complain(str(error), "see: squad agent --help", code=2, as_json=as_json)
    except (Rejected, Unreachable) as error:
        return _complain(str(error), "", code=1, as_json=as_json)
    return 0


def _serve() -> int:
    """Answer a client of MCP on stdin and stdout until it ends."""
    from orchestrator import __version__
    from orchestrator.control.stdio import serve

    path, token = _socket(), os.environ.get("SQUAD_TOKEN", "")
    serve(lambda method, params: Asked(path, method, {**params, "token": token}), version=__version__)
    return 0


def without_globals(before: Sequence[str], after: Sequence[str]) -> tuple[str, bool, list[str]]:
    """Take the global options out: gives the folder to work in, whether JSON is wanted, and the words that are left."""
    folder, as_json = ".", False
    rest: list[str] = []
    words = [*before, *after]
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            return folder, as_json, [*rest, word, *words]
        if word in FLAGS:
            as_json = as_json or word == JSON
        elif name in VALUES and (equals or words):
            given = value if equals else words.pop(0)
            folder = os.path.join(folder, given) if name == FOLDER else folder
        elif rest and word in {f"--{option}" for option in COMMANDS.get(rest[0], ((), (), ()))[1]} and words:
            rest += [word, words.pop(0)]
        else:
            rest.append(word)
    return folder, as_json, rest


def _socket() -> str:
    path = os.environ.get("SQUAD_SOCKET")
    if not path or not os.environ.get("AGENT_ID"):
        raise Misused("only an agent of a run can say this: AGENT_ID and SQUAD_SOCKET are not set")
    return path


def _parse(words: Sequence[str]) -> dict[str, str]:
    if words[0] not in COMMANDS:
        raise Misused(f"unknown command {words[0]!r}")
    names, options, required = COMMANDS[words[0]]
    given: dict[str, str] = {}
    rest = list(words[1:])
    is_option = True  #: until `--`
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        free = [one for one in names if one not in given]
        if word == "--" and is_option:
            is_option = False
        elif is_option and (words[0], word) == _SWITCH:
            given["done"] = "yes"
        elif is_option and word.startswith("--") and name in options:
            if not equals and not rest:
                raise Misused(f"--{name} wants a value")
            given[name] = value if equals else rest.pop(0)
        elif not free or (is_option and word.startswith("-") and word.lstrip("-")[:1].isalpha()):
            raise Misused(f"{words[0]} does not know {word!r}")
        else:
            given[free[0]] = word
    missing = [name for name in required if not given.get(name)]
    if missing:
        raise Misused(f"{words[0]} wants {' and '.join(name.upper() if name in names else '--' + name for name in missing)}")
    return given


def _request(command: str, given: Mapping[str, str], folder: str) -> tuple[str, dict[str, object]]:
    if command == "lock":
        wait = duration(given["wait"]) if "wait" in given else _WAIT
        return "lock", {
            "path": from_root(given["path"], folder),
            "wait": wait,
            "purpose": given.get("purpose", ""),
            **_fence(given),
        }
    if command in {"unlock", "owns"}:
        done = {"done": True} if "done" in given else {}
        return command, {"path": from_root(given["path"], folder), **done, **_fence(given)}
    if command == "ask" and "wait" in given:
        return "ask", {**given, "wait": duration(given["wait"])}
    if command == "status" and not given:
        return "me", {}
    if command == "status" and "progress" in given and not _is_progress(given["progress"]):
        raise Misused(f"--progress wants something like 3/5, not {given['progress']!r}")
    if command == "handoff":
        return "handoff", {**given, "file": from_root(given["file"], folder)}
    if command == "blocked":
        return "blocked", {**given, "on": from_root(given["on"], folder)}
    return command, {**given}


def _fence(given: Mapping[str, str]) -> dict[str, int]:
    if "fence" not in given:
        return {}
    if not (given["fence"].isdecimal() and len(given["fence"]) < 19 and int(given["fence"])):
        raise Misused(f"--fence wants the number of a grant, as lock --json tells it, not {given['fence']!r}")
    return {"fence": int(given["fence"])}


def from_root(path: str, folder: str) -> str:
    """Give a path relative to the workspace; one that is absolute, or an operation, stays."""
    if os.path.isabs(path) or path.startswith(_OPERATIONS):
        return path
    here = os.path.realpath(folder)
    root = os.path.realpath(os.environ.get("SQUAD_WORKSPACE") or here)
    slash = "/" if path.endswith("/") else ""
    return os.path.normpath(os.path.join(os.path.relpath(here, root), path)) + slash


def duration(text: str) -> float:
    """Read how long somebody wants to wait, in seconds.

    Raises:
        Misused: It is no duration.
    """
    try:
        return seconds(text)
    except ValueError as error:
        raise Misused(f"--{error}") from error


def _is_progress(text: str) -> bool:
    done, _, total = map(str.strip, text.partition("/"))
    return done.isdecimal() and total.isdecimal() and int(done) <= int(total)


def _complain(message: str, hint: str, *, code: int, as_json: bool) -> int:
    if as_json:
        body = {"schema_version": 1, "error": {"message": message, "hint": hint, "exit_code": code}}
        print(json.dumps(body), file=sys.stderr)
    else:
        print(f"squad agent: {message}" + (f"\n{hint}" if hint else ""), file=sys.stderr)
    return code
