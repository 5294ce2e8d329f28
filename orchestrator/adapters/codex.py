"""Codex, spoken to through its app-server: JSON-RPC over stdio, one message a line.

The kernel keeps its shell from writing at all; what it wants to change it asks for, and waits. An approval names no path:
it is joined with the item that was announced before it. What is refused reads only "rejected by user" to the model, so
the reason is said in the same turn, ahead of the refusal. One thing escapes: a command that the user's own `rules/*.rules`
allow runs outside the sandbox and unasked, and the app-server cannot be told otherwise; what it wrote is found afterwards.

The shapes were seen with 0.169.0 and are recorded in the tests.
"""

from dataclasses import dataclass, replace

from orchestrator.adapters.base import Invocation, Order, Tools
from orchestrator.adapters.codex_turns import Limits, Tokens, turned
from orchestrator.adapters.hearing import NOWHERE, Hearing, Program, keep
from orchestrator.adapters.jsonlines import LONGEST, Object, clean, inner, rows, word, write
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.exchange.speech import parse_blocks
from orchestrator.messages import Conversed, Permission, Reply, Retrying, Said, Status, Turned, TurnEnd, Withdrawn
from orchestrator.model import Operation

_GREETING, _OPENING = 1, 2  #: numbers of squad's first requests
_CHANGES = {"add": "created", "delete": "deleted", "update": "modified"}
_OPERATIONS = {"add": Operation.CREATE, "delete": Operation.DELETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexAdapter(Program):
    """Starts Codex with the user's own sign-in and settings."""

    known: Known = KNOWN["codex"]
    command: tuple[str, ...] = ("codex",)

    def invoke(self, order: Order) -> Invocation:
        """Open a thread, or one that was left; the prompt follows when its name is known."""
        named: Object = {"threadId": order.conversation} if order.conversation else {}
        model: Object = {"model": self.model} if self.model else {}
        asking = {"sandbox": "read-only", "approvalPolicy": "on-request", "approvalsReviewer": "user"}
        tools: Object = {"config": {"mcp_servers": {"squad": _offered(order.tools)}}} if order.tools else {}
        opening = {"cwd": str(order.workspace), **asking, **model, **tools, **named}
        method = "thread/resume" if order.conversation else "thread/start"
        greeting = {"clientInfo": {"name": "squad", "version": "0"}}
        lines = [
            _request(_GREETING, "initialize", greeting),
            write({"method": "initialized"}),
            _request(_OPENING, method, opening),
        ]
        return Invocation(argv=(*self.command, "app-server"), stdin=b"".join(lines), keep_stdin=True)

    def conversation(self, order: Order) -> "CodexConversation":
        """Give what speaks with one process."""
        return CodexConversation(prompt=order.prompt)


class CodexConversation(Hearing):
    """Understands what one process prints, and words what is written to it."""

    def __init__(self, *, prompt: str, longest: int = LONGEST) -> None:
        """Begin at the start of the process's output; the prompt is said as soon as the thread is open."""
        super().__init__(longest=longest)
        self._prompt = prompt
        self._thread = self._turn = ""
        self._number = _OPENING
        self._steered: dict[str, str] = {}  #: squad's request -> what was to be said in mid-turn
        self._unsaid: list[str] = []  #: what came too late for its turn, and is the next
        self._ended: Turned | None = None  #: held back until it is known whether that is so
        self._questions = 0  #: of this turn
        self._declined: list[str] = []  #: in this turn
        self._announced: dict[str, list[Object]] = {}  #: item -> changes
        self._asked: dict[str, object] = {}  #: request as text -> as Codex numbers it
        self._retried = False
        self._tokens = Tokens()
        self._limits = Limits()

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""
        said = super().finish()
        return [*said, self._ended] if self._ended else said

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        """Word the answer to a question, a refusal with its reason ahead; empty for one that is not open."""
        if permission.request not in self._asked:
            return b""
        number_ = self._asked.pop(permission.request)
        decision = write({"id": number_, "result": {"decision": "accept" if allow else "decline"}})
        return decision if allow or not reason else self.tell(reason) + decision

    def tell(self, text: str) -> bytes:
        """Say something to the model: at once in mid-turn, else as the next turn."""
        said = {"threadId": self._thread, "input": [{"type": "text", "text": clean(text)}]}
        if self._turn:
            keep(self._steered, str(self._number + 1), text)
            return self._next("turn/steer", {**said, "expectedTurnId": self._turn})
        return self._next("turn/start", said)

    def interrupt(self) -> bytes:
        """End the turn, and what its commands are doing."""
        return self._next("turn/interrupt", {"threadId": self._thread, "turnId": self._turn})

    def _next(self, method: str, params: Object) -> bytes:
        self._number += 1
        return _request(self._number, method, params)

    def _line(self, line: Object) -> list[Said]:
        method = word(line, "method")
        if not method:
            return self._response(line)
        if "id" in line:
            return self._question(line["id"], method, inner(line, "params"))
        return self._notice(method, inner(line, "params"))

    def _response(self, line: Object) -> list[Said]:
        opened, text = inner(inner(line, "result"), "thread"), self._steered.pop(str(line.get("id")), None)
        if line.get("id") == _OPENING and word(opened, "id"):
            self._thread = word(opened, "id")
            conversed = Conversed(session=self._thread, version=word(opened, "cliVersion"))
            return [conversed, Reply(line=self.tell(self._prompt))]
        if text is not None:
            return self._steered_to(text, is_heard="error" not in line)
        if "error" not in line or self._turn:
            return []
        return [Turned(outcome=TurnEnd.PERMANENT, reason=word(inner(line, "error"), "message"))]

    def _steered_to(self, text: str, *, is_heard: bool) -> list[Said]:
        """Go on after the answer to what was said in mid-turn: "no active turn" may come before the turn's own end."""
        if not is_heard:
            self._unsaid.append(text)
        if self._turn or self._steered:
            return []
        ended, self._ended = self._ended, None
        return [Reply(line=self._say_late())] if self._unsaid else [ended] if ended else []

    def _say_late(self) -> bytes:
        late, self._unsaid = "\n\n".join(self._unsaid), []
        return self.tell(late)

    def _end_turn(self, ended: Turned) -> list[Said]:
        """End a turn, unless something was said that it may not have heard: that is the next turn then."""
        self._turn = ""
        if ended.outcome not in {TurnEnd.DONE, TurnEnd.REFUSED}:
            return [ended]
        if self._steered:
            self._ended = ended
            return []
        return [replace(ended, queued=1), Reply(line=self._say_late())] if self._unsaid else [ended]

    def _question(self, number_: object, method: str, params: Object) -> list[Said]:
        """Hand on what asks for permission; whatever else is asked nobody is there to answer."""
        request = str(number_)
        match method:
            case "item/fileChange/requestApproval":
                permission = _change(request, self._announced.get(word(params, "itemId"), []))
            case "item/commandExecution/requestApproval":
                permission = Permission(request=request, tool="shell", operation=Operation.WRITE, command=word(params, "command"))
            case _:
                return [Reply(line=write({"id": number_, "error": {"code": -32601, "message": "nobody answers this"}}))]
        keep(self._asked, request, number_)
        self._questions += 1
        return [permission]

    def _notice(self, method: str, params: Object) -> list[Said]:
        match method:
            case "thread/tokenUsage/updated":
                is_new = bool(self._turn) or word(params, "threadId") != self._thread
                return self._tokens.told(word(params, "threadId"), inner(params, "tokenUsage"), is_new=is_new)
            case "account/rateLimits/updated":
                self._limits.told(inner(params, "rateLimits"))
            case "item/started":
                self._announce(inner(params, "item"))
            case "serverRequest/resolved":
                request = str(params.get("requestId"))
                return [Withdrawn(request=request)] if self._asked.pop(request, None) is not None else []
            case "turn/started" | "turn/completed" | "item/completed" | "error" if self._is_own(params):
                return self._own(method, params)
            case "item/completed":
                return _changed(inner(params, "item"))
        return []

    def _is_own(self, params: Object) -> bool:
        """Tell whether it is about squad's own thread; a reader that began in the middle cannot tell, and believes so."""
        return self._thread in {"", word(params, "threadId")}

    def _own(self, method: str, params: Object) -> list[Said]:
        """Take in what happens in squad's own thread; agents of the agent have threads of theirs and claim nothing."""
        match method:
            case "turn/started":
                self._turn, self._retried = word(inner(params, "turn"), "id"), False
                self._questions = 0
                self._declined.clear()
            case "turn/completed":
                refused = self._declined if len(self._declined) == self._questions else []
                return self._end_turn(
                    turned(inner(params, "turn"), refused=refused, until=self._limits.until, retried=self._retried)
                )
            case "error" if params.get("willRetry") is True:
                self._retried = True
                return [Retrying(error=word(inner(params, "error"), "message"), delay=0.0)]
            case "item/completed":
                item = inner(params, "item")
                claims = parse_blocks(word(item, "text")) if item.get("type") == "agentMessage" else []
                if item.get("status") == "declined":
                    paths = [word(change, "path") for change in rows(item, "changes")]
                    self._declined.append(word(item, "command") or ", ".join(paths))
                return [*claims, *_changed(item)]
        return []

    def _announce(self, item: Object) -> None:
        if item.get("type") == "fileChange":
            keep(self._announced, word(item, "id"), rows(item, "changes"))


def _offered(tools: Tools) -> Object:
    """Name the server; it inherits nothing but what is named, and its tools ask squad themselves."""
    command, *arguments = tools.argv
    waits = {"startup_timeout_sec": 30, "tool_timeout_sec": 3600}
    return {"command": command, "args": arguments, "env_vars": sorted(tools.environment), **waits}


def _change(request: str, changes: list[Object]) -> Permission:
    """Say what a patch is about to do: a file that is moved is two paths."""
    kinds = {word(inner(change, "kind"), "type") for change in changes}
    paths = [path for change in changes for path in (word(change, "path"), word(inner(change, "kind"), "move_path")) if path]
    operation = _OPERATIONS.get(next(iter(kinds)), Operation.WRITE) if len(kinds) == 1 else Operation.WRITE
    return Permission(request=request, tool="apply_patch", paths=tuple(paths) or (NOWHERE,), operation=operation)


def _changed(item: Object) -> list[Said]:
    if item.get("type") != "fileChange" or item.get("status") != "completed":
        return []
    changes = {word(change, "path"): word(inner(change, "kind"), "type") for change in rows(item, "changes")}
    return [Status(files={path: _CHANGES.get(kind, "modified") for path, kind in changes.items() if path})]


def _request(number_: int, method: str, params: Object) -> bytes:
    return write({"id": number_, "method": method, "params": params})
