"""What squad's own YAML is written with: one value so that every reader takes it for the same, and the line for editors. Pure."""

import json
import re

MODELINE = "# yaml-language-server: $schema="
_PLAIN = re.compile(r"[A-Za-z/_][\w./@+-]*(:[\w./@+-]+)*", re.ASCII)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"})


def scalar(value: object) -> str:
    """Write one value of YAML in a way that every reader takes for the same."""
    if value is None:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    if re.fullmatch(r"\d[\w.]*\.\.\d[\w.]*|\d+/\d+\w+|\d+(ms|s|m|h|d|k|M|G)(\d+\w+)*", value):
        return value
    is_plain = _PLAIN.fullmatch(value) and value.casefold() not in _WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=not value.isprintable())
