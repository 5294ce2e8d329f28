"""From tasks to a plan with a proof: who does what, what each may write, in which order.

Pure and deterministic: the same document and surroundings give the same plan, byte for byte. Nothing is loaded here, so
that who only reads a plan does not load the planner.
"""
