"""What an agent that speaks ACP is about to do, and what it has done, from its tool calls.

A tool call is told in pieces: announced, filled in, asked for, completed, each naming only what is new; so the pieces are
joined by their id. Paths stand in locations, in diffs and in the raw input; a change that names none is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from acp import schema

from orchestrator.adapters.hearing import NOWHERE, keep
from orchestrator.adapters.jsonlines import Object, word
from orchestrator.messages import Permission, Said, Status
from orchestrator.model import Operation

_PATHS = ("file_path", "filePath", "filepath", "path", "absolute_path", "notebook_path", "old_path", "new_path", "destination")
_COMMANDS = ("command", "cmd")
_CHANGING = {"edit": Operation.WRITE, "delete": Operation.DELETE, "move": Operation.WRITE}
#: `fetch` and `think` change nothing in the project either.
_READING = frozenset({"read", "search", "fetch", "think"})

#: squad's own tools, as Gemini and Qwen, Claude, OpenCode and Codex title them.
_OWN = re.compile(r"\w+ \(squad MCP Server\)|(mcp__squad__|mcp_squad_|squad_|squad/|squad\.)\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is known of a tool call."""

    kind: str = ""
    title: str = ""
    paths: tuple[str, ...] = ()
    command: str = ""
    how: dict[str, str] = field(default_factory=dict)  #: path -> created | modified | deleted

    def joined(self, more: "Call") -> "Call":
        """Give both pieces together: what the later one names holds."""
        return replace(
            self,
            kind=more.kind or self.kind,
            title=more.title or self.title,
            paths=more.paths or self.paths,
            command=more.command or self.command,
            how={**self.how, **more.how},
        )


class Calls:
    """Joins the pieces of tool calls."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[str, Call] = {}

    def told(self, piece: schema.ToolCall | schema.ToolCallUpdate) -> list[Said]:
        """Take a piece in; give which files a completed call has changed."""
        call = self._join(piece)
        if piece.status == "completed":
            self._known.pop(piece.tool_call_id, None)
            return _changed(call)
        if piece.status == "failed":
            self._known.pop(piece.tool_call_id, None)
        return []

    def permission(self, request: str, piece: schema.ToolCallUpdate) -> Permission:
        """Say what is asked for: of a shell its command, of a change its paths, of what is neither only its name."""
        call = self._join(piece)
        tool = call.title or call.kind or "a tool"
        if call.kind in {"", "other"} and _OWN.fullmatch(tool):
            return Permission(request=request, tool=tool, operation=Operation.READ)  # it asks squad itself
        if call.kind == "execute":
            return Permission(request=request, tool=tool, operation=Operation.WRITE, command=call.command or tool)
        if call.kind in _READING:
            return Permission(request=request, tool=tool, paths=call.paths, operation=Operation.READ)
        if call.kind in _CHANGING:
            return Permission(request=request, tool=tool, paths=call.paths or (NOWHERE,), operation=_operation(call))
        return Permission(request=request, tool=tool, paths=call.paths, operation=Operation.WRITE)

    def _join(self, piece: schema.ToolCall | schema.ToolCallUpdate) -> Call:
        name = piece.tool_call_id
        call = self._known.pop(name, Call()).joined(_read(piece))
        keep(self._known, name, call)
        return call


def _read(piece: schema.ToolCall | schema.ToolCallUpdate) -> Call:
    diffs = [content for content in piece.content or () if content.type == "diff"]
    raw: Object = piece.raw_input if isinstance(piece.raw_input, dict) else {}
    located = [location.path for location in piece.locations or ()]
    changes = raw.get("changes")
    named = [word(raw, key) for key in _PATHS] + [*(changes if isinstance(changes, dict) else ())]
    return Call(
        kind=piece.kind or "",
        title=piece.title or "",
        paths=_once([*located, *(diff.path for diff in diffs), *named]),
        command=_command(raw),
        how={diff.path: _how(diff) for diff in diffs},
    )


def _how(diff: schema.Diff) -> str:
    kind = (diff.field_meta or {}).get("kind")
    if kind == "delete":
        return "deleted"
    return "created" if kind == "add" or (kind is None and not diff.old_text) else "modified"


def _command(raw: Object) -> str:
    for key in _COMMANDS:
        if isinstance(raw.get(key), list):
            return " ".join(str(part) for part in raw[key])
        if word(raw, key):
            return word(raw, key)
    return ""


def _operation(call: Call) -> Operation:
    kinds = {call.how.get(path) for path in call.paths}
    if call.kind == "edit" and kinds == {"created"}:
        return Operation.CREATE
    return _CHANGING[call.kind]


def _changed(call: Call) -> list[Said]:
    if call.kind not in _CHANGING or not call.paths:
        return []
    usual = "deleted" if call.kind == "delete" else "modified"
    return [Status(files={path: call.how.get(path, usual) for path in call.paths})]


def _once(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in paths if path))
