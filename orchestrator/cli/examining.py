"""`squad doctor` put together: whom to examine, in which surroundings, and how it is shown meanwhile.

Nothing of the project is written and no supervisor is asked, so it can be called anywhere, also beside a run.
"""

import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from orchestrator.adapters.known import KNOWN, Known
from orchestrator.cli import settings
from orchestrator.cli.context import Context, out, out_json, say
from orchestrator.cli.exits import TERMINATED
from orchestrator.cli.screen import Screen, display, is_terminal
from orchestrator.cli.seat import seats_of
from orchestrator.config import AgentSettings, Config
from orchestrator.doctor.examine import Means, examine_all, redactor
from orchestrator.doctor.findings import Diagnosis, Examined, Finding, Tool, fault, warning
from orchestrator.doctor.ground import Clock, ground
from orchestrator.doctor.surroundings import Machine, machine_findings, tools
from orchestrator.enforcement.probing import probe
from orchestrator.environment import passed
from orchestrator.errors import FolderError, RepositoryError, SquadError, ToolMissing, UsageError
from orchestrator.journal import Journal
from orchestrator.model import AgentId
from orchestrator.platform import become_subreaper
from orchestrator.project import Project
from orchestrator.text.quantities import parse_duration
from orchestrator.text.spelling import NothingSo
from orchestrator.views.doctor import details, doctor_json, table

_TICK = 1.0  #: seconds after which the table is drawn again, for its clock
_SAID = """\
Each installed agent program gets one or two short requests, on your account, in a
scratch folder that is removed afterwards. Without any request: squad doctor --quick
"""


class NeverAtWork(UsageError):
    """An agent that is configured, and part of no run yet."""

    def __init__(self, name: str, use: str) -> None:
        super().__init__(
            f"{name} has no part in the latest run: there is nothing to tell yet", hint=f"it uses {use}: squad doctor {use}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The folder one is in, as far as it is a project."""

    root: Path
    config: Config
    findings: tuple[Finding, ...] = ()
    project: Project | None = None  #: None: squad cannot work here

    @property
    def commands(self) -> dict[AgentId, AgentSettings]:
        """Give the agents that have commands of their own."""
        return {name: agent for name, agent in self.config.agents.items() if agent.command}


@dataclass(slots=True, kw_only=True)
class Consultation:
    """An examination under way, and what it has shown so far."""

    means: Means
    wanted: Sequence[tuple[Known, str]]
    base: Diagnosis  #: everything but the programs
    screen: Screen | None
    color: bool
    so_far: dict[str, Examined] = field(default_factory=dict)
    news: anyio.Event = field(default_factory=anyio.Event)
    is_terminated: bool = False

    @property
    def diagnosis(self) -> Diagnosis:
        """Give what is known so far."""
        programs = tuple(self.so_far[known.name] for known, _ in self.wanted if known.name in self.so_far)
        return Diagnosis(
            quick=self.base.quick, tools=self.base.tools, programs=programs, agents=self.base.agents, findings=self.base.findings
        )

    def show(self, examined: Examined) -> None:
        """Take in how far a program is."""
        self.so_far[examined.name] = examined
        self.news.set()
        self.news = anyio.Event()


def examine_for(options: Context, names: Sequence[str], *, quick: bool, timeout: str) -> int:
    """Examine, and show what was found; gives the exit code.

    Raises:
        UsageError: A name or the time is wrong.
        ConfigError: The configuration of the project cannot be used.
        FolderError: There is no place for a scratch folder.
    """
    limit = _limit(timeout)
    here = _here(options)
    wanted = _wanted(names, here)
    if not quick and not options.quiet and any(_is_there(known) for known, _ in wanted):
        say(_SAID)
    with _scratch() as folder:
        consultation = Consultation(
            means=Means(
                environment=os.environ,
                scratch=Path(folder),
                token=secrets.token_hex(8),
                limit=limit,
                redact=redactor(os.environ),
                quick=quick,
                models=_models(here),
            ),
            wanted=wanted,
            base=_base(here, names, quick=quick),
            screen=Screen() if is_terminal() and not (options.quiet or options.as_json) else None,
            color=options.colors,
        )
        anyio.run(_examine, consultation)
    if consultation.is_terminated:
        return TERMINATED
    return _conclude(options, consultation)


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    try:
        return tempfile.TemporaryDirectory(prefix="squad-doctor-", ignore_cleanup_errors=True)
    except OSError as error:
        raise FolderError(f"there is no place for a scratch folder: {error}", hint="set TMPDIR to a folder of yours") from error


def _limit(timeout: str) -> float:
    try:
        limit = parse_duration(timeout)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error
    if limit <= 0:
        raise UsageError(f"--timeout {timeout}: no program does anything in no time", hint="give it some: --timeout 2m")
    return limit


def _here(options: Context) -> Here:
    """Give the project one is in; where squad cannot work, a warning says so and the programs are examined all the same."""
    try:
        project = options.project()
        return Here(root=project.root, config=settings.load(options, project, {}), project=project)
    except (RepositoryError, ToolMissing) as error:
        found = warning(f"squad cannot run in {options.folder.absolute()}: {error.message}", error.hint or "")
        return Here(root=options.folder.absolute(), config=Config(), findings=(found,))


def _wanted(names: Sequence[str], here: Here) -> list[tuple[Known, str]]:
    """Give the programs to examine, each with why it has to be there if it has to."""
    known = [*KNOWN, *here.commands]
    for name in names:
        if name not in known:
            raise _unknown(name, known, here)
    chosen = [KNOWN[name] for name in KNOWN if not names or name in names]
    return [(one, "it was asked for" if names else _user_of(one, here)) for one in chosen]


def _unknown(name: str, known: Sequence[str], here: Here) -> SquadError:
    """Say why nothing can be told of a name; raises JournalError where that cannot be told either."""
    if here.project is None:
        return RepositoryError(here.findings[0].text, hint=here.findings[0].remedy)
    if (agent := here.config.agents.get(AgentId(name))) is not None:
        return NeverAtWork(name, agent.use)
    return NothingSo(name, [*known, *seats_of(here.project)], what="agent program or agent")


def _user_of(known: Known, here: Here) -> str:
    users = [name for name, agent in here.config.agents.items() if known.name in (agent.use, agent.profile) and not agent.command]
    return f"{', '.join(users)} {'uses' if len(users) == 1 else 'use'} it" if users else ""


def _models(here: Here) -> dict[str, str]:
    """Give the model that each program is to be tried with: that of the first agent which names one for it."""
    named: dict[str, str] = {}
    for agent in here.config.agents.values():
        if agent.model and not agent.command:
            named.setdefault(agent.profile or agent.use, agent.model)
    return named


def _is_there(known: Known) -> bool:
    return shutil.which(known.name, path=passed(os.environ)["PATH"]) is not None


def _base(here: Here, names: Sequence[str], *, quick: bool) -> Diagnosis:
    machine = Machine(environment=os.environ, root=here.root, uid=os.geteuid())
    agents = {name: agent for name, agent in here.commands.items() if not names or name in names}
    return Diagnosis(
        quick=quick,
        tools=(*tools(machine), *(_ground(here.project, here.config) if here.project is not None and not names else ())),
        agents=tuple(_agent(name, agent, here.root) for name, agent in agents.items()),
        findings=(*here.findings, *machine_findings(machine)),
    )


def _ground(project: Project, config: Config) -> tuple[Tool, ...]:
    worktrees = project.worktrees(config.isolation.place)
    last = _last_event(project)
    return ground(project, anyio.run(probe), worktrees=worktrees, last=last, environment=os.environ, clock=Clock())


def _last_event(project: Project) -> float | None:
    """Give the time of the newest event; a journal that cannot be read is told of by whoever needs it."""
    with contextlib.suppress(SquadError):
        if (journal := Journal.read(project.state)) is not None:
            with journal:
                return next((entry.at for entry in journal.entries(after=journal.last() - 1)), None)
    return None


def _agent(name: AgentId, agent: AgentSettings, root: Path) -> Tool:
    """Tell whether the program of a configured command is there; its arguments may hold anything and are not shown."""
    program = agent.command[0]
    path = agent.environment.get("PATH", passed(os.environ)["PATH"])
    found = shutil.which(str(root / program) if "/" in program else program, path=path)
    if found is not None:
        return Tool(name=name, found=found)
    remedy = f"install it, or mend agents.{name}.command in the configuration"
    return Tool(name=name, found="", findings=(fault(f"its program {program!r} is not there", remedy),))


async def _examine(consultation: Consultation) -> None:
    become_subreaper()
    async with anyio.create_task_group() as group:
        group.start_soon(_heed_signals, consultation, group.cancel_scope)
        if consultation.screen is not None:
            group.start_soon(_paint, consultation, consultation.screen)
        await examine_all(consultation.wanted, consultation.means, consultation.show)
        group.cancel_scope.cancel()


async def _heed_signals(consultation: Consultation, scope: anyio.CancelScope) -> None:
    """End orderly, so that nothing is left of what was started."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            consultation.is_terminated = True
            scope.cancel()


async def _paint(consultation: Consultation, screen: Screen) -> None:
    began = anyio.current_time()
    while True:
        news, seconds = consultation.news, anyio.current_time() - began
        painted = screen.frame(lambda width, _, at=seconds: _table(consultation, width=width, seconds=at))  # type: ignore[misc]  # bound now
        if not await display(painted):
            return
        with anyio.move_on_after(_TICK):
            await news.wait()


def _table(consultation: Consultation, *, width: int | None, seconds: float | None = None) -> str:
    return table(consultation.diagnosis, color=consultation.color, width=width, seconds=seconds)


def _conclude(options: Context, consultation: Consultation) -> int:
    diagnosis = consultation.diagnosis
    if options.as_json:
        out_json(doctor_json(diagnosis))
    elif consultation.screen is not None:
        out(consultation.screen.frame(lambda width, _: _table(consultation, width=width)))
        out(details(diagnosis))
    else:
        out(_table(consultation, width=None))
        out(details(diagnosis))
    return 0 if diagnosis.is_well else ToolMissing.exit_code
