"""`plan --split-with`: an agent proposes the tasks of a document of prose.

An ordinary attempt in a run of its own, with the project held meanwhile; asked again, a split that was interrupted goes on
in the same conversation, and one that is there is not asked for again. Nothing of it is merged anywhere: its result is a
file that a person reads and runs.
"""

import hashlib
import os
import shlex
import time
from dataclasses import dataclass

import anyio

from orchestrator import config as configuration
from orchestrator.adapters import NAMES
from orchestrator.adoption import prepare
from orchestrator.cli import settings
from orchestrator.cli.beginning import begin, lay_out, revive
from orchestrator.cli.conduct import Conduct, oversee
from orchestrator.cli.context import Context
from orchestrator.cli.early import heed_early_signals
from orchestrator.cli.exits import INTERRUPTED, LIMITED, TERMINATED
from orchestrator.cli.harvest import drop
from orchestrator.cli.launch import announce, held, start_of
from orchestrator.cli.programs import adapters_of
from orchestrator.cli.reading import read
from orchestrator.cli.shelf import Shelf
from orchestrator.cli.sources import bytes_of
from orchestrator.cli.splitting import SEAT, TASK, Examiner, Paper, answer_for, plan_of, settings_of
from orchestrator.cli.start import inside, is_plan, surroundings
from orchestrator.cli.wiring import supervisor_for
from orchestrator.config import Config, dump
from orchestrator.errors import ConfigError, NeedsYou, PlanError, PrdError, Refused, SquadError, ToolMissing, UsageError, Where
from orchestrator.events import AttemptEnded, ResultRefused, RunEnded, StopRequested, TaskFailed, TaskParked
from orchestrator.journal import Journal
from orchestrator.journal.feed import Subscription
from orchestrator.journal.recorder import Recorder
from orchestrator.journal.replay import Replayed, replay
from orchestrator.model import Isolation, Outcome, Plan, RunId, TaskState
from orchestrator.places import Plain
from orchestrator.planning.question import LONGEST
from orchestrator.planning.surroundings import Surroundings
from orchestrator.prd.source import decode
from orchestrator.project import Project
from orchestrator.scheduling.outcomes import NOT_SIGNED_IN
from orchestrator.state import State
from orchestrator.supervised import require_free
from orchestrator.text.spelling import nearest_or_all
from orchestrator.views.changes import change_line
from orchestrator.views.limits import raised, share
from orchestrator.views.text import plain, plain_lines, utc

#: Told elsewhere: by the error that the command ends with, and by whoever heeds the signal.
_UNTOLD = (TaskFailed, TaskParked, StopRequested)
_READINGS = ("no task list", "no heading")  #: how the warning begins that something else was taken for tasks


class ProposalRefused(PlanError):
    """What an agent proposed does not hold, also after it was told why."""

    def __init__(self, file: str, faults: str, *, refused: str, hint: str) -> None:
        shown = "\n".join(f"  {plain(line)}" for line in faults.split("\n"))
        super().__init__(f"the proposed tasks do not hold:\n{shown}", where=Where(file), hint=f"it is kept in {refused}\n{hint}")
        self.faults = tuple(faults.split("\n"))


class Interrupted(SquadError):
    """A person ended the command."""

    exit_code = INTERRUPTED


class Terminated(SquadError):
    """Another program ended the command."""

    exit_code = TERMINATED


class NothingToAsk(ConfigError):
    """A command shall be asked, and no agent has one."""

    def __init__(self) -> None:
        hint = 'write one in squad.yaml: agents: {agent-1: {use: command, command: ["my-agent", "{prompt_file}"]}}'
        super().__init__("--split-with command: no agent with a command is configured", hint=hint)


class LimitInTheWay(SquadError):
    """The agent's account has no use left for now."""

    exit_code = LIMITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What one call of the command asks for."""

    options: Context
    project: Project
    paper: Paper
    use: str  #: the adapter
    config: Config  #: the project's
    mine: Config  #: of the split

    @property
    def shelf(self) -> Shelf:
        """Give where the proposal is kept."""
        return Shelf(project=self.project, source=self.paper.source)

    @property
    def again(self) -> str:
        """Say how to ask again."""
        return f"squad plan {shlex.quote(self.paper.name)} --split-with {self.use}"

    def shown(self, name: str) -> str:
        """Give a file of the project's as it is called from the command's folder."""
        return os.path.relpath(self.project.root / name, os.path.realpath(self.options.folder))


def split(options: Context, file: str, use: str, *, count: int | None) -> str:
    """Give the tasks file of a document, as it is called from the command's folder; an agent is asked unless it is there.

    Raises:
        SquadError: There is none, and why.
    """
    if use not in NAMES:
        raise UsageError(f"--split-with {use}: no such adapter", hint=nearest_or_all(use, NAMES, "adapters"))
    project = options.project()
    flags: dict[str, Plain] = {} if count is None else {"run.agents": str(count)}
    config = settings.load(options, project, flags)
    paper = _paper(options, file, project)
    asking = Asking(options=options, project=project, paper=paper, use=use, config=config, mine=settings_of(config, use))
    shown = asking.shown(asking.shelf.shown)
    under_way = _under_way(asking)
    if under_way is None and asking.shelf.holds(paper.digest):
        options.note(
            f"{file} was split before and is still the same, so nobody is asked again (to do so: rm {shlex.quote(shown)})"
        )
        return shown
    heed_early_signals()
    _ask(asking, under_way, around=surroundings(project, config, count=count))
    return shown


def _paper(options: Context, file: str, project: Project) -> Paper:
    """Read the document; one that has tasks of its own is told of."""
    data = bytes_of(options.folder / file, file)
    text = decode(data, name=file)
    if is_plan(options.folder / file):
        raise PrdError("this is a plan already", where=Where(file), hint=f"carry it out: squad run {file}")
    if len(text.encode("utf-8", "replace")) > LONGEST:
        message = f"{len(data) / 1024:.0f} KiB are too much for one question to an agent: at most {LONGEST // 1024} KiB"
        raise PrdError(message, where=Where(file), hint="split a part of it: copy one chapter into a file of its own")
    paper = Paper(name=file, source=inside(options.folder / file, project), data=data, text=text)
    if tasks := _own_tasks(options, file):
        options.note(f"{file} has {tasks} tasks of its own, so no split is needed: squad plan {shlex.quote(file)}")
    return paper


def _own_tasks(options: Context, file: str) -> int:
    try:
        document, _ = read(options, file)
    except SquadError:
        return 0
    return 0 if any(warning.startswith(_READINGS) for warning in document.warnings) else len(document.tasks)


def _under_way(asking: Asking) -> Replayed | None:
    """Give the split of the same text, with the same settings, that did not come to its end."""
    journal = Journal.read(asking.project.state)
    if journal is None:
        return None
    settled = hashlib.sha256(dump(asking.mine)).hexdigest()
    with journal:
        for run in reversed(journal.unfinished(splits=True)):
            replayed = replay(journal, run)
            state = replayed.state
            if (state.source, state.source_digest, replayed.settings) == (asking.paper.source, asking.paper.digest, settled):
                return replayed
    return None


def _ask(asking: Asking, under_way: Replayed | None, *, around: Surroundings) -> None:
    """Have an agent propose the tasks, and read what it proposes.

    Raises:
        SquadError: Nothing came of it.
    """
    options, project, mine = asking.options, asking.project, asking.mine
    require_free(project)
    base = start_of(project)
    plan = under_way.plan if under_way else _plan(asking, around)
    if asking.use == "command" and not mine.agents[SEAT].command:
        raise NothingToAsk
    adapters_of(plan, mine)
    if under_way is not None and _limited_until(under_way.state) > time.time():
        raise _limit(asking, under_way.state)
    if configuration.commands(mine):
        settings.confirm(asking.config, options, project)
    options.note(prepare(project, now=time.time()))
    with held(project, mine) as (journal, log):
        since = journal.last()
        _drop_others(asking, journal, under_way)
        plan = under_way.plan if under_way else _plan(asking, around)  # the name of the answer may have become free
        announce(options, project, isolation=plan.isolation)
        recorder = _recorder(asking, journal, plan, under_way, base=base)
        lay_out(project, recorder)
        answer = str((plan.tasks[0].writes or ("",))[0])
        examiner = Examiner(paper=asking.paper, shelf=asking.shelf, around=around, answer=answer)
        supervisor = supervisor_for(project, mine, recorder, examine=examiner)
        run = Conduct(options=options, project=project, supervisor=supervisor, log=log, since=since)
        anyio.run(oversee, run, _tell)
        if recorder.state.phase == "ended":
            _tidy(project, journal, replay(journal, RunId(recorder.state.run)))
    _conclude(asking, recorder.state, run.ended_by)


def _plan(asking: Asking, around: Surroundings) -> Plan:
    isolation = Isolation.WORKTREE if asking.project.repository else Isolation.SHARED
    answer = answer_for(asking.project, asking.paper.digest)
    return plan_of(asking.paper, asking.use, answer=answer, around=around, isolation=isolation)


def _drop_others(asking: Asking, journal: Journal, but: Replayed | None) -> None:
    """End the splits of the same document that nobody will go on with; clear up after those that were killed at their end."""
    worktrees = asking.project.worktrees(asking.config.isolation.place)
    unfinished = journal.unfinished(splits=True)
    for run in journal.splits():
        if run not in unfinished and not (worktrees / run).exists():
            continue
        other = replay(journal, run)
        if other.state.source != asking.paper.source or (but is not None and but.run == run):
            continue
        if run in unfinished:
            journal.append(run, RunEnded(outcome="discarded"), at=time.time())
        _tidy(asking.project, journal, other)


def _tidy(project: Project, journal: Journal, over: Replayed) -> None:
    """Take a split's workspace away; what was in it is kept under refs."""
    if over.state.base is not None:
        drop(project, journal, over)
        return
    for claim in over.plan.tasks[0].writes or ():
        (project.root / claim).unlink(missing_ok=True)


def _recorder(asking: Asking, journal: Journal, plan: Plan, under_way: Replayed | None, *, base: str | None) -> Recorder:
    if under_way is None:
        return begin(asking.project, journal, asking.mine, plan, base=base, document=asking.paper.data, split=True)
    replayed = replay(journal, under_way.run)
    recorder = Recorder(journal, replayed.plan, replayed.state, clock=time.time)
    revive(recorder, replayed.state, asking.mine)
    return recorder


async def _tell(run: Conduct, news: Subscription) -> None:
    """Tell a person what happens; a usage limit is not waited for, since somebody waits for the command."""
    supervisor = run.supervisor
    while True:
        is_over = run.is_over
        for entry in news.drain():
            event = entry.event
            if isinstance(event, AttemptEnded) and event.outcome == Outcome.LIMIT:
                supervisor.stop(now=False, reason="limit")
            if isinstance(event, ResultRefused):
                run.options.note(f"the proposal does not hold:\n{plain_lines(event.reason)}")
            elif not isinstance(event, _UNTOLD) and (said := change_line(supervisor.plan, entry)):
                run.options.note(said)
        if is_over and news.is_empty:
            return
        await news.wait()


def _limited_until(state: State) -> float:
    """Give the end of the latest limit, seconds since the epoch; 0 if there is none."""
    return max((limit.until for limit in state.agents[SEAT].limits.values()), default=0.0)


def _limit(asking: Asking, state: State) -> LimitInTheWay:
    """Name what stands in the way: a limit of the run, or else one of the agent's account."""
    for one in state.reached:
        return LimitInTheWay(f"limit {one.limit} is reached: {share(one)} used", hint=f"raise it: {raised(one)} {asking.again}")
    until = utc(_limited_until(state))
    return LimitInTheWay(f"the usage limit of {asking.use} is reached until {until}", hint=f"then: {asking.again}")


def _conclude(asking: Asking, state: State, ended_by: list[str]) -> None:
    """Say why there is no proposal, if there is none."""
    status = state.tasks[TASK]
    look = f"look: squad logs --run {state.run}\nagain: {asking.again}"
    if state.phase == "ended" and status.state is TaskState.DONE:
        return
    if state.phase == "paused" and ended_by:
        kind = Interrupted if ended_by[0] == "interrupted" else Terminated
        raise kind(f"the split was {ended_by[0]}", hint=f"go on with it: {asking.again}")
    if state.outcome == "limit":
        raise _limit(asking, state)
    if status.reason.startswith(NOT_SIGNED_IN):
        raise ToolMissing(f"{asking.use}: {plain(status.reason)}", hint=f"sign in, then: {asking.again}")
    if state.phase != "ended":
        raise NeedsYou(f"the split is {state.phase}: {plain(status.reason or state.outcome)}", hint=look)
    if status.cause == "check":
        refused = asking.shown(asking.shelf.refused.relative_to(asking.project.root).as_posix())
        faults = status.failure.removeprefix("check: ")
        raise ProposalRefused(asking.paper.name, faults, refused=refused, hint=look)
    raise Refused(f"{asking.use} proposed nothing: {plain(status.reason)}", hint=look)
