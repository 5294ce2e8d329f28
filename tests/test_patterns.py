import pytest

from orchestrator.patterns import lies_in


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
