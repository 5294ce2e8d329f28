from orchestrator.planning.codeowners import live_rules

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
