from orchestrator.claims import Claim
from orchestrator.leash.floors import Floors
from orchestrator.model import Access, AgentId, Area
from orchestrator.ownership import NEVER, is_reserved, owners_of, row_of
from orchestrator.planning.surroundings import SeatSpec

AGENTS = (
    SeatSpec(id=AgentId("agent-1-ui"), role="frontend-ui-developer"),
    SeatSpec(id=AgentId("agent-12"), role="general"),
)


def area(path: str) -> Area:
    return Area(path=Claim(path), owners=(), access=Access.EXCLUSIVE)


def test_the_row_of_the_root_is_the_shortest_of_all() -> None:
    matrix = (area("."), area("a/"))

    assert row_of("a/x", matrix) == area("a/")
    assert row_of("b/x", matrix) == area(".")


def test_no_row_decides_where_none_covers_the_path() -> None:
    assert row_of("b", (area("a/"),)) is None


def test_an_owner_is_an_id_a_number_a_role_or_a_word_of_them() -> None:
    for owner in ("agent-1-ui", "Agent-1", "@agent-1-ui", "frontend-ui-developer", "ui", "developer"):
        assert owners_of(owner, AGENTS) == ("agent-1-ui",), owner


def test_the_number_of_an_agent_is_compared_whole() -> None:
    assert owners_of("agent-1", AGENTS) == ("agent-1-ui",)
    assert owners_of("agent-12", AGENTS) == ("agent-12",)


def test_nobody_is_meant_by_none() -> None:
    assert [owners_of(owner, AGENTS) for owner in (None, "", "NONE", "ghost", "@")] == [()] * 5


def test_the_leash_opens_nothing_that_no_lock_is_granted_on() -> None:
    """It is loaded by its place and knows nothing of the package, so what both must say stands in both."""
    floors = Floors(["/project"], {})

    for path in (
        *NEVER,
        ".GIT/config",
        ".git/hooks",
        "lib/.git/x",
        ".squad/comms",
        ".github/x",
        "lib/.squad",
        ".gitignore",
        "src",
    ):
        assert floors.is_never(f"/project/{path}") == is_reserved(path), path
    assert not floors.is_never("/project")
