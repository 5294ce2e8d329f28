"""squad: the supervisor that people trust with their coding agents overnight.

Nothing is imported here, so that the calls agents make all day start in the time of the interpreter.
"""

__version__ = "0.1.0"
