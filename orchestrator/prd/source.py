"""A document's bytes as text with true line numbers.

Line endings, byte order mark, tabs and non-breaking spaces are made alike once; nothing moves to another line, so a
line number found in the text is the line number in the file.
"""

from orchestrator.errors import PrdError, Where
from orchestrator.text.expressions import expression

_END = expression(r"\n(?:---|\.\.\.)[^\S\n]*(?=\n|\Z)")
LARGEST = 16 * 1024 * 1024  #: bytes
EXAMPLE = "write tasks as a list, for example:\n  ## Tasks\n  - Build metrics API\n  - Create dashboard component"


def decode(data: bytes, *, name: str) -> str:
    """Give the text of a document.

    Raises:
        PrdError: It is empty, too large, binary, or no UTF-8.
    """
    if len(data) > LARGEST:
        size, most = len(data) / 2**20, LARGEST // 2**20
        raise PrdError(f"{size:.0f} MiB is too large: at most {most} MiB are read", where=Where(name), hint="split the document")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise PrdError("a binary file, not a text: it holds a NUL byte", where=Where(name, line), hint=EXAMPLE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise PrdError(message, where=Where(name, line), hint=f"convert it: iconv -f latin1 -t utf-8 {name}") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    for separator in ("\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"):
        text = text.replace(separator, " ")  # str.splitlines would see a line end where the file has none
    if not text.strip():
        raise PrdError("the document is empty", where=Where(name), hint=EXAMPLE)
    return text


def front_matter(text: str) -> int:
    """Give how many lines the front matter at the very start has; 0 if there is none."""
    if not text.startswith("---"):
        return 0
    if text.partition("\n")[0].rstrip() != "---":
        return 0
    end = _END.search(text)
    return text.count("\n", 0, end.start()) + 2 if end else 0
