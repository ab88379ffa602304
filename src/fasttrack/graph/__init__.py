"""A compiled graph at work: running it, and telling the rows that it does not take. All that a server needs of it."""

from __future__ import annotations

from fasttrack.graph.batch import Batch, BatchSession, Stage, sums_name
from fasttrack.graph.evidence import Proof
from fasttrack.graph.leaf_masks import LeafMasks, Lookup
from fasttrack.graph.refusals import Bound, Refusals, breaches, refused
from fasttrack.graph.session import Program, Session, open_session, run

__all__ = [
    "Batch",
    "BatchSession",
    "Bound",
    "LeafMasks",
    "Lookup",
    "Program",
    "Proof",
    "Refusals",
    "Session",
    "Stage",
    "breaches",
    "open_session",
    "refused",
    "run",
    "sums_name",
]
