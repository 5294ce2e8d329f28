"""What programs say, without secrets: no word of theirs is shown before it went through here.

Taken out are the values of variables that hold keys, what stands in the files of a sign-in, and whatever has the shape of
a token, also one that the program has masked by half.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

HIDDEN = "[hidden]"
_NAMES = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|HEADER|COOKIE", re.IGNORECASE)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|pk|rk|gsk|key|ghp|gho|ghs|ghu|github_pat|glpat|xox[a-z])[-_][\w*.…-]{4,}"
    r"|\b(?:AIza|ya29\.|AKIA|ASIA|eyJ)[\w*.…-]{6,}"
    r"|(?i:\bbearer\s+)\S+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
    r"|\b(?=\w*[0-9])(?=\w*[a-z])(?=\w*[A-Z])[\w-]{20,}"
    r"|\b[0-9a-fA-F]{32,}\b"
)
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WORDS = re.compile(r"[^\s\"'=:,{}\[\]]{12,}")
_LARGEST = 1 << 20  #: bytes of a file that are looked at
_SHORTEST = 4  #: signs; anything shorter is no secret, and its removal would tear words


class Redactor:
    """Takes the secrets of one user out of what programs say."""

    def __init__(self, environment: Mapping[str, str], files: Iterable[Path] = ()) -> None:
        """Learn what is secret; a value is only ever compared."""
        values = {value for name, value in environment.items() if _NAMES.search(name) and len(value) >= _SHORTEST}
        values |= {word for path in files for word in _words(path)}
        self._secrets = sorted(values, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Give a text as one line that can be shown; control sequences go first, for they could tear a secret apart."""
        text = " ".join(_CONTROLS.sub("", text).split())
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SHAPES.sub(HIDDEN, text)


def is_secret(name: str) -> bool:
    """Tell whether a variable's name says that its value is a secret."""
    return bool(_NAMES.search(name))


def _words(path: Path) -> set[str]:
    with contextlib.suppress(OSError), path.open("rb") as file:
        text = file.read(_LARGEST).decode("utf-8", "replace")
        return {word for word in _WORDS.findall(text) if any(sign.isdigit() for sign in word)}
    return set()
