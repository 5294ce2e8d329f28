"""From tasks to a plan with a proof: who does what, what each may write, in which order.

Pure and deterministic: the same document and surroundings give the same plan, byte for byte.
"""

from orchestrator.planning.document import load_plan, plan_document
from orchestrator.planning.explain import explain
from orchestrator.planning.planner import make_plan
from orchestrator.planning.surroundings import OwnershipRow, SeatSpec, Surroundings

__all__ = ["OwnershipRow", "SeatSpec", "Surroundings", "explain", "load_plan", "make_plan", "plan_document"]
