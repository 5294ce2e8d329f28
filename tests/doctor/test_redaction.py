"""No word of a program is shown with a secret in it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.doctor.redaction import HIDDEN, Redactor

ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "my own key",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Auth: tralala",
    "DB_PASSWORD": "hunter2!",
    "HOME": "/home/ada",
    "SHORT_TOKEN": "abc",
}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the key 'my own key' is wrong", f"the key '{HIDDEN}' is wrong"),
        ("sent X-Auth: tralala to it", f"sent {HIDDEN} to it"),
        ("hunter2!hunter2!", HIDDEN * 2),
        ("Incorrect API key provided: sk-pr***abcd.", f"Incorrect API key provided: {HIDDEN}"),
        ("token=ghp_0123456789abcdef", f"token={HIDDEN}"),
        ("AIzaSyA-0123456789 is not valid", f"{HIDDEN} is not valid"),
        ("Authorization: Bearer abc.def", f"Authorization: {HIDDEN}"),
        ("proxy http://ada:lovelace@proxy:3128 refused", f"proxy http://{HIDDEN}@proxy:3128 refused"),
        ("session 0123456789abcdef0123456789abcdef ended", f"session {HIDDEN} ended"),
        ("my \x1b[1mown\x1b[0m key", HIDDEN),
        (
            "abc is short; model claude-opus-4-5-20250929 in /home/ada",
            "abc is short; model claude-opus-4-5-20250929 in /home/ada",
        ),
    ],
)
def test_keys_go_and_the_rest_stays(said: str, shown: str) -> None:
    assert Redactor(ENVIRONMENT)(said) == shown


def test_what_stands_in_the_file_of_a_sign_in_is_not_said(tmp_path: Path) -> None:
    file = tmp_path / "auth.json"
    file.write_text('{"tokens": {"refresh_token": "rt_plain-words-7"}}', encoding="utf-8")

    redact = Redactor({}, [file, tmp_path / "none"])

    assert redact("cannot refresh rt_plain-words-7 now") == f"cannot refresh {HIDDEN} now"


@given(st.text(min_size=4).filter(lambda value: value == " ".join(value.split()) and value.isprintable()), st.text())
def test_no_value_of_a_key_is_left(value: str, around: str) -> None:
    assert value not in Redactor({"A_KEY": value})(f"{around} {value} {around}").replace(HIDDEN, "")
