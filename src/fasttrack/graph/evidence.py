"""What a bundle says of the proof that its graph answers as scikit-learn does."""

from __future__ import annotations

import msgspec

__all__ = ["Proof"]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof compared, and how far the answers were apart.

    `worst` is the largest difference: of a prediction relative to its magnitude (or to the median magnitude of the
    training predictions, where it is smaller than that), of a probability as it is. `where` is its row in words.
    """

    rows: int
    of: int
    """The rows that `rows` were drawn from, evenly."""
    edge_rows: int
    worst: float
    where: str
    labels_equal: bool
    tolerance: float
    passed: bool
    reason: str = ""
    """Why it did not pass, in one line."""

    def __str__(self) -> str:
        """The evidence in one line."""
        rows = f"{self.rows:,}" if self.rows == self.of else f"{self.rows:,} of {self.of:,}"
        return f"{rows} + {self.edge_rows:,} edge rows, worst difference {self.worst:.0e}"
