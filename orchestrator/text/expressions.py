"""Regular expressions that are compiled when they are first asked, and never if they are not.

Most documents are of one format, and compiling what tells all the others cost more than reading most documents. The first
question puts what a pattern offers on the expression itself, so that no later one passes through anything of squad's.
"""

import re
from typing import cast

_OFFERED = frozenset(name for name in dir(re.Pattern) if not name.startswith("_"))


def expression(text: str, flags: int = 0) -> re.Pattern[str]:
    """Give what answers as the pattern would; a mistake in it shows when it is first asked.

    `re`'s own functions do not take it, so it is asked by its methods: `_WORD.sub(...)`, not `re.sub(_WORD, ...)`.
    """
    return cast("re.Pattern[str]", _Expression(text, flags))


class _Expression:
    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        """Compile, since what was asked for is not there yet."""
        if name not in _OFFERED:
            raise AttributeError(name, name=name, obj=self)
        compiled = re.compile(self._text, self._flags)
        for offered in _OFFERED:
            setattr(self, offered, getattr(compiled, offered))
        return getattr(compiled, name)
