"""The command line: one module for each group of commands; wiring, no logic.

Nothing is imported here, because the fast door passes through.
"""
