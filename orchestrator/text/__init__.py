"""How things are written: numbers and durations, names that are nearly right, words and their stems, tokens, patterns.

Nothing here knows what squad is for.
"""
