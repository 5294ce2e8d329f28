"""How firmly ownership is enforced: the levels, what makes the kernel refuse, and what is found afterwards.

Never silently weaker than asked for: a level that is not to be had ends the command before anything starts.
"""
