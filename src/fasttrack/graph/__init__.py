"""A compiled graph at work: running it, and telling the rows that it does not take. All that a server needs of it."""

from __future__ import annotations

from fasttrack.graph.evidence import Proof
from fasttrack.graph.refusals import Bound, Refusals, breaches, refused
from fasttrack.graph.session import Session, open_session, run

__all__ = ["Bound", "Proof", "Refusals", "Session", "breaches", "open_session", "refused", "run"]
