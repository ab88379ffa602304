"""The second program of a compiled pipeline, faster for many rows: tree ensembles as leaf masks, the rest as graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fasttrack.graph.inference import inference_session
from fasttrack.graph.leaf_masks import LeafMasks, MaskedTrees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ManyRowsProgram", "ManyRowsSession", "Stage", "stage_sums_name"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A tree ensemble and the graph that computes its input.

    The graph reads `rows`, the features of texts, and the sums of all earlier stages; its output `x` is float64[n, f],
    the ensemble's input.
    """

    before: bytes
    trees: LeafMasks


class ManyRowsProgram(msgspec.Struct, frozen=True, kw_only=True):
    """The stages in the order of evaluation, then the graph from `rows` and all stages' sums to the outputs."""

    stages: list[Stage]
    after: bytes


class ManyRowsSession:
    """An open ManyRowsProgram, given in msgpack. Threads may share a session."""

    def __init__(self, content: bytes) -> None:
        program = msgspec.msgpack.decode(content, type=ManyRowsProgram)
        self._stages = [(inference_session(stage.before), MaskedTrees(stage.trees)) for stage in program.stages]
        self._after = inference_session(program.after)

    def run(self, outputs: list[str], inputs: dict[str, NDArray[np.float64]]) -> list[NDArray[np.generic]]:
        """The values of the named `outputs` for the graph's `inputs`: `rows`, float64[n, f], and those of texts."""
        inputs = dict(inputs)
        for number, (before, trees) in enumerate(self._stages):
            inputs[stage_sums_name(number)] = trees.sums(before.run(None, inputs)[0])
        values: list[NDArray[np.generic]] = self._after.run(outputs, inputs)
        return values


def stage_sums_name(stage: int) -> str:
    """The graph input that holds the sums of stage number `stage`, float64[n, k]."""
    return f"sums{stage}"
