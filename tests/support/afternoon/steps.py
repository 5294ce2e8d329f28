"""What is done in the afternoon: steps of what is typed, pressed and seen."""

from collections.abc import Sequence
from dataclasses import dataclass

PAUSED = "user-dashboard-1 is paused"


@dataclass(frozen=True, slots=True)
class Type:
    """A command, typed at the prompt; `{supervisor}` is the process that supervises the project."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is typed when something was asked."""

    text: str


@dataclass(frozen=True, slots=True)
class Press:
    """A key, by its name in tmux."""

    key: str


@dataclass(frozen=True, slots=True)
class See:
    """What has to be seen before it goes on; with `shown` it is worth a picture."""

    pattern: str
    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that a user wants, and does; at its end the prompt is there again."""

    title: str
    told: str  #: what happens, in a sentence
    acts: Sequence[Type | Answer | Press | See]


_EDIT = (
    r"sed -i 's/use: auto/use: command, command: [sh, agents\/agent.sh]/' squad.yaml && "
    "echo '  stall: {after: 6s}' >> squad.yaml"
)

AFTERNOON = (
    Step(
        title="Init",
        told="squad asks five things and writes what is answered; return takes what it found.",
        acts=(
            Type("squad init"),
            See("Which program"),
            Answer("auto"),
            See("How many agents"),
            Answer("3"),
            See("Which checks"),
            Answer("sh check.sh"),
            See("Where do they work"),
            Press("Enter"),
            See("Add .squad/ to .gitignore"),
            Press("Enter"),
            See("wrote squad.yaml"),
        ),
    ),
    Step(
        title="An agent of our own",
        told="The agents are a shell script here, and count as stalled after 6 s, not after 10 minutes.",
        acts=(
            Type(_EDIT),
            Type("squad config check"),
            See("valid"),
            Type("git add --all && git commit --quiet --message 'Work with squad'"),
        ),
    ),
    Step(
        title="Plan",
        told="Who would do what, what waits for what, and whether it can go wrong; nothing is started.",
        acts=(Type("squad plan feature-prd.md"), See("4 tasks for 3 agents"), See("T4 .*")),
    ),
    Step(
        title="Run in the background",
        told="The commands that the configuration starts are shown once and agreed to; then the terminal is free again.",
        acts=(
            Type("squad run feature-prd.md -d"),
            See("sh check.sh"),
            Answer("y"),
            See("user-dashboard-1 is carried out in the background"),
        ),
    ),
    Step(
        title="Watch a stall being handled",
        told="T2 has fallen silent: after 6 s without any sign of life squad ends it and starts it again, with a handover.",
        acts=(
            Type("watch -t -n 1 squad status"),
            See(r"T2 .*running.*agent-2 \d+s reading T2", shown=True),
            See(r"T2 .*attempt 2.*going on", shown=True),
            See(r"T2 .*done"),
            Press("C-c"),
            Type("squad events | grep -m 1 AgentStalled"),
            See('"verdict"'),
        ),
    ),
    Step(
        title="Tell",
        told="T1 draws one chart after another. A plain command cannot be spoken to, so it will read it in its next prompt.",
        acts=(
            Type("squad logs T1 | tail -n 3"),
            See("draws chart"),
            Type("squad tell T1 'three charts are enough'"),
            See("R1 pending"),
        ),
    ),
    Step(
        title="Pause",
        told="At first what is under way may end; with --now it is stopped, its work kept, and done again later.",
        acts=(
            Type("squad pause"),
            See(PAUSED),
            Type("squad pause --now"),
            See("T1 stopped"),
            Type("squad wait --for idle; squad status"),
            See("paused by a person"),
        ),
    ),
    Step(
        title="Go on",
        told="T1 begins anew, reads what it was told, and ends; so T4 can start.",
        acts=(
            Type("squad resume"),
            See("user-dashboard-1 goes on"),
            Type("watch -t -n 1 squad status"),
            See(r"T4 .*tests with browser", shown=True),
            Press("C-c"),
        ),
    ),
    Step(
        title="Kill -9",
        told="The supervisor is killed in the midst of T4. Its leash ends the agent, and nothing that was done is lost.",
        acts=(
            Type("kill -9 {supervisor}"),
            Type("squad status"),
            See("its supervisor is gone"),
        ),
    ),
    Step(
        title="Resume",
        told="squad reads its journal, looks what is real, and goes on with T4 to the end, in the foreground this time.",
        acts=(Type("squad resume"), See("4 of 4 tasks done")),
    ),
    Step(
        title="Look, and take it",
        told="Our branch was left alone until now.",
        acts=(
            Type("squad diff --stat"),
            See("4 files changed"),
            Type("squad merge"),
            See("merged squad/user-dashboard-1 into main"),
        ),
    ),
    Step(
        title="Amend the PRD and run it again",
        told="A task more: what is done and merged is done already, and only the rest is carried out.",
        acts=(
            Type("echo '- Write the help in docs/help.md' >> feature-prd.md"),
            Type("git commit --quiet --all --message 'Ask for help'"),
            Type("squad run feature-prd.md"),
            See("done already by user-dashboard-1: T1, T2, T3, T4"),
            See("1 of 1 tasks done"),
        ),
    ),
    Step(
        title="Merge",
        told="The second run is taken too; `ls` tells of both.",
        acts=(
            Type("squad merge"),
            See("merged squad/user-dashboard-2 into main"),
            Type("squad ls"),
            See("user-dashboard-2 .*merged"),
        ),
    ),
    Step(
        title="Report",
        told="What happened in the first run: claims beside evidence, the stall, the time that was lost, and to what.",
        acts=(Type("squad report --run user-dashboard-1"), See("User Dashboard: run user-dashboard-1")),
    ),
)
