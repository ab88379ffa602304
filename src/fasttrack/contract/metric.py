"""How good a model is: a figure and its interval. Measured at training, carried in the manifest, shown everywhere."""

from __future__ import annotations

import msgspec

__all__ = ["Metric"]


class Metric(msgspec.Struct, frozen=True):
    """A hold-out figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
