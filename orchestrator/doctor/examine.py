"""One agent program through all questions, in a scratch repository of its own.

Each step shows what is known so far. The time limit holds for all steps together; whatever is not known when it is over is
a finding too.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.to_thread

from orchestrator.adapters import NAMES, AnyAdapter, Conversing, Order, make_adapter
from orchestrator.adapters.known import KNOWN, Known
from orchestrator.claims import Claim
from orchestrator.doctor.asking import LIMIT, Answered, ask_version
from orchestrator.doctor.findings import Answer, Examined, Finding, fault, has_fault, note, warning
from orchestrator.doctor.judging import Redact, Tried, judge_refusal, judge_write
from orchestrator.doctor.redaction import Redactor
from orchestrator.doctor.surroundings import own_folder
from orchestrator.doctor.turn import take_turn
from orchestrator.environment import passed
from orchestrator.git import Git, identity
from orchestrator.model import AgentId, Operation, Source, Task, TaskId
from orchestrator.rights import Allow, Deny

AT_ONCE = 4  #: programs; each takes up to half a gigabyte
WRITTEN, REFUSED = "squad-doctor.txt", "squad-refused.txt"
_AGENT = AgentId("agent-1-doctor")
_WRITE = (
    f"Create the file `{WRITTEN}` in the current folder, with the one word `ready` in it. "
    "Use your tool for writing files, not the shell. Do nothing else."
)
_REFUSE = (
    f"Create the file `{REFUSED}` in the current folder, with the one word `ready` in it. "
    "Use your tool for writing files, not the shell. If you are refused, try no other way: say so and stop."
)
_REASON = "squad doctor refuses this on purpose, to see that it can: leave it, try no other way, say so and stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What examining takes."""

    environment: Mapping[str, str]  #: squad's own
    scratch: Path  #: a folder that is gone afterwards
    token: str  #: tells the processes of this call from all others
    limit: float  #: seconds for each program
    redact: Redact  #: takes the secrets out of what programs say
    quick: bool = False  #: ask no model
    models: Mapping[str, str] = field(default_factory=dict)  #: by program: the one that an agent of the project is to use

    @property
    def path(self) -> str:
        """Give the PATH that agents get."""
        return passed(self.environment)["PATH"]


Show = Callable[[Examined], None]


@dataclass(slots=True)
class Answering:
    """Answers what a program asks in a turn about one file: yes or no to that one, no to every other."""

    file: Path
    is_allowed: bool
    asked: bool = field(default=False, init=False)

    async def permit(self, _agent: AgentId, paths: tuple[str, ...], _operation: Operation) -> Allow | Deny:
        """Decide."""
        if not all(map(self._is_meant, paths)):
            return Deny(reason=f"squad doctor allows {self.file.name} only")
        self.asked = True
        return Allow() if self.is_allowed else Deny(reason=_REASON)

    def _is_meant(self, path: str) -> bool:
        return os.path.realpath(self.file.parent / path) == os.path.realpath(self.file)


async def examine_all(wanted: Sequence[tuple[Known, str]], means: Means, show: Show) -> None:
    """Examine programs side by side; each comes with the reason why it has to be there, if it has to."""
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def one(known: Known, why: str) -> None:
        async with limiter:
            await examine(known, means, show, why=why)

    async with anyio.create_task_group() as group:
        for known, why in wanted:
            show(Examined(name=known.name, works=str(known.works), doing="waits for its turn"))
            group.start_soon(one, known, why)


async def examine(known: Known, means: Means, show: Show, *, why: str = "") -> Examined:
    """Examine one program; `why` says who needs it, if somebody does."""
    path = shutil.which(known.name, path=means.path)
    if path is None:
        found = fault(f"not installed, and {why}", known.install) if why else note("not installed", known.install)
        return _shown(Examined(name=known.name, works=str(known.works), findings=(found,)), show)
    examination = _Examination(known, means, show, Examined(name=known.name, path=path, works=str(known.works)))
    await examination.run()
    return _shown(replace(examination.so_far, doing=""), show)


def _shown(examined: Examined, show: Show) -> Examined:
    show(examined)
    return examined


class _Examination:
    """Holds what is known of a program so far."""

    def __init__(self, known: Known, means: Means, show: Show, so_far: Examined) -> None:
        self.so_far = so_far
        self._known = known
        self._means = means
        self._show = show
        self._until = anyio.current_time() + means.limit
        self._folder = means.scratch / known.name
        self._redact = means.redact

    async def run(self) -> None:
        """Ask one question after the other, until one of the answers makes the next pointless."""
        adapter = adapter_of(self._known, self._means.path, model=self._means.models.get(self._known.name, ""))
        answered = await self._ask_version(adapter)
        if reason := adapter.missing(self._means.path):
            self._find(fault(self._redact(reason)))
        elif self._means.quick:
            self._hint()
        else:
            await self._try(adapter)
        if not self.so_far.version:
            self._find(_without_version(self._known, answered, self._redact))

    async def _try(self, adapter: AnyAdapter) -> None:
        await anyio.to_thread.run_sync(_make_repository, self._folder / "work")
        if await self._try_writing(adapter):
            await self._try_refusing(adapter)

    async def _ask_version(self, adapter: AnyAdapter) -> Answered:
        self._update(doing="asks for its version")
        environment = self._environment(adapter)
        answered = await ask_version(
            self.so_far.path or self._known.name,
            environment=environment,
            log=self._folder / "version.log",
            mark=self._mark("version"),
            limit=min(LIMIT, self._means.limit / 2),
        )
        self._take_version(answered.version)
        return answered

    def _take_version(self, version: str) -> None:
        self._update(version=version, in_range=self._known.works.holds(version))
        if text := self._known.untried(version):
            self._find(warning(text.partition(" (")[0], self._known.install_seen))

    def _hint(self) -> None:
        """Say what speaks for a sign-in, without asking anybody."""
        variables, files = hints(self._known, self._means.environment)
        signs = [*(f"{name} is set" for name in variables), *(f"{path} is there" for path in files)]
        if signs:
            self._find(note(f"signed in? {signs[0]}; only a turn can tell: squad doctor {self._known.name}"))
        else:
            self._find(note("signed in? nothing that squad knows speaks for it", self._known.sign_in))

    async def _try_writing(self, adapter: AnyAdapter) -> bool:
        self._update(doing="is to write a file")
        tried = await self._turn(adapter, WRITTEN, _WRITE, is_allowed=True)
        verdict = judge_write(self._known, tried, self._redact, converses=isinstance(adapter, Conversing))
        if not self.so_far.version and tried.told.version:
            self._take_version(tried.told.version)
        self._update(can_write=verdict.answer, signed_in=verdict.signed_in)
        self._find(*verdict.findings)
        return verdict.answer is Answer.YES and not has_fault(verdict.findings)

    async def _try_refusing(self, adapter: AnyAdapter) -> None:
        if not isinstance(adapter, Conversing):
            self._update(can_be_refused=Answer.NEVER)
            self._find(note("it cannot be refused, because it does not ask: what it may not write is found afterwards"))
            return
        self._update(doing="is refused a file")
        tried = await self._turn(adapter, REFUSED, _REFUSE, is_allowed=False)
        verdict = judge_refusal(self._known, tried, self._redact)
        self._update(can_be_refused=verdict.answer)
        self._find(*verdict.findings)

    async def _turn(self, adapter: AnyAdapter, file: str, prompt: str, *, is_allowed: bool) -> Tried:
        workspace = self._folder / "work"
        answering = Answering(workspace / file, is_allowed)
        order = self._order(file, prompt)
        environment = self._environment(adapter)
        told = await take_turn(adapter, order, environment=environment, permit=answering.permit, until=self._until)
        return Tried(told=told, asked=answering.asked, written=(workspace / file).is_file(), limit=self._means.limit)

    def _order(self, file: str, prompt: str) -> Order:
        name = file.removesuffix(".txt")
        task = Task(id=TaskId(name), title=f"Write {file}", source=Source(file="squad doctor", line=1))
        return Order(
            task=task,
            agent=_AGENT,
            role="general",
            attempt=1,
            workspace=self._folder / "work",
            prompt=prompt,
            area=(),
            writes=(Claim(file),),
            scratch=self._folder / name,
            mark=self._mark(name),
        )

    def _mark(self, step: str) -> str:
        return f"squad-doctor-{self._means.token}/{self._known.name}.{step}"

    def _environment(self, adapter: AnyAdapter) -> dict[str, str]:
        return {**passed(self._means.environment, needs=adapter.needs), "AGENT_ID": _AGENT}

    def _update(self, **known: object) -> None:
        self.so_far = replace(self.so_far, **known)  # type: ignore[arg-type]  # the names of its own fields
        self._show(self.so_far)

    def _find(self, *findings: Finding) -> None:
        self._update(findings=(*self.so_far.findings, *findings))


def adapter_of(known: Known, path: str, *, model: str = "") -> AnyAdapter:
    """Give squad's own way to drive a program; without a model by the user's own choice."""
    return make_adapter(known.name if known.name in NAMES else "acp", profile=known.name, model=model, path=path)


def hints(known: Known, environment: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Give the variables and files that speak for a sign-in; what is in them stays there."""
    files = tuple(own_folder(environment, *known.home) / name for name in known.files)
    return tuple(name for name in known.signs if environment.get(name)), tuple(path for path in files if path.is_file())


def redactor(environment: Mapping[str, str]) -> Redactor:
    """Give what takes the secrets of all known programs out of what any of them says: one may read those of another."""
    return Redactor(environment, [path for known in KNOWN.values() for path in hints(known, environment)[1]])


def _without_version(known: Known, answered: Answered, redact: Redact) -> Finding:
    if answered.failure:
        return fault(f"it cannot be started: {redact(answered.failure)}", f"install it anew: {known.install}")
    how = "does not end when it is asked for its version" if answered.is_late else "tells no version that can be read"
    return warning(f"it {how}; known to work are {known.works}", f"{known.name} --version")


def _make_repository(folder: Path) -> None:
    """Make a repository with one commit, as the worktree of an attempt has; a mere folder where there is no git."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("git") is None:
        return
    (folder / "README.md").write_text("# A scratch folder of squad doctor\n", encoding="utf-8")
    here = Git(folder)
    here.run("init", "--quiet", "--template=")
    here.run("add", "--all")
    committer = identity(folder)
    author = {name.replace("COMMITTER", "AUTHOR"): value for name, value in committer.items()}
    here.run("commit", "--quiet", "--no-verify", "--message", "Start", extra={**committer, **author})
