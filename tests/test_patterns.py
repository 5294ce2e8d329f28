import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.patterns import Among, lies_in
from tests.support.worlds import PATTERNS, WORLD


@pytest.mark.parametrize(
    ("claim", "path", "inside"),
    [
        ("src/{a,b}.ts", "src/a.ts", True),
        ("src/{a,b}.ts", "src/c.ts", False),
        ("src/{a,{b,c}}.ts", "src/c.ts", True),
        ("{src,lib}/**", "lib/deep/x", True),
        ("{src,lib}/**", "lib", False),
        ("src/[ab].ts", "src/a.ts", True),
        ("src/[!ab].ts", "src/a.ts", False),
        ("src/[^ab].ts", "src/c.ts", True),
        ("app/[id]/page.tsx", "app/[id]/page.tsx", True),
        ("app/[id]/", "app/[id]/page.tsx", True),
        ("app/[id]/page.tsx", "app/other/page.tsx", False),
        ("app/[id]/page.tsx", "app/i/page.tsx", False),
        ("app/[id]/*.tsx", "app/i/page.tsx", False),
        ("app/[id]/[ab].tsx", "app/[id]/a.tsx", True),
        ("app/[id].tsx", "app/[id].tsx", True),
        ("src/[", "src/a", False),
        ("src/[/*.py", "src/[/a.py", True),
        ("src/**/a[0-9].ts", "src/x/y/A1.ts", True),
        ("src/**/a[0-9].ts", "src/ab.ts", False),
        ("*.{js,ts}", "deep/a.ts", False),
        ("{a", "b", False),
        ("{a,b}" * 20, "a" * 20, False),
        ("op:install", "op:install", True),
        ("op:{a,b}", "op:a", False),
    ],
)
def test_sets_and_braces_hold_what_they_match_and_nothing_else(claim: str, path: str, *, inside: bool) -> None:
    assert lies_in(path, claim) is inside


def test_a_pattern_of_many_stars_is_decided_at_once() -> None:
    assert not lies_in("a/" * 60 + "a", "**/a/" * 60 + "[z]")
    assert not lies_in("a/" * 60 + "a", "**/a/" * 60 + "z")


@given(st.lists(PATTERNS | st.sampled_from(WORLD), max_size=8), st.sampled_from(WORLD) | PATTERNS)
def test_among_many_claims_none_is_missed_in_which_a_path_lies(claims: list[str], path: str) -> None:
    assert {claim for claim in claims if lies_in(path, claim)} <= set(Among(claims).around(path))


def test_of_many_claims_a_path_is_held_against_few() -> None:
    """Each changed path was held against each lock of its agent: two thousand of both took squad many seconds."""
    among = Among(f"src/{number}.py" for number in range(1000))

    assert list(among.around("src/7.py")) == ["src/7.py"]
