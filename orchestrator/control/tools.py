"""What an agent may call, as tools of the Model Context Protocol: the same as `squad agent`, under the same names.

Descriptions are short, since they cost every agent tokens with every request: 850 by squad's count, of which 180 are words.
Standard library only.
"""

from collections.abc import Mapping

from orchestrator.control.wording import seconds

WAIT = "5m"  #: for a lock, if nobody says how long: programs give up on a tool after ten minutes
INSTRUCTIONS = "Other agents work on this repository. Before you change a path that is not part of your task, lock it."
_OWN = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}
_LOOKS = {"readOnlyHint": True, "openWorldHint": False}

#: tool -> what it is for, its arguments with what they mean, those that must be there
_TOOLS: Mapping[str, tuple[str, Mapping[str, str], tuple[str, ...]]] = {
    "lock": (
        "Ask for the right to write a path or do an operation (op:install) outside your task. Waits its turn.",
        {"path": "file, folder or operation", "wait": f"at most, such as 90s; 0: try once; default {WAIT}", "purpose": ""},
        ("path",),
    ),
    "unlock": ("Give a lock back as soon as you have done what it was for.", {"path": ""}, ("path",)),
    "owns": ("Tell whose a path is and who holds it now.", {"path": ""}, ("path",)),
    "status": (
        "Report how far you are; without arguments tells your task and your locks.",
        {"message": "", "progress": "such as 3/5"},
        (),
    ),
    "handoff": (
        "Ask the owner of a file to change it for you.",
        {"file": "", "to": "agent", "note": "what to change"},
        ("file", "to"),
    ),
    "ask": (
        "Ask a person what you cannot decide yourself.",
        {"text": "", "wait": "for the answer, such as 10m; default: it comes later"},
        ("text",),
    ),
    "blocked": ("Say what you cannot go on without.", {"on": "path", "meanwhile": "what you do until then"}, ("on",)),
    "done": ("Claim that your task is done and tried.", {"note": ""}, ()),
}


class Wrong(Exception):
    """A tool is called wrongly; the message says how."""


def listed() -> list[dict[str, object]]:
    """Give the tools as a client lists them."""
    return [
        {
            "name": name,
            "description": what,
            "inputSchema": {
                "type": "object",
                "properties": {one: _property(means) for one, means in arguments.items()},
                **({"required": list(required)} if required else {}),
            },
            "annotations": _LOOKS if name == "owns" else _OWN,
        }
        for name, (what, arguments, required) in _TOOLS.items()
    ]


def is_known(name: object) -> bool:
    """Tell whether there is such a tool."""
    return isinstance(name, str) and name in _TOOLS


def request(name: str, given: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Give what a call of a tool asks of the supervisor: a method, and its params.

    Raises:
        Wrong: An argument is missing, unknown or no text.
    """
    _, arguments, required = _TOOLS[name]
    known = ", ".join(arguments)
    given = {key: value for key, value in given.items() if value is not None}  # so programs leave out what need not be there
    for key, value in given.items():
        if key not in arguments:
            raise Wrong(f"{name} does not know {key!r}; it takes: {known or 'nothing'}")
        if not isinstance(value, str):
            raise Wrong(f"{name} wants {key} as a text")
    if missing := [key for key in required if not given.get(key)]:
        raise Wrong(f"{name} wants {' and '.join(missing)}")
    params = {key: value for key, value in given.items() if value != ""}
    if name == "status" and not params:
        return "me", {}
    if name == "lock":
        params = {"wait": WAIT, **params}
    if "wait" in params:
        params["wait"] = _wait(str(params["wait"]))
    if name == "status" and not _is_progress(str(params.get("progress", "0/1"))):
        raise Wrong(f"status wants progress such as 3/5, not {params['progress']!r}")
    return name, params


def _wait(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise Wrong(str(error)) from error


def _is_progress(text: str) -> bool:
    done, slash, total = text.partition("/")
    return bool(slash) and done.strip().isdecimal() and total.strip().isdecimal()


def _property(means: str) -> dict[str, str]:
    return {"type": "string", "description": means} if means else {"type": "string"}
