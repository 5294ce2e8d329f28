"""Claude Code, spoken to in stream-json both ways.

It asks on its stdout before it changes anything, whatever the user's own rules allow, and waits for the answer on its
stdin; so the end of squad refuses, it never permits. Its own retries are off: how long to wait is for squad to decide. One
process is one conversation of any number of turns, and ends when its stdin is closed after the last.

The shapes were seen with 2.1.330 and are recorded in the tests; keys come in any order.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.adapters.base import Invocation, Order, Tools
from orchestrator.adapters.claude_turns import Turns
from orchestrator.adapters.hearing import NOWHERE, Hearing, Program, keep
from orchestrator.adapters.jsonlines import LONGEST, Object, clean, inner, number, rows, word, write
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.exchange.speech import parse_blocks
from orchestrator.messages import Conversed, Permission, Retrying, Said, Status, Withdrawn
from orchestrator.model import Operation

#: Makes the name of a conversation out of the mark of the attempt that begins it.
_NAMES = uuid.UUID("6f0d2b52-7a0b-4a5e-9b1f-3f5f3f6f5d11")
_WRITERS = {"Write": "file_path", "Edit": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}
_READERS = {"Read": "file_path", "NotebookRead": "notebook_path", "Grep": "path", "Glob": "path", "LS": "path"}
_OWN = "mcp__squad"  #: beginning of the names of squad's own tools
#: Asked for whatever the user's own settings allow: an `ask` rule wins over an `allow` rule.
_SETTINGS = {"permissions": {"ask": list(_WRITERS)}}
_SETTINGS_WITH_TOOLS = {"permissions": {"ask": list(_WRITERS), "allow": [_OWN]}}
#: Tools that wait for a person, outlive the attempt, or leave the workspace.
_UNWANTED = ("AskUserQuestion", "EnterPlanMode", "ExitPlanMode", "CronCreate", "ScheduleWakeup", "EnterWorktree", "ExitWorktree")
_LONGEST_DETAIL = 1000  #: characters
_STREAMS = ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
_ASKING = ("--permission-prompt-tool", "stdio", "--permission-mode", "default", "--settings")
#: Its own retries are off, and it asks nobody but its model.
QUIET: Mapping[str, str] = {
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeAdapter(Program):
    """Starts Claude Code with the user's own sign-in and settings."""

    known: Known = KNOWN["claude"]
    command: tuple[str, ...] = ("claude",)

    def invoke(self, order: Order) -> Invocation:
        """Begin a conversation under a name of squad's, or take one up again, with the prompt as its next message."""
        named = ("--resume", order.conversation) if order.conversation else _begun(order)
        model = ("--model", self.model) if self.model else ()
        tools = ("--mcp-config", _offered(order.tools)) if order.tools else ()
        asking = (*_ASKING, json.dumps(_SETTINGS_WITH_TOOLS if tools else _SETTINGS))
        return Invocation(
            argv=(*self.command, *_STREAMS, *asking, "--disallowedTools", ",".join(_UNWANTED), *tools, *model, *named),
            environment=QUIET,
            stdin=_control("squad-start", {"subtype": "initialize", "hooks": None}) + _message(order.prompt),
            keep_stdin=True,
        )

    def conversation(self, order: Order) -> "ClaudeConversation":
        """Give what understands the output of one process."""
        return ClaudeConversation(resumed=bool(order.conversation))


class ClaudeConversation(Hearing):
    """Understands what one process prints, and words the answers to what it asks."""

    def __init__(self, *, resumed: bool = False, longest: int = LONGEST) -> None:
        """Begin at the start of the process's output."""
        super().__init__(longest=longest)
        self._turns = Turns(resumed=resumed)
        self._session = ""
        self._asked: dict[str, Object | None] = {}  #: request -> input of the tool; None: no question about a tool

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""
        return [*super().finish(), *self._turns.broken_off()]

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        """Word the answer to a question; the model reads the reason of a refusal as it is. Empty for what was withdrawn."""
        if permission.request not in self._asked:
            return b""
        asked = self._asked.pop(permission.request)
        if asked is None:
            return _response({"subtype": "error", "request_id": permission.request, "error": reason or "nobody answers this"})
        decision: Object = {"behavior": "allow", "updatedInput": asked} if allow else {"behavior": "deny", "message": reason}
        return _response({"subtype": "success", "request_id": permission.request, "response": decision})

    def tell(self, text: str) -> bytes:
        """Say something to the model: in mid-turn it reads it with the next result of a tool, else it is the next turn."""
        return _message(text)

    def interrupt(self) -> bytes:
        """End the turn, and what a tool is doing; the conversation waits for what is said next."""
        return _control("squad-interrupt", {"subtype": "interrupt"})

    def _line(self, line: Object) -> list[Said]:
        match line.get("type"):
            case "system":
                return self._system(line)
            case "assistant":
                return self._assistant(line)
            case "user":
                return _changed(line)
            case "control_request":
                return self._request(line)
            case "control_cancel_request":
                return self._withdraw(word(line, "request_id"))
            case "rate_limit_event":
                self._turns.limits(inner(line, "rate_limit_info"))
            case "result":
                return self._turns.end(line)
        return []

    def _system(self, line: Object) -> list[Said]:
        if line.get("subtype") == "api_retry":
            return [Retrying(error=word(line, "error"), delay=number(line, "retry_delay_ms") / 1000)]
        session = word(line, "session_id")
        if line.get("subtype") != "init" or session in {"", self._session}:
            return []
        self._session = session
        return [Conversed(session=session, version=word(line, "claude_code_version"))]

    def _assistant(self, line: Object) -> list[Said]:
        """Read what the model itself says; an agent of its own speaks for nobody."""
        self._turns.heard(inner(line, "message"))
        if line.get("parent_tool_use_id") is not None:
            return []
        self._turns.error = word(line, "error")
        if self._turns.error:
            return []
        texts = [word(block, "text") for block in rows(inner(line, "message"), "content") if block.get("type") == "text"]
        return [said for text in texts for said in parse_blocks(text)]

    def _request(self, line: Object) -> list[Said]:
        request, body = word(line, "request_id"), inner(line, "request")
        if not request:
            return []
        if body.get("subtype") != "can_use_tool":
            keep(self._asked, request, None)
            return [Permission(request=request, tool=word(body, "subtype"), operation=Operation.READ)]
        asked = inner(body, "input")
        keep(self._asked, request, asked)
        permission = _permission(request, word(body, "tool_name"), asked)
        if permission.operation is not Operation.READ:
            self._turns.asked.add(word(body, "tool_use_id"))
        return [permission]

    def _withdraw(self, request: str) -> list[Said]:
        known = request in self._asked
        self._asked.pop(request, None)
        return [Withdrawn(request=request)] if known else []


def _offered(tools: Tools) -> str:
    """Name the server beside those of the user's; it inherits its environment, and its tools are never searched for first."""
    command, *arguments = tools.argv
    return json.dumps({"mcpServers": {"squad": {"type": "stdio", "command": command, "args": arguments, "alwaysLoad": True}}})


def _begun(order: Order) -> tuple[str, ...]:
    return ("--session-id", str(uuid.uuid5(_NAMES, order.mark))) if order.mark else ()


def _permission(request: str, tool: str, asked: Object) -> Permission:
    """Say what a tool is about to do; of a shell only its command is known, of a tool of somebody else nothing."""
    if tool in _WRITERS:
        path = word(asked, _WRITERS[tool]) or NOWHERE
        return Permission(request=request, tool=tool, paths=(path,), operation=Operation.WRITE)
    if tool in _READERS:
        path = word(asked, _READERS[tool])
        return Permission(request=request, tool=tool, paths=(path,) if path else (), operation=Operation.READ)
    if tool.startswith(f"{_OWN}__"):
        return Permission(request=request, tool=tool, operation=Operation.READ)  # it asks squad itself
    command = word(asked, "command")
    detail = "" if command else clean(json.dumps(asked, ensure_ascii=False))[:_LONGEST_DETAIL]
    return Permission(request=request, tool=tool, operation=Operation.WRITE, command=command, detail=detail)


def _changed(line: Object) -> list[Said]:
    """Tell which file a tool has changed; only the results of writing tools carry a patch."""
    result = inner(line, "tool_use_result")
    path = word(result, "filePath") or word(result, "notebook_path")
    if not path or not ("structuredPatch" in result or "notebook_path" in result):
        return []
    return [Status(files={path: "created" if result.get("type") == "create" else "modified"})]


def _message(text: str) -> bytes:
    message = {"role": "user", "content": clean(text)}
    return write({"type": "user", "message": message, "parent_tool_use_id": None, "session_id": ""})


def _control(request: str, body: Object) -> bytes:
    return write({"type": "control_request", "request_id": request, "request": body})


def _response(body: Object) -> bytes:
    return write({"type": "control_response", "response": body})
