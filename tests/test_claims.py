"""Claims against brute force: everything that a small world of paths can hold."""

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.claims import (
    Claim,
    OutsideProject,
    any_meets,
    canonical,
    covers,
    head,
    is_folder,
    is_glob,
    is_operation,
    key,
    meets,
)
from tests.support.worlds import PATTERNS, WORLD, members


@given(one=PATTERNS, other=PATTERNS, literal=st.booleans())
def test_two_claims_that_share_a_path_meet(one: str, other: str, *, literal: bool) -> None:
    if members(one, literal=literal) & members(other, literal=literal):
        assert meets(one, other)


@given(wide=PATTERNS, narrow=PATTERNS | st.sampled_from(WORLD), literal=st.booleans())
def test_what_a_claim_covers_lies_in_it(wide: str, narrow: str, *, literal: bool) -> None:
    if covers(wide, narrow):
        assert members(narrow, literal=literal) <= members(wide, literal=literal)


@given(one=PATTERNS, other=PATTERNS)
def test_meeting_is_mutual(one: str, other: str) -> None:
    assert meets(one, other) == meets(other, one)


@given(wide=PATTERNS, narrow=PATTERNS)
def test_what_is_covered_is_met(wide: str, narrow: str) -> None:
    if covers(wide, narrow):
        assert meets(wide, narrow)


@given(claim=PATTERNS)
def test_a_claim_meets_and_covers_itself(claim: str) -> None:
    assert meets(claim, claim)
    assert covers(claim, claim)


@pytest.mark.soak
@settings(max_examples=5_000)
@given(one=PATTERNS, other=PATTERNS, literal=st.booleans())
def test_no_overlap_is_missed_in_many_draws(one: str, other: str, *, literal: bool) -> None:
    left, right = members(one, literal=literal), members(other, literal=literal)
    assert meets(one, other) or not left & right
    assert right <= left or not covers(one, other)


#: What routes of Next.js, SvelteKit and others are called.
ROUTES = ("[id]", "[i]", "[post-id]", "[...slug]", "[[lang]]", "[[...slug]]", "[id=integer]", "[ID]", "[été]")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/", "src/app.py"),
        ("src", "src/app.py"),
        ("src", "src/"),
        (".", "anything/at/all"),
        ("src/**/*.ts", "src/a.ts"),
        ("src/**/*.ts", "src/deep/down/a.ts"),
        ("src/*.py", "src/a.*"),
        ("src/**", "src/a"),
        ("**/test_*.py", "tests/unit/test_app.py"),
        ("SRC/App.py", "src/app.py"),
        ("straße.md", "STRASSE.md"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("app/[id].tsx", "app/i.tsx"),
        ("app/[id]/*.tsx", "app/[id]/page.*"),
        ("*/[id]/page.tsx", "app/*/page.tsx"),
        ("[a-z]/x", "a/x"),
        ("[!a]/x", "b/x"),
        ("src/{a,b}.py", "src/b.py"),
        ("src/{a,b}", "src/b/c.py"),
        (unicodedata.normalize("NFC", "é.py"), unicodedata.normalize("NFD", "é.py")),
        ("op:install", "op:install"),
    ],
)
def test_claims_that_meet(one: str, other: str) -> None:
    assert meets(one, other)
    assert meets(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/a.py", "src/b.py"),
        ("src", "src2"),
        ("src/", "srcs/app.py"),
        ("src/*.py", "src/a.ts"),
        ("src/*.py", "lib/a.py"),
        ("src/?.py", "src/ab.py"),
        ("src/**/*.ts", "lib/a.ts"),
        ("{foo,bar}.test.{ts,tsx}", "main.py"),
        ("app/[id].tsx", "app/about.ts"),
        *((f"app/{name}/page.tsx", "app/i/page.tsx") for name in ROUTES),
        ("app/[id]/*.tsx", "app/i/page.tsx"),
        ("app/[id]/page.tsx", "app/i*/page.tsx"),
        *((name, "a") for name in ("[", "]", "a[", "[]", "{", "{a", "@(", "@(a")),
        ("src/[/*.py", "src/a/x.py"),
        ("app/@modal/(auth)/page.tsx", "app/@modal/(open)/page.tsx"),
        ("src/@(a|b).ts", "src/a.py"),
        ("a.py", "a.pyc"),
        ("op:install", "op:migrate"),
        ("op:install", "install"),
        ("op:install", "."),
    ],
)
def test_claims_that_do_not_meet(one: str, other: str) -> None:
    assert not meets(one, other)
    assert not meets(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/{a/b,c}/x.py", "src/c/x.py"),
        ("src/{a/b,c}/x.py", "src/a/b/x.py"),
        ("{a,{b,c}d}", "bd"),
        ("[]a]x", "ax"),
        ("[[:alpha:]]", "a"),
        ("a?.py", "aß.py"),
        ("a??.py", unicodedata.normalize("NFC", "aé.py")),
        (r"src/\[id\].ts", "src/[id].ts"),
        (r"what\?.md", "what?.md"),
        ("{a\\},b}", "b"),
        ("**.ts", "src/a.ts"),
        ("src/@(a|b).ts", "src/a.ts"),
        ("src/+(a|b).ts", "src/abba.ts"),
        ("src/*(a|b).ts", "src/a.ts"),
        ("src/!(test).ts", "src/a.ts"),
        ("src/@(a/b|c)/x.ts", "src/a/b/x.ts"),
    ],
)
def test_an_overlap_that_only_one_reading_of_a_pattern_has_is_not_missed(one: str, other: str) -> None:
    assert meets(one, other)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("src/", "src/app.py"),
        ("src", "src/deep/"),
        ("src/", "src/**/*.py"),
        (".", "src/app.py"),
        ("src/**", "src/a/b.py"),
        ("src/*.py", "src/a.py"),
        ("src/*", "src/a/b.py"),
        ("**/*.md", "README.md"),
        ("src/**/test/**", "src/test/a"),
        ("app/[id]/", "app/[id]/page.tsx"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("app/[id]/*.tsx", "app/[id]/page.tsx"),
        ("**/[id]", "app/deep/[ID]/x"),
        ("op:install", "op:install"),
    ],
)
def test_claims_that_are_covered(wide: str, narrow: str) -> None:
    assert covers(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("src/", "src"[:2]),
        ("src/", "."),
        ("src/app.py", "src/"),
        ("src/**", "src"),
        ("src/*.py", "src/a.ts"),
        ("src/*.py", "src/*"),
        ("src/[ab].py", "src/a.py"),
        ("src/{a,b}.py", "src/a.py"),
        ("src/@(a|b).py", "src/c.py"),
        ("src/!(a).py", "src/a.py"),
        ("src/{a/b,c}", "src/{a/b,d}"),
        ("a??", "aß"),
        ("op:install", "op:migrate"),
        (".", "op:install"),
    ],
)
def test_claims_that_are_not_surely_covered(wide: str, narrow: str) -> None:
    assert not covers(wide, narrow)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("**/a/" * 150 + "x", "a/" * 300 + "b"),
        ("**/a/" * 150 + "x", "**/b/" * 150 + "y"),
        ("*a" * 200 + "x", "a" * 400 + "b"),
        ("*" * 100_000, "a" * 100_000),
        ("a/" * 100_000, "a/" * 100_000 + "b"),
        ("{" * 50_000, "}" * 50_000),
        ("[" * 50_000, "]" * 50_000),
        ("**/" * 100_000, "a/" * 100_000),
    ],
)
def test_no_pattern_takes_for_ever(one: str, other: str) -> None:
    assert meets(one, other) in {True, False}
    assert covers(one, other) in {True, False}


def test_sets_of_claims_meet_if_any_two_do() -> None:
    assert any_meets(["a.py", "src/"], iter(["b.py", "src/x.py"]))
    assert not any_meets(["a.py"], ["b.py"])
    assert not any_meets([], ["b.py"])


ROOTS = ("/a/proj/.squad/worktrees/demo-1/T1.1", "/a/proj")


@pytest.mark.parametrize(
    ("written", "claim"),
    [
        ("src/app.py", "src/app.py"),
        ("./src//app.py", "src/app.py"),
        ("src/../lib/x.py", "lib/x.py"),
        ("src/", "src/"),
        ("src/.", "src/"),
        (".", "."),
        ("./", "."),
        ("/", "."),
        ("  src/app.py\n", "src/app.py"),
        ("/frontend", "frontend"),
        ("/frontend/", "frontend/"),
        ("/a/proj", "."),
        ("/a/proj/", "."),
        ("/a/proj/src/app.py", "src/app.py"),
        ("//a//proj/./src/app.py", "src/app.py"),
        ("/a/proj/.squad/worktrees/demo-1/T1.1/src/x", "src/x"),
        ("/a/proj2/x", "a/proj2/x"),
        ("src/**/*.ts", "src/**/*.ts"),
        ("src/*/../x.ts", "src/x.ts"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("a\\b", "a\\b"),
        ("..a/b", "..a/b"),
        ("~backup", "~backup"),
        ("op:port/8000", "op:port/8000"),
        (" op:install ", "op:install"),
    ],
)
def test_the_canonical_form_of_a_path(written: str, claim: str) -> None:
    assert canonical(written, roots=ROOTS) == claim
    assert canonical(written, roots=reversed(ROOTS)) == claim


@pytest.mark.parametrize(
    "written",
    ["..", "../x", "/../x", "src/../../x", "/a/proj/../proj2/x", "/..", "~", "~/x", "src/**/../x", "src/{a,b/c}/../x", "../*.py"],
)
def test_a_path_that_leaves_the_project_is_refused(written: str) -> None:
    with pytest.raises(OutsideProject, match="leaves the project"):
        canonical(written, roots=ROOTS)


@pytest.mark.parametrize("written", ["", "  ", "a\0b", "\0", "a\ud800"])
def test_what_is_no_path_is_refused_and_does_not_mean_the_whole_project(written: str) -> None:
    with pytest.raises(OutsideProject, match="is no path"):
        canonical(written, resolve=lambda path: pytest.fail(f"asked for {path!r}"))


def test_a_symlink_that_leads_out_is_refused_also_in_front_of_a_pattern() -> None:
    def resolve(path: str) -> str:
        return path.replace("link", "../elsewhere", 1)

    for written in ("link/x.py", "link/*.py", "link"):
        with pytest.raises(OutsideProject):
            canonical(written, resolve=resolve)


def test_a_symlink_inside_the_project_is_followed_also_in_front_of_a_pattern() -> None:
    def resolve(path: str) -> str:
        return path.replace("link", "real", 1)

    assert canonical("link/", resolve=resolve) == "real/"
    assert canonical("link/*.py", resolve=resolve) == "real/*.py"


def test_a_root_is_found_whatever_its_unicode_form() -> None:
    composed, decomposed = (unicodedata.normalize(form, "/home/é/proj") for form in ("NFC", "NFD"))

    assert canonical(f"{composed}/x.py", roots=[decomposed]) == "x.py"
    assert canonical(f"{decomposed}/x.py", roots=[composed]) == "x.py"


def test_symlinks_are_looked_up_by_the_name_as_written() -> None:
    asked: list[str] = []
    decomposed = unicodedata.normalize("NFD", "é.py")

    def resolve(path: str) -> str:
        asked.append(path)
        return path

    claim = canonical(decomposed, resolve=resolve)

    assert asked == [decomposed]
    assert claim == unicodedata.normalize("NFC", "é.py")


@given(text=st.text(alphabet="ab./*~ \\é\u0301[]{},?", max_size=12))
def test_the_canonical_form_is_stable_and_stays_inside(text: str) -> None:
    try:
        claim = canonical(text)
    except OutsideProject:
        return
    assert not claim.startswith("/")
    assert ".." not in claim.split("/")
    if claim == claim.strip():
        assert canonical(claim) == claim


@given(text=st.text(max_size=8))
def test_spelling_does_not_matter_to_the_comparison(text: str) -> None:
    spellings = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    for one, other in itertools.product(spellings, repeat=2):
        assert meets(one, other)


def test_what_kind_of_claim_it_is() -> None:
    assert is_operation("op:install")
    assert not is_operation("src/op:install")
    assert is_glob("src/*.py")
    assert not any(map(is_glob, [*ROUTES, "app/[id]/page.tsx", "[", "src/[a", "{", "[]", "@(a", "(auth)/@modal/x.ts"]))
    assert all(map(is_glob, ["src/[ab].ts", "a[0-9]", "[a-z]", "[a-z0-9]", "[!a]", "[^ab]", "[[id]", "[a/b]", "[[:alpha:]]"]))
    assert not is_glob("op:*")
    assert is_folder("src/")
    assert is_folder(".")
    assert not is_folder("src")


def test_a_lock_key_has_no_slash_at_its_end() -> None:
    assert [key(Claim(claim)) for claim in ("src/", "src", ".", "op:port/8000")] == ["src", "src", ".", "op:port/8000"]


@given(one=PATTERNS, other=PATTERNS)
def test_claims_with_different_heads_do_not_meet_so_that_an_index_may_keep_them_apart(one: str, other: str) -> None:
    heads = {head(one), head(other)}

    assert len(heads) == 1 or None in heads or not meets(one, other)


@pytest.mark.parametrize(
    ("claim", "first"),
    [
        ("src/a", "src"),
        ("./SRC", "src"),
        (unicodedata.normalize("NFD", "É/x"), "é"),
        (".", None),
        ("*/a", None),
        ("{a/b,c}/d", None),
        ("[id]/x", "[id]"),
        ("[0-9]/x", None),
        ("[", "["),
    ],
)
def test_the_head_of_a_claim(claim: str, first: str | None) -> None:
    assert head(claim) == first
