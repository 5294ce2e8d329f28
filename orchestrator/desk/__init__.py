"""Where agents and people ask: messages and requests become events and answers, each at once or parked until somebody wakes it.

Nothing here looks again by the clock, and every answer about a path comes from the one decision function.
"""
