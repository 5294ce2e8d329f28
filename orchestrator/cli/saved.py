"""The plan that a run, or `plan -o FILE`, has saved, held against the one that its document gives now.

Where something stands in a document, and what runs have finished since, is no difference.
"""

import json
import os
from pathlib import Path

from orchestrator.cli.context import Context, out, out_json, say
from orchestrator.cli.exits import PLAN_DIFFERS
from orchestrator.errors import PlanError

_OF_THE_DOCUMENT = frozenset({"line", "why", "numbered"})  #: keys of a task


def left_out_before(saved: Path) -> list[str]:
    """Give the tasks that the saved plan left out as done: what its own run has finished since is no change of the document."""
    try:
        rows = json.loads(saved.read_bytes())["done_already"]
        return [str(row["id"]) for row in rows]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []


def compare(options: Context, body: bytes, saved: Path) -> int:
    """Say what differs between a plan and the saved one; gives the exit code.

    Raises:
        PlanError: None is saved.
    """
    if not saved.is_file():
        hint = "a run saves its plan in .squad/plan.json, and: squad plan FILE -o plan.json"
        raise PlanError("there is no saved plan to compare with", hint=hint)
    before, shown = saved.read_bytes(), os.path.relpath(saved, options.folder)
    changed = _changed(before, body) if before != body else []
    if options.as_json:
        out_json({"schema_version": 1, "saved": shown, "differs": changed})
    elif changed:
        say(f"the plan differs from {shown}: {', '.join(changed)}")
    else:
        since = "" if before == body else "; its document has changed since, but nothing that is planned"
        out(f"the plan is the saved one{since}")
    return PLAN_DIFFERS if changed else 0


def _changed(before: bytes, body: bytes) -> list[str]:
    """Name what differs besides where the document says it; nothing if nothing does."""
    try:
        old, new = _planned(before), _planned(body)
    except (ValueError, RecursionError):
        return ["the saved one is no plan"]
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _planned(body: bytes) -> dict[str, object]:
    """Read a plan without the digest and the lines of its document, and the reasons that name these: blank lines change them."""
    plan = json.loads(body)
    if not isinstance(plan, dict):
        return {"plan": plan}
    rows = plan.get("tasks")
    if isinstance(rows, list):
        plan["tasks"] = [
            {key: value for key, value in row.items() if key not in _OF_THE_DOCUMENT} if isinstance(row, dict) else row
            for row in rows
        ]
    plan.pop("source_digest", None)
    plan.setdefault("done_already", [])  # plans of an older squad know of none
    return plan
