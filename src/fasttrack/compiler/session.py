"""Running a compiled graph with onnxruntime on the processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.compiler.compile import Compiled

__all__ = ["answers", "open_session"]

_ROWS = 16_384
"""At once; what a step needs in memory grows with it."""


def open_session(model: bytes, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a serialised graph. With one thread trees are added up in scikit-learn's order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answers(compiled: Compiled, matrix: NDArray[np.float64], *, threads: int = 1) -> dict[str, NDArray[np.generic]]:
    """Each of the graph's outputs for float64[n, f] `matrix`."""
    import numpy as np

    session = open_session(compiled.model.SerializeToString(), threads=threads)
    parts = [
        session.run(None, {"rows": np.ascontiguousarray(matrix[start : start + _ROWS])})
        for start in range(0, max(len(matrix), 1), _ROWS)
    ]
    return {name: np.concatenate(found) for name, found in zip(compiled.outputs, zip(*parts, strict=True), strict=True)}
