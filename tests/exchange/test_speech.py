"""What agents print, understood: any bytes, in any pieces."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.exchange.speech import LONGEST, PIPE_NAMES, Lines
from orchestrator.messages import Ask, Blocked, Done, Handoff, Limit, Message, Status, Usage


def read(data: bytes, *cuts: int) -> list[Message]:
    """Read bytes, cut at the given places."""
    lines, messages, start = Lines(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        messages += lines.feed(data[start:cut])
        start = cut
    return [*messages, *lines.finish()]


def said(**words: object) -> bytes:
    return json.dumps(words).encode() + b"\n"


#: What can stand in output: every dialect, noise, and beginnings of both.
PIECES = st.sampled_from(
    [
        b"Status: ACTIVE\n",
        b"**Status**: BLOCKED\r\n",
        b"- Current Task: build it\n",
        b"Progress: 3/5 tasks complete\n",
        b"Files Modified:\n  - src/a.py (created)\n",
        b"Waiting for: shared/types.ts\nAlternative: the tests\n",
        b"## Handoff Request [2026-01-01T00:00:00Z]\n\nFROM: agent-1\nTO: agent-2\nFILE: api.md\nSTATUS: half\nNOTES: see\n\n",
        b"Request: Transfer ownership of api.md\nFrom: agent-1\nTo: agent-2\nReason: mine no more\n\n",
        b"## Handoff Request\nno such thing\n",
        b"## Notes\n",
        b"\x1b[1;31mStatus: FAILED\x1b[0m\n",
        said(type="done", note="tried"),
        said(type="ask", text="may I?"),
        said(method="usage", params={"fresh": 3}),
        b"  " + said(type="progress", done=1, total=2),
        b"{not json\n",
        b"\xff\xfe\x00\n",
        b"\n",
        b"\r\n",
        b"plain words ",
        b"x" * 200,
    ]
)
OUTPUT = st.lists(PIECES, max_size=12).map(b"".join)


@given(OUTPUT, st.data())
def test_output_means_the_same_however_it_is_cut(output: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(output)), max_size=8))

    assert read(output, *cuts) == read(output)


@given(OUTPUT, st.data())
def test_who_goes_on_where_reading_stood_misses_and_doubles_nothing(output: bytes, data: st.DataObject) -> None:
    """But for lines whose meaning only the first reader knew: `Alternative:` after `Waiting for:`, `Reason:` after BLOCKED."""
    output = output.replace(b"Alternative: the tests\n", b"").replace(b"Reason: mine no more\n", b"")
    cut = data.draw(st.integers(0, len(output)))
    first, second = Lines(), Lines()

    before = first.feed(output[:cut])
    after = second.feed(output[cut - first.held :])

    assert [*before, *after, *second.finish()] == read(output)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_are_ever_an_error(noise: bytes) -> None:
    lines = Lines()
    for piece in (noise, b"\n", b"{" + noise + b"}\n", b'{"type": "' + noise + b'"}\n', b"Status: " + noise + b"\n", noise):
        lines.feed(piece)
    lines.finish()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["status", "progress", "file", "blocked", "handoff", "ask", "usage", "done", "limit"])
KEYS = st.sampled_from(
    ["status", "message", "progress", "done", "total", "path", "file", "on", "to", "text", "money", "until", "ok"]
)


@given(NAMES | JSON, st.dictionaries(KEYS, JSON, max_size=6), st.booleans())
def test_json_of_any_shape_is_never_an_error(name: object, words: dict[str, object], inside: bool) -> None:  # noqa: FBT001 - drawn
    shape = {"type": name, "params": words} if inside else {**words, "type": name}

    Lines(PIPE_NAMES).feed(json.dumps(shape).encode() + b"\n")


@pytest.mark.soak
@settings(max_examples=3_000)
@given(OUTPUT, st.data())
def test_output_means_the_same_however_it_is_cut_many_times(output: bytes, data: st.DataObject) -> None:
    test_output_means_the_same_however_it_is_cut.hypothesis.inner_test(output, data)  # type: ignore[attr-defined]  # hypothesis's own


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 2, 3 * LONGEST])
@pytest.mark.parametrize("step", [1 << 30, 65536, 4096, 1000])
def test_a_line_around_the_longest_is_understood_or_text_but_never_both(size: int, step: int) -> None:
    frame = len(said(type="ask", text="")) - 1
    data = said(type="ask", text="y" * (size - frame)) + b"Status: ACTIVE\n"

    messages = read(data, *range(step, len(data), step))

    assert messages == [*([Ask(text="y" * (size - frame))] if size <= LONGEST else []), Status(status="ACTIVE")]


@pytest.mark.parametrize("cut", [1, LONGEST, LONGEST + 1, LONGEST + 100, 2 * LONGEST])
def test_who_goes_on_inside_a_huge_line_does_not_take_its_end_for_a_line(cut: int) -> None:
    output = b"x" * (2 * LONGEST) + b"Status: COMPLETE\nStatus: ACTIVE\n"
    first = Lines()

    before = first.feed(output[:cut])

    assert [*before, *read(output[cut - first.held :])] == [Status(status="ACTIVE")]


def test_memory_stays_bounded_in_a_line_that_never_ends() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(b"z" * LONGEST)

    assert len(lines._rest) <= LONGEST
    assert lines.held == 100 * LONGEST


def test_a_handoff_that_never_ends_is_given_up() -> None:
    lines = Lines()
    lines.feed(b"## Handoff Request\n" + b"prose\n" * 100)

    assert lines.held == 0


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("# Agent 1 Communication Log\nStatus: READY\nInitialized: 2026-01-01T00:00:00Z\n", [Status(status="READY")]),
        (
            "## Status Update [t]\nStatus: ACTIVE\nCurrent Task: Build\n"  # noqa: ISC004 - one text
            "Files Modified:\n  - src/a.ts (created)\n  - `src/b.ts` (deleted)\nProgress: 3/5 tasks complete\nNext: tests\n",
            [
                Status(status="ACTIVE"),
                Status(message="Build"),
                Status(files={"src/a.ts": "created"}),
                Status(files={"src/b.ts": "deleted"}),
                Status(done=3, total=5),
            ],
        ),
        (
            "## Status Update\n- **Current Task**: Build API\n- Files Needed: x\n- Blockers: shared/types.ts\n- Next: more\n",
            [Status(message="Build API"), Blocked(on="shared/types.ts")],
        ),
        ("- Blockers: None\n", []),
        (
            "## Blocker Report\nStatus: BLOCKED\nBlocker: types.ts\nWaiting Since: 10\nAlternative Task: docs\nResolution: -\n",
            [Status(status="BLOCKED"), Blocked(on="types.ts"), Blocked(on="types.ts", meanwhile="docs")],
        ),
        (
            "Status: BLOCKED\nWaiting for: a.ts\nAlternative: b\n",
            [Status(status="BLOCKED"), Blocked(on="a.ts"), Blocked(on="a.ts", meanwhile="b")],
        ),
        (
            "Status: BLOCKED\nReason: a.ts is locked\nStrategy: wait\nFallback: docs\n",
            [Status(status="BLOCKED"), Blocked(on="a.ts is locked"), Blocked(on="a.ts is locked", meanwhile="docs")],
        ),
        ("Reason: because\n", []),
        (
            "## Completion Report\nStatus: COMPLETE\nTasks Completed: 5/5\nFinal Notes: fine\n",
            [Status(status="COMPLETE"), Done(ok=True), Status(done=5, total=5)],
        ),
        ("Status: FAILED\n", [Status(status="FAILED"), Done(ok=False)]),
        (
            "## Handoff Request [t]\nFROM: agent-1\nTO: agent-2-backend\nFILE: `api.md`\nSTATUS: half done\nNOTES: careful\n",
            [Handoff(file="api.md", to="agent-2-backend", status="half done", note="careful", sender="agent-1")],
        ),
        (
            "Request: Transfer ownership of api.md\nFrom: agent-1\nTo: agent-2\nReason: yours\n",
            [Handoff(file="api.md", to="agent-2", note="yours", sender="agent-1")],
        ),
        ("**Status:** COMPLETE\n", [Status(status="COMPLETE"), Done(ok=True)]),
        ("- **Status**: `ACTIVE`\n", [Status(status="ACTIVE")]),
        ("Current Task: **Build** it\n", [Status(message="**Build** it")]),
        ("Status: COMPLETE\r\n", [Status(status="COMPLETE"), Done(ok=True)]),
        ("\x1b[32m\x1b[1mStatus:\x1b[0m ACTIVE\x1b(B\x1b[m\n", [Status(status="ACTIVE")]),
        ("\x1b]0;title\x07Status: ACTIVE\n", [Status(status="ACTIVE")]),
        ("Status: DOING FINE\n  Status: COMPLETE\nThe Status: COMPLETE\n> Status: COMPLETE\n", []),
    ],
)
def test_the_dialects_of_hand_run_squads_are_read(text: str, messages: list[Message]) -> None:
    assert read(text.encode()) == messages


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"type": "status", "status": "active", "message": "m", "progress": "3/5"},
            Status(status="ACTIVE", message="m", done=3, total=5),
        ),
        ({"type": "status", "status": "COMPLETE"}, Done(ok=True)),
        ({"type": "progress", "done": 3, "total": 5}, Status(done=3, total=5)),
        ({"type": "progress", "done": True, "total": -5}, Status()),
        ({"type": "file", "path": "a.py", "change": "eaten"}, Status(files={"a.py": "modified"})),
        ({"type": "blocked", "on": "a", "meanwhile": "b"}, Blocked(on="a", meanwhile="b")),
        ({"method": "handoff", "params": {"file": "a", "to": "agent-2"}}, Handoff(file="a", to="agent-2")),
        ({"type": "ask", "text": "?"}, Ask(text="?")),
        ({"type": "usage", "fresh": 1, "cached": 2, "output": 3, "money": 0.5}, Usage(fresh=1, cached=2, output=3, money=0.5)),
        ({"type": "usage", "fresh": "many", "money": -1}, Usage()),
        ({"type": "done", "ok": False, "note": "no"}, Done(ok=False, note="no")),
        ({"type": "limit", "until": 1767225600, "text": "t"}, Limit(until=1767225600.0, text="t")),
    ],
)
def test_json_lines_are_read(words: dict[str, object], message: Message) -> None:
    assert read(said(**words)) == [message]


@pytest.mark.parametrize("words", [{"type": []}, {"type": {"type": "done"}}, {"type": None}, {"type": "lunch"}, {}])
def test_an_object_whose_name_is_no_word_of_ours_is_text(words: dict[str, object]) -> None:
    """`{"type": []}` once ended the whole run: a list cannot be looked up."""
    assert read(said(**words)) == []


@pytest.mark.parametrize("key", ["message", "event", "kind"])
def test_another_programs_log_line_is_no_claim(key: str) -> None:
    line = json.dumps({"level": "info", key: "done"}).encode() + b"\n"

    assert read(line) == []
    assert Lines(PIPE_NAMES).feed(line) == [Done(ok=True)]


def test_a_claim_right_after_a_handoff_is_heard() -> None:
    block = b"## Handoff Request\nTO: agent-2\nFILE: a.md\n"

    assert read(block + b"Status: COMPLETE\n") == [Handoff(file="a.md", to="agent-2"), Status(status="COMPLETE"), Done(ok=True)]
    assert read(block + said(type="done")) == [Handoff(file="a.md", to="agent-2"), Done(ok=True)]


def test_a_heading_that_only_looks_like_a_handoff_swallows_no_claim() -> None:
    assert read(b"## Handoff Request\nI will write one later.\n" + said(type="done")) == [Done(ok=True)]


def test_nested_json_is_text_however_deep() -> None:
    assert read(b'{"type": ' * 10_000 + b"}" * 10_000 + b"\n") == []
    assert read(b'{"type": "done", "note": ' + b"[" * 30_000 + b"]" * 30_000 + b"}\n") == []
