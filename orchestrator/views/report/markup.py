"""Elements of HTML and SVG. Whatever text goes in comes out as text: escaped, without control sequences."""

import html
import re

from orchestrator.views.text import plain

_FORBIDDEN = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")


def shown(text: str) -> str:
    """Give a stranger's text as it may stand in an element or between quotes."""
    return html.escape(_FORBIDDEN.sub("\ufffd", plain(text)))


def tag(name: str, text: str, **attributes: str) -> str:
    """Give an element that holds a text."""
    return markup(name, shown(text), **attributes)


def markup(name: str, body: str = "", **attributes: str) -> str:
    """Give an element around markup; names of attributes that Python has for itself end with an underscore."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{shown(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{body}</{name}>"
