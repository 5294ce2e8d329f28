"""CODEOWNERS as GitHub and GitLab read it: the last rule that matches a path decides; one without owners clears.

A rule that a later one covers whole never decides anything, so it is left out; what stays overlaps only where the
narrower rule comes later or they are patterns. Lines that GitHub itself refuses (`!`, sets, an escaped sign) are left out. A file
with a section header is GitLab's: a rule without owners has its section's, `!path` takes a path out again, and each section
decides for itself, so that a rule of one section does not undo one of another; a path of GitLab is meant at any depth unless it
begins with a slash. `docs/*` speaks of what lies in `docs` itself and in no folder below. `Docs/` and `docs/` are two folders.
An owner is written with an `@`, or as an address: GitHub leaves a line with any other word out, GitLab leaves the word out.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.claims import Claim, OutsideProject, canonical, covers, is_folder, is_glob
from orchestrator.text.expressions import expression

_SECTION = expression(r"^\^?\[([^\]]+)\](?:\[\d+\])?((?:\s+[^\s#]\S*)*)\s*(?:#.*)?$")
_OWNER = expression(r"@|[^\s@]+@[^\s@]+$")
_GENERIC = frozenset(
    {"team", "teams", "dev", "devs", "developers", "engineers", "owners", "maintainers", "core", "group", "squad"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that still decides something."""

    claim: Claim  #: what it means by itself
    area: Claim | None  #: the folder or file it gives away; None for a pattern, which is no area
    owners: tuple[str, ...]  #: as written: `@org/team`, `@user`, an address
    text: str  #: the line

    def decides(self, claim: Claim) -> bool:
        """Tell whether it surely speaks of all of a claim; `/*` at its end means one level, where a claim reaches deeper."""
        rule, asked = _cased(self.claim), _cased(claim)
        is_level = rule == "*" or (rule.endswith("/*") and not rule.endswith("**/*"))
        if not covers(rule, asked) or not is_level:
            return covers(rule, asked)
        return not is_folder(asked) and not covers(rule, posixpath.dirname(asked) or ".")


def live_rules(text: str) -> tuple[Rule, ...]:
    """Give the rules that decide who owns something, in the order of the file."""
    return tuple(rule for section in _sections(text) for rule in _deciding(section))


def cleared_rules(text: str) -> tuple[Rule, ...]:
    """Give the rules by which something belongs to nobody although an earlier rule gives the whole of it away."""
    sections = [_kept(section) for section in _sections(text)]
    found: list[Rule] = []
    for number, kept in enumerate(sections):
        elsewhere = [rule for other, rules in enumerate(sections) if other != number for rule in rules if rule.owners]
        for place, rule in enumerate(kept):
            owned = any(earlier.owners and earlier.decides(rule.claim) for earlier in kept[:place])
            if not rule.owners and owned and not any(other.decides(rule.claim) for other in elsewhere):
                found.append(rule)
    return tuple(found)


def _deciding(section: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in _kept(section) if rule.owners]


def _kept(section: Sequence[Rule]) -> list[Rule]:
    kept: list[Rule] = []
    for rule in reversed(section):
        if not any(later.decides(rule.claim) for later in kept):
            kept.append(rule)
    return kept[::-1]


def _cased(claim: Claim) -> Claim:
    """Mark capital letters, which claims do not tell from small ones, since some file systems do not."""
    return Claim(re.sub(r"[A-Z]", r"\g<0>¦", claim))


def _sections(text: str) -> list[list[Rule]]:
    """Give the rules of each section; GitHub knows none. Sections of one name are one."""
    lines = text.splitlines()
    is_gitlab = any(_SECTION.match(line) for line in lines)
    sections: dict[str, list[Rule]] = {"": []}
    name, owners = "", tuple[str, ...]()
    for line in lines:
        if is_gitlab and (header := _SECTION.match(line)):
            name, owners = header[1].casefold(), tuple(header[2].split())
            continue
        if is_gitlab and line.lstrip().startswith("!") and (out := _rule(line.lstrip()[1:], is_gitlab=True)):
            sections.setdefault(name, []).append(replace(out, owners=()))
        elif rule := _rule(line, is_gitlab=is_gitlab):
            sections.setdefault(name, []).append(rule if rule.owners else replace(rule, owners=owners))
    return list(sections.values())


def names_of(owner: str) -> tuple[str, ...]:
    """Give the words by which an owner could be one of our agents: `@org/backend-team` is backend-team and backend."""
    if not owner.startswith("@"):
        return ()
    name = re.sub(r"[^a-z0-9]+", "-", owner.rpartition("/")[2].casefold().lstrip("@")).strip("-")
    parts = [part for part in name.split("-") if part not in _GENERIC]
    return tuple(dict.fromkeys([name, "-".join(parts), *parts]))


def owned_by(label: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Give the rules whose owners bear a label."""
    return tuple(rule for rule in rules if label and any(label in names_of(owner) for owner in rule.owners))


def _rule(line: str, *, is_gitlab: bool) -> Rule | None:
    words = re.sub(r"(^|\s)#.*", "", line).replace("\\ ", "\0").split()
    if words and is_gitlab:
        words = [words[0].removeprefix("\\") if words[0].startswith("\\#") else words[0], *filter(_OWNER.match, words[1:])]
    if not words or words[0].startswith(("!", "[", "^", "\\")) or "[" in words[0] or not all(map(_OWNER.match, words[1:])):
        return None
    pattern = words[0].replace("\0", " ")
    try:
        claim, area = _claim(pattern, is_gitlab=is_gitlab), canonical(pattern.removesuffix("**"))
    except OutsideProject:
        return None
    return Rule(claim=claim, area=None if is_glob(area) or area == "." else area, owners=tuple(words[1:]), text=line.strip())


def _claim(pattern: str, *, is_gitlab: bool) -> Claim:
    """Give the claim of a pattern: without a slash inside it means any depth, for GitLab without one before it."""
    if pattern in {"*", "/", "/**", "**"}:
        return Claim(".")
    anchored = pattern.startswith("/") if is_gitlab else "/" in pattern.rstrip("/")
    return canonical(pattern.removesuffix("**") if anchored else f"**/{pattern}")
