"""Documents of any size in each format: the tests' own ones, again and again with other ids."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.prd.page import Material, material

_ROOT = Path(__file__).parents[2]
_DATA = _ROOT / "tests" / "data"
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A document that grows.

    Where `place` holds `{n}` each copy is a file, else all copies stand in one. `ids` finds what a copy changes: a number in its
    first group grows by `step` with each copy.
    """

    file: Path
    place: str
    ids: str = r"(?!)"
    step: int = 100

    def copies(self) -> Iterator[str]:
        """Give the text, then the same with other ids, without end."""
        text = self.file.read_text(encoding="utf-8")
        ids = re.compile(self.ids, re.MULTILINE)
        number = 0
        while True:
            yield ids.sub(lambda found, by=number * self.step: _shifted(found, by), text)  # type: ignore[misc]  # bound at once
            number += 1
            text = text if "{n}" in self.place else _FRONT.sub("", text)


def _formats(name: str) -> Path:
    return _DATA / "formats" / name


_FIRST = r"(?<![\w.])(\d+)(?=\.[ \d])"
MARKDOWN = {
    "seed-prd": Sample(file=_ROOT / "configs" / "demo" / "feature-prd.md", place="feature-prd.md"),
    "prd-md": Sample(file=_DATA / "parallel-analytics-prd.md", place="PRD.md", ids=r"Frontend Dashboard|Backend API|ML Analysis"),
    "speckit-tasks": Sample(
        file=_formats("speckit/photo-albums.md"),
        place="specs/001-albums/tasks.md",
        ids=r"(?:\bT|\bUS|Story |Phase )(\d+)",
        step=50,
    ),
    "kiro-tasks": Sample(file=_formats("kiro/user-auth.md"), place=".kiro/specs/user-auth/tasks.md", ids=_FIRST),
    "kiro-ccsdd-tasks": Sample(file=_formats("kiro/ccsdd.md"), place=".kiro/specs/storage/tasks.md", ids=_FIRST),
    "openspec-tasks": Sample(file=_formats("openspec/tasks.md"), place="openspec/changes/two-factor/tasks.md", ids=_FIRST),
    "backlog-task": Sample(
        file=_formats("backlog/task-12 - Export.md"), place="backlog/tasks/task-{n} - Export.md", ids=r"\b(?:task|TASK)-(\d+)"
    ),
    "gsd-plan": Sample(
        file=_formats("gsd/01-02-PLAN.md"), place=".planning/phases/01-foundation/01-{n}-PLAN.md", ids=r"(?<=^plan: )(\d+)"
    ),
    "bmad-story": Sample(file=_formats("bmad/1.2.story.md"), place="docs/stories/1.{n}.story.md", ids=r"(?<=^# Story 1\.)(\d+)"),
    "superpowers-plan": Sample(
        file=_formats("superpowers/2025-10-01-cache.md"), place="docs/superpowers/plans/cache.md", ids=r"\b[Tt]ask (\d+)"
    ),
    "conductor-plan": Sample(file=_formats("conductor/plan.md"), place="conductor/tracks/offline/plan.md", ids=r"Phase (\d+)"),
    "ccpm-task": Sample(file=_formats("ccpm/002.md"), place=".claude/epics/search/{n}.md", ids=r"(?<=^depends_on: \[)(\d+)"),
    "ai-dev-tasks": Sample(
        file=_formats("ai-dev-tasks/tasks-export.md"), place="tasks/tasks-export.md", ids=r"^ *- \[.\] (\d+)", step=10
    ),
    "speckitty-tasks": Sample(
        file=_formats("speckitty/tasks.md"), place="kitty-specs/001-search/tasks.md", ids=r"\b(?:WP|T)(\d+)"
    ),
    "speckitty-wp": Sample(
        file=_formats("speckitty/WP02-query.md"), place="kitty-specs/001-search/tasks/WP{n}-query.md", ids=r"\b(?:WP|T)(\d+)"
    ),
    "agent-plan": Sample(
        file=_formats("agent-plan/agent-1-plan.md"), place=".squad/parallel-plans/agent-{n}-plan.md", ids=r"^# .* (\d+)$"
    ),
}


def grown(name: str, size: int) -> Material:
    """Give a document of a format of about so many bytes, in one file or in many."""
    if name in _WRITTEN:
        place, write = _WRITTEN[name]
        return material({place: write(size).encode()}, name=".")
    sample = MARKDOWN[name]
    texts: list[str] = []
    for text in sample.copies():
        texts.append(text)
        size -= len(text.encode())
        if size <= 0:
            break
    if "{n}" not in sample.place:
        return material({sample.place: "\n".join(texts).encode()}, name=".")
    return material({sample.place.replace("{n}", f"{n:04}"): text.encode() for n, text in enumerate(texts, start=1)}, name=".")


def _shifted(found: re.Match[str], by: int) -> str:
    """Give what was found with its number made larger, as many digits as it had at least; a name without one gets one."""
    if not found.re.groups:
        return f"{found[0]} {by}"
    start, end = found.start(1) - found.start(), found.end(1) - found.start()
    return f"{found[0][:start]}{int(found[1]) + by:0{end - start}}{found[0][end:]}"


def _boxes(size: int) -> str:
    return "# To do\n\n" + "".join(f"- [ ] Write part {n} in src/part{n}.py\n" for n in range(size // 41))


def _taskmaster(size: int) -> str:
    told = json.loads(_formats("taskmaster/legacy.json").read_text(encoding="utf-8"))
    rows = told["tasks"]
    copies = range(size // len(json.dumps(rows, indent=2)) + 1)
    told["tasks"] = [
        {**row, "id": f"{n}{row['id']}", "dependencies": [f"{n}{need}" for need in row.get("dependencies", [])]}
        for n in copies
        for row in rows
    ]
    return json.dumps(told, indent=2)


def _ralph(size: int) -> str:
    told = json.loads(_formats("ralph/prd.json").read_text(encoding="utf-8"))
    rows = told["userStories"]
    copies = range(size // len(json.dumps(rows, indent=2)) + 1)
    told["userStories"] = [{**row, "id": f"{row['id']}-{n}"} for n in copies for row in rows]
    return json.dumps(told, indent=2)


def _beads(size: int) -> str:
    text = _formats("beads/issues.jsonl").read_text(encoding="utf-8")
    return "".join(text.replace('"bd-', f'"bd-{n}') for n in range(size // len(text) + 1))


def tasks_file(size: int) -> str:
    """Give squad's own tasks file as JSON."""
    return json.dumps({"version": 1, "tasks": _rows(size // 200)}, indent=2)


def _yaml(size: int) -> str:
    """Give squad's own tasks file as people write it."""
    lines = ["version: 1", "tasks:"]
    for row in _rows(size // 200):
        lines += [f"  - id: {row['id']}", f"    title: {row['title']}"]
        lines += [f"    {key}: [{', '.join(row[key])}]" for key in ("needs", "writes") if row[key]]
        lines += [f"    text: {row['text']}", "    estimate: 10m"]
    return "\n".join(lines) + "\n"


def _rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"T{n}",
            "title": f"Work package {n}",
            "needs": [f"T{n - 7}"] if n > 7 else [],
            "writes": [f"src/part{n % 97}/file{n}.py", f"tests/part{n % 97}/test_file{n}.py"],
            "text": "What has to be known and the title does not say.",
            "estimate": "10m",
        }
        for n in range(count)
    ]


#: Format -> where its file lies, and how a text of about so many bytes is made.
_WRITTEN: dict[str, tuple[str, Callable[[int], str]]] = {
    "todo": ("TODO.md", _boxes),
    "taskmaster-json": (".taskmaster/tasks/tasks.json", _taskmaster),
    "ralph-prdjson": ("prd.json", _ralph),
    "beads-jsonl": (".beads/issues.jsonl", _beads),
    "squad-tasks, JSON": ("tasks.json", tasks_file),
    "squad-tasks, YAML": ("tasks.yaml", _yaml),
}
ALL = (*MARKDOWN, *_WRITTEN)
