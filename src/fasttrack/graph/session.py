"""Opening and running a compiled pipeline: by its ONNX graph, or by its many-rows program for large inputs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.graph.inference import inference_session
from fasttrack.graph.many_rows import ManyRowsSession

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

__all__ = ["Program", "Session", "open_session", "run"]

_CHUNK_ROWS = 16_384
"""Rows that are run at once. The memory of each operator grows with them."""
_MANY_ROWS = 64
"""From this many rows on, the many-rows program is faster than the graph."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled pipeline as it is stored: a serialised ONNX graph and, if it has one, a serialised ManyRowsProgram."""

    graph: bytes
    many_rows: bytes | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An open program. Threads may share it.

    `outputs`: the graph's output names in order, kept here because onnxruntime looks them up anew on every request.
    """

    inference: onnxruntime.InferenceSession
    many_rows: ManyRowsSession | None
    outputs: list[str]


def open_session(program: Program) -> Session:
    """Load a program into onnxruntime."""
    inference = inference_session(program.graph)
    many_rows = None if program.many_rows is None else ManyRowsSession(program.many_rows)
    return Session(inference, many_rows, [output.name for output in inference.get_outputs()])


def run(session: Session, matrix: NDArray[np.float64], *, threads: int = 1) -> dict[str, NDArray[np.generic]]:
    """The graph's outputs by name for `matrix`, float64[n, f]. Large inputs are divided among `threads`."""
    if len(matrix) <= _CHUNK_ROWS:
        return dict(zip(session.outputs, _run_chunk(session, matrix), strict=True))
    chunks = [matrix[start : start + _CHUNK_ROWS] for start in range(0, len(matrix), _CHUNK_ROWS)]
    if threads == 1:
        results = [_run_chunk(session, chunk) for chunk in chunks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(lambda chunk: _run_chunk(session, chunk), chunks))
    by_output = zip(*results, strict=True)
    return {name: np.concatenate(values) for name, values in zip(session.outputs, by_output, strict=True)}


def _run_chunk(session: Session, rows: NDArray[np.float64]) -> list[NDArray[np.generic]]:
    rows = np.ascontiguousarray(rows)
    if session.many_rows is not None and len(rows) >= _MANY_ROWS:
        return session.many_rows.run(session.outputs, rows)
    values: list[NDArray[np.generic]] = session.inference.run(session.outputs, {"rows": rows})
    return values
