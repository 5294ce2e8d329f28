"""Carries a plan out: one owner of what changes, and what it starts, watches, judges and puts together.

Only the supervisor changes a run, without waiting in between; what takes time is a task below it and comes back as a fact.
"""
