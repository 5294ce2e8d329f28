"""What agent programs tell of their consumption in their own protocol; any other only if it speaks squad's.

Money is what the program itself says that it cost, in USD; squad knows no prices and makes none up.
"""

from collections.abc import Mapping

TELLS: Mapping[str, frozenset[str]] = {"claude": frozenset({"tokens", "money"}), "codex": frozenset({"tokens"})}
