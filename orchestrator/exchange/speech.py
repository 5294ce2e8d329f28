"""What agents print, understood: bytes in, messages out.

Two dialects with one vocabulary. JSON objects, one a line, named by `type` (or `method`, with `params`):

    {"type": "status", "status": "ACTIVE", "message": "...", "progress": "3/5"}
    {"type": "progress", "done": 3, "total": 5}
    {"type": "file", "path": "src/a.py", "change": "created"}
    {"type": "blocked", "on": "shared/types.ts", "meanwhile": "..."}
    {"type": "handoff", "file": "api.md", "to": "agent-2-backend", "status": "...", "note": "..."}
    {"type": "ask", "text": "..."}
    {"type": "usage", "fresh": 1200, "cached": 800, "output": 300, "money": 0.02}
    {"type": "done", "ok": true, "note": "..."}
    {"type": "limit", "until": 1767225600, "text": "..."}

and the Markdown of hand-run squads at column 0: `Status: ACTIVE`, `Current Task:`, `Progress: 3/5 tasks complete`,
`Files Modified:` with `  - path (created)`, `Waiting for:`, `Alternative:`, `## Handoff Request` with FROM, TO, FILE,
STATUS and NOTES, `Request: Transfer ownership of FILE`; bold and bulleted keys too. `Status: COMPLETE` and
`Status: FAILED` are claims. On the status pipe, where nothing else is said, an object may be named by `event`,
`message` or `kind` too; in output those are words of other people's logs. Everything else is text. Bytes are never
trusted: any length, any encoding; memory stays bounded, and noise costs one pass of a regular expression, not a step
for each line.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from orchestrator.messages import Ask, Blocked, Done, Handoff, Limit, Message, Status, Usage

LONGEST = 64 * 1024  #: bytes; a longer line is text
_HANDOFF_LINES = 40
_CODE = rb"\x1b(?:\[[0-9;:?]*[A-Za-z]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][A-Z0-9])"
_ANSI = re.compile(_CODE)
_CODES = rb"(?:" + _CODE + rb")*"
_TRANSFER = "Request: Transfer ownership of "
_KEYS = (
    rb"Status|Current Task|Files Modified|Files Created|Progress|Tasks Completed|Waiting for|Blockers?|Reason|"
    rb"Alternative Task|Alternative task|Alternative|Fallback"
)
_CANDIDATE = re.compile(
    rb"^"
    + _CODES
    + rb"(?:[ \t]*\{|(?:[-*] +)?(?:\*\*)?(?:"
    + _KEYS
    + rb")(?:\*\*)?:|"
    + _TRANSFER.encode()
    + rb"|#{1,3} |[ \t]*[-*] +`?[^\s`]+`? +\((?:created|modified|deleted)\))[^\n]*\n?",
    re.MULTILINE,
)
_KEY = re.compile(rf"(?:[-*] +)?(?:\*\*)?({_KEYS.decode()})(?:\*\*)?:(?:\*\*)?\s*(.*)")
_FILE = re.compile(r"\s*[-*] +`?([^\s`]+)`? +\((created|modified|deleted)\)")
_HANDOFF_KEY = re.compile(
    r"(?:[-*] +)?(?:\*\*)?(FROM|TO|FILE|STATUS|NOTES?|REASON|From|To|File|Notes?|Reason)(?:\*\*)?:(?:\*\*)?\s*(.*)"
)
_RATIO = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6})")
_WORDS = frozenset({"READY", "ACTIVE", "BLOCKED", "COMPLETE", "FAILED"})
_NOTHING = frozenset({"", "-", "none", "n/a", "nothing", "nobody"})
_CHANGES = frozenset({"created", "modified", "deleted"})
OUTPUT_NAMES = ("type", "method")  #: keys that name a JSON object in an agent's output
PIPE_NAMES = (*OUTPUT_NAMES, "event", "message", "kind")  #: the same on the status pipe


class Lines:
    """Reads output as it comes, in chunks cut anywhere."""

    def __init__(self, names: Sequence[str] = OUTPUT_NAMES) -> None:
        """Begin at the start of a line; `names` are the keys that may name a JSON object."""
        self._names = tuple(names)
        self._fed = 0  #: bytes so far
        self._line_at = 0  #: where the unfinished line began
        self._rest = b""
        self._skipping = False
        self._handoff: dict[str, str] | None = None
        self._handoff_at = 0
        self._handoff_lines = 0
        self._says = ""
        self._blocked_on = ""

    @property
    def held(self) -> int:
        """Give the bytes since the unfinished line or block began: who begins there again misses and doubles nothing."""
        return self._fed - (self._line_at if self._handoff is None else self._handoff_at)

    def feed(self, chunk: bytes) -> list[Message]:
        """Give the messages that the next bytes complete."""
        before, self._fed = self._fed, self._fed + len(chunk)
        if self._skipping:
            skipped, newline, chunk = chunk.partition(b"\n")
            if not newline:
                return []
            self._skipping, self._line_at = False, before + len(skipped) + 1
        whole, newline, rest = (self._rest + chunk).rpartition(b"\n")
        self._skipping = len(rest) > LONGEST
        self._rest = b"" if self._skipping else rest
        if not newline:
            return []
        start, self._line_at = self._line_at, self._fed - len(rest)
        return self._scan(whole + newline, start)

    def finish(self) -> list[Message]:
        """Give what an unfinished line or block amounts to."""
        messages = self._scan(self._rest + b"\n", self._line_at) if self._rest else []
        self._rest = b""
        self._line_at = self._fed
        return [*messages, *self._end_handoff()]

    def _scan(self, data: bytes, start: int) -> list[Message]:
        """Read whole lines, the first of which began at `start`; a longer one than can be held is text."""
        messages: list[Message] = []
        place = 0
        while place < len(data):
            if self._handoff is not None:
                end = data.index(b"\n", place) + 1
                if end - place <= LONGEST + 1:
                    messages += self._handoff_line(data[place:end], start + place)
                place = end
                continue
            found = _CANDIDATE.search(data, place)
            if found is None:
                break
            place = found.end()
            if len(found[0]) <= LONGEST + 1:
                messages += self._line(found[0], start + found.start())
        return messages

    def _line(self, raw: bytes, at: int) -> list[Message]:
        line = _text(raw)
        if line.lstrip().startswith("{"):
            message = _from_object(line, self._names)
            return [message] if message else []
        if line.startswith(("#", _TRANSFER)):
            self._begin_handoff(line, at)
            return []
        if found := _FILE.fullmatch(line.rstrip()):
            return [Status(files={found[1]: found[2]})]
        if found := _KEY.match(line):
            return self._key(found[1], _bare(found[2].strip()))
        return []

    def _begin_handoff(self, line: str, at: int) -> None:
        if line.startswith(_TRANSFER):
            self._handoff = {"FILE": line.removeprefix(_TRANSFER).strip()}
        elif line.lstrip("# ").startswith("Handoff Request"):
            self._handoff = {}
        self._handoff_at, self._handoff_lines = at, 0

    def _key(self, key: str, value: str) -> list[Message]:
        match key:
            case "Status":
                messages = _status_word(value)
                self._says = next((one.status or "" for one in messages if isinstance(one, Status)), self._says)
                return messages
            case "Current Task":
                return [Status(message=value)] if value else []
            case "Progress" | "Tasks Completed":
                ratio = _RATIO.search(value)
                return [Status(done=int(ratio[1]), total=int(ratio[2]))] if ratio else []
            case "Waiting for" | "Blocker" | "Blockers" | "Reason":
                if value.lower() in _NOTHING or (key == "Reason" and self._says != "BLOCKED"):
                    return []
                self._blocked_on = value
                return [Blocked(on=value)]
            case "Alternative" | "Alternative Task" | "Alternative task" | "Fallback":
                return [Blocked(on=self._blocked_on, meanwhile=value)] if self._blocked_on and value else []
        return []

    def _handoff_line(self, raw: bytes, at: int) -> list[Message]:
        """Collect a handoff until its block ends: another message, a heading, a blank line after its file, too many lines."""
        line, block = _text(raw), self._handoff if self._handoff is not None else {}
        self._handoff_lines += 1
        if found := _HANDOFF_KEY.match(line):
            name = found[1].upper()
            block["NOTE" if name in {"NOTES", "REASON"} else name] = found[2].strip()
            return []
        if line.startswith(("#", _TRANSFER)):
            return [*self._end_handoff(), *self._line(raw, at)]
        if said := self._line(raw, at) if _CANDIDATE.match(raw) else []:
            return [*self._end_handoff(), *said]
        if self._handoff_lines > _HANDOFF_LINES or (not line.strip() and "FILE" in block):
            return self._end_handoff()
        return []

    def _end_handoff(self) -> list[Message]:
        block, self._handoff = self._handoff, None
        if not block or not block.get("FILE"):
            return []
        return [
            Handoff(
                file=block["FILE"].strip("`"),
                to=block.get("TO", ""),
                status=block.get("STATUS", ""),
                note=block.get("NOTE", ""),
                sender=block.get("FROM", ""),
            )
        ]


def parse_blocks(text: str) -> list[Message]:
    """Read what an agent says in the text of a message of its own protocol."""
    lines = Lines()
    return [*lines.feed(text.encode("utf-8", "surrogateescape")), *lines.finish()]


def _from_object(line: str, names: Sequence[str]) -> Message | None:
    """Read one JSON object; None for anything that is not in the vocabulary, whatever it is."""
    if not line.rstrip().endswith("}"):
        return None
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    name = next((name for key in names if (name := _word(said, key)) in _READERS), None)
    if name is None:
        return None
    params = said.get("params")
    return _READERS[name](params if isinstance(params, dict) else said)


def from_request(method: str, params: Mapping[str, object]) -> Message | None:
    """Read a request that only says something; None for any other method."""
    return _READERS[method](params) if method in _READERS else None


def _status_word(value: str) -> list[Message]:
    word = value.partition(" ")[0].strip("*`.,;:").upper()
    if word == "COMPLETE":
        return [Status(status=word), Done(ok=True)]
    if word == "FAILED":
        return [Status(status=word), Done(ok=False)]
    return [Status(status=word)] if word in _WORDS else []


def _status(said: Mapping[str, object]) -> Message | None:
    word = _word(said, "status").upper()
    if word == "COMPLETE":
        return Done(ok=True, note=_word(said, "message"))
    if word == "FAILED":
        return Done(ok=False, note=_word(said, "message"))
    ratio = _RATIO.search(_word(said, "progress"))
    return Status(
        status=word if word in _WORDS else None,
        message=_word(said, "message") or _word(said, "current_task"),
        done=int(ratio[1]) if ratio else _count(said.get("done")),
        total=int(ratio[2]) if ratio else _count(said.get("total")),
    )


def _file(said: Mapping[str, object]) -> Message | None:
    path, change = _word(said, "path") or _word(said, "file"), _word(said, "change") or "modified"
    return Status(files={path: change if change in _CHANGES else "modified"}) if path else None


def _blocked(said: Mapping[str, object]) -> Message | None:
    return Blocked(on=_word(said, "on") or _word(said, "path"), meanwhile=_word(said, "meanwhile"))


def _handoff(said: Mapping[str, object]) -> Message | None:
    if not _word(said, "file"):
        return None
    return Handoff(file=_word(said, "file"), to=_word(said, "to"), status=_word(said, "status"), note=_word(said, "note"))


def _ask(said: Mapping[str, object]) -> Message | None:
    return Ask(text=_word(said, "text") or _word(said, "question"))


def _usage(said: Mapping[str, object]) -> Message | None:
    money = said.get("money")
    return Usage(
        fresh=_count(said.get("fresh")) or 0,
        cached=_count(said.get("cached")) or 0,
        output=_count(said.get("output")) or 0,
        money=float(money) if isinstance(money, int | float) and not isinstance(money, bool) and 0 <= money < 1e9 else None,
    )


def _done(said: Mapping[str, object]) -> Message | None:
    failed = said.get("ok") is False or _word(said, "status").upper() == "FAILED"
    return Done(ok=not failed, note=_word(said, "note"))


def _limit(said: Mapping[str, object]) -> Message | None:
    until = said.get("until")
    known = isinstance(until, int | float) and not isinstance(until, bool) and 0 < until < 1e11
    return Limit(until=float(str(until)) if known else None, text=_word(said, "text"))


_READERS: Mapping[str, Callable[[Mapping[str, object]], Message | None]] = {
    "status": _status,
    "progress": _status,
    "file": _file,
    "blocked": _blocked,
    "handoff": _handoff,
    "ask": _ask,
    "usage": _usage,
    "done": _done,
    "limit": _limit,
}


def _word(said: Mapping[str, object], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _bare(value: str) -> str:
    """Give a value without the emphasis around it, or that its key left open: `**Status:** ACTIVE`; a word's own stays."""
    if value.count("**") == 1 or not 0 < value.find("**", 2) < len(value) - 2:
        return value.strip("*").strip()
    return value


def _text(raw: bytes) -> str:
    return _ANSI.sub(b"", raw).decode("utf-8", "replace").rstrip("\r\n").replace("\0", "")
