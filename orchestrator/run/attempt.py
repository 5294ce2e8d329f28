"""One attempt, from task to outcome.

Workspace, agent, harvest, evidence: what an agent leaves is committed and looked at before anything is said about it,
so whatever the outcome, its work is kept. Git is written to by one attempt at a time.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread

from orchestrator import strange
from orchestrator.adapters import AnyAdapter, Conversing, Order, Tools, takes_tools
from orchestrator.adapters.prompt import prompt, resumed
from orchestrator.confinement.confined import Ground, confined
from orchestrator.confinement.confines import leave, remove
from orchestrator.confinement.walled import For
from orchestrator.enforcement.confinement import Means
from orchestrator.environment import Place, for_agent
from orchestrator.errors import RepositoryError, SquadError
from orchestrator.events import AttemptEnded, Noticed
from orchestrator.exchange import questions
from orchestrator.hearing.dialogue import Inquire, Permit
from orchestrator.hearing.heard import conclude
from orchestrator.hearing.listening import Assignment, Take, listener
from orchestrator.journal.recorder import Recorder
from orchestrator.leash import Ending, outlast, read_ending
from orchestrator.model import Level, Outcome
from orchestrator.project import comm_file, file_name, plan_file
from orchestrator.rights import Rights
from orchestrator.run.agent import AtWork
from orchestrator.run.evidence import Evidence, Found
from orchestrator.run.forewarning import Forewarning, Overhearing, Voice
from orchestrator.run.stage import Piece, Stage
from orchestrator.scheduling.outcomes import Ended, weigh
from orchestrator.state import AttemptStatus
from orchestrator.workspaces import Work
from orchestrator.workspaces.worktree import Worktrees


class Attempt:
    """Carries one attempt out."""

    def __init__(
        self,
        recorder: Recorder,
        stage: Stage,
        rights: Rights,
        piece: Piece,
        *,
        take: Take,
        permit: Permit | None = None,
        inquire: Inquire | None = None,
        hear_out: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the piece; nothing happens before `run` or `take_over`."""
        self.piece = piece
        self.at_work: AtWork | None = None
        self.survivors: tuple[int, ...] = ()  #: processes of its agent that cannot be killed
        self.gone: Callable[[], None] = lambda: None  #: called when no process is left of an agent that achieved nothing
        self.watch: Callable[[], Awaitable[None]] = (
            anyio.lowlevel.checkpoint
        )  #: sees to the integration branch, before it is judged
        self._recorder = recorder
        self._stage = stage
        self._rights = rights
        self._take = take
        self._permit = permit
        self._inquire = inquire
        self._hear_out = hear_out
        self._preparation = anyio.CancelScope()
        self._ended_by: Ended | None = None

    @property
    def status(self) -> AttemptStatus:
        """Give what the journal knows of the attempt."""
        return self._recorder.state.attempts[self.piece.attempt]

    @property
    def _adapter(self) -> AnyAdapter:
        return self._stage.accounts.adapter(self.piece.seat.id, self.status.adapter)

    async def run(self) -> Work:
        """Carry the attempt out and record how it ended; give what it left."""
        try:
            ended, ending = await self._perform()
            self._note_survivors(ending)
        except (SquadError, OSError) as error:
            ended, ending = Ended(outcome=Outcome.ENVIRONMENT, reason=_said(error)), None
        return await self._end(ended, ending)

    def _note_survivors(self, ending: Ending | None) -> None:
        """Tell of what cannot be killed: it may write for ever, so that the locks of its agent stay."""
        self.survivors = tuple(ending.survivors) if ending else ()
        if self.survivors:
            pids = ", ".join(map(str, self.survivors))
            self._recorder.record(Noticed(text=f"{self.piece.seat.id} cannot be killed (processes {pids}): its locks stay"))

    async def take_over(self) -> Work:
        """Bring an attempt to its end whose supervisor died; what ended by itself before that counts."""
        assignment = self._assignment()
        await outlast(assignment.socket, assignment.log, mark=assignment.mark)
        ending = read_ending(assignment.log)
        heard = listener(self._recorder, self._take, assignment, log=self.status.read_log, status=self.status.read_status)
        if ending is not None and self.status.started_at is not None:
            heard.heard.claim, heard.heard.note, heard.heard.limited = self.status.claim, self.status.note, self.status.limited
            await heard.read(log=ending.log, status=ending.status)
            heard.finish()
            self._hear_out()
            if self.status.claim is not None:
                heard.heard.claim, heard.heard.note = self.status.claim, self.status.note
        if ending is None or ending.stopped or self.status.started_at is None:
            return await self._end(Ended(outcome=Outcome.STOPPED, reason="squad itself was ended"), ending)
        asked = questions.left_with(self._recorder.state, self.piece.planned.task.id)
        ended = conclude(heard.heard, ending, exit_claims=assignment.invocation.exit_claims, asked=asked)
        return await self._end(ended, ending)

    async def restore(self) -> None:
        """See to it that the workspace of a finished attempt is there, since its checks run in it.

        Raises:
            RepositoryError: It cannot be made again; that is no fault of the attempt's.
        """
        try:
            await self._restore()
        except (SquadError, OSError) as error:
            raise RepositoryError(f"the workspace of {self.piece.attempt} cannot be made again: {_said(error)}") from error

    async def _restore(self) -> None:
        workspaces, workspace = self._stage.workspaces, Path(self.status.workspace)
        if self.status.commit is None:
            return
        async with self._stage.git:
            made = partial(workspaces.make, self.piece.attempt, workspace, start=self.status.commit)
            is_new = await anyio.to_thread.run_sync(made)
        if is_new and await self._set_up(workspace) is None:
            await anyio.to_thread.run_sync(workspaces.finish, workspace)

    def stop(self, outcome: Outcome, why: str, *, grace: float | None = None) -> None:
        """End the attempt, wherever it is."""
        self._ended_by = self._ended_by or Ended(outcome=outcome, reason=why)
        self._preparation.cancel()
        if self.at_work is not None:
            self.at_work.end(outcome, why, grace=grace)

    async def _perform(self) -> tuple[Ended, Ending | None]:
        stage, workspace = self._stage, Path(self.status.workspace)
        async with stage.git:
            made = partial(stage.workspaces.make, self.piece.attempt, workspace, start=self.piece.start)
            is_new = await anyio.to_thread.run_sync(made)
        if self._ended_by is not None:
            return self._ended_by, None
        with anyio.CancelScope() as self._preparation:
            if is_new and (failed := await self._set_up(workspace)):
                return failed, None
            if is_new:
                await anyio.to_thread.run_sync(stage.workspaces.finish, workspace)
        if self._ended_by is not None:
            return self._ended_by, None
        if self._is_limited():
            return Ended(outcome=Outcome.LIMIT, reason="its provider's usage limit was reached before it was started"), None
        await self._evidence.begin()
        assignment = self._assignment()
        # before it is confined: what is not there by then is not shown to it
        await anyio.to_thread.run_sync(_write_files, self._scratch(), assignment.invocation.files)
        assignment = await confined(assignment, self._ground())
        if self._ended_by is not None:  # it was to end while there was nobody yet who could be told
            return self._ended_by, None
        self.at_work = AtWork(
            self._recorder,
            self._take,
            assignment,
            permit=self._permit,
            inquire=self._inquire,
            hear_out=self._hear_out,
            gone=self.gone,
        )
        try:
            return await self._at_work(self.at_work)
        finally:
            self.at_work = None

    async def _at_work(self, at_work: AtWork) -> tuple[Ended, Ending | None]:
        """Carry the work out; in a worktree of its own the agent hears meanwhile of changes that it may not make."""
        workspaces = self._stage.workspaces
        voice = Voice(
            recorder=self._recorder,
            rights=self._rights,
            attempt=self.piece.attempt,
            writes=self.piece.planned.writes,
            tell=at_work.tell,
        )
        if at_work.means is Means.BUBBLEWRAP:
            at_work.overhear(Overhearing(voice=voice).hear)
        if not isinstance(workspaces, Worktrees) or at_work.assignment.level is Level.DENY:
            return await at_work.run()
        return await Forewarning(voice=voice, worktrees=workspaces).beside(at_work.run)

    def _is_limited(self) -> bool:
        """Tell whether its provider's limit was reached while its workspace was made."""
        limit = self._recorder.state.agents[self.piece.seat.id].limits.get(self.status.adapter)
        return limit is not None and limit.until > self._recorder.clock()

    async def _set_up(self, workspace: Path) -> Ended | None:
        if not self._stage.config.isolation.setup:
            return None
        level = (await self._stage.levels.of(self._adapter)).level
        work = For(attempt=self.piece.attempt, caches=self.piece.seat.id, held=level is Level.DENY)
        for number, command in enumerate(self._stage.config.isolation.setup, start=1):
            log = self._log().with_suffix(f".setup-{number}.log")
            came = await self._stage.walled.run(command, workspace, work, log=log)
            if came.code != 0:
                said = f"setup `{command}` ended with exit {came.code}{came.words}"
                return Ended(outcome=Outcome.ENVIRONMENT, reason=f"{said}, see .squad/logs/{self._stage.run}/{log.name}")
        return None

    async def _end(self, ended: Ended, ending: Ending | None) -> Work:
        """Take what the attempt left, hold it against its claim, and record the outcome."""
        whose = (self._stage.project, self._stage.run, self.piece.attempt)
        await anyio.to_thread.run_sync(leave, *whose)
        try:
            await self.watch()
            found = await self._evidence.take(judged=ended.outcome is not Outcome.ENVIRONMENT)
        except (SquadError, OSError) as error:
            # what an agent did to its workspace is its own fault and nobody else's; what lies there stays there
            found = Found(work=Work(commit=None, paths=()))
            ended = _unkept(ended, _said(error))
        writes, work = self.piece.planned.writes, found.work
        ended = weigh(ended, writes=writes, paths=work.paths, foreign=found.foreign, untaken=found.untaken)
        if ending is None or not ending.survivors:
            await anyio.to_thread.run_sync(remove, *whose)
        self._recorder.record(*strange.untold(self._recorder.state, found.events), self._ended(ended, ending, found.work))
        return found.work

    def _ground(self) -> Ground:
        stage = self._stage
        return Ground(
            project=stage.project,
            run=stage.run,
            levels=stage.levels,
            rights=self._rights,
            settings=stage.config.enforcement,
            branch=self.status.branch,
            writes=self.piece.planned.writes,
            socket=stage.sockets[self.piece.seat.id],
            scratch=self._scratch(),
            configured=self._configured(),
            tell=lambda text: self._recorder.record(Noticed(text=text)),
        )

    @property
    def _evidence(self) -> Evidence:
        stage, piece = self._stage, self.piece
        return Evidence(
            recorder=self._recorder,
            workspaces=stage.workspaces,
            outside=stage.outside,
            git=stage.git,
            rights=self._rights,
            planned=piece.planned,
            seat=piece.seat,
            attempt=piece.attempt,
        )

    def _ended(self, ended: Ended, ending: Ending | None, work: Work) -> AttemptEnded:
        return AttemptEnded(
            task=self.piece.planned.task.id,
            agent=self.piece.seat.id,
            attempt=self.piece.attempt,
            outcome=ended.outcome,
            exit=ending.exit if ending else None,
            signal=ending.signal if ending else None,
            reason=ended.reason,
            commit=work.commit,
            paths=list(work.paths),
        )

    def _assignment(self) -> Assignment:
        stage, piece, stall = self._stage, self.piece, self._stage.config.run.stall
        adapter = self._adapter
        order = self._order()
        invocation = adapter.invoke(order)
        return Assignment(
            task=piece.planned.task.id,
            agent=piece.seat.id,
            attempt=piece.attempt,
            workspace=Path(self.status.workspace),
            adapter=adapter,
            invocation=invocation,
            environment=self._environment(invocation.environment),
            mark=self._mark(),
            log=self._log(),
            socket=stage.project.socket(f"leash/{piece.attempt}"),
            level=Level.DETECT,
            stall_after=stall.after,
            same_failure=stall.same_failure,
            has_tools=order.tools is not None,
            ladder=stall.ladder,
            conversation=adapter.conversation(order) if isinstance(adapter, Conversing) else None,
        )

    def _order(self) -> Order:
        piece, planned = self.piece, self.piece.planned
        conversation = self._conversation()
        if conversation:
            told = resumed(planned, piece.seat, handover=piece.handover, asked=piece.asked)
        else:
            words = self._stage.words[piece.seat.id]
            words = replace(words, program=self.status.adapter, tools=takes_tools(self._adapter))  # it may be fallen back to
            told = prompt(planned, piece.seat, words, handover=piece.handover, asked=piece.asked)
        return Order(
            task=planned.task,
            agent=piece.seat.id,
            role=piece.seat.role,
            attempt=self.status.number,
            workspace=Path(self.status.workspace),
            prompt=told,
            area=piece.seat.owns,
            writes=planned.writes,
            scratch=self._scratch(),
            mark=f"{self._mark()}@{self._recorder.state.started_at}",
            conversation=conversation,
            tools=self._tools() if takes_tools(self._adapter) else None,
        )

    def _tools(self) -> Tools:
        """Give how squad's own tools are started: by this interpreter, and nothing that lies in the workspace is loaded."""
        variables = self._environment({})
        named = ("AGENT_ID", "SQUAD_SOCKET", "SQUAD_TOKEN", "SQUAD_WORKSPACE")
        argv = (sys.executable, "-P", "-m", "orchestrator", "agent", "mcp")
        return Tools(argv=argv, environment={name: variables[name] for name in named})

    def _mark(self) -> str:
        return f"{self._stage.project.key}/{self._stage.run}/{self.piece.attempt}"

    def _conversation(self) -> str:
        """Name the conversation to take up again: the one of the last attempt, if it went on in the same place.

        One that could not be taken up, or not gone on with when it was, is not tried a third time.
        """
        number, status = self.status.number, self.status
        last, before = (self._recorder.state.attempts.get(f"{status.task}.{number - back}") for back in (1, 2))
        if last is None or (last.agent, last.workspace, last.adapter) != (status.agent, status.workspace, status.adapter):
            return ""
        is_stuck = last.outcome == Outcome.ENVIRONMENT and before is not None and before.conversation == last.conversation
        return "" if is_stuck else last.conversation

    def _environment(self, adapters: Mapping[str, str]) -> dict[str, str]:
        stage, agent = self._stage, self.piece.seat.id
        place = Place(
            run=stage.run,
            task=self.piece.planned.task.id,
            agent=agent,
            role=self.piece.seat.role,
            workspace=Path(self.status.workspace),
            plan=stage.views / plan_file(agent),
            comm=stage.views / comm_file(agent),
            socket=stage.sockets[agent],
            token=stage.tokens[agent],
        )
        needs, first, configured = self._adapter.needs, stage.programs, self._configured()
        return for_agent(stage.surroundings, place, adapter=adapters, configured=configured, needs=needs, first=first)

    def _configured(self) -> Mapping[str, str]:
        """Give the environment that the configuration sets for the agent."""
        agents, agent = self._stage.config.agents, self.piece.seat.id
        return agents[agent].environment if agent in agents else {}

    def _log(self) -> Path:
        return self._stage.project.logs / self._stage.run / f"{file_name(self.piece.attempt)}.log"

    def _scratch(self) -> Path:
        return self._stage.project.sockets / "scratch" / file_name(self.piece.attempt)


def _unkept(ended: Ended, why: str) -> Ended:
    """Turn an outcome whose work could not be taken: without it a claim of done is worth nothing."""
    reason = f"its workspace cannot be harvested: {why}"
    if ended.outcome is Outcome.DONE:
        return Ended(outcome=Outcome.FAILED, reason=reason)
    return Ended(outcome=ended.outcome, reason=f"{ended.reason}; {reason}")


def _said(error: SquadError | OSError) -> str:
    return error.message if isinstance(error, SquadError) else str(error)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, body in files.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
