"""What a line of an agent's own protocol says to people.

Pure, and only for looking: `squad logs` shows what was said and done instead of JSON, and `--raw` every byte. What is no
line of a known protocol is shown as it is, so nothing is ever hidden that squad does not know.
"""

import json

from orchestrator.adapters.jsonlines import Object, inner, rows, word

#: Kinds of lines of Claude Code's stream-json.
_CLAUDE = frozenset({"system", "assistant", "user", "result", "rate_limit_event"})
#: Notices of Codex's app-server that have no slash in their names, as all others have.
_CODEX = frozenset({"error", "warning", "configWarning", "deprecationNotice"})
#: Methods of the Agent Client Protocol that tell something to people.
_ACP = ("session/update", "session/request_permission")
_ON = ("file_path", "notebook_path", "path", "command", "url", "pattern")


def spoken(line: str) -> str:
    """Give what a line says, empty for mere bookkeeping; a line of no known protocol comes back as it is."""
    if not line.startswith("{"):
        return line
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if _is_claude(told):
        return _claude(told)
    if told.get("jsonrpc") == "2.0" and (told.get("method") in _ACP or "stopReason" in inner(told, "result")):
        return _acp(told)
    return _codex(told) if _is_codex(told) else line


def _is_claude(told: Object) -> bool:
    kind = word(told, "type")
    return kind.startswith("control_") or (kind in _CLAUDE and "session_id" in told)


def _is_codex(told: Object) -> bool:
    method = word(told, "method")
    return ("params" in told and ("/" in method or method in _CODEX)) or ("id" in told and ("result" in told or "error" in told))


def _claude(told: Object) -> str:
    match told["type"]:
        case "assistant":
            blocks = rows(inner(told, "message"), "content")
            return "\n".join(filter(None, (word(block, "text") or _use(block) for block in blocks)))
        case "result":
            return f"[turn ended: {word(told, 'terminal_reason')}]"
        case "system" if told.get("subtype") == "api_retry":
            return f"[tries again: {word(told, 'error')}]"
    return ""


def _use(block: Object) -> str:
    asked = inner(block, "input")
    on = next((word(asked, key) for key in _ON if word(asked, key)), "")
    return f"[{word(block, 'name')} {on}]" if block.get("type") == "tool_use" else ""


def _codex(told: Object) -> str:
    params = inner(told, "params")
    match told.get("method"):
        case "item/completed":
            return _item(inner(params, "item"))
        case "turn/completed":
            return f"[turn ended: {word(inner(params, 'turn'), 'status')}]"
        case "error":
            return f"[error: {word(inner(params, 'error'), 'message')}]"
    return ""


def _acp(told: Object) -> str:
    """Give what an agent says over ACP; its words come in pieces, a line each."""
    if "result" in told:
        return f"[turn ended: {word(inner(told, 'result'), 'stopReason')}]"
    params = inner(told, "params")
    if "toolCall" in params:
        return f"[asks: {word(inner(params, 'toolCall'), 'title')}]"
    update = inner(params, "update")
    match update.get("sessionUpdate"):
        case "agent_message_chunk":
            return word(inner(update, "content"), "text")
        case "tool_call" | "tool_call_update" if update.get("status") in {"completed", "failed"} and "title" in update:
            return f"[{word(update, 'title')}: {word(update, 'status')}]"
    return ""


def _item(item: Object) -> str:
    match item.get("type"):
        case "agentMessage":
            return word(item, "text")
        case "commandExecution":
            return f"[{word(item, 'command')}: {word(item, 'status')}]"
        case "fileChange":
            return f"[{', '.join(word(change, 'path') for change in rows(item, 'changes'))}: {word(item, 'status')}]"
    return ""
