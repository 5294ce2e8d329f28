"""What the kernel lets one attempt see and write, put together from the level, the project and the agent program.

Nothing is silently weaker than what was asked for: what cannot be closed is refused or told.
"""
