"""Running a compiled graph with onnxruntime on the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["open_session", "run"]

_ROWS = 16_384
"""At once; what a step needs in memory grows with it."""


def open_session(model: bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a serialised graph. With one thread trees are added up in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, matrix: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    """Each of the graph's outputs, by name, for float64[n, f] `matrix`."""
    names = [output.name for output in session.get_outputs()]
    parts = [
        session.run(names, {"rows": np.ascontiguousarray(matrix[start : start + _ROWS])})
        for start in range(0, max(len(matrix), 1), _ROWS)
    ]
    if len(parts) == 1:
        return dict(zip(names, parts[0], strict=True))
    return {name: np.concatenate(found) for name, found in zip(names, zip(*parts, strict=True), strict=True)}
