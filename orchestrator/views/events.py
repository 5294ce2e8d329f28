"""An event as one JSON line, as `squad events` prints it."""

from orchestrator.events import Entry, fields, kind
from orchestrator.views.text import as_json, utc_exact


def line(entry: Entry) -> str:
    """Give the line: `v` first, then number, time, type and run, then the event's own fields."""
    head = {"v": 1, "seq": entry.seq, "at": utc_exact(entry.at), "type": kind(entry.event), "run": entry.run}
    return as_json({**head, **fields(entry.event)})
