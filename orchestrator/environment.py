"""What an agent's process sees of its surroundings.

Of squad's own environment an allow-list passes, so that no secret reaches an agent by accident; what the configuration
sets for an agent wins over everything but squad's own variables.
"""

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from orchestrator.model import AgentId, RunId, TaskId

_PASSED = frozenset(
    {"HOME", "PATH", "LANG", "TERM", "TZ", "TMPDIR"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"}
    # what goes with a proxy that signs for everybody
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an attempt stands: what its agent is told by its environment."""

    run: RunId
    task: TaskId
    agent: AgentId
    role: str
    workspace: Path
    plan: Path
    comm: Path
    socket: Path | None = None  #: None: whoever stands here does not speak as the agent
    token: str = ""


def passed(surroundings: Mapping[str, str], *, needs: Collection[str] = ()) -> dict[str, str]:
    """Give what passes of squad's own environment, and what an agent program needs besides; a star stands for any ending."""
    wanted = (*_PASSED, "LC_*", *needs)
    kept = {name: value for name, value in surroundings.items() if any(fnmatchcase(name, pattern) for pattern in wanted)}
    kept["PATH"] = _with_squad(kept.get("PATH", os.defpath))
    return kept


def for_agent(
    surroundings: Mapping[str, str],
    place: Place,
    *,
    adapter: Mapping[str, str],
    configured: Mapping[str, str],
    needs: Collection[str] = (),
    first: Path | None = None,
) -> dict[str, str]:
    """Give the whole environment of an agent: passed, then the adapter's, then the configured, then squad's own.

    The programs of the folder `first` are found before all others.
    """
    given = {**passed(surroundings, needs=needs), **adapter, **configured}
    return {
        **given,
        "PATH": os.pathsep.join([*([str(first)] if first else []), _with_squad(given["PATH"])]),
        **told(place),
    }


def told(place: Place) -> dict[str, str]:
    """Give squad's own variables: whose place it is, and where its files are."""
    speaks = {"SQUAD_SOCKET": str(place.socket), "SQUAD_TOKEN": place.token} if place.socket is not None else {}
    return {
        "AGENT_ID": place.agent,
        "AGENT_TYPE": place.role,
        "AGENT_PLAN": str(place.plan),
        "AGENT_COMM": str(place.comm),
        "PARALLEL_MODE": "1",
        **speaks,
        "SQUAD_RUN": place.run,
        "SQUAD_TASK": place.task,
        "SQUAD_WORKSPACE": str(place.workspace),
    }


def _with_squad(path: str) -> str:
    """Append the folder of the running interpreter, so that agents find the `squad` they were started by."""
    own = str(Path(sys.executable).parent)
    return path if own in path.split(os.pathsep) else f"{path}{os.pathsep}{own}"
