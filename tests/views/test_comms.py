import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.events import AgentReported, Event, TaskDone
from orchestrator.messages import Blocked, Done, Handoff, Message, Status
from orchestrator.model import AgentId, Plan
from orchestrator.state import State
from orchestrator.views.comm_head import HEAD
from orchestrator.views.comms import CommFiles
from tests.support.builders import ONE, TWO, ended, plan, planned, prepared, run_started, seat, started, state_after, task
from tests.support.waiting import until

NOW = 1_800_000_000.0


class Desk:
    """Keeps what was heard."""

    def __init__(self, folder: Path, of: Plan | None = None, *events: Event) -> None:
        self.plan = of or plan(planned(task("T1", writes=["a.py"])), planned(task("T2"), agent=TWO))
        self.folder = folder / "comms"
        self.heard: list[tuple[AgentId, Message]] = []
        self.comms = CommFiles(self.folder, self.plan, self._hear)
        self.now = NOW
        self.show(*(events or (run_started(), prepared(), started())))

    def show(self, *events: Event) -> None:
        self.state: State = state_after(self.plan, *events)
        self.comms.write(self.state, now=self.now)

    def look(self, *, after: float = 0.0) -> None:
        self.now += after
        self.comms.look(now=self.now)

    def messages(self, agent: AgentId = ONE) -> list[Message]:
        return [message for name, message in self.heard if name == agent]

    def path(self, agent: AgentId = ONE) -> Path:
        return self.folder / f"{agent}-comm.md"

    def text(self, agent: AgentId = ONE) -> str:
        return self.path(agent).read_text(encoding="utf-8")

    def append(self, text: str) -> None:
        with self.path().open("a", encoding="utf-8") as file:
            file.write(text)

    def statuses(self) -> list[str]:
        return [line for line in self.text().splitlines() if "Status:" in line]

    def _hear(self, agent: AgentId, messages: Sequence[Message]) -> None:
        self.heard += [(agent, message) for message in messages]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_block_is_the_one_that_hand_run_squads_know(tmp_path: Path) -> None:
    report = AgentReported(agent=ONE, task="T1", message="half way", files={"a.py": "created"})

    desk = Desk(tmp_path, None, run_started(), prepared(), started(), report)

    assert [line.rstrip() for line in desk.text().splitlines()[:10]] == [
        "# Agent 1 Communication Log",
        "",
        "## Status Update [2027-01-15T08:00:00Z]",
        "Status: ACTIVE",
        "Current Task: T1 Do T1",
        "Files Modified:",
        "  - a.py (created)",
        "Progress: 0/1 tasks complete",
        "Next: nothing",
        "Estimate: 10m",
    ]


def test_an_agent_is_ready_before_its_first_task_and_complete_when_none_is_left(tmp_path: Path) -> None:
    desk = Desk(tmp_path, None, run_started())
    assert desk.statuses() == ["Status: READY"]

    desk.show(run_started(), prepared(), started())
    assert desk.statuses() == ["Status: ACTIVE"]

    desk.show(run_started(), prepared(), started(), ended(), TaskDone(task="T1", attempt="T1.1", checked=False))
    assert desk.statuses() == ["Status: COMPLETE"]


def test_older_states_follow_as_history_without_the_word_that_people_grep_for(desk: Desk) -> None:
    desk.show(run_started(), prepared(), started(), ended(), TaskDone(task="T1", attempt="T1.1", checked=False))

    history = desk.text().partition("## History\n")[2].split("\n")
    assert [line.partition("Z ")[2] for line in history if line.startswith("- 2")] == ["ACTIVE T1", "COMPLETE"]


@pytest.mark.parametrize("text", ["Status: hidden", "Sta\x1b[0mtus: x", "Sta\x00tus:", "StaStatus:tus:", "漢" * 500 + "Status:"])
def test_nothing_that_a_stranger_wrote_adds_a_second_status(tmp_path: Path, text: str) -> None:
    of = plan(planned(task("T1", title=text, writes=["a.py"])), planned(task("T3", title=text)))
    report = AgentReported(agent=ONE, task="T1", message=text, files={f"{number}{text}": "created" for number in range(200)})

    desk = Desk(tmp_path, of, run_started(), prepared(), started(), report)

    assert desk.statuses() == ["Status: ACTIVE"]
    assert len(desk.path().read_bytes().partition(b"## History\n")[0]) == HEAD - len("## History\n")
    assert "Progress: 0/2 tasks complete" in desk.text()


def test_files_for_which_there_is_no_room_are_counted(tmp_path: Path) -> None:
    report = AgentReported(agent=ONE, task="T1", files={f"source/module_{number}.py": "created" for number in range(300)})

    text = Desk(tmp_path, None, run_started(), prepared(), started(), report).text()

    listed = text.count("(created)")
    assert listed > 20
    assert f"- and {300 - listed} more" in text


def test_an_unchanged_block_is_written_again_within_three_minutes(desk: Desk) -> None:
    desk.look(after=100)
    assert "[2027-01-15T08:00:00Z]" in desk.text()

    desk.look(after=60)
    assert "[2027-01-15T08:02:40Z]" in desk.text()


STATUS_UPDATE = """\
## Status Update [2026-11-25T10:00:00Z]
Status: BLOCKED
Current Task: Write the types
Files Modified:
  - src/a.py (created)
Progress: 3/5 tasks complete
Next: more
"""
BULLETED = "## Status Update [x]\n- Current Task: Write the types\n- **Status**: ACTIVE\n"
BLOCKER = "## Blocker Report\nStatus: BLOCKED\nWaiting for: shared/types.ts\nAlternative: write tests\n"
HANDOFF = "## Handoff Request [now]\nFROM: agent-1\nTO: agent-2\nFILE: api.md\nSTATUS: ready\nNOTES: see line 3\n\n"
COMPLETION = "## Completion Report\nStatus: COMPLETE\nTasks Completed: 5/5\nFiles Created:\n  - a.py (created)\n"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (STATUS_UPDATE, Status(status="BLOCKED")),
        (STATUS_UPDATE, Status(files={"src/a.py": "created"})),
        (STATUS_UPDATE, Status(done=3, total=5)),
        (BULLETED, Status(message="Write the types")),
        (BULLETED, Status(status="ACTIVE")),
        (BLOCKER, Blocked(on="shared/types.ts", meanwhile="write tests")),
        (HANDOFF, Handoff(sender="agent-1", to="agent-2", file="api.md", status="ready", note="see line 3")),
        (COMPLETION, Done(ok=True)),
        ("Status: FAILED\n", Done(ok=False)),
    ],
)
def test_what_an_agent_appends_is_taken_as_its_message(desk: Desk, block: str, expected: Message) -> None:
    desk.append(block)
    desk.look()

    assert expected in desk.messages()
    assert desk.statuses() == ["Status: ACTIVE"]
    assert block.replace("Status:", "Status=") in desk.text()


def test_a_block_that_comes_in_two_pieces_is_one_message(desk: Desk) -> None:
    for piece in ("## Handoff Request\nFROM: a\nTO: agent-2\nFI", "LE: api.md\nNOTES: n\n", "\n"):
        desk.append(piece)
        desk.look()

    assert desk.messages() == [Handoff(sender="a", to="agent-2", file="api.md", note="n")]


def test_a_half_written_status_is_no_second_one_and_is_heard_when_it_is_whole(desk: Desk) -> None:
    for piece in ("Sta", "tus: BLO", "CKED\n"):
        desk.append(piece)
        desk.look()
        assert desk.statuses() == ["Status: ACTIVE"]

    assert desk.messages() == [Status(status="BLOCKED")]


def test_a_last_line_without_a_newline_is_heard_when_nothing_follows(desk: Desk) -> None:
    desk.append("Status: BLOCKED")
    desk.look()
    assert desk.messages() == []

    desk.look(after=5)
    assert desk.messages() == [Status(status="BLOCKED")]


def test_an_agent_that_is_gone_is_heard_out_at_once(desk: Desk) -> None:
    desk.append("Status: FAILED")

    desk.comms.hear_out(ONE, now=desk.now)

    assert Done(ok=False) in desk.messages()


def test_history_does_not_break_a_line_that_an_agent_is_writing(desk: Desk) -> None:
    desk.append("Status: BLO")
    desk.look()
    desk.comms.note(ONE, "meanwhile", now=desk.now)
    desk.look()
    desk.append("CKED\n")
    desk.look()

    assert desk.messages() == [Status(status="BLOCKED")]
    assert "Status= BLOCKED\n" in desk.text()
    assert "meanwhile\n" in desk.text()


def test_a_letter_of_several_bytes_may_be_split(desk: Desk) -> None:
    raw = "Current Task: 漢字\n".encode()
    for piece in (raw[:15], raw[15:17], raw[17:]):
        with desk.path().open("ab") as file:
            file.write(piece)
        desk.look()

    assert desk.messages() == [Status(message="漢字")]


def test_what_squad_itself_writes_is_no_message(desk: Desk) -> None:
    desk.comms.note(ONE, "Status: COMPLETE", now=desk.now)
    desk.show(run_started(), prepared(), started(), AgentReported(agent=ONE, task="T1", message="## Handoff Request"))
    desk.look(after=5)

    assert desk.heard == []


def test_a_file_emptied_by_its_agent_is_heard_and_made_whole(desk: Desk) -> None:
    desk.path().write_text("Status: COMPLETE\nCurrent Task: all of it\n", encoding="utf-8")
    desk.look()

    assert Done(ok=True) in desk.messages()
    assert desk.statuses() == ["Status: ACTIVE"]
    assert "Status= COMPLETE\nCurrent Task: all of it\n" in desk.text()
    assert desk.text().startswith("# Agent 1 Communication Log")


def test_an_agent_that_overwrites_the_whole_file_loses_nothing(desk: Desk) -> None:
    own = "".join(f"note {number}\n" for number in range(1000)) + "Status: COMPLETE\n"
    desk.path().write_text(own, encoding="utf-8")
    desk.look()
    desk.look(after=5)

    assert desk.messages().count(Done(ok=True)) == 1
    left = desk.text()
    assert all(f"note {number}" in left for number in range(1000))
    assert desk.statuses() == ["Status: ACTIVE"]


@pytest.mark.parametrize("by_rename", [True, False])
def test_an_editor_that_changes_the_status_in_the_head_is_heard_once(desk: Desk, *, by_rename: bool) -> None:
    desk.append("## Notes\nFROM here on\n")
    desk.look()
    text = desk.text().replace("Status: ACTIVE", "Status: COMPLETE")
    if by_rename:
        (desk.folder / "new").write_text(text, encoding="utf-8")
        (desk.folder / "new").rename(desk.path())
    else:
        desk.path().write_text(text, encoding="utf-8")
    desk.look()
    desk.look(after=5)

    assert desk.messages().count(Done(ok=True)) == 1
    assert desk.statuses() == ["Status: ACTIVE"]
    assert "FROM here on\n" in desk.text()


def test_a_stale_copy_put_back_by_an_editor_is_not_heard_again(desk: Desk) -> None:
    desk.append(HANDOFF)
    desk.look()
    copy = desk.text()
    desk.comms.note(ONE, "one more line of squad's", now=desk.now)
    desk.look()
    desk.path().write_text(copy + "Current Task: new\n", encoding="utf-8")
    desk.look()
    desk.look(after=5)

    assert [message for message in desk.messages() if isinstance(message, Handoff)] == desk.messages()[:1]
    assert desk.messages()[1:] == [Status(message="new")]


def test_a_removed_file_comes_back(desk: Desk) -> None:
    desk.path().unlink()
    desk.look()

    assert desk.statuses() == ["Status: ACTIVE"]


def test_a_link_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    for link in (Path.symlink_to, Path.hardlink_to):
        desk.path().unlink()
        link(desk.path(), victim)
        desk.look()
        assert victim.read_text(encoding="utf-8") == "precious"
        assert desk.statuses() == ["Status: ACTIVE"]


def test_a_folder_a_pipe_or_a_forbidden_file_in_its_place_is_put_aside(desk: Desk) -> None:
    for make in (Path.mkdir, os.mkfifo, lambda path: path.touch(mode=0o000)):
        desk.path().unlink()
        make(desk.path())
        desk.look()
        assert desk.statuses() == ["Status: ACTIVE"]


def test_the_folder_itself_may_be_removed_or_turned_into_a_link(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    desk.folder.rename(tmp_path / "gone")
    desk.look()
    assert desk.statuses() == ["Status: ACTIVE"]

    desk.folder.rename(tmp_path / "gone as well")
    desk.folder.symlink_to(elsewhere)
    desk.look()
    assert list(elsewhere.iterdir()) == []
    assert desk.statuses() == ["Status: ACTIVE"]


def test_a_file_that_its_agent_has_locked_is_left_alone_but_not_for_ever(desk: Desk) -> None:
    with desk.path().open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("Status: BLOCKED\n")
        file.flush()
        desk.look()
        assert desk.messages() == []

        desk.look(after=11)
        assert desk.messages() == [Status(status="BLOCKED")]


def test_a_resumed_supervisor_hears_what_was_appended_while_none_lived_and_nothing_twice(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    first.append("Current Task: heard\n")
    first.look()
    first.append(HANDOFF + "Status: BLOCKED\n")

    second = Desk(tmp_path)

    assert [type(message) for message in second.messages()] == [Handoff, Status]
    assert second.statuses() == ["Status: ACTIVE"]


def test_a_file_that_stood_there_before_the_run_is_kept_below_the_head(tmp_path: Path) -> None:
    old = tmp_path / "comms" / f"{ONE}-comm.md"
    old.parent.mkdir()
    old.write_text("# Agent 1 Communication Log\nStatus: READY\nInitialized: 2025-01-01T00:00:00Z\n", encoding="utf-8")

    desk = Desk(tmp_path)

    assert desk.statuses() == ["Status: ACTIVE"]
    assert "Initialized: 2025-01-01T00:00:00Z" in desk.text()


APPENDER = """
import fcntl, os, sys
path, name, count, lock = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "lock"
for number in range(count):
    with open(path, "ab", buffering=0) as file:
        if lock:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"Current Task: {name}".encode())
            file.write(f" {number} 漢字\\nStatus: BLOCKED\\n".encode())
        else:
            file.write(f"Status: BLOCKED\\nCurrent Task: {name} {number} 漢字\\n".encode())
"""


@pytest.mark.parametrize("names", [("bare", "more", "last", "four"), ("lock",)], ids=["whole lines", "half lines under flock"])
def test_a_thousand_appended_blocks_are_each_heard_once_while_squad_rewrites(desk: Desk, names: tuple[str, ...]) -> None:
    count = 1000 // len(names)
    writers = [subprocess.Popen([sys.executable, "-c", APPENDER, str(desk.path()), name, str(count), name]) for name in names]

    def all_are_done() -> bool:
        desk.comms.note(ONE, "squad writes too", now=desk.now)
        desk.look()
        return all(writer.poll() is not None for writer in writers)

    until(all_are_done, "the end of all writers")
    desk.comms.hear_out(ONE, now=desk.now)

    told = [message.message for message in desk.messages() if isinstance(message, Status) and message.message]
    expected = {f"{name} {number} 漢字" for name in names for number in range(count)}
    assert set(told) == expected
    assert len(told) == len(expected)
    assert desk.messages().count(Status(status="BLOCKED")) == 1000
    assert desk.statuses() == ["Status: ACTIVE"]


def test_a_thousand_who_append_at_once_are_each_heard_once_while_squad_rewrites(desk: Desk) -> None:
    begin = threading.Event()

    def append(number: int) -> None:
        begin.wait()
        with desk.path().open("ab", buffering=0) as file:
            file.write(f"Status: BLOCKED\nCurrent Task: at once {number}\n".encode())

    writers = [threading.Thread(target=append, args=(number,)) for number in range(1000)]
    for writer in writers:
        writer.start()
    begin.set()

    def all_are_done() -> bool:
        desk.comms.note(ONE, "squad writes too", now=desk.now)
        desk.look()
        return not any(writer.is_alive() for writer in writers)

    until(all_are_done, "the end of all writers")
    desk.comms.hear_out(ONE, now=desk.now)

    told = sorted(message.message for message in desk.messages() if isinstance(message, Status) and message.message)
    assert told == sorted(f"at once {number}" for number in range(1000))
    assert all(desk.text().count(f"Current Task: at once {number}\n") == 1 for number in range(1000))
    assert desk.statuses() == ["Status: ACTIVE"]


@given(
    st.lists(
        st.sampled_from(["Sta", "tus: ", "READY\n", "Status:", "\n", "x", "## Handoff Request\n", "漢", "FILE: a\n"]), max_size=30
    )
)
def test_however_an_agent_appends_one_status_is_found(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    desk = Desk(tmp_path_factory.mktemp("comms"))
    for piece in pieces:
        desk.append(piece)
        desk.look(after=0.9)
        assert desk.statuses() == ["Status: ACTIVE"]

    assert "".join(pieces).replace("Status:", "Status=") in desk.text()


def test_agents_beyond_one_have_files_of_their_own(tmp_path: Path) -> None:
    backend = AgentId("agent-2-backend")
    of = plan(planned(task("T1")), seats=[seat(ONE), seat(backend)])
    desk = Desk(tmp_path, of, run_started())

    assert sorted(path.name for path in desk.folder.iterdir()) == ["agent-1-comm.md", "agent-2-backend-comm.md"]
    assert desk.text(backend).startswith("# Agent 2 Communication Log")
