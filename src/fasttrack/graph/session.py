"""Running a compiled pipeline: its graph, or for many rows at once the form that is made for these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.graph.batch import BatchSession
from fasttrack.graph.inference import inference_session

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

__all__ = ["Program", "Session", "open_session", "run"]

_ROWS = 16_384
"""At once; what a step needs in memory grows with it."""
_MANY_ROWS = 64
"""From here on the form for many rows is the faster one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled pipeline as it is stored: a serialised ONNX graph, and a serialised `Batch` if there is one."""

    graph: bytes
    batch: bytes | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An open program; threads may share it. `outputs`: their names, which onnxruntime looks up whenever asked."""

    inference: onnxruntime.InferenceSession
    batch: BatchSession | None
    outputs: list[str]


def open_session(program: Program) -> Session:
    """Make a program ready to be asked."""
    inference = inference_session(program.graph)
    batch = None if program.batch is None else BatchSession(program.batch)
    return Session(inference, batch, [output.name for output in inference.get_outputs()])


def run(session: Session, matrix: NDArray[np.float64], *, threads: int = 1) -> dict[str, NDArray[np.generic]]:
    """Each of the graph's outputs, by name, for float64[n, f] `matrix`; `threads` share the rows of a large one."""
    if len(matrix) <= _ROWS:
        return dict(zip(session.outputs, _part(session, matrix), strict=True))
    parts = [matrix[start : start + _ROWS] for start in range(0, len(matrix), _ROWS)]
    if threads == 1:
        found = [_part(session, part) for part in parts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: _part(session, part), parts))
    return {name: np.concatenate(one) for name, one in zip(session.outputs, zip(*found, strict=True), strict=True)}


def _part(session: Session, rows: NDArray[np.float64]) -> list[NDArray[np.generic]]:
    rows = np.ascontiguousarray(rows)
    if session.batch is not None and len(rows) >= _MANY_ROWS:
        return session.batch.run(session.outputs, rows)
    found: list[NDArray[np.generic]] = session.inference.run(session.outputs, {"rows": rows})
    return found
