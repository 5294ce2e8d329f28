"""A run under way whose sockets are shouted at: nothing of it ends, and nothing changes without the token."""

import contextlib
import json
import random
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.control import protocol
from orchestrator.control.client import call
from orchestrator.control.protocol import Rejected
from orchestrator.project import find
from tests.support.commands import Squad
from tests.support.runs import simulated

AGENTS = ("agent-1", "agent-2")
METHODS = (
    *("lock", "unlock", "hold", "owns", "me", "status", "progress", "file", "blocked", "handoff", "ask", "usage", "done"),
    *("ping", "stop", "answer", "nothing", "", "LOCK", "__init__"),
)
#: Params as an agent would send them, and worse.
PARAMS: tuple[dict[str, object], ...] = (
    {"path": "mine.md", "wait": 0, "purpose": "to see"},
    {"paths": ["mine.md"], "wait": 5, "process": True},
    {"path": "../outside", "wait": -1},
    {"status": "COMPLETE", "message": "all of it", "progress": "3/5"},
    {"file": "a.md", "to": "agent-2", "note": "yours"},
    {"on": "a.md", "meanwhile": "nothing"},
    {"text": "may I?", "wait": 60},
    {"fresh": 10**9, "cached": 1, "output": 1, "money": 10.0**6},
    {"ok": True, "note": "done"},
    {"id": "Q1", "text": "yes", "allow": True},
    {"now": True},
    {"path": ["a"], "wait": {"a": None}, "text": 5},
    {},
)
PIECE = 65536


@pytest.fixture
def shouted_at(squad: Squad) -> Iterator[tuple[Squad, dict[str, str]]]:
    """A run whose two agents work for ever, and what their tokens are."""
    tasks = [simulated(f"T{number}", "hang", agents=[agent]) for number, agent in enumerate(AGENTS, start=1)]
    (squad.folder / "tasks.json").write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")
    run = squad.start("run", "tasks.json", "-n", "2", "--agent", "simulated")
    tokens = {}
    for agent in AGENTS:
        started = squad.wait_for_event("AttemptStarted", lambda row, agent=agent: row["agent"] == agent)  # type: ignore[misc]
        squad.wait_for_event("OutputRead", lambda row, started=started: row["attempt"] == started["attempt"])  # type: ignore[misc]
        environment = Path(f"/proc/{started['pid']}/environ").read_bytes().split(b"\0")
        tokens[agent] = next(one.partition(b"=")[2].decode() for one in environment if one.startswith(b"SQUAD_TOKEN="))
    yield squad, tokens
    assert run.poll() is None, squad.output()


def message(of: random.Random, wrong: Sequence[object]) -> bytes:
    """Give a request that may do nothing: its token is missing, or is none of this socket's."""
    params: Any = dict(of.choice(PARAMS))
    if of.random() < 0.8:
        params["token"] = of.choice(wrong)
    if of.random() < 0.1:
        params = of.choice([None, [params], "params", 7])
    asked: dict[str, object] = {"jsonrpc": of.choice(["2.0"] * 9 + ["1.0"]), "method": of.choice(METHODS), "params": params}
    if of.random() < 0.8:
        asked["id"] = of.choice([1, "a", None, -1, 2**63, 1.5, [], True])
    return json.dumps([asked] * of.randint(1, 3) if of.random() < 0.1 else asked).encode()


def mangled(of: random.Random, raw: bytes) -> bytes:
    """Break a message: cut it, flip bytes of it, put it twice into a line, or make noise of it."""
    match of.randrange(5):
        case 0:
            return raw[: of.randrange(len(raw))]
        case 1:
            place = of.randrange(len(raw))
            return raw[:place] + bytes([of.randrange(256)]) + raw[place + 1 :]
        case 2:
            return raw + raw
        case 3:
            return of.randbytes(of.randrange(300))
    return of.choice([b"[" * 3000, b'{"a":' * 1000, b"x" * (protocol.LONGEST + 10), b"\xff\xfe\0", b"null", b"\r"])


def shout(path: Path, messages: Sequence[bytes], of: random.Random) -> None:
    """Send messages, many over one connection and some over one that ends in the middle of them, and read what comes."""
    for start in range(0, len(messages), 25):
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.settimeout(60)
            line.connect(str(path))
            line.sendall(b"\n".join(messages[start : start + 25]) + (b"\n" if of.random() < 0.7 else b""))
            if of.random() < 0.7:
                line.shutdown(socket.SHUT_WR)
                while line.recv(PIECE):
                    pass


def noise(of: random.Random, count: int, wrong: Sequence[object]) -> list[bytes]:
    drawn = [message(of, wrong) for _ in range(count)]
    return [mangled(of, one) if of.random() < 0.4 else one for one in drawn]


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.soak)])
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="tokens are read where the system shows them")
def test_noise_and_requests_without_the_token_change_nothing(shouted_at: tuple[Squad, dict[str, str]], count: int) -> None:
    squad, tokens = shouted_at
    sockets = {agent: find(squad.folder).socket(agent) for agent in AGENTS}
    of = random.Random(count)
    before, locks = squad.events(), squad.json("locks")

    for agent, other in (AGENTS, AGENTS[::-1]):
        wrong = ["", "wrong", tokens[other], tokens[agent][:-1], tokens[agent].upper() + "x", None, 7, [tokens[agent]]]
        shout(sockets[agent], noise(of, count // 2, wrong), of)

    # each is still answered, so that all before it was taken in
    for agent in AGENTS:
        with pytest.raises(Rejected, match="wrong token"):
            call(str(sockets[agent]), "me", {"token": ""}, timeout=60)
    assert squad.events() == before
    assert squad.json("locks") == locks
    # with its own token the same does something, so what is looked at would show it
    call(str(sockets["agent-1"]), "status", {"token": tokens["agent-1"], "status": "ACTIVE", "message": "heard"}, timeout=60)
    assert squad.wait_for_event("AgentReported", lambda row: row["message"] == "heard")


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.soak)])
def test_noise_at_the_socket_of_people_ends_nothing(shouted_at: tuple[Squad, dict[str, str]], count: int) -> None:
    squad, _ = shouted_at
    people = find(squad.folder).sockets / "control.sock"
    of = random.Random(count)
    harmless = [one for one in noise(of, 2 * count, [""]) if b'"stop"' not in one and b'"hold"' not in one][:count]

    shout(people, harmless, of)

    assert call(str(people), "ping", {}, timeout=60) == {"run": squad.json("status")["run"]["id"]}
    assert not [row for row in squad.events("Noticed") if "a bug in squad" in row["text"]]
