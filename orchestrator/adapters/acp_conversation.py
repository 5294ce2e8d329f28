"""The talk with one process of an agent that speaks ACP.

The conversation opens step by step, each step the answer to the one before: initialize, a new or a former session, the mode
in which edits ask, the model, the prompt. What is told before the prompt is what an agent replays of a former session: it is
no news. Whatever fails on the way ends the turn with its reason. A refusal carries no reason in this protocol, so the
reasons follow as a prompt when the turn ends, a few times at most.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pydantic
from acp import schema
from acp.meta import AGENT_METHODS, CLIENT_METHODS, PROTOCOL_VERSION

from orchestrator.adapters.acp_tools import Calls
from orchestrator.adapters.acp_turns import Bill, failed, is_empty
from orchestrator.adapters.base import Tools
from orchestrator.adapters.hearing import Hearing, keep
from orchestrator.adapters.jsonlines import LONGEST, Object, clean, inner, rows, word, write
from orchestrator.exchange.speech import parse_blocks
from orchestrator.messages import Conversed, Permission, Reply, Retrying, Said, Turned, TurnEnd, Withdrawn
from orchestrator.model import Operation

Shape = TypeVar("Shape", bound=pydantic.BaseModel)

_GREETING, _OPENING = 1, 2  #: numbers of squad's first requests
_MOST_REMINDERS = 3  #: prompts with the reasons of refusals, one after the other
_LONGEST_TEXT = 1 << 20  #: characters of one message of the model that are looked at for claims
_PLAIN = "\0plain"  #: key of a line that is no JSON
_NOBODY = {"code": -32601, "message": "nobody answers this: squad offers neither files nor terminals"}
#: What programs print, before they say anything of the protocol, that wait for a person to sign in.
_SIGNING_IN = re.compile("authorize the application|authorization code|to authenticate|sign in to continue", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What squad wants of the conversation."""

    prompt: str
    workspace: str
    conversation: str = ""  #: a former one, to be taken up again
    mode: str = ""  #: in which edits ask
    model: str = ""
    sign_in: str = ""  #: how a person signs in
    tools: Tools | None = None  #: squad's own


def _request(number_: int, method: str, params: pydantic.BaseModel | Object) -> bytes:
    body = params.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(params, pydantic.BaseModel) else params
    return write({"jsonrpc": "2.0", "id": number_, "method": method, "params": body})


#: Neither files nor terminals are offered: most agents write by themselves, so neither could be relied on.
GREETING = _request(
    _GREETING,
    AGENT_METHODS["initialize"],
    schema.InitializeRequest(
        protocol_version=PROTOCOL_VERSION,
        client_capabilities=schema.ClientCapabilities(
            fs=schema.FileSystemCapabilities(read_text_file=False, write_text_file=False), terminal=False
        ),
        client_info=schema.Implementation(name="squad", version="0"),
    ),
)


class AcpConversation(Hearing):
    """Understands what one process prints, and words what is written to it."""

    def __init__(self, wanted: Wanted, *, longest: int = LONGEST, now: Callable[[], float] = time.time) -> None:
        """Begin at the start of the process's output; `now` tells the time from which on a limit's wait is counted."""
        super().__init__(longest=longest, plain=_PLAIN)
        self._wanted = wanted
        self._now = now
        self._agent: schema.InitializeResponse | None = None  #: None until it has answered
        self._session = wanted.conversation
        self._number = _OPENING
        self._steps: list[tuple[str, Object]] = []  #: between the opening and the prompt
        self._awaited = _GREETING  #: number of the request of the opening that is to be answered next; 0: none
        self._turn = 0  #: number of the prompt under way; 0: none
        self._is_open = False  #: the first prompt is said: what is told now is news
        self._is_over = False
        self._is_cancelled = False
        self._waiting: list[str] = []  #: to be said when the turn ends
        self._reasons: list[str] = []  #: of refusals, which the model has not read yet
        self._reminders = 0
        self._asked: dict[str, tuple[object, list[schema.PermissionOption], Permission]] = {}
        self._questions = 0  #: about changes
        self._refused: list[str] = []
        self._has_failed = False  #: by the agent's own account of its state
        self._text = self._message = ""
        self._calls = Calls()
        self._bill = Bill(resumed=bool(wanted.conversation))

    def finish(self) -> list[Said]:
        """Give what was left unfinished."""
        return [*super().finish(), *self._claims()]

    def answer(self, permission: Permission, *, allow: bool, reason: str = "") -> bytes:
        """Word the answer to a question; empty for one that is not open. The reason of a refusal follows with the turn's end."""
        if permission.request not in self._asked:
            return b""
        number_, options, _ = self._asked.pop(permission.request)
        if not allow:
            self._note_refusal(permission, reason)
        wanted = "allow_once" if allow else "reject_once"
        option = next((option.option_id for option in options if option.kind == wanted), None)
        return _chosen(number_, option)

    def tell(self, text: str) -> bytes:
        """Say something to the model: as the next turn, which begins when the one under way has ended."""
        if self._is_open and not self._turn:
            return self._prompt(text)
        self._waiting.append(text)
        return b""

    def interrupt(self) -> bytes:
        """End the turn; what is asked is answered with it, as the protocol wants it."""
        if not self._turn:
            return b""
        self._is_cancelled = True
        answers = [_chosen(number_, None) for number_, _, _ in self._asked.values()]
        self._asked.clear()
        cancel = {"jsonrpc": "2.0", "method": AGENT_METHODS["session_cancel"], "params": {"sessionId": self._session}}
        return write(cancel) + b"".join(answers)

    def _line(self, line: Object) -> list[Said]:
        if self._is_over:
            return []
        if _PLAIN in line:
            return self._plain(word(line, _PLAIN))
        if "method" not in line:
            return self._response(line)
        if "id" in line:
            return self._question(line["id"], word(line, "method"), inner(line, "params"))
        return self._notice(word(line, "method"), inner(line, "params"))

    def _plain(self, text: str) -> list[Said]:
        """Look at what is printed beside the protocol, as long as the agent has said nothing yet."""
        if self._agent is not None or not _SIGNING_IN.search(text):
            return []
        return self._end(TurnEnd.AUTH, f"it waits for a person to sign in: {self._wanted.sign_in or 'start it by hand once'}")

    def _response(self, line: Object) -> list[Said]:
        number_, result = line.get("id"), inner(line, "result")
        if not number_ or type(number_) is not int or number_ not in {self._awaited, self._turn}:
            return []
        if "error" in line:
            return self._failed(inner(line, "error"), number_)
        if number_ == self._turn:
            return self._ended(result)
        if number_ == _GREETING:
            return self._greeted(result)
        return self._opened(result) if number_ == _OPENING else self._go_on()

    def _greeted(self, result: Object) -> list[Said]:
        self._agent = _read(schema.InitializeResponse, result) or schema.InitializeResponse(protocol_version=PROTOCOL_VERSION)
        wanted, self._awaited = self._wanted, _OPENING
        place: Object = {"cwd": wanted.workspace, "mcpServers": [_offered(wanted.tools)] if wanted.tools else []}
        if not wanted.conversation:
            return [Reply(line=_request(_OPENING, AGENT_METHODS["session_new"], place))]
        if not self._resumes():
            return self._end(TurnEnd.PERMANENT, "the agent cannot take up a former conversation")
        method = "session_resume" if self._has_resume() else "session_load"
        return [Reply(line=_request(_OPENING, AGENT_METHODS[method], {**place, "sessionId": wanted.conversation}))]

    def _has_resume(self) -> bool:
        capabilities = self._agent.agent_capabilities if self._agent else None
        sessions = capabilities.session_capabilities if capabilities else None
        return sessions is not None and sessions.resume is not None

    def _resumes(self) -> bool:
        capabilities = self._agent.agent_capabilities if self._agent else None
        return self._has_resume() or bool(capabilities and capabilities.load_session)

    def _opened(self, result: Object) -> list[Said]:
        self._session = self._wanted.conversation or word(result, "sessionId")
        steps = [self._set_mode(result), self._set_model(result)]
        for step in steps:
            if isinstance(step, str):
                return self._end(TurnEnd.PERMANENT, step)
            if step is not None:
                self._steps.append(step)
        info = self._agent.agent_info if self._agent else None
        version = info.version if info else ""
        conversed = [Conversed(session=self._session, version=version)] if self._resumes() else []
        return [*conversed, *self._go_on()]

    def _set_mode(self, opened: Object) -> tuple[str, Object] | str | None:
        """Word the step to the mode in which edits ask; a text says why there is none."""
        mode = self._wanted.mode
        if not mode:
            return None
        if any(word(one, "id") == mode for one in rows(inner(opened, "modes"), "availableModes")):
            return AGENT_METHODS["session_set_mode"], {"sessionId": self._session, "modeId": mode}
        return self._option(opened, "mode", mode) or f"the agent has no mode {mode!r}, in which it would ask before it writes"

    def _set_model(self, opened: Object) -> tuple[str, Object] | str | None:
        model = self._wanted.model
        if not model:
            return None
        if option := self._option(opened, "model", model):
            return option
        if rows(inner(opened, "models"), "availableModels"):
            return "session/set_model", {"sessionId": self._session, "modelId": model}
        return "the agent does not let its model be chosen: leave `model` out, and choose it in the agent's own settings"

    def _option(self, opened: Object, category: str, value: str) -> tuple[str, Object] | None:
        options = rows(opened, "configOptions")
        found = next((one for one in options if category in {word(one, "category"), word(one, "id")}), None)
        if found is None:
            return None
        params = {"sessionId": self._session, "configId": word(found, "id"), "value": value}
        return AGENT_METHODS["session_set_config_option"], params

    def _go_on(self) -> list[Said]:
        """Take the next step of the opening; after the last the prompt is said."""
        if self._steps:
            self._awaited = self._next()
            return [Reply(line=_request(self._awaited, *self._steps.pop(0)))]
        self._is_open, self._awaited = True, 0
        return [Reply(line=self._prompt(self._wanted.prompt))]

    def _prompt(self, text: str) -> bytes:
        self._turn, self._has_failed = self._next(), False
        said = schema.PromptRequest(session_id=self._session, prompt=[schema.TextContentBlock(type="text", text=clean(text))])
        return _request(self._turn, AGENT_METHODS["session_prompt"], said)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _failed(self, error: Object, number_: object) -> list[Said]:
        turned = failed(error, now=self._now)
        reason = turned.reason
        if number_ == _OPENING and self._wanted.conversation and turned.outcome is not TurnEnd.AUTH:
            return self._end(TurnEnd.PERMANENT, f"the conversation cannot be taken up again: {reason}")
        if _OPENING < self._awaited == number_:
            return self._end(TurnEnd.PERMANENT, f"its mode or model cannot be set: {reason}")
        if turned.outcome is TurnEnd.AUTH and self._wanted.sign_in:
            reason = f"{reason}: {self._wanted.sign_in}"
        return [*self._claims(), *self._end(turned.outcome, reason, until=turned.until)]

    def _end(self, outcome: TurnEnd, reason: str, *, until: float | None = None) -> list[Said]:
        """End the turn, and what was asked in it; before the first prompt the conversation too, as nothing could follow."""
        self._turn = 0
        self._is_over = not self._is_open
        withdrawn = [Withdrawn(request=request) for request in self._asked]
        self._asked.clear()
        return [*withdrawn, Turned(outcome=outcome, reason=reason, until=until)]

    def _ended(self, result: Object) -> list[Said]:
        response = _read(schema.PromptResponse, result) or schema.PromptResponse(stop_reason="end_turn")
        said = [*self._claims(), *self._bill.turn(response)]
        was_cancelled, self._is_cancelled = self._is_cancelled, False
        if was_cancelled:
            return [*said, *self._end(TurnEnd.INTERRUPTED, "interrupted")]
        if self._has_failed or is_empty(response):
            return [*said, *self._end(TurnEnd.TRANSIENT, "the turn ended without an answer of its model")]
        if more := self._more_to_say():
            withdrawn = [Withdrawn(request=request) for request in self._asked]
            self._asked.clear()
            return [*said, *withdrawn, Reply(line=self._prompt(more))]
        return [*said, *self._end(*self._outcome(response.stop_reason))]

    def _more_to_say(self) -> str:
        """Give what the model has to be told yet: the reasons of what was refused, and what squad has to say."""
        reasons, self._reasons = self._reasons, []
        if reasons and self._reminders < _MOST_REMINDERS:
            self._reminders += 1
            refusals = "\n".join(["squad, not a person, refused:", *(f"- {reason}" for reason in reasons)])
            self._waiting.insert(0, f"{refusals}\nGo on with your task without that, or say that you cannot do it.")
        told, self._waiting = "\n\n".join(self._waiting), []
        return told

    def _outcome(self, stop: str) -> tuple[TurnEnd, str]:
        if stop == "refusal":
            return TurnEnd.PERMANENT, "the model refuses to go on"
        everything = self._refused and len(self._refused) >= self._questions
        if everything and stop in {"end_turn", "cancelled"}:
            return TurnEnd.REFUSED, f"refused: {'; '.join(dict.fromkeys(self._refused))}"
        return (TurnEnd.DONE, "") if stop == "end_turn" else (TurnEnd.INTERRUPTED, f"the agent ended its turn: {stop}")

    def _question(self, number_: object, method: str, params: Object) -> list[Said]:
        """Hand on what asks for permission; whatever else is asked nobody is there to answer."""
        if method != CLIENT_METHODS["session_request_permission"]:
            return [Reply(line=write({"jsonrpc": "2.0", "id": number_, "error": _NOBODY}))]
        asked = _read(schema.RequestPermissionRequest, params)
        if asked is None:
            return [Reply(line=_chosen(number_, None))]
        permission = self._calls.permission(str(number_), asked.tool_call)
        if permission.operation is not Operation.READ:
            self._questions += 1
        keep(self._asked, permission.request, (number_, asked.options, permission))
        return [*self._claims(), permission]

    def _note_refusal(self, permission: Permission, reason: str) -> None:
        what = permission.command or ", ".join(permission.paths) or permission.tool
        if permission.operation is not Operation.READ:
            self._refused.append(what)
        self._reasons.append(f"{what}: {reason or 'not allowed'}")

    def _notice(self, method: str, params: Object) -> list[Said]:
        if method == "$/cancel_request":
            request = str(params.get("requestId"))
            return [Withdrawn(request=request)] if self._asked.pop(request, None) is not None else []
        if method != CLIENT_METHODS["session_update"]:
            return []
        told = _read(schema.SessionNotification, params)
        return [] if told is None or told.session_id != self._session else self._update(told.update)

    def _update(self, update: pydantic.BaseModel) -> list[Said]:
        """Take in what is told of the conversation; what was told before the prompt is replayed, and only money counts."""
        if isinstance(update, schema.UsageUpdate):
            self._bill.update(update, is_new=self._is_open)
            return []
        if not self._is_open:
            return []
        match update:
            case schema.AgentMessageChunk():
                usage = self._bill.call(inner(update.field_meta or {}, "usage"))
                return [*self._say(update), *usage]
            case schema.ToolCallStart() | schema.ToolCallProgress():
                return [*self._claims(), *self._calls.told(update)]
            case schema.SessionInfoUpdate():
                return self._account(inner(update.field_meta or {}, "codex"))
        return []

    def _say(self, chunk: schema.AgentMessageChunk) -> list[Said]:
        """Gather the pieces of a message."""
        name = chunk.message_id or ""
        claims = self._claims() if name != self._message else []
        self._message = name
        if isinstance(chunk.content, schema.TextContentBlock) and len(self._text) < _LONGEST_TEXT:
            self._text += chunk.content.text
        return claims

    def _claims(self) -> list[Said]:
        text, self._text = self._text, ""
        return list(parse_blocks(text)) if text else []

    def _account(self, told: Object) -> list[Said]:
        """Read Codex's own account of its state."""
        self._has_failed = self._has_failed or word(inner(told, "threadStatus"), "type") == "systemError"
        error = inner(told, "error")
        return [Retrying(error=word(error, "message"), delay=0.0)] if error.get("willRetry") is True else []


def _offered(tools: Tools) -> Object:
    command, *arguments = tools.argv
    environment = [{"name": name, "value": value} for name, value in tools.environment.items()]
    return {"name": "squad", "command": command, "args": arguments, "env": environment}


def _chosen(number_: object, option: str | None) -> bytes:
    outcome: Object = {"outcome": "cancelled"} if option is None else {"outcome": "selected", "optionId": option}
    return write({"jsonrpc": "2.0", "id": number_, "result": {"outcome": outcome}})


def _read(shape: type[Shape], told: Object) -> Shape | None:
    """Read a message by its published shape; None for what has another."""
    try:
        return shape.model_validate(told)
    except (pydantic.ValidationError, RecursionError):
        pass
    try:  # halves of surrogate pairs are no text to pydantic
        return shape.model_validate(json.loads(clean(json.dumps(told, ensure_ascii=False))))
    except (pydantic.ValidationError, RecursionError, ValueError):
        return None
