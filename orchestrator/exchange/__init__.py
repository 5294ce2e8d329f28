"""What agents, people and later attempts tell one another, as values.

Questions and remarks are found in the state, and worded, in one way for whoever reads them.
"""
