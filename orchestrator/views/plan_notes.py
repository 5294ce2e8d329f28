"""What overlaps in a plan and what keeps it apart, and what is unsure: a few lines each, however large the plan."""

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.claims import is_operation
from orchestrator.model import Plan
from orchestrator.planning.lint import Remark
from orchestrator.views.text import counted, plain, shortened

_KEYS = 3  #: overlaps that are written out
_NAMED = 3  #: tasks of each kind
_WARNINGS = 2
_NOWHERE = "orders nothing"  #: a need that points nowhere: it stands before other warnings
_SAID = {"no-criterion": "no acceptance criterion, no check", "no-end": "no criterion, check or file tells when it is done"}


def overlaps(plan: Plan) -> list[str]:
    """Say which tasks write the same and what keeps them apart, most tasks first."""
    pairs = plan.certificate.guarded
    by_needs = sum(pair.by == "needs" for pair in pairs)
    place = {str(planned.task.id): number for number, planned in enumerate(plan.tasks)}
    groups: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.by == "lock":
            groups.setdefault(pair.key, set()).update((pair.a, pair.b))
    for planned in plan.tasks:
        for lock in planned.locks:
            if is_operation(lock):
                groups.setdefault(lock, set()).add(planned.task.id)
    several = sorted(((key, tasks) for key, tasks in groups.items() if len(tasks) > 1), key=lambda row: (-len(row[1]), row[0]))
    lines = [f"  overlap: {_group(plan, key, sorted(tasks, key=lambda task: place[task]))}" for key, tasks in several[:_KEYS]]
    if len(several) > _KEYS:
        lines[-1] += f"; and {counted(len(several) - _KEYS, 'lock')} more"
    held = "holds" if plan.certificate.holds else "DOES NOT HOLD"
    lines.append(f"  certificate: {held}, {_kept_apart(by_needs, len(pairs) - by_needs)}")
    return lines


def _group(plan: Plan, key: str, tasks: Sequence[str]) -> str:
    what = "the same files" if key.startswith("files:") else shortened(key, 30)
    units = plan.capacity.get(key, 1)
    how = f"at most {units} at once" if units > 1 else "in turn, under one lock"
    return f"{_listed(tasks)} {'do' if key.startswith('op:') else 'write'} {what}: {how}"


def _kept_apart(by_needs: int, by_lock: int) -> str:
    if not by_needs + by_lock:
        return "no two tasks could write the same"
    return f"{counted(by_needs + by_lock, 'pair')} kept apart ({by_needs} by needs, {by_lock} by locks)"


def unsure(plan: Plan, remarks: Sequence[Remark]) -> list[str]:
    """Say what the plan cannot promise, and what its document leaves open, each kind in one line."""
    lines = [f"  not proved: {shortened(line, 86)}" for line in _opens(plan)]
    warnings = sorted(plan.warnings, key=lambda warning: _NOWHERE not in warning)
    lines += [f"  warning: {shortened(warning, 88)}" for warning in warnings[:_WARNINGS]]
    if len(warnings) > _WARNINGS:
        lines[-1] = f"  warning: {shortened(warnings[_WARNINGS - 1], 50)}; and {len(warnings) - _WARNINGS} more: squad tasks FILE"
    kinds: dict[str, list[Remark]] = {}
    for remark in remarks:
        kinds.setdefault(remark.rule, []).append(remark)
    return [*lines, *(f"  open: {_remarks(rule, several)}" for rule, several in kinds.items())]


def _remarks(rule: str, several: Sequence[Remark]) -> str:
    if rule in _SAID:
        return f"{_SAID[rule]}: {_listed(f'{one.task} (line {one.line})' for one in several)}"
    more = f"; and {len(several) - 1} more like it" if len(several) > 1 else ""
    return f"{several[0].task} (line {several[0].line}) {shortened(several[0].text, 66)}{more}"


def _opens(plan: Plan) -> Iterator[str]:
    """Give the exceptions of the certificate, all those of unknown write sets in one line."""
    blind = dict.fromkeys(planned.task.id for planned in plan.tasks if planned.writes is None)  # in their order
    found = plan.certificate.open
    if any(pair.a in blind or pair.b in blind for pair in found):
        yield f"what {_listed(blind)} will write is not known: integration decides"
    others = [pair for pair in found if pair.a not in blind and pair.b not in blind]
    yield from (f"{pair.a} and {pair.b}: {pair.why}" for pair in others[:_KEYS])


def _listed(names: Iterable[str]) -> str:
    every = [plain(name) for name in names]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
