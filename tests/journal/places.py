"""Contents for the journals of the tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.schema import Column, Contract, Target
from fasttrack.journal.predictions import Entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fasttrack.journal import Database

    Opened = Callable[[str], Database]
    """The type of the fixture `opened`."""

__all__ = ["contract", "entries", "wait_for"]


def contract(classes: Sequence[str] | None = None) -> Contract:
    """A contract with a number, a category and a target."""
    columns = [
        Column(name="x", kind="number", nullable=True, dtype="float64"),
        Column(name="where", kind="category", nullable=True, dtype="str", categories=["here", "there"]),
    ]
    if classes is None:
        return Contract(columns=columns, target=Target(name="y", task="regression"))
    target = Target(name="y", task="binary", classes=list(classes), probabilities=True)
    return Contract(columns=columns, target=target)


def entries(rows: int, *, at: float = 1_700_000_000.0, seed: int = 0) -> Entries:
    """Predictions with that contract, a tenth of a second apart."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    x[::7] = np.nan
    matrix = np.column_stack([x, random.choice([-1.0, 0.0, 1.0, np.nan], rows)])
    words = {1: {int(row): f"word {row}" for row in np.flatnonzero(matrix[:, 1] == -1)}}
    return Entries(at + np.arange(rows) / 10, matrix, random.normal(size=rows), None, words)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)
