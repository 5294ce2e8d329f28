"""The messages on the socket; standard library only.

    method     who     params                                   result
    lock       agent   path, wait (seconds, 0: once), purpose,  path, fence, waited_s
                       fence (only if that grant still holds)
    unlock     agent   path, fence (as above)                   released
    hold       both    paths, wait, purpose, process            locks, until (connection or process), holder,
                                                                kept (also for whoever goes on with the run)
    running    person  pid (of the command that runs under      accepted
                       this connection's `hold`)
    run        agent   command, line (of its own: the         code (after the same connection's `hold` said `beside`;
                       descriptor of this connection)         `signal` with a number is handed on to it)
    owns       both    path                                     path, owners, access, holder (a person also: by, which tells
                                                                of the holder; own: it is a command around the one who asks)
    me         agent                                            agent, state, task, progress, locks
    status     agent   status, message, progress                accepted
    progress   agent   done, total                              accepted
    file       agent   path, change                             accepted
    blocked    agent   on, meanwhile                            accepted
    handoff    agent   file, to, status, note                   accepted
    ask        agent   text, wait (seconds, 0: comes later)     accepted, question, answer
    usage      agent   fresh, cached, output, money             accepted
    done       agent   ok, note                                 accepted
    ping       person                                           run
    stop       person  now                                      stopping
    unlock     person  path                                     released
    answer     person  id, text, allow                          id, agent, task, already, told
    retry      person  tasks, failed                            changed, said, tasks, agents, undo, asks (the same for
    reassign   person  task, to                                 all of these; `asks` wants `agreed` sent with it)
    skip       person  task, reason, agreed
    add        person  document (a tasks file), name; or row (one task)
    scale      person  agents (N, +N or -N), now

Each request of an agent carries its `token` in the params. A refusal is an error with code -32000 and the reason as
its message; where a call of the agent's helps, `data` holds {reason, advice: [{tool, arguments, why}]}. A request may be
answered late, and others may be sent meanwhile. A batch is answered in one array, one request after another. What has no
`id` is a notification: it is taken in and never answered.
"""

import json
from collections.abc import Mapping

LONGEST = 64 * 1024  #: bytes of a line
PENDING = 64  #: requests of one client that may wait for their answers
UNSENT = 1024 * 1024  #: bytes of answers that a client may leave unread
CLIENTS = 256  #: connections to one socket at a time

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
REJECTED = -32000


class Rejected(Exception):
    """A request was refused; the message is for the one who asked."""

    def __init__(self, reason: str, *, code: int = REJECTED, data: object = None) -> None:
        """Refuse; `data` tells programs what the reason tells the one who reads it."""
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.data = data


def request(number: int, method: str, params: Mapping[str, object]) -> bytes:
    """Give the line of a request."""
    return line({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)})


def notification(method: str, params: Mapping[str, object]) -> bytes:
    """Give the line of what is said and not answered."""
    return line({"jsonrpc": "2.0", "method": method, "params": dict(params)})


def error(number: object, code: int, message: str, data: object = None) -> dict[str, object]:
    """Give a refusal."""
    more = {} if data is None else {"data": data}
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message, **more}}


def line(message: object) -> bytes:
    """Give the line of an answer, or of several in a batch."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
