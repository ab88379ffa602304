"""The form of a compiled pipeline for many rows at once: its trees as masks, with graphs before and after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fasttrack.graph.inference import inference_session
from fasttrack.graph.leaf_masks import LeafMasks, MaskedTrees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Batch", "BatchSession", "Stage", "sums_name"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """An ensemble, and the graph from `rows` and the sums of the stages before to `x`, float64[n, f], what it is of."""

    before: bytes
    trees: LeafMasks


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`after`: the graph from `rows` and the sums of all stages to the answers."""

    stages: list[Stage]
    after: bytes


class BatchSession:
    """A form for many rows that is ready to be asked; threads may share it."""

    def __init__(self, content: bytes) -> None:
        batch = msgspec.msgpack.decode(content, type=Batch)
        self._stages = [(inference_session(stage.before), MaskedTrees(stage.trees)) for stage in batch.stages]
        self._after = inference_session(batch.after)

    def run(self, outputs: list[str], rows: NDArray[np.float64]) -> list[NDArray[np.generic]]:
        """The answers that are called `outputs`, for float64[n, f] `rows`."""
        known = {"rows": rows}
        for number, (before, trees) in enumerate(self._stages):
            known[sums_name(number)] = trees.sums(before.run(None, known)[0])
        found: list[NDArray[np.generic]] = self._after.run(outputs, known)
        return found


def sums_name(stage: int) -> str:
    """What graphs call the sums of a stage, float64[n, k]."""
    return f"sums{stage}"
