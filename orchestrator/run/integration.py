"""From an attempt that claims done to a result on the integration branch.

Evidence first: the checks run on the attempt's own commit, then on the merge with everything integrated before. Merges
happen one at a time; the branch moves only after the checks of the merge passed, by one atomic step that has its
intent in the journal, so that a resumed run can tell whether it happened.
"""

import contextlib
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread

from orchestrator import strange
from orchestrator.claims import any_meets, is_operation, meets
from orchestrator.confinement.walled import Came, For, Walled
from orchestrator.errors import RepositoryError
from orchestrator.events import CheckEnded, Integrated, IntegrationStarted, MergeConflicted, Noticed, ResultRefused, TaskDone
from orchestrator.git import GitFailed, changed_paths
from orchestrator.gitturn import GitTurn
from orchestrator.journal.recorder import Recorder
from orchestrator.leash.commands import HUNG
from orchestrator.model import AgentId, AttemptId, Isolation, PlannedTask
from orchestrator.project import file_name
from orchestrator.workspaces import Work, Workspaces
from orchestrator.workspaces.branch import Conflict, IntegrationBranch

#: Bytes at the end of a check's log, and lines of them, that say how it ended.
_END, _LINES = 8192, 12
_TIMES = 3  #: how often squad moves the branch on where others move it in that moment
_COLOURS = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an attempt that claims done left behind."""

    planned: PlannedTask
    agent: AgentId
    attempt: AttemptId
    workspace: Path
    work: Work  #: commit and changed paths
    base: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a result does not stand."""

    cause: str  #: check | conflict | overlap | environment
    reason: str
    counted: bool = True
    log: str = ""  #: of the check that failed, as people find it from the project's folder
    merged: str | None = None  #: the merge whose checks failed: from there both sides are seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What squad found when it read a result itself."""

    faults: tuple[str, ...] = ()  #: each with its place; any of them refuses the result
    remarks: tuple[str, ...] = ()  #: what a person should know of a result that stands


#: Reads the result that lies in a folder.
Examine = Callable[[Path], Examined]
#: Makes the workspace of a result anew, if it is gone.
Restore = Callable[[], Awaitable[None]]
nothing_to_restore: Restore = anyio.lowlevel.checkpoint


class Integration:
    """The queue of results of one run."""

    def __init__(
        self,
        recorder: Recorder,
        branch: IntegrationBranch | None,
        workspaces: Workspaces,
        *,
        checks: Sequence[str],
        walled: Walled,
        logs: Path,
        examine: Examine | None = None,
    ) -> None:
        """Integrate onto the branch; without one (shared tree, split) what passed its checks is done.

        `examine` is a check that squad makes by itself.
        """
        self._recorder = recorder
        self._branch = branch
        self._workspaces = workspaces
        self._checks = tuple(checks)
        self._walled = walled
        self._logs = logs
        self._examine = examine
        self.git = GitTurn()  #: shared with whoever else works in the repository
        self._turn = anyio.Lock()
        self._base_fails: dict[str, bool] = {}
        self._tip = branch.tip() if branch else ""  #: where the branch stands by squad's own doing, or a person's before that

    async def integrate(self, result: Result, *, restore: Restore = nothing_to_restore) -> bool:
        """Check and merge a result; record what came of it and tell whether the task is done."""
        try:
            came = await self._judge(result, restore)
        except RepositoryError as error:
            came = Refusal(cause="environment", reason=error.message, counted=False)
        if isinstance(came, Refusal):
            self._refuse(result, came)
            return False
        task, attempt = result.planned.task.id, result.attempt
        done = TaskDone(task=task, attempt=attempt, checked=bool(self._commands(result) or self._examine))
        self._recorder.record(*([Integrated(task=task, attempt=attempt, commit=came)] if came else []), done)
        return True

    async def _judge(self, result: Result, restore: Restore) -> Refusal | str | None:
        """Check and merge a result; gives why it does not stand, else its merge, or None if there was nothing to merge."""
        branch, commit = self._branch, result.work.commit
        if branch is None or commit is None or not result.work.paths:
            await restore()
            return await self._check(result, result.workspace, where="attempt")
        if merge := await anyio.to_thread.run_sync(partial(branch.holds, commit, since=result.base or commit)):
            return merge  # a supervisor that died had moved the branch and could not say so any more
        await restore()
        refusal = await self._check(result, result.workspace, where="attempt")
        if self._commands(result):
            await anyio.to_thread.run_sync(self._workspaces.tidy, result.workspace, commit)
        if refusal is not None:
            return refusal
        async with self._turn:
            return await self._merge(result, branch, commit)

    def _refuse(self, result: Result, refusal: Refusal) -> None:
        self._recorder.record(
            ResultRefused(
                task=result.planned.task.id,
                agent=result.agent,
                attempt=result.attempt,
                cause=refusal.cause,
                reason=refusal.reason,
                counted=refusal.counted,
                log=refusal.log,
                merged=refusal.merged,
            )
        )

    def _commands(self, result: Result) -> tuple[str, ...]:
        own = result.planned.task.checks
        return self._checks if own is None else own

    async def _merge(self, result: Result, branch: IntegrationBranch, commit: str) -> Refusal | str:
        task = result.planned.task.id
        await self._put_back(result.attempt, branch)
        onto = self._tip
        if result.planned.writes is None and (refusal := await self._overlap(result, branch, commit)):
            return refusal
        self._recorder.record(IntegrationStarted(task=task, attempt=result.attempt, commit=commit, onto=onto))
        trailers = {"Squad-Run": self._recorder.state.run, "Squad-Task": task, "Squad-Attempt": result.attempt}
        merging = partial(branch.merge, commit, onto=onto, agent=result.agent, title=result.planned.task.title, trailers=trailers)
        async with self.git:
            merged = await anyio.to_thread.run_sync(merging)
        if isinstance(merged, Conflict):
            self._recorder.record(
                MergeConflicted(task=task, agent=result.agent, attempt=result.attempt, paths=list(merged.paths))
            )
            return Refusal(cause="conflict", reason=f"conflicts with what was integrated before in {', '.join(merged.paths[:5])}")
        if beyond := await self._beyond(result, onto, merged.commit):
            conflicted = MergeConflicted(task=task, agent=result.agent, attempt=result.attempt, paths=list(beyond))
            self._recorder.record(conflicted)
            return Refusal(cause="conflict", reason=f"merged, it would change what it did not change: {', '.join(beyond[:5])}")
        if refusal := await self._check(result, branch.worktree, where="combined"):
            await anyio.to_thread.run_sync(branch.keep, merged.commit, result.attempt)
            return replace(refusal, merged=merged.commit)
        await self._advance(result.attempt, branch, merged.commit)
        return merged.commit

    async def _advance(self, attempt: AttemptId, branch: IntegrationBranch, commit: str) -> None:
        """Move the branch to a merge onto where squad left it; whoever moves it in that very moment is put back first.

        Raises:
            GitFailed: It cannot be moved, or it is moved by others again and again.
        """
        for left in reversed(range(_TIMES)):
            try:
                async with self.git:
                    await anyio.to_thread.run_sync(branch.advance, commit, self._tip)
                break
            except GitFailed:
                if not await self._put_back(attempt, branch) or not left:
                    raise
        self._tip = commit

    async def watch(self, attempt: AttemptId) -> None:
        """See to it that nobody but squad has moved the branch while an attempt was at work; a merge sees to it itself."""
        if self._branch is None or self._turn.statistics().locked:
            return
        async with self._turn:
            await self._put_back(attempt, self._branch)

    async def _put_back(self, attempt: AttemptId, branch: IntegrationBranch) -> bool:
        """Put the branch back where squad left it, and tell of it; what it held is kept. Tells whether it stood elsewhere."""
        kept = await anyio.to_thread.run_sync(branch.put_back, self._tip)
        if kept is not None:
            why = f"it was moved while agents were at work, by one of them or a person; it stands at {self._tip[:10]} again"
            name = f"refs/heads/{branch.name}"
            state = self._recorder.state
            self._recorder.record(*strange.unsure(state, attempt, "branch", [name], why=why, ref=kept))
        return kept is not None

    async def _beyond(self, result: Result, onto: str, merged: str) -> tuple[str, ...]:
        """Give what a merge would change beyond what was looked at: a rename on the other side, or a driver, leads elsewhere."""
        changed = await anyio.to_thread.run_sync(changed_paths, result.workspace, onto, merged)
        return tuple(sorted(set(changed) - set(result.work.paths)))

    async def _overlap(self, result: Result, branch: IntegrationBranch, commit: str) -> Refusal | None:
        """Refuse a result with an unknown write set if what it wrote is another's now, or was integrated since its start."""
        if held := self._held_by_others(result):
            reason = f"wrote {', '.join(held[:5])}, which another task has locked; it is done again after that one"
            return Refusal(cause="overlap", reason=reason, counted=False)
        since = await anyio.to_thread.run_sync(branch.changed_beside, commit)
        if not any_meets(result.work.paths, since):
            return None
        both = sorted(set(result.work.paths) & set(since)) or list(result.work.paths)
        reason = f"wrote {', '.join(both[:5])}, which another task changed since its start; it is done again from there"
        return Refusal(cause="overlap", reason=reason, counted=False)

    def _held_by_others(self, result: Result) -> list[str]:
        locks = [
            lock.path
            for lock in self._recorder.state.locks.values()
            if lock.holder != result.agent and not is_operation(lock.path)
        ]
        return [path for path in result.work.paths if any(meets(path, lock) for lock in locks)]

    async def _check(self, result: Result, folder: Path, *, where: str) -> Refusal | None:
        """Run the checks in a folder; the first that fails refuses the result, unless it fails on the base too."""
        if self._examine is not None and (refusal := await self._read(result, folder, self._examine)):
            return refusal
        for number, command in enumerate(self._commands(result), start=1):
            log, since = self._log(result, f"{where}-{number}"), self._recorder.clock()
            came = await self._run(result, command, folder, log=log, where=where)
            if came.code == 0:
                continue
            if await self._fails_on_base(result, command):
                reason = f"check `{command}` fails on the base too{came.words}"
                return Refusal(cause="environment", reason=reason, counted=False, log=self._shown(log))
            said = f"showed no sign of life for {self._walled.silence:g} s" if came.code == HUNG else "failed"
            reason = f"check `{command}` {said} ({where}){self._half_done(result, since)}{came.words}"
            return Refusal(cause="check", reason=reason, log=self._shown(log))
        return None

    async def _read(self, result: Result, folder: Path, examine: Examine) -> Refusal | None:
        """Let squad read the result; what it finds is its evidence, and the reason of a refusal word for word."""
        began = anyio.current_time()
        found = await anyio.to_thread.run_sync(examine, folder)
        log = self._log(result, "attempt-read")
        log.write_text("".join(f"{line}\n" for line in (*found.faults, *found.remarks)), encoding="utf-8")
        ended = CheckEnded(
            task=result.planned.task.id,
            attempt=result.attempt,
            command="squad reads the result",
            ok=not found.faults,
            where="attempt",
            log=str(log),
            exit=1 if found.faults else 0,
            seconds=round(anyio.current_time() - began, 3),
        )
        self._recorder.record(ended, *(Noticed(text=remark) for remark in found.remarks))
        if not found.faults:
            return None
        return Refusal(cause="check", reason="\n".join(found.faults), log=self._shown(log))

    def _shown(self, log: Path) -> str:
        return f".squad/logs/{self._recorder.state.run}/{log.name}"

    def _log(self, result: Result, what: str) -> Path:
        return self._logs / f"{file_name(result.attempt)}.{what}.log"

    async def _run(self, result: Result, command: str, folder: Path, *, log: Path, where: str) -> Came:
        began, since = anyio.current_time(), self._recorder.clock()
        # what an agent keeps for its builds is no evidence of what is put together
        work = For(attempt=result.attempt, caches=result.agent if where == "attempt" else "integration")
        came = await self._walled.run(command, folder, work, log=log)
        self._recorder.record(
            CheckEnded(
                task=result.planned.task.id,
                attempt=result.attempt,
                command=command,
                ok=came.code == 0,
                where=where,
                log=str(log),
                exit=came.code,
                seconds=round(anyio.current_time() - began, 3),
                beside=self._beside(result, since),
                confined=came.confined,
            )
        )
        return came

    def _beside(self, result: Result, since: float) -> list[str]:
        """Give who was at work in the tree in which a check ran: it saw their half-done work too."""
        state = self._recorder.state
        return list(strange.beside(state, result.attempt, since=since)) if state.isolation == Isolation.SHARED else []

    def _half_done(self, result: Result, since: float) -> str:
        named = " and ".join(self._beside(result, since))
        return f"; it ran in the tree in which {named} worked meanwhile, and saw what was half done there" if named else ""

    async def _fails_on_base(self, result: Result, command: str) -> bool:
        """Tell whether a check fails without the result as well; asked once per check and base."""
        branch = self._branch
        if branch is None or result.base is None:
            return False
        known = f"{result.base} {command}"
        if known not in self._base_fails:
            folder = await anyio.to_thread.run_sync(branch.checkout_base, result.base)
            log = self._log(result, f"base-{len(self._base_fails) + 1}")
            self._base_fails[known] = (await self._run(result, command, folder, log=log, where="base")).code != 0
        return self._base_fails[known]


def last_lines(log: Path) -> list[str]:
    """Give the end of a check's output, without colours and empty lines; of a log that is gone nothing."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _END))
        lines = _COLOURS.sub(b"", file.read(_END)).decode("utf-8", "replace").splitlines()
        return [line.rstrip() for line in lines if line.strip()][-_LINES:]
    return []
