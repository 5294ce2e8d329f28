"""What may stand at the cursor of a command line; standard library only, since a person waits for it at each key.

Commands and options come from a table in the user's cache, which is made anew when squad's own files change; names of runs,
tasks, agents, questions and locks from the journal and the views. Nothing here fails: where something cannot be read there is
nothing to offer.
"""

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from orchestrator.cli.options import COLOR, CONFIG, FLAGS, FOLDER, VALUES
from orchestrator.cli.wordtable import table

FILES = ":files"  #: instead of words: whatever the shell knows of files
_MOST = 500  #: names of one kind
_FIXED = {
    "LEVEL": ("auto", "agree", "detect", "hook", "deny"),
    "ADAPTER": ("claude", "codex", "gemini", "acp", "aider", "command", "simulated"),
    "SHELL": ("bash", "zsh", "fish"),
    "ACTION": ("show", "check", "schema"),
    "FORM": ("mermaid", "ascii"),
}
_IN_FILES = frozenset({"FILE", "PLAN", "PATH", "DIR"})
_GLOBAL_LABELS = {FOLDER: "DIR", **dict.fromkeys(CONFIG, "CONFIG"), COLOR: "auto|always|never"}


def offers(words: Sequence[str], *, folder: str = ".") -> list[str]:
    """Give what may stand in place of the last word, one a line, with a tab before an explanation; FILES as it is."""
    *before, word = words or [""]
    command, given, folder = _split(before, folder)
    known = command_table()
    if before and before[-1] in _GLOBAL_LABELS and before[-1] not in known.get(command or "", {}).get("options", {}):
        return _fitting(_of_label(_GLOBAL_LABELS[before[-1]], command, folder), word)
    if command is None:
        return _fitting(_global_words(word) if word.startswith("-") else _commands(known), word)
    if command == "agent":
        return _fitting(_agents_commands() if not given else [FILES], word)
    entry = known.get(command)
    return [] if entry is None else _fitting(_of_command(entry, command, given, word, folder), word)


def command_table() -> dict[str, Any]:
    """Give what is known of each command, by its name."""
    return table(_every_command)


def _every_command() -> dict[str, Any]:
    from orchestrator.cli.app import whole

    return dict(whole().commands)


def _agents_commands() -> list[str]:
    """Give the words behind `squad agent`."""
    from orchestrator.cli.agent import COMMANDS

    return list(COMMANDS)


def _of_command(entry: dict[str, Any], command: str, given: Sequence[str], word: str, folder: str) -> Iterable[str]:
    options: dict[str, str] = entry["options"]
    if given and (label := options.get(given[-1])):
        return _of_label(label, command, folder)
    if word.startswith("-"):
        return [*(f"{name}\t{entry['helps'].get(name, '')}" for name in options), *_global_words(word)]
    arguments: list[str] = entry["arguments"]
    place = len(_positional(given, options))
    if not arguments or (place >= len(arguments) and "..." not in arguments[-1]):
        return []
    return _of_label(arguments[min(place, len(arguments) - 1)], command, folder)


def _of_label(label: str, command: str | None, folder: str) -> Iterable[str]:
    """Give the words that a label stands for, such as RUN, AGENT|TASK or text|json."""
    for one in label.replace("...", "").strip("[]").split("|"):
        name = one.strip().split(" ")[0]
        if not name.isupper():
            yield name
        elif name == "PATH" and command in {"unlock", "owns"}:
            yield from _locks(folder)
        elif name in _IN_FILES:
            yield FILES
        elif name in _NAMES:
            yield from _NAMES[name](folder)
        else:
            yield from _FIXED.get(name, ())


def _fitting(rows: Iterable[str], word: str) -> list[str]:
    found = dict.fromkeys(row for row in rows if row == FILES or row.startswith(word))
    return [_clean(row) for row in found][:_MOST]


def _clean(row: str) -> str:
    return "".join(sign if sign == "\t" or sign.isprintable() else "?" for sign in row).rstrip("\t")


def _split(words: Sequence[str], folder: str) -> tuple[str | None, list[str], str]:
    """Give the command, the words behind it and the folder that is meant; global options may stand before it."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in VALUES and rest:
            value = rest.pop(0)
            folder = os.path.join(folder, os.path.expanduser(value)) if option == FOLDER else folder
    return (rest[0], rest[1:], folder) if rest else (None, [], folder)


def _positional(given: Sequence[str], options: dict[str, str]) -> list[str]:
    found, rest = [], list(given)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            if (options.get(word) or word in VALUES) and rest:
                rest.pop(0)
        else:
            found.append(word)
    return found


def _global_words(word: str) -> list[str]:
    return [name for name in sorted(FLAGS | VALUES | {"--help"}) if name.startswith("--") or len(word) < 2]


def _commands(known: dict[str, Any]) -> list[str]:
    return [*(f"{name}\t{entry['help']}" for name, entry in known.items()), "agent\twhat agents call while they work"]


# names


def _runs(folder: str) -> Iterator[str]:
    for run, body in _events(folder, "RunStarted"):
        yield f"{run}\t{json.loads(body).get('title', '')}"


def _tasks(folder: str) -> Iterator[str]:
    for one in _plan(folder).get("tasks", ()):
        yield f"{one['id']}\t{one.get('title', '')}"


def _agents(folder: str) -> Iterator[str]:
    for one in _plan(folder).get("agents", ()):
        yield f"{one['id']}\t{one.get('role', '')}"


def _questions(folder: str) -> Iterator[str]:
    """Give the open questions of the latest run."""
    run = next((run for run, _ in _events(folder, "RunStarted")), None)
    settled = {
        json.loads(body)["id"]
        for kind in ("QuestionAnswered", "QuestionClosed")
        for at, body in _events(folder, kind)
        if at == run
    }
    for at, body in _events(folder, "QuestionAsked"):
        asked = json.loads(body)
        if at == run and asked["id"] not in settled and not asked.get("refused"):
            yield f"{asked['id']}\t{asked['agent']}: {asked['text'][:60]}"


def _locks(folder: str) -> Iterator[str]:
    """Give the keys of the lock files, which show the table."""
    from urllib.parse import unquote

    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(os.path.join(_root(folder), ".squad", "locks"))):
            if name.endswith(".lock"):
                yield unquote(name[: -len(".lock")])


def _programs(folder: str) -> Iterator[str]:
    yield from ("claude", "codex", "gemini", "opencode", "qwen", "aider", "claude-agent-acp", "codex-acp")
    yield from _agents(folder)


def _configurations(folder: str) -> Iterator[str]:
    shipped = os.path.join(os.path.dirname(os.path.dirname(__file__)), "configs")
    for place in (os.path.join(_root(folder), "configs"), shipped):
        with contextlib.suppress(OSError):
            yield from sorted(name[: -len(".yaml")] for name in os.listdir(place) if name.endswith(".yaml"))
    yield FILES


_NAMES: dict[str, Callable[[str], Iterator[str]]] = {
    "RUN": _runs,
    "TASK": _tasks,
    "AGENT": _agents,
    "ID": _questions,
    "QUESTION": _questions,
    "LOCK": _locks,
    "NAME": _programs,
    "CONFIG": _configurations,
}


def _plan(folder: str) -> dict[str, Any]:
    try:
        with open(os.path.join(_root(folder), ".squad", "plan.json"), encoding="utf-8") as file:
            plan = json.load(file)
    except (OSError, ValueError):
        return {}
    return plan if isinstance(plan, dict) else {}


def _events(folder: str, kind: str) -> list[tuple[str, bytes]]:
    """Give the last events of a kind with their runs, newest first."""
    path = os.path.join(_state(folder), "state.db")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{_escaped(path)}?mode=ro", uri=True, timeout=0.05)) as journal:
            query = "select run, body from events where type = ? order by seq desc limit ?"
            return list(journal.execute(query, (kind, _MOST)))
    except sqlite3.Error:
        return []


def _escaped(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _root(folder: str) -> str:
    """Give the root of the repository around a folder, else the folder itself."""
    here = os.path.realpath(folder)
    while not os.path.lexists(os.path.join(here, ".git")):
        here, child = os.path.dirname(here), here
        if here == child:
            return os.path.realpath(folder)
    return here


def _state(folder: str) -> str:
    """Give the folder of the journal, as `orchestrator.project` does."""
    root = _root(folder)
    git = os.path.join(root, ".git")
    if not os.path.lexists(git):
        from hashlib import sha256

        home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        return os.path.join(home, "squad", f"{os.path.basename(root) or 'root'}-{sha256(os.fsencode(root)).hexdigest()[:12]}")
    with contextlib.suppress(OSError):
        if os.path.isfile(git):  # a worktree
            with open(git, encoding="utf-8") as file:
                git = os.path.join(root, file.read().partition("gitdir: ")[2].strip())
            with open(os.path.join(git, "commondir"), encoding="utf-8") as file:
                git = os.path.join(git, file.read().strip())
    return os.path.join(git, "squad")


def run(words: Sequence[str]) -> int:
    """Answer a shell: the words up to the cursor, the last one being completed."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        sys.stdout.write("".join(f"{row}\n" for row in offers(words)))
        sys.stdout.flush()
    return 0
