"""Running a compiled graph with onnxruntime on the processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Session", "open_session", "run"]

_ROWS = 16_384
"""At once; what a step needs in memory grows with it."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open graph; threads may share it. `outputs`: their names, which onnxruntime looks up whenever it is asked."""

    inference: onnxruntime.InferenceSession
    outputs: list[str]


def open_session(model: bytes, *, threads: int = 1) -> Session:
    """A session for a serialised graph. With one thread trees are added up in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    inference = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return Session(inference, [output.name for output in inference.get_outputs()])


def run(session: Session, matrix: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    """Each of the graph's outputs, by name, for float64[n, f] `matrix`."""
    names, inference = session.outputs, session.inference
    if len(matrix) <= _ROWS:
        return dict(zip(names, inference.run(names, {"rows": np.ascontiguousarray(matrix)}), strict=True))
    parts = [
        inference.run(names, {"rows": np.ascontiguousarray(matrix[start : start + _ROWS])})
        for start in range(0, len(matrix), _ROWS)
    ]
    return {name: np.concatenate(found) for name, found in zip(names, zip(*parts, strict=True), strict=True)}
