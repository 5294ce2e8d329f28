"""Starting a supervisor: the steps between a command line and a running run.

What stands in the way is found before anything is touched; from then on the project is held.
"""

import shlex
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from orchestrator import git
from orchestrator.adoption import prepare
from orchestrator.cli import settings
from orchestrator.cli.again import tell_nothing_left
from orchestrator.cli.beginning import begin, change_over, find_moved, lay_out, revive, set_former_aside
from orchestrator.cli.conduct import Conduct, conduct
from orchestrator.cli.context import Context
from orchestrator.cli.detached import Begun, in_background, told_nobody
from orchestrator.cli.limiting import amended, differences, warnings
from orchestrator.cli.programs import accounts_of, require_adapter, require_level, with_adapter
from orchestrator.cli.start import Made, plan_with
from orchestrator.cli.telling import require_roles
from orchestrator.cli.ticking import tick
from orchestrator.cli.wiring import supervisor_for
from orchestrator.config import Config, commands, load_dump
from orchestrator.confinement.leveling import require_levels
from orchestrator.errors import NeedsYou, Refused
from orchestrator.events import Noticed, RunEnded
from orchestrator.holding import hold
from orchestrator.journal import Journal
from orchestrator.journal.recorder import Recorder
from orchestrator.journal.replay import NoRun, Replayed, find_run, replay
from orchestrator.model import Isolation, Plan, RunId, TaskState
from orchestrator.places import Plain
from orchestrator.project import Project
from orchestrator.run.accounts import Accounts
from orchestrator.run.supervisor import Supervisor
from orchestrator.runlog import RunLog, open_log
from orchestrator.state import State
from orchestrator.supervised import require_free
from orchestrator.views.plan_table import render_plan
from orchestrator.views.text import plain

_FEW = 5  #: warnings of a plan that are told at its start
Carry = Callable[[Conduct], Awaitable[int]]  #: runs a supervisor and shows it; gives the exit code


class UnfinishedRun(NeedsYou):
    """A run of the same file is not at its end."""

    def __init__(self, run: RunId, file: str) -> None:
        hint = f"go on with it: squad resume {run}\nor start anew: squad run {file} --new"
        super().__init__(f"the run {run} of {file} is unfinished", hint=hint)
        self.run = run


class RunIsOver(Refused):
    """A run that ended cannot be resumed."""

    def __init__(self, run: RunId, outcome: str, *, source: str) -> None:
        hint = f"what it did: squad report --run {run}   do what is new or left: squad run {shlex.quote(source)}"
        super().__init__(f"the run {run} has ended: {outcome}", hint=hint)


class NoWork(Refused):
    """A run that only proposes the tasks of a document is gone on with by asking again."""

    def __init__(self, run: RunId, source: str, adapter: str) -> None:
        super().__init__(f"{run} only splits {source} into tasks", hint=f"go on: squad plan {source} --split-with {adapter}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for."""

    file: str
    count: int | None
    agent: str | None
    enforce: str | None
    new: bool
    unattended: bool = False
    tick: bool = False
    any_order: bool = False
    detach: bool = False
    everything: bool = False  #: also what runs before have done

    @property
    def among(self) -> tuple[str, ...] | None:
        """Give the tasks that may be left out as done by a run before; None: all."""
        return () if self.everything else None


def rehearse(options: Context, wishes: Wishes) -> str:
    """Give the plan's text without starting anything.

    Raises:
        SquadError: Something stands in the way that would also stand in the way of the run.
    """
    project = options.project()
    config = settings.load(options, project, _flags(wishes))
    start_of(project)
    made = _planned(options, wishes, project, config)
    plan = made.plan
    config = with_adapter(config, plan, wishes.agent)
    _require_levels(config, accounts_of(plan, config))
    for line in warnings(config, accounts_of(plan, config)):
        options.note(line)
    options.note(require_roles(project, config, plan))
    return made.body.decode() if options.as_json else render_plan(plan)


def _unheeded(plan: Plan) -> str:
    """Tell what the document says and the plan does not heed: before a night nobody may have looked at the plan."""
    told = [plain(warning) for warning in plan.warnings]
    more = [f"and {len(told) - _FEW} more: squad plan {shlex.quote(plan.source)}"] if len(told) > _FEW else []
    return "\n".join([*told[:_FEW], *more])


def launch(options: Context, wishes: Wishes, *, carry: Carry = conduct) -> int:
    """Plan and carry out; gives the exit code. `carry` runs the supervisor and shows it.

    Raises:
        SquadError: Nothing was started.
    """
    project = options.project()
    require_free(project)
    config = settings.load(options, project, _flags(wishes))
    base = start_of(project)
    made = _planned(options, wishes, project, config)
    plan, document = made.plan, made.read
    del made  # what the checker saw is not kept for as long as the run takes
    _require_none_unfinished(project, plan, wishes)
    if not plan.tasks:
        _end_unfinished(project, plan, wishes)
        return tell_nothing_left(options, plan)
    config = with_adapter(config, plan, wishes.agent)
    accounts = accounts_of(plan, config)
    _require_levels(config, accounts)
    options.note(_unheeded(plan))
    options.note(require_roles(project, config, plan))
    settings.confirm(config, options, project)
    options.note(prepare(project, now=time.time()))
    announce(options, project, isolation=plan.isolation)

    def carried(options: Context, begun: Begun) -> int:
        with held(project, config) as (journal, log):
            _require_finished(journal, plan, wishes)
            set_former_aside(project, journal.last_begun(splits=False))
            since = journal.last()
            recorder = begin(project, journal, config, plan, base=base, document=document)
            recorder.record(*(Noticed(text=line) for line in warnings(config, accounts)))
            supervisor = _supervisor(project, config, recorder)
            run = Conduct(options=options, project=project, supervisor=supervisor, log=log, since=since, begun=begun)
            return _conducted(run, carry)

    return in_background(options, project, carried) if wishes.detach else carried(options, told_nobody)


def _planned(options: Context, wishes: Wishes, project: Project, config: Config) -> Made:
    ordered, among = wishes.any_order, wishes.among
    return plan_with(options, wishes.file, project, config, count=wishes.count, any_order=ordered, among=among)


def relaunch(options: Context, name: str | None, *, unattended: bool = False, detach: bool = False) -> int:
    """Go on with a run, `unattended` with nobody to ask from now on; gives the exit code.

    Raises:
        SquadError: There is no such run, it is over, or something stands in the way.
    """
    project = options.project()
    require_free(project)
    replayed, before = _resumable(project, name)
    config = amended(before, settings.layers(options, project, {}), unattended=unattended)
    accounts = accounts_of(replayed.plan, config)
    _require_levels(config, accounts)
    require_roles(project, config, replayed.plan)
    if commands(config) != commands(before):
        settings.confirm(config, options, project)
    options.note(prepare(project, now=time.time()))
    if not unattended:
        _tell_of_questions(options, replayed.state)

    def carry(options: Context, begun: Begun) -> int:
        with held(project, config) as (journal, log):
            now = replay(journal, replayed.run)
            change_over(project, journal, now.run)
            since = journal.last()
            recorder = Recorder(journal, now.plan, now.state, clock=time.time)
            revive(recorder, now.state, config)
            find_moved(project, recorder)
            changed = differences(before.run.limits, config.run.limits)
            recorder.record(*(Noticed(text=line) for line in (*changed, *warnings(config, accounts))))
            supervisor = _supervisor(project, config, recorder)
            return _conducted(Conduct(options=options, project=project, supervisor=supervisor, log=log, since=since, begun=begun))

    return in_background(options, project, carry) if detach else carry(options, told_nobody)


def _supervisor(project: Project, config: Config, recorder: Recorder) -> Supervisor:
    """Put the files of a run where people look for them, and build its supervisor."""
    lay_out(project, recorder)
    return supervisor_for(project, config, recorder)


def _conducted(run: Conduct, carry: Carry = conduct) -> int:
    """Carry a run out, and mark what is finished in its document; gives the exit code."""
    code = anyio.run(carry, run)
    recorder = run.supervisor.recorder
    tick(run.options, run.project, run.supervisor.stage.config, recorder.plan, recorder.state)
    return code


def _resumable(project: Project, name: str | None) -> tuple[Replayed, Config]:
    """Give a run that is not over, and its settings, before anything is touched."""
    journal = Journal.read(project.state)
    if journal is None:
        raise NoRun(name, root=project.root)
    with journal:
        unfinished = journal.unfinished()
        replayed = replay(journal, unfinished[-1] if name is None and unfinished else find_run(journal, name))
        if replayed.state.phase == "ended":
            raise RunIsOver(replayed.run, replayed.state.outcome, source=replayed.state.source)
        config = load_dump(journal.document(replayed.settings))
        if replayed.state.split:
            raise NoWork(replayed.run, replayed.state.source, next(iter(config.agents.values())).use)
        return replayed, config


@contextmanager
def held(project: Project, config: Config) -> Iterator[tuple[Journal, RunLog]]:
    """Hold what a supervisor needs for itself: the project, its journal, squad's own log."""
    with hold(project), Journal.open(project.state) as journal, open_log(project, config.log.folder) as log:
        yield journal, log


def start_of(project: Project) -> str | None:
    """Give the commit that a run can start from; None without git."""
    if project.repository:
        return git.require_workable(project.root)
    git.require_installed()
    return None


def _flags(wishes: Wishes) -> dict[str, Plain]:
    flags: dict[str, Plain] = {}
    if wishes.count is not None:
        flags["run.agents"] = str(wishes.count)
    if wishes.unattended:
        flags["run.questions.wait"] = "0"
    if wishes.tick:
        flags["run.tick"] = "true"
    if wishes.agent is not None:
        require_adapter(wishes.agent)
    if wishes.enforce is not None:
        require_level(wishes.enforce)
        flags["enforce"] = wishes.enforce
    return flags


def _require_levels(config: Config, accounts: Accounts) -> None:
    require_levels(config.enforce, (*accounts.own.values(), *accounts.others))


def _tell_of_questions(options: Context, state: State) -> None:
    """Say what is still to be answered: the lines that told of it came before."""
    names = [name for name, question in state.questions.items() if question.state == "open"]
    if names:
        options.note(f"not answered yet: {', '.join(names)}; see: squad inbox")


def announce(options: Context, project: Project, *, isolation: Isolation) -> None:
    """Say what a person should know before the start."""
    if options.verbose:
        options.note(f"journal and logs: {project.state}\nconfiguration: {settings.sources(options, project)}")
    if isolation is Isolation.WORKTREE and (count := git.uncommitted(project.root)):
        files = "1 uncommitted file" if count == 1 else f"{count} uncommitted files"
        options.note(f"{files}: agents start from the last commit and will not see what is in there")


def _require_none_unfinished(project: Project, plan: Plan, wishes: Wishes) -> None:
    """Refuse a second run of a document before anything is asked; whoever holds the project looks once more."""
    journal = None if wishes.new else Journal.read(project.state)
    if journal is None:
        return
    with journal:
        try:
            _require_finished(journal, plan, wishes)
        except UnfinishedRun:
            require_free(project)  # another may have begun it since
            raise


def _end_unfinished(project: Project, plan: Plan, wishes: Wishes) -> None:
    """End the run before of a document of which nothing is left to do: no new one begins that would end it."""
    journal = Journal.read(project.state) if wishes.new else None
    if journal is None:
        return
    with journal:
        if all(replay(journal, run).state.source != plan.source for run in journal.unfinished()):
            return
    with hold(project), Journal.open(project.state) as journal:
        for before in [replay(journal, run) for run in journal.unfinished()]:
            if before.state.source == plan.source:
                left = [one for one in before.plan.tasks if before.state.tasks[one.task.id].state is not TaskState.DONE]
                outcome = "done" if all(one.task.gate for one in left) else "discarded"  # a person's steps are done by hand
                journal.append(before.run, RunEnded(outcome=outcome), at=time.time())


def _require_finished(journal: Journal, plan: Plan, wishes: Wishes) -> None:
    for run in reversed(journal.unfinished()):
        if replay(journal, run).state.source == plan.source:
            if not wishes.new:
                raise UnfinishedRun(run, wishes.file)
            journal.append(run, RunEnded(outcome="discarded"), at=time.time())
