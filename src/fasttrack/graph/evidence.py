"""The recorded result of comparing a compiled graph with its scikit-learn pipeline."""

from __future__ import annotations

import msgspec

__all__ = ["Proof"]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were compared, the largest difference, and whether the graph passed.

    `worst`: the largest difference. A prediction's is relative to its magnitude, or to the median magnitude of the
    training predictions if that is larger; a probability's is absolute. `where` names the row of `worst`.
    """

    rows: int
    of: int
    """How many training rows there were; `rows` of them, evenly spaced, were compared."""
    edge_rows: int
    worst: float
    where: str
    labels_equal: bool
    tolerance: float
    passed: bool
    reason: str = ""
    """Why the graph did not pass, in one line."""

    def __str__(self) -> str:
        """The result in one line."""
        rows = f"{self.rows:,}" if self.rows == self.of else f"{self.rows:,} of {self.of:,}"
        return f"{rows} + {self.edge_rows:,} edge rows, worst difference {self.worst:.0e}"
