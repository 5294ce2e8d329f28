"""What to start, retry, give up and change now.

All of it is pure: state and plan in, decisions out; no clock, no file, no waiting.
"""
