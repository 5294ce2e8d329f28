"""Runs that come to a limit, as users have them: real supervisors, real agents, real git."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import events as ev
from orchestrator.project import find
from orchestrator.text.versions import UNTRIED
from tests.support.commands import Squad
from tests.support.fake_claude import FakeClaude
from tests.support.fake_codex import FakeCodex
from tests.support.repositories import Repository
from tests.support.runs import AT_ONCE, Ran, Runs, shell, simulated
from tests.support.waiting import marked, until

USAGE = '{"type": "usage", "fresh": 1000, "cached": 300, "output": 200, "money": 0.6}'
CLAUDE = {"use": "claude"}
HOUR = "1h"
#: Waits, in a workspace, until a limit is in the journal.
HEARD = """until grep -aq 'Limit[R]eached' "$(git rev-parse --git-common-dir)"/squad/state.db*; do sleep 0.05; done"""


@pytest.fixture
def run(repository: Repository) -> Runs:
    return Runs(repository)


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeClaude:
    installed = FakeClaude(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{installed.folder}:/usr/bin:/bin")
    return installed


def spending(name: str, **more: Any) -> dict[str, Any]:
    """Give a task that is done, and costs something."""
    return shell(name, f"echo x > {name}.txt; echo '{USAGE}'", writes=[f"{name}.txt"], **more)


def started(ran: Ran) -> list[str]:
    return ran.order(ev.AttemptStarted, key="attempt")


def outcomes(ran: Ran) -> list[tuple[str, str]]:
    return [(end.attempt, end.outcome) for end in ran.all(ev.AttemptEnded)]


def reached(ran: Ran) -> list[tuple[str, float | None, float | None, str]]:
    return [(one.limit, one.used, one.allowed, one.unit) for one in ran.all(ev.LimitReached)]


def notices(ran: Ran) -> str:
    return "\n".join(notice.text for notice in ran.all(ev.Noticed))


# limits of the run


def test_a_limit_on_money_ends_the_run_with_work_left_until_it_is_raised(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(*map(spending, ("T1", "T2", "T3")), count=1, run={"limits": {"money": 1}})

    assert ran.code == 5
    assert started(ran) == ["T1.1", "T2.1"]
    assert ran.order(ev.TaskDone) == ["T1", "T2"], "what was begun is integrated all the same"
    assert reached(ran) == [("money", 1.2, 1.0, "USD")]
    assert ran.all(ev.RunPaused) == [ev.RunPaused(reason="limit")]

    again = run.resume()
    assert again.code == 5
    assert started(again) == started(ran)

    monkeypatch.setenv("SQUAD_CONFIG_RUN__LIMITS__MONEY", "2.5")
    raised = run.resume()
    assert raised.code == 0
    assert raised.order(ev.TaskDone) == ["T1", "T2", "T3"]
    assert "limit money is 2.5 from here on, and was 1" in notices(raised)


def test_a_reached_limit_is_told_with_what_was_used_and_the_way_out(repository: Repository, squad: Squad) -> None:
    settings = {"run": {"limits": {"tokens": 1000, "time": "2h"}}}
    tasks = [spending("T1"), spending("T2", needs=["T1"])]
    repository.write({"squad.yaml": json.dumps(settings), "tasks.json": json.dumps({"version": 1, "tasks": tasks})})

    said = squad.here("run", "tasks.json", "-n", "1", "-y")

    way_out = "SQUAD_CONFIG_RUN__LIMITS__TOKENS=2k squad resume tasks-1"
    assert said.code == 5
    assert "limit tokens is reached: 1.5k of 1k used; nothing more is started" in said.out
    assert f"needs you: limit tokens is reached: 1.5k of 1k used (raise it: {way_out})" in said.out
    assert squad.json("status")["needs_you"] == [
        {"what": "limit", "task": "", "reason": "tokens: 1.5k of 1k used", "command": way_out}
    ]
    assert squad.here("wait").code == 5
    limits = squad.json("report")["limits"]
    assert limits["tokens"] == {"used": 1500, "allowed": 1000, "unit": "tokens"}
    assert limits["time"]["allowed"] == 7200
    assert limits["reached"] == ["tokens"]
    assert "Limits used: time" in squad.here.ok("report")

    repository.write({"squad.yaml": json.dumps({"run": {"limits": {"tokens": "2k"}}})})
    assert squad.here("resume").code == 0, "the file counts too"
    assert squad.json("report")["limits"]["tokens"]["allowed"] == 2000
    assert squad.json("report")["limits"]["time"]["allowed"] == 7200, "what nobody says now stays as it was"


def test_a_run_is_resumed_by_what_is_said_of_limits_now_and_by_nothing_else(repository: Repository, squad: Squad) -> None:
    def configure(run: Mapping[str, Any]) -> None:
        repository.write({"squad.yaml": json.dumps({"run": run})})

    repository.write({"tasks.json": json.dumps({"version": 1, "tasks": [spending("T1"), spending("T2")]})})
    configure({"limits": {"attempts": 1}})
    assert squad.here("run", "tasks.json", "-n", "1").code == 5

    configure({"limits": {"attempts": "one"}})
    wrong = squad.here("resume")
    assert (wrong.code, "squad.yaml:1:21: run.limits.attempts: 'one' is no count" in wrong.err) == (3, True)

    configure({"limits": {"attempts": "none"}, "on_quota": {"fall_back_to": ["simulated"]}, "checks": ["false"], "unknown": 1})
    asked = squad.here("resume", "--no-input")
    assert (asked.code, "after a usage limit: simulated" in asked.err) == (6, True)
    assert squad.here("resume", "-y").code == 0
    assert "limit attempts is none from here on, and was 1" in squad.events("Noticed")[-1]["text"]


def test_no_more_agents_are_started_than_the_run_may_start(run: Runs) -> None:
    failing = shell("T1", "exit 1", writes=["a.txt"])

    ran = run(failing, spending("T2"), count=1, run={"attempts": 9, "limits": {"attempts": 2}, "stall": {"same_failure": 9}})

    assert ran.code == 5
    assert len(started(ran)) == 2
    assert reached(ran) == [("attempts", 2.0, 2.0, "starts")]


def test_a_limit_that_is_passed_by_the_last_of_the_work_is_none(run: Runs) -> None:
    ran = run(spending("T1"), run={"limits": {"money": 0.1, "tokens": 1, "attempts": 1}})

    assert ran.code == 0
    assert reached(ran) == []


def test_what_hangs_when_the_time_is_up_is_ended_its_work_kept_and_not_counted(
    run: Runs, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'echo x >> a.txt; test -e "$HOME/go" || sleep 600'

    ran = run(shell("T1", script, writes=["a.txt"]), run={"limits": {"time": "3s"}, "attempts": 1})

    assert ran.code == 5
    [end] = ran.all(ev.AttemptEnded)
    assert (end.outcome, end.reason) == ("stopped", "the time limit of 3s is reached")
    assert [limit.limit for limit in ran.all(ev.LimitReached)] == ["time"]
    assert (end.commit is not None) == bool(started(ran)), "what an agent has written is kept"

    (home / "go").touch()
    monkeypatch.setenv("SQUAD_CONFIG_RUN__LIMITS__TIME", HOUR)
    assert run.resume().code == 0


def test_what_runs_into_the_reserve_goes_on_and_is_checked_and_integrated(run: Runs) -> None:
    """The agent itself waits until the journal says that nothing more is started."""
    slow = f"{HEARD}; echo x > a.txt"
    tasks = [shell("T1", slow, writes=["a.txt"], checks=["test -s a.txt"]), shell("T2", "echo x > b.txt", writes=["b.txt"])]

    ran = run(*tasks, count=1, run={"limits": {"time": HOUR, "reserve": "3597s"}})

    assert ran.code == 5
    assert started(ran) == ["T1.1"]
    assert ran.all(ev.TaskDone) == [ev.TaskDone(task="T1", attempt="T1.1", checked=True)]
    assert len(ran.all(ev.CheckEnded)) == 2


def test_a_task_that_has_used_up_what_it_alone_may_is_parked_and_others_go_on(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = shell("T1", f"echo '{USAGE}'; test -e ok || exit 1; echo x > T1.txt", writes=["T1.txt"])

    settings = {"attempts": 9, "limits": {"money_per_task": 1}, "stall": {"same_failure": 9}}
    ran = run(failing, spending("T2"), count=1, run=settings)

    assert ran.code == 6
    assert sorted(outcomes(ran)) == [("T1.1", "failed"), ("T1.2", "failed"), ("T2.1", "done")]
    assert [(one.limit, one.task, one.used) for one in ran.all(ev.LimitReached)] == [("money_per_task", "T1", 1.2)]
    assert [one.reason for one in ran.all(ev.TaskParked)] == ["limit money_per_task: 1.2 of 1 USD used"]

    monkeypatch.setenv("SQUAD_CONFIG_RUN__LIMITS__MONEY_PER_TASK", "1.5")
    again = run.resume()
    assert outcomes(again)[3:] == [("T1.3", "failed")]
    assert again.code == 6


def test_a_limit_that_nobody_tells_of_is_said_to_bound_nothing(run: Runs, claude: FakeClaude) -> None:
    claude.play({})
    agents = {"agent-1": CLAUDE, "agent-2": {"use": "command", "command": ["true"]}}
    task = {"id": "T1", "title": "Look", "writes": [], "agents": ["agent-1"]}

    both = run(task, settings={"agents": agents}, run={"limits": {"money": 9, "time": HOUR, "currency": "EUR"}})
    anew = {**task, "title": "Look again"}
    none = run(anew, settings={"agents": {"agent-1": agents["agent-2"]}}, run={"limits": {"money": 9}})

    assert "limit money: not known to tell any: agent-2 (command); only what a program reports by itself counts" in notices(both)
    assert "time bound the rest" in notices(both)
    assert "limits.currency is EUR, and agents tell USD" in notices(both)
    assert "limit money: no agent of this run is known to tell any: agent-1 (command)" in notices(none)
    assert "nothing bounds the rest: limit time or attempts too" in notices(none)


# usage limits of providers


def test_an_agent_at_its_limit_falls_back_to_the_first_program_that_is_installed(
    run: Runs, claude: FakeClaude, repository: Repository
) -> None:
    claude.play({"T1.1": [["write", "a.txt", "by claude\n"], ["limit", 1000]]})
    quota = {"margin": "1m", "fall_back_to": ["codex", "claude", "simulated"]}

    ran = run(
        {"id": "T1", "title": "Write a", "writes": ["a.txt"], "simulate": {"work": "10ms"}},
        settings={"agents": {"agent-1": CLAUDE}},
        run={"on_quota": quota},
    )

    assert ran.code == 0
    assert outcomes(ran) == [("T1.1", "limit"), ("T1.2", "done")]
    assert [(one.adapter, one.agent) for one in ran.all(ev.AttemptStarted)] == [("claude", "agent-1"), ("simulated", "agent-1")]
    assert [one.workspace for one in ran.all(ev.AttemptStarted)] == [ran.all(ev.AttemptStarted)[0].workspace] * 2
    [limit] = ran.all(ev.LimitReached)
    assert (limit.adapter, limit.instead, limit.margin) == ("claude", "simulated", 60.0)
    assert repository.show("squad/tasks-1", "a.txt").splitlines() == ["by claude", "T1.2 Write a"]
    assert "nobody falls back to codex: 'codex' is not installed: npm install -g @openai/codex" in notices(ran)


def test_a_program_that_is_fallen_back_to_is_told_and_judged_as_what_it_is(
    run: Runs, claude: FakeClaude, tmp_path: Path, repository: Repository
) -> None:
    FakeCodex(tmp_path / "bin")
    repository.commit({"AGENTS.md": "Use tabs.\n"})  # which Codex reads by itself, and Claude Code does not
    claude.play({"T1.1": [["limit", 1000]], "T1.2": [["write", "a.txt"]]})
    claude.call_itself("2.1.330")

    ran = run(
        {"id": "T1", "title": "Write a", "writes": ["a.txt"]},
        settings={"agents": {"agent-1": {"use": "codex"}}},
        run={"on_quota": {"fall_back_to": ["claude"]}},
    )

    assert [one.adapter for one in ran.all(ev.AttemptStarted)] == ["codex", "claude"]
    assert "Read first: `AGENTS.md`." in claude.notes("T1.2", "told")[0]
    assert UNTRIED not in notices(ran)  # no version of one is held against the range of the other


def test_a_run_that_is_not_to_wait_ends_when_nothing_but_a_reset_is_left(run: Runs) -> None:
    ran = run(
        simulated("T1", "quota", "done", agents=["agent-1"]),
        simulated("T2", agents=["agent-2"]),
        settings={"agents": {"agent-1": {"use": "simulated"}, "agent-2": {"use": "simulated"}}},
        run={"on_quota": {"resume": "stop", "margin": HOUR}},
    )

    assert ran.code == 5
    assert sorted(outcomes(ran)) == [("T1.1", "limit"), ("T2.1", "done")]
    assert ran.all(ev.RunPaused) == [ev.RunPaused(reason="limit")]


def test_a_reset_after_the_time_of_the_run_is_not_waited_for(run: Runs) -> None:
    ran = run(simulated("T1", "quota"), agent="simulated", run={"on_quota": {"margin": "2h"}, "limits": {"time": HOUR}})

    assert ran.code == 5
    assert outcomes(ran) == [("T1.1", "limit")]


def test_nothing_is_started_against_a_limit_that_was_reached_while_a_workspace_was_made(run: Runs, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["limit", 1000]]})
    wait = f'case "$PWD" in *T2.1*) {HEARD};; esac'
    tasks = [{"id": name, "title": "Look", "writes": [], "agents": [f"agent-{name[1]}"]} for name in ("T1", "T2")]
    settings = {"agents": {"agent-1": CLAUDE, "agent-2": CLAUDE}, "isolation": {"setup": [wait]}}

    ran = run(*tasks, settings=settings, run={"on_quota": {"resume": "stop"}})

    assert ran.code == 5
    assert sorted(outcomes(ran)) == [("T1.1", "limit"), ("T2.1", "limit")]
    assert started(ran) == ["T1.1"]


class Held:
    """A run, in a process of its own, that can do nothing but wait for a reset."""

    def __init__(self, squad: Squad, tasks: list[dict[str, Any]], agents: Mapping[str, Any]) -> None:
        self.squad = squad
        settings = {"agents": agents, "run": AT_ONCE}
        (squad.folder / "squad.yaml").write_text(json.dumps(settings), encoding="utf-8")
        (squad.folder / "tasks.json").write_text(json.dumps({"version": 1, "tasks": tasks}), encoding="utf-8")
        self.process = squad.start("-y", "run", "tasks.json")
        self.limit = squad.wait_for_event("LimitReached")

    def kill(self) -> None:
        self.squad.kill(self.process)
        until(lambda: not marked(f"{self.squad.folder}/"), "the end of every process")


def test_a_limit_outlives_the_death_of_squad(squad: Squad, claude: FakeClaude) -> None:
    claude.play({"T1.1": [["limit", 6]]})
    held = Held(squad, [{"id": "T1", "title": "Look", "writes": []}], {"agent-1": CLAUDE})
    squad.wait_for_event("Noticed", lambda row: "nothing can go on before" in row["text"])
    [agent] = squad.json("status")["agents"]
    assert (agent["state"], agent["limited"][0]["adapter"]) == ("parked", "claude")
    assert "agent-1 is at its usage limit until" in squad.here.ok("status")

    held.kill()
    assert squad.here("resume").code == 0

    starts = [entry.at for entry in squad.entries() if isinstance(entry.event, ev.AttemptStarted)]
    assert len(starts) == 2
    assert starts[1] >= held.limit["until"]
    assert squad.json("report")["idle"]["limit_s"] > 0


def test_a_limit_that_was_heard_before_the_death_of_squad_still_tells_how_the_attempt_ended(squad: Squad, home: Path) -> None:
    """The limit was forgotten once, and its attempt counted as failed."""
    told = '{\\"type\\": \\"limit\\", \\"until\\": $(($(date +%s) + 3))}'
    script = f'test -e "$HOME/again" && exit 0; echo "{told}"; sleep 600'
    held = Held(squad, [shell("T1", script, writes=[])], {"agent-1": {"use": "command"}})
    held.kill()
    path = find(squad.folder).logs / held.limit["run"] / "T1.1.log.end"
    until(path.exists, "the word of the leash")
    path.write_text(json.dumps({**json.loads(path.read_text()), "stopped": None, "exit": 1, "signal": None}))
    (home / "again").touch()

    assert squad.here("resume").code == 0

    assert [(row["attempt"], row["outcome"]) for row in squad.events("AttemptEnded")] == [("T1.1", "limit"), ("T1.2", "done")]
