"""A split as a run of its own: one agent, one task, one file to write; its plan, its settings, and how its result is read.

What the agent is asked depends on the document, the project and its configuration alone. What it answers is taken for
strangers' data until it has been read, planned and certified like any other input.
"""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.claims import Claim, canonical
from orchestrator.cli.shelf import Shelf
from orchestrator.cli.start import checked
from orchestrator.config import AgentSettings, Config
from orchestrator.errors import RepositoryError, SquadError
from orchestrator.git import Git
from orchestrator.model import AgentId, Document, Isolation, Plan, Simulation, Source, Task, TaskId
from orchestrator.planning.planner import make_plan
from orchestrator.planning.question import question
from orchestrator.planning.surroundings import SeatSpec, Surroundings
from orchestrator.platform import real_relative
from orchestrator.prd import proposal
from orchestrator.prd.markdown import title_of
from orchestrator.prd.squad_tasks import read_tasks_file
from orchestrator.project import Project
from orchestrator.run.integration import Examined

SEAT = AgentId("agent-0-splitter")
TASK = TaskId("split")
_ASKED = 2  #: times: once, and once more with what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document that is to be split."""

    name: str  #: as the user named it
    source: str  #: as plans name it
    data: bytes
    text: str

    @property
    def digest(self) -> str:
        """Give the sha256 of its bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def title(self) -> str:
        """Give its title."""
        return title_of(proposal.blocks_of(self.text), self.source)


def plan_of(paper: Paper, use: str, *, answer: str, around: Surroundings, isolation: Isolation) -> Plan:
    """Plan the one task: to write the proposal for a document into the file `answer`."""
    name = " ".join(paper.source.rpartition("/")[2].split())
    task = Task(
        id=TASK,
        title=f"Split {name}",
        source=Source(file=paper.source, line=1),
        text=question(paper.text, name=name, answer=answer, around=around),
        writes=(Claim(answer),),
        simulate=Simulation(work=0.1, text=_pretended(paper)) if use == "simulated" else None,
    )
    document = Document(title=task.title, format="squad-tasks", path=paper.source, tasks=(task,))
    alone = Surroundings(seats=(SeatSpec(id=SEAT, role="general"),), count=1, isolation=isolation)
    return make_plan(document, alone, source_digest=paper.digest)


def settings_of(config: Config, use: str) -> Config:
    """Give the settings of a split: one agent, set up like the first of its adapter, and nothing else that starts."""
    alike = (agent for agent in config.agents.values() if agent.use == use or (use == "command" and agent.use == "auto"))
    like = next((agent for agent in alike if use != "command" or agent.command), AgentSettings())
    seat = like.model_copy(update={"use": use, "role": "", "skills": ()})
    return config.model_copy(
        update={
            "agents": {SEAT: seat},
            "ownership": {},
            "never_parallel": {},
            "isolation": config.isolation.model_copy(update={"copy_files": (), "symlink": (), "setup": ()}),
            "run": config.run.model_copy(update={"agents": None, "checks": (), "attempts": _ASKED}),
        }
    )


def answer_for(project: Project, digest: str) -> str:
    """Name the file for a proposal: one that is not there and that git takes in.

    Raises:
        RepositoryError: There is none.
    """
    wishes = ("squad-tasks.json", f"squad-tasks-{digest[:8]}.json", f"squad-tasks-{digest[:8]}")
    for name in wishes:
        ignored = project.repository and Git(project.root).succeeds("check-ignore", "--quiet", "--", name)
        if not ignored and not os.path.lexists(project.root / name):
            return name
    raise RepositoryError(f"git ignores every name for the proposal: {', '.join(wishes)}", hint="see .gitignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Reads a proposal as squad reads every input; one that holds is kept as the document's tasks file."""

    paper: Paper
    shelf: Shelf
    around: Surroundings
    answer: str  #: the file it stands in

    def __call__(self, folder: Path) -> Examined:
        """Look at the proposal in a folder."""
        try:
            body = _body(folder / self.answer)
            text = body.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"
            return Examined(faults=(f"{self.answer}: cannot be read: {why}",))
        if found := self._faults(text, folder):
            self.shelf.refuse(body)
            return Examined(faults=found)
        kept = {"title": self.paper.title, "source": self.paper.source, "digest": self.paper.digest}
        self.shelf.keep(proposal.tasks_file(text, name=self.answer, **kept))
        told = proposal.remarks(text, name=self.answer, document=self.paper.text, shown=self.paper.name)
        return Examined(remarks=(*self._crowd(self._plan(text, folder)), *told))

    def _faults(self, text: str, folder: Path) -> tuple[str, ...]:
        lines = self.paper.text.rstrip("\n").count("\n") + 1
        if found := proposal.faults(text, name=self.answer, claim=self._claim(folder), lines=lines):
            return found
        try:
            self._plan(text, folder)
        except SquadError as error:
            return (proposal.fault(error),)
        return ()

    def _plan(self, text: str, folder: Path) -> Plan:
        document = read_tasks_file(text, name=self.answer, claim=self._claim(folder))
        return checked(make_plan(document, self.around, source_digest=self.paper.digest), self.answer)

    def _claim(self, folder: Path) -> partial[Claim]:
        root = self.shelf.project.root
        return partial(canonical, roots=(str(folder), os.path.realpath(folder), str(root)), resolve=partial(real_relative, root))

    def _crowd(self, plan: Plan) -> tuple[str, ...]:
        pairs = {frozenset((pair.a, pair.b)) for pair in plan.certificate.guarded}
        if len(plan.tasks) < 2 or len(pairs) < len(plan.tasks) * (len(plan.tasks) - 1) // 2:
            return ()
        return ("all tasks write the same places, so nothing would run at the same time",)


def _body(path: Path) -> bytes:
    """Give the bytes of a file that an agent wrote, and of nothing that it leads to."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no file")
        body = file.read(proposal.LARGEST + 1)
    if len(body) > proposal.LARGEST:
        raise OSError(0, f"it is larger than {proposal.LARGEST // 2**20} MiB")
    return body


def _pretended(paper: Paper) -> str:
    """Give what the simulated agent proposes, which has no model: each requirement is a task."""
    wishes = proposal.uncovered(paper.text, ())[: proposal.MOST] or [(1, paper.title)]
    tasks = [{"id": f"T{n}", "title": said or f"Line {line}", "source": [line]} for n, (line, said) in enumerate(wishes, start=1)]
    return json.dumps({"tasks": tasks}, indent=2, ensure_ascii=False) + "\n"
