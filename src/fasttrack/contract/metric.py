"""A figure of model quality with its interval: measured at training, stored in the manifest."""

from __future__ import annotations

import msgspec

__all__ = ["Metric"]


class Metric(msgspec.Struct, frozen=True):
    """A hold-out figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
