"""The formats people already have, one module each, in the order of their users.

A module gives one or several `Shape`s: pure functions over pages. Another format is one module and one line here.
"""

from orchestrator.prd.shapes import Shape

SHAPES: tuple[Shape, ...] = ()
