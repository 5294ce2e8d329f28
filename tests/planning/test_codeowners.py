from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planning.codeowners import cleared_rules, live_rules

PIECES = st.sampled_from(
    [
        "*",
        "/",
        "a",
        "B",
        "**",
        "?",
        "[",
        "]",
        "^",
        "!",
        "#",
        "\\",
        " ",
        "\n",
        "@x",
        "@@y",
        "x@y.z",
        "[S]",
        "../",
        "\u00e9",
        "\t",
        ".",
    ]
)

GITLAB = """\
* @everybody

[Documentation][2] @docs-team @tech
/docs/
/docs/api/ @api

^[Optional] # may be ignored
*.rb @ruby

[Backend]
/backend/ @backend
!/backend/vendor/
/backend/db/

[documentation]
README.md @readme
"""


def owners(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(rule.claim, rule.owners) for rule in live_rules(text)]


@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_text_crashes_the_reader_and_each_rule_has_owners_or_clears(text: str) -> None:
    assert all(rule.owners for rule in live_rules(text))
    assert not any(rule.owners for rule in cleared_rules(text))


def test_a_rule_of_gitlab_without_owners_has_those_of_its_section() -> None:
    assert owners(GITLAB) == [
        (".", ("@everybody",)),
        ("docs/", ("@docs-team", "@tech")),
        ("docs/api/", ("@api",)),
        ("**/README.md", ("@readme",)),
        ("**/*.rb", ("@ruby",)),
        ("backend/", ("@backend",)),
    ]


def test_one_section_does_not_undo_another() -> None:
    assert owners("[A] @a\n/src/\n[B] @b\n/src/\n") == [("src/", ("@a",)), ("src/", ("@b",))]


def test_github_knows_no_sections_and_its_last_rule_wins() -> None:
    assert owners("/src/ @a\n/src/ @b\n!src/x @c\n") == [("src/", ("@b",))]


def test_a_rule_without_owners_clears_on_github() -> None:
    assert owners("docs/ @a\ndocs/\n") == []


def test_capital_letters_tell_folders_apart() -> None:
    assert owners("/Docs/ @a\n/docs/ @b\n*.Md @c\n*.md @d\n") == [
        ("Docs/", ("@a",)),
        ("docs/", ("@b",)),
        ("**/*.Md", ("@c",)),
        ("**/*.md", ("@d",)),
    ]


def test_an_owner_is_written_with_an_at_sign_or_as_an_address() -> None:
    assert owners("/a/ team\n/b/ @x one@example.org # inline\n/c/ @x team\n") == [("b/", ("@x", "one@example.org"))]
    assert owners("[S] @s\n/a/ team\n/c/ @x team\n\\#x.rb @@developer\n") == [
        ("a/", ("@s",)),
        ("c/", ("@x",)),
        ("**/#x.rb", ("@@developer",)),
    ]


def test_spaces_are_escaped_a_star_is_one_level_and_signs_that_github_refuses_are_left_out() -> None:
    assert owners("a\\ b/ @x\ndocs/* @y\n[a-z]*.py @z\n\\#c @z\n!d @z\napps/ @w\n") == [
        ("**/a b/", ("@x",)),
        ("docs/*", ("@y",)),
        ("**/apps/", ("@w",)),
    ]


def test_a_star_at_the_end_speaks_of_no_deeper_folder() -> None:
    assert owners("/docs/ @a\n/docs/api/ @b\n/docs/api/x.md @c\n/docs/x.md @d\n/docs/* @e\n") == [
        ("docs/", ("@a",)),
        ("docs/api/", ("@b",)),
        ("docs/api/x.md", ("@c",)),
        ("docs/*", ("@e",)),
    ]
    assert owners("/.gitlab/ci/ @a\n/README.md @b\n/.gitlab/* @c\n/* @d\n") == [
        (".gitlab/ci/", ("@a",)),
        (".gitlab/*", ("@c",)),
        ("*", ("@d",)),
    ]


def test_two_stars_before_the_last_one_speak_of_every_folder() -> None:
    assert owners("/src/api/ @a\n/src/web/ @b\n/src/**/* @c\n") == [("src/**/*", ("@c",))]


def test_a_path_of_gitlab_is_meant_at_any_depth_unless_it_begins_with_a_slash() -> None:
    assert [rule.claim for rule in live_rules("[S] @s\ndocs/*\n/ee/docs/\nlib/\n")] == ["**/docs/*", "ee/docs/", "**/lib/"]


def test_what_a_rule_without_owners_takes_out_of_an_earlier_one_is_told_apart() -> None:
    github = "/apps/ @a\n/apps/free\n/other\n"
    gitlab = "[A] @a\n/apps/\n!/apps/free\n!/apps/tools\n[B] @b\n/apps/tools\n"

    assert [rule.claim for rule in cleared_rules(github)] == ["apps/free"]
    assert [rule.claim for rule in cleared_rules(gitlab)] == ["apps/free"]
