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
STATUS and NOTES; bold and bulleted keys too. `Status: COMPLETE` and `Status: FAILED` are claims. Everything else is
text. Bytes are never trusted: any length, any encoding; memory stays bounded, and noise costs one pass of a regular
expression, not a step for each line.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from orchestrator.messages import Ask, Blocked, Done, Handoff, Limit, Message, Status, Usage

LONGEST = 64 * 1024  #: bytes; a longer line is text
_HANDOFF_LINES = 40
_ANSI = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_CODES = rb"(?:\x1b\[[0-9;?]*[A-Za-z])*"
_KEYS = (
    rb"Status|Current Task|Files Modified|Files Created|Progress|Tasks Completed|Waiting for|Blocker|"
    rb"Alternative Task|Alternative task|Alternative|Fallback|Final Notes"
)
_CANDIDATE = re.compile(
    rb"^"
    + _CODES
    + rb"(?:[ \t]*\{|(?:[-*] +)?(?:\*\*)?(?:"
    + _KEYS
    + rb")(?:\*\*)?:|#{1,3} |[ \t]*[-*] +`?[^\s`]+`? +\((?:created|modified|deleted)\))[^\n]*\n?",
    re.MULTILINE,
)
_KEY = re.compile(rf"(?:[-*] +)?(?:\*\*)?({_KEYS.decode()})(?:\*\*)?:(?:\*\*)?\s*(.*)")
_FILE = re.compile(r"\s*[-*] +`?([^\s`]+)`? +\((created|modified|deleted)\)")
_HANDOFF_KEY = re.compile(r"(?:[-*] +)?(?:\*\*)?(FROM|TO|FILE|STATUS|NOTES?|From|To|File|Notes?)(?:\*\*)?:(?:\*\*)?\s*(.*)")
_RATIO = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6})")
_WORDS = frozenset({"READY", "ACTIVE", "BLOCKED", "COMPLETE", "FAILED"})
_CHANGES = frozenset({"created", "modified", "deleted"})


class Lines:
    """Reads output as it comes, in chunks cut anywhere."""

    def __init__(self) -> None:
        """Begin at the start of a line."""
        self._rest = b""
        self._skipping = False
        self._handoff: dict[str, str] | None = None
        self._handoff_lines = 0
        self._blocked_on = ""

    @property
    def held(self) -> int:
        """Give the bytes of the unfinished line."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[Message]:
        """Give the messages that the next bytes complete."""
        if self._skipping:
            _, newline, chunk = chunk.partition(b"\n")
            self._skipping = not newline
        data = self._rest + chunk
        whole, newline, rest = data.rpartition(b"\n")
        self._rest = b"" if len(rest) > LONGEST else rest
        self._skipping = self._skipping or len(rest) > LONGEST
        return self._scan(whole + newline) if newline else []

    def finish(self) -> list[Message]:
        """Give what an unfinished line or block amounts to."""
        messages = self._scan(self._rest + b"\n") if self._rest else []
        self._rest = b""
        return [*messages, *self._end_handoff()]

    def _scan(self, data: bytes) -> list[Message]:
        messages: list[Message] = []
        place = 0
        while place < len(data):
            if self._handoff is not None:
                end = data.index(b"\n", place) + 1
                messages += self._handoff_line(_text(data[place:end]))
                place = end
                continue
            found = _CANDIDATE.search(data, place)
            if found is None:
                break
            place = found.end()
            if len(found[0]) <= LONGEST + 1:
                messages += self._line(found[0])
        return messages

    def _line(self, raw: bytes) -> list[Message]:
        line = _text(raw)
        if line.lstrip().startswith("{"):
            message = from_json(line.encode("utf-8", "surrogatepass"))
            return [message] if message else []
        if line.startswith("#"):
            if line.lstrip("# ").startswith("Handoff Request"):
                self._handoff, self._handoff_lines = {}, 0
            return []
        if found := _FILE.fullmatch(line.rstrip()):
            return [Status(files={found[1]: found[2]})]
        if found := _KEY.match(line):
            return self._key(found[1], found[2].strip().strip("*").strip())
        return []

    def _key(self, key: str, value: str) -> list[Message]:
        match key:
            case "Status":
                return _status_word(value)
            case "Current Task":
                return [Status(message=value)] if value else []
            case "Progress" | "Tasks Completed":
                ratio = _RATIO.search(value)
                return [Status(done=int(ratio[1]), total=int(ratio[2]))] if ratio else []
            case "Waiting for" | "Blocker":
                self._blocked_on = value
                return [Blocked(on=value)] if value else []
            case "Alternative" | "Alternative Task" | "Alternative task" | "Fallback":
                return [Blocked(on=self._blocked_on, meanwhile=value)] if self._blocked_on and value else []
        return []

    def _handoff_line(self, line: str) -> list[Message]:
        """Collect a handoff until its block ends: a heading, a blank line after its file, or too many lines."""
        block = self._handoff if self._handoff is not None else {}
        self._handoff_lines += 1
        if line.startswith("#") or self._handoff_lines > _HANDOFF_LINES or (not line.strip() and "FILE" in block):
            ended = self._end_handoff()
            return [*ended, *(self._line(line.encode("utf-8", "surrogatepass")) if line.startswith("#") else [])]
        if found := _HANDOFF_KEY.match(line):
            block[found[1].upper().rstrip("S") if found[1].upper().startswith("NOTE") else found[1].upper()] = found[2].strip()
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
    """Read what an agent appended to its comm file."""
    lines = Lines()
    return [*lines.feed(text.encode("utf-8", "surrogateescape")), *lines.finish()]


def from_json(line: bytes) -> Message | None:
    """Read one JSON object; None for anything that is not in the vocabulary, whatever it is."""
    if len(line) > LONGEST:
        return None
    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    name = next((said[key] for key in ("type", "method", "event", "message") if said.get(key) in _READERS), None)
    if not isinstance(name, str):
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


_READERS: Mapping[object, Callable[[Mapping[str, object]], Message | None]] = {
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


def _text(raw: bytes) -> str:
    return _ANSI.sub(b"", raw).decode("utf-8", "replace").rstrip("\r\n").replace("\0", "")
