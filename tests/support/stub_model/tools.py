"""What the stub model calls a client's tools.

A script speaks of writing, editing and the shell; each client offers something of its own for it. What none offers is
called by the script's own words, and the client says so.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.stub_model.plan import Call

_WHY = "as the script says"
_WRITERS = ("Write", "write_file", "write")
_EDITORS = ("Edit", "replace", "edit")
_SHELLS = ("Bash", "run_shell_command", "exec_command", "shell_command", "shell", "bash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concrete:
    """A call as the client understands it."""

    name: str
    input: Mapping[str, Any] | str  #: a text for tools that take one: `apply_patch`
    namespace: str = ""

    @property
    def text(self) -> str:
        """Give the input as text."""
        return self.input if isinstance(self.input, str) else json.dumps(self.input)


def concrete(call: Call, offered: Mapping[str, Mapping[str, Any]]) -> Concrete:
    """Find the client's own tool for a call."""
    readers = {"write": _write, "edit": _edit, "shell": _shell}
    if call.tool in readers:
        return readers[call.tool](call.input, offered)
    server, _, name = call.tool.removeprefix("mcp__").rpartition("__")
    if "tool_search" in offered and server:  # what was found by a search is called by both parts of its name
        return Concrete(name=name, input=call.input, namespace=f"mcp__{server}")
    return Concrete(name=call.tool, input=call.input)


def _write(told: Mapping[str, Any], offered: Mapping[str, Mapping[str, Any]]) -> Concrete:
    path, content = told["path"], told["content"]
    if name := next((name for name in _WRITERS if name in offered), None):
        return Concrete(name=name, input={_path_key(offered[name]): path, "content": content})
    added = "".join(f"+{line}\n" for line in content.splitlines())
    if "apply_patch" in offered:
        return _patch(f"*** Add File: {path}\n{added}", offered)
    return _shell({"command": f"printf %s {shlex.quote(content)} > {shlex.quote(path)}"}, offered)


def _edit(told: Mapping[str, Any], offered: Mapping[str, Mapping[str, Any]]) -> Concrete:
    path, old, new = told["path"], told["old"], told["new"]
    if name := next((name for name in _EDITORS if name in offered), None):
        properties = _properties(offered[name])
        keys = ("oldString", "newString") if "oldString" in properties else ("old_string", "new_string")
        extra = {"instruction": _WHY} if "instruction" in properties else {}
        return Concrete(name=name, input={_path_key(offered[name]): path, keys[0]: old, keys[1]: new, **extra})
    if "apply_patch" in offered:
        removed = "".join(f"-{line}\n" for line in old.splitlines())
        added = "".join(f"+{line}\n" for line in new.splitlines())
        return _patch(f"*** Update File: {path}\n@@\n{removed}{added}", offered)
    return _shell({"command": f"sed -i s/{shlex.quote(old)}/{shlex.quote(new)}/ {shlex.quote(path)}"}, offered)


def _shell(told: Mapping[str, Any], offered: Mapping[str, Mapping[str, Any]]) -> Concrete:
    command = told["command"]
    name = next((name for name in _SHELLS if name in offered), "Bash")
    if name == "exec_command":
        return Concrete(name=name, input={"cmd": command})
    if name == "shell":
        return Concrete(name=name, input={"command": ["bash", "-lc", command]})
    extra = {key: value for key, value in _SHELL_EXTRAS.items() if key in _properties(offered.get(name, {}))}
    return Concrete(name=name, input={"command": command, **extra})


_SHELL_EXTRAS: Mapping[str, Any] = {"description": _WHY, "is_background": False}


def _patch(change: str, offered: Mapping[str, Mapping[str, Any]]) -> Concrete:
    patch = f"*** Begin Patch\n{change}*** End Patch\n"
    is_text = offered["apply_patch"].get("type") == "custom"
    return Concrete(name="apply_patch", input=patch if is_text else {"input": patch})


def _path_key(tool: Mapping[str, Any]) -> str:
    return next((key for key in ("file_path", "filePath", "path") if key in _properties(tool)), "file_path")


def _properties(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = next(
        (tool[key] for key in ("input_schema", "parameters", "parametersJsonSchema") if key in tool), {}
    )
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
