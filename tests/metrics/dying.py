"""A worker to be killed. It has its own module, so that the new process imports nothing for training."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from fasttrack.metrics.drift import DriftSeries

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.metrics.reference import Reference

__all__ = ["count_and_die"]


def count_and_die(folder: Path, reference: Reference, rows: NDArray[np.float64]) -> None:
    """Count rows, half of which are binned when the process is killed."""
    tally = DriftSeries(folder).tally("m", "1", reference)
    half = len(rows) // 2
    tally.add(rows[:half], rows[:half, 2])
    tally.bin_rows()
    tally.add(rows[half:], rows[half:, 2])
    os.kill(os.getpid(), signal.SIGKILL)
