"""`squad inbox` and `squad answer` in whole runs: several terminals, real agents, and deaths in between."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.exchange.questions import NOBODY
from tests.support.commands import Squad
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE, shell
from tests.support.waiting import NEVER, marked, until

ASKS = "squad agent ask 'Which colour?' --wait 30m > a.txt"
#: The first attempt asks and ends as it is told to; the others are done. Each keeps its prompt under its name.
FIRST = """
attempt=${{SQUAD_ATTEMPT_MARK##*/}}
cat > {folder}/$attempt
if [ $attempt = T1.1 ]; then squad agent ask 'Which colour?'; {then}; fi
echo x > a.txt
"""
SPEAKS = """
read -r task
echo '{"type": "ask", "text": "Which colour?"}'
read -r told
printf '%s' "$told" > a.txt
echo 'Status: COMPLETE'
"""


def write(
    squad: Squad,
    *tasks: dict[str, Any],
    wait: str = "30m",
    command: list[str] | None = None,
    stall: dict[str, Any] | None = None,
    **agent: Any,
) -> None:
    run = {**AT_ONCE, "questions": {"wait": wait}, "stall": stall or {}}
    agents = {f"agent-{number}": {"use": "command", "command": command or ["true"], **agent} for number in (1, 2)}
    (squad.folder / "squad.yaml").write_text(json.dumps({"agents": agents, "run": run}))
    (squad.folder / "tasks.yaml").write_text(json.dumps({"version": 1, "tasks": tasks}))


def asks(script: str = ASKS, name: str = "T1", agent: str = "agent-1", **more: Any) -> dict[str, Any]:
    return shell(name, script, **{"writes": ["a.txt"], "agents": [agent], **more})


def first(then: str, folder: Path) -> list[str]:
    """Give an agent whose first attempt asks, and then does this."""
    return ["sh", "-ec", FIRST.format(then=then, folder=folder)]


@contextmanager
def going(squad: Squad, *arguments: str, code: int = 0) -> Iterator[None]:
    """Carry a run out in the background, and see how it ends."""
    process = squad.start("run", "tasks.yaml", "-y", *arguments)
    yield
    assert process.wait(NEVER) == code, squad.output()


def question(squad: Squad, name: str = "Q1") -> dict[str, Any]:
    return squad.wait_for_event("QuestionAsked", lambda row: row["id"] == name)


def test_a_question_is_seen_everywhere_answered_once_and_keeps_nobody_else_from_work(
    squad: Squad, repository: Repository
) -> None:
    write(squad, asks(), shell("T2", "echo x > b.txt", writes=["b.txt"], agents=["agent-2"]))

    with going(squad):
        question(squad)
        assert squad.here("wait", "--for", "needs-you").code == 0
        squad.wait_for_event("TaskDone", lambda row: row["task"] == "T2")
        status = squad.json("status")
        assert [(agent["id"], agent["state"]) for agent in status["agents"]] == [("agent-1", "waiting"), ("agent-2", "idle")]
        [needed] = status["needs_you"]
        assert (needed["what"], needed["id"], needed["task"]) == ("question", "Q1", "T1")
        assert needed["command"] == "squad answer Q1 TEXT"
        [row] = squad.json("inbox")["questions"]
        assert (row["id"], row["agent"], row["task"], row["text"]) == ("Q1", "agent-1", "T1", "Which colour?")
        assert row["waited_s"] > 0
        shown = squad.here.ok("inbox")
        assert shown.splitlines()[1:] == ["    Which colour?", "    answer: squad answer Q1 TEXT"]
        assert "Q1 agent-1 asks: Which colour?" in squad.here.ok("status")

        assert squad.here("answer", "Q1").code == 2
        assert "did you mean 'agent-1'" in squad.here("answer", "agent-11", "x").err
        assert squad.here.ok("answer", "agent-1", "light", "blue") == "answered Q1 of T1: told agent-1\n"

    assert repository.show("squad/tasks-1", "a.txt") == "light blue"
    assert "Q1 agent-1 asks: Which colour?; squad answer Q1 TEXT\n" in squad.output()
    assert squad.here.ok("inbox") == "no open question in tasks-1\n"
    assert squad.json("inbox", "--all")["questions"][0]["answer"] == "light blue"
    history = (squad.folder / ".squad" / "comms" / "agent-1-comm.md").read_text()
    assert history.count("Q1 answered: light blue") == 1
    assert squad.json("report")["attention"] == []
    assert squad.json("report")["idle"]["answer_s"] > 0
    late = squad.here("answer", "Q1", "green")
    assert (late.code, "the run tasks-1 has ended" in late.err) == (1, True)


def test_an_agent_that_speaks_squad_is_told_on_its_stdin(squad: Squad, repository: Repository) -> None:
    write(squad, {"id": "T1", "title": "Ask", "writes": ["a.txt"]}, command=["sh", "-c", SPEAKS], speaks="squad")

    with going(squad):
        question(squad)
        assert squad.json("status")["agents"][0]["state"] == "waiting"
        squad.here.ok("answer", "T1", "blue")

    told = json.loads(repository.show("squad/tasks-1", "a.txt"))
    assert told == {"type": "tell", "text": 'Answer to your question Q1 ("Which colour?"): blue'}


def test_an_agent_that_ends_after_asking_is_parked_until_it_is_answered(squad: Squad, tmp_path: Path) -> None:
    write(squad, {"id": "T1", "title": "Ask", "writes": ["a.txt"]}, command=first("exit 0", tmp_path))

    with going(squad):
        parked = squad.wait_for_event("TaskParked")
        assert parked["reason"] == "asked: Q1 Which colour?"
        assert [row["what"] for row in squad.json("status")["needs_you"]] == ["question"]
        squad.here.ok("answer", "Q1", "blue")

    assert [(row["attempt"], row["outcome"]) for row in squad.events("AttemptEnded")] == [("T1.1", "asked"), ("T1.2", "done")]
    prompt = (tmp_path / "T1.2").read_text()
    assert prompt.count('Answer to your question Q1 ("Which colour?"): blue') == 1
    assert squad.events("QuestionTold")[0]["way"] == "prompt"


def test_a_run_that_nobody_answers_goes_on_all_the_same(squad: Squad, repository: Repository) -> None:
    write(squad, asks("squad agent ask 'Which colour?' --wait 30m > a.txt 2>&1 || true"), wait="300ms")

    assert squad.here("run", "tasks.yaml", "-y").code == 0

    reason = "nobody answered within 300ms: decide yourself, write down what you assumed"
    assert repository.show("squad/tasks-1", "a.txt") == f"squad agent: Q1 is not answered: {reason}"
    [line] = squad.json("report")["attention"]
    assert line == f"Q1 agent-1 asked: Which colour? (it was told to decide by itself: {reason}; look: squad logs T1)"


def test_waiting_for_an_answer_is_life(squad: Squad) -> None:
    write(
        squad,
        asks("squad agent ask 'Which colour?' --wait 30m > a.txt 2>&1 || true"),
        asks("squad agent ask 'And mine?'; sleep 4; squad agent done", "T2", "agent-2", writes=[]),
        wait="4s",
        stall={"after": "2s", "ladder": ["park"]},
    )

    assert squad.here("run", "tasks.yaml", "-y").code == 0

    assert squad.events("AgentStalled") == []


def test_a_task_that_fails_for_good_leaves_no_question_open(squad: Squad) -> None:
    write(squad, asks("squad agent ask 'Which colour?'; echo 'Status: FAILED'"))

    assert squad.here("run", "tasks.yaml", "-y").code == 1

    assert [row["how"] for row in squad.events("QuestionClosed")] == ["moot"]


def test_where_nobody_is_the_agent_is_refused_at_once_and_the_report_says_so(squad: Squad, repository: Repository) -> None:
    write(squad, asks("squad agent ask 'Which colour?' --wait 30m > a.txt 2>&1 || echo $? >> a.txt"))

    done = squad.here("run", "tasks.yaml", "-y", "--unattended")

    assert done.code == 0, done.err
    said = repository.show("squad/tasks-1", "a.txt")
    assert "nobody is there: decide yourself, write down what you assumed" in said
    assert said.endswith("1")
    assert "needs you: Q1 agent-1 asked: Which colour? (it was told to decide by itself" in done.out


def test_an_agent_cannot_answer_itself_whatever_it_pretends(squad: Squad, repository: Repository) -> None:
    script = (
        "squad agent ask 'Which colour?'; "
        "squad answer Q1 mine > a.txt 2>&1 || echo $? >> a.txt; "
        "env -u AGENT_ID -u SQUAD_SOCKET -u SQUAD_TOKEN setsid squad answer Q1 mine >> a.txt 2>&1 || echo $? >> a.txt; "
        "squad agent done"
    )
    write(squad, asks(script))

    with going(squad):
        pass

    said = repository.show("squad/tasks-1", "a.txt").splitlines()
    assert said.count("squad: an agent may not answer questions: only a person may") == 2
    assert said.count("1") == 2
    assert squad.events("QuestionAnswered") == []


def test_a_question_survives_kill_9_and_its_answer_is_told_to_the_next_attempt_once(squad: Squad, tmp_path: Path) -> None:
    script = "squad agent ask 'Which colour?' --wait 30m > a.txt && cp a.txt {folder}/answer"
    write(squad, asks(script.format(folder=tmp_path)))
    run = squad.start("run", "tasks.yaml", "-y")
    question(squad)

    squad.kill(run)
    dead = squad.here("answer", "Q1", "blue")
    assert dead.code == 1
    assert "squad resume" in dead.err
    assert squad.json("inbox")["questions"][0]["command"] == "squad resume tasks-1, then: squad answer Q1 TEXT"
    assert "squad resume" in squad.here.ok("status")

    resumed = squad.start("resume")
    squad.wait_for_event("AttemptStarted", lambda row: row["attempt"] == "T1.2")
    again = squad.wait_for_event("QuestionAsked", lambda row: row["attempt"] == "T1.2")
    assert (again["id"], squad.json("status")["agents"][0]["state"]) == ("Q1", "waiting")
    squad.here.ok("answer", "T1", "blue")
    assert resumed.wait(NEVER) == 0, squad.output()

    assert (tmp_path / "answer").read_text() == "blue\n"
    assert [(row["id"], row["attempt"]) for row in squad.events("QuestionTold")] == [("Q1", "T1.2")]
    assert "not answered yet: Q1; see: squad inbox" in squad.output()
    until(lambda: not marked(f"{squad.folder}/"), "the end of every process of the run")


def test_a_run_that_is_resumed_unattended_waits_for_nobody_any_more(squad: Squad, repository: Repository) -> None:
    write(squad, asks("squad agent ask 'Which colour?' --wait 30m > a.txt 2>&1 || echo $? >> a.txt"))
    run = squad.start("run", "tasks.yaml", "-y")
    question(squad)
    squad.kill(run)

    resumed = squad.start("resume", "--unattended")

    assert resumed.wait(NEVER) == 0, squad.output()
    assert [(row["how"], row["reason"]) for row in squad.events("QuestionClosed")] == [("expired", NOBODY)]
    assert NOBODY in repository.show("squad/tasks-1", "a.txt")


def test_an_answer_that_nobody_could_be_told_before_kill_9_stands_in_the_next_prompt_once(squad: Squad, tmp_path: Path) -> None:
    write(squad, {"id": "T1", "title": "Ask", "writes": ["a.txt"]}, command=first("sleep 600", tmp_path))
    run = squad.start("run", "tasks.yaml", "-y")
    question(squad)
    assert squad.here.ok("answer", "Q1", "blue") == "answered Q1 of T1: agent-1 hears it as soon as it can\n"

    squad.kill(run)
    resumed = squad.start("resume")
    assert resumed.wait(NEVER) == 0, squad.output()

    assert "blue" not in (tmp_path / "T1.1").read_text()
    assert (tmp_path / "T1.2").read_text().count("blue") == 1
    assert [(row["attempt"], row["way"]) for row in squad.events("QuestionTold")] == [("T1.2", "prompt")]


def test_a_run_that_is_stopped_keeps_its_question_and_says_what_to_do(squad: Squad) -> None:
    write(squad, asks())
    run = squad.start("run", "tasks.yaml", "-y")
    question(squad)

    run.send_signal(signal.SIGINT)

    assert run.wait(NEVER) == 130
    assert "needs you: Q1 agent-1 asks: Which colour? (squad resume tasks-1, then: squad answer Q1 TEXT)" in squad.output()
    assert squad.here("wait", "--for", "needs-you").code == 0


def test_a_flood_of_questions_harms_nobody_else(squad: Squad) -> None:
    flood = r"""for i in $(seq 100); do echo "{\"type\": \"ask\", \"text\": \"number $i?\"}"; done"""
    script = f"{flood}; echo x > a.txt; squad agent done"
    write(squad, asks(script), asks("echo x > b.txt", "T2", "agent-2", writes=["b.txt"]))

    assert squad.here("run", "tasks.yaml", "-y").code == 0

    assert len(squad.events("QuestionAsked")) == 10
    assert [row["how"] for row in squad.events("QuestionClosed")] == ["moot"] * 10
    assert len(squad.events("Noticed")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["answer"], 2, "see: squad answer --help"),
        (["answer", "Q1"], 2, "an answer is missing"),
        (["answer", "Q1", "--allow", "--deny"], 2, "contradict each other"),
        (["answer", "Q1", "x"], 3, "no run yet"),
        (["inbox"], 3, "no run yet"),
    ],
)
def test_what_cannot_be_answered_is_said_with_the_way_out(squad: Squad, arguments: list[str], code: int, said: str) -> None:
    done = squad.here(*arguments)

    assert (done.code, said in done.err) == (code, True), done.err
