"""What agent programs tell of their consumption in their own protocol; any other only if it speaks squad's.

Money is what the program itself says that it cost, in USD; squad knows no prices and makes none up.
"""

from collections.abc import Mapping

_BOTH, _TOKENS = frozenset({"tokens", "money"}), frozenset({"tokens"})
TELLS: Mapping[str, frozenset[str]] = {
    "claude": _BOTH,
    "codex": _TOKENS,
    "gemini": _TOKENS,
    "opencode": _BOTH,
    "qwen": _TOKENS,
    "claude-agent-acp": _BOTH,
    "codex-acp": _TOKENS,
}
