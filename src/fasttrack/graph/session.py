"""Opening and running a compiled pipeline: by its ONNX graph, or by its many-rows program for large inputs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.graph.inference import inference_session
from fasttrack.graph.many_rows import ManyRowsSession
from fasttrack.graph.text import TextFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    Words = Mapping[int, Sequence[str | None]]

__all__ = ["Program", "Session", "open_session", "run"]

_CHUNK_ROWS = 16_384
"""Rows that are run at once. The memory of each operator grows with them."""
_MANY_ROWS = 64
"""From this many rows on, the many-rows program is faster than the graph."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled pipeline as it is stored: a serialised ONNX graph and, if it has them, a serialised ManyRowsProgram
    and a serialised TextProgram."""

    graph: bytes
    many_rows: bytes | None = None
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An open program. Threads may share it.

    `outputs`: the graph's output names in order, kept here because onnxruntime looks them up anew on every request.
    """

    inference: onnxruntime.InferenceSession
    many_rows: ManyRowsSession | None
    outputs: list[str]
    text: TextFeatures | None = None


def open_session(program: Program) -> Session:
    """Load a program into onnxruntime."""
    inference = inference_session(program.graph)
    many_rows = None if program.many_rows is None else ManyRowsSession(program.many_rows)
    text = None if program.text is None else TextFeatures(program.text)
    return Session(inference, many_rows, [output.name for output in inference.get_outputs()], text)


def run(
    session: Session, matrix: NDArray[np.float64], text: Words | None = None, *, threads: int = 1
) -> dict[str, NDArray[np.generic]]:
    """The graph's outputs by name for `matrix`, float64[n, f]. Large inputs are divided among `threads`.

    `text` has the words of each row by column, at least of the columns that the program reads as text.
    """
    height = _CHUNK_ROWS if session.text is None else min(_CHUNK_ROWS, session.text.rows_at_once)
    if len(matrix) <= height:
        return dict(zip(session.outputs, _run_chunk(session, matrix, text, 0), strict=True))
    starts = range(0, len(matrix), height)
    if threads == 1:
        results = [_run_chunk(session, matrix[start : start + height], text, start) for start in starts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            results = list(
                pool.map(lambda start: _run_chunk(session, matrix[start : start + height], text, start), starts)
            )
    by_output = zip(*results, strict=True)
    return {name: np.concatenate(values) for name, values in zip(session.outputs, by_output, strict=True)}


def _run_chunk(
    session: Session, rows: NDArray[np.float64], text: Words | None, start: int
) -> list[NDArray[np.generic]]:
    """The outputs for `rows`, of which the first has number `start` in `text`."""
    inputs = {"rows": np.ascontiguousarray(rows)}
    if session.text is not None:
        inputs |= session.text.inputs(text or {}, start, start + len(rows))
    if session.many_rows is not None and len(rows) >= _MANY_ROWS:
        return session.many_rows.run(session.outputs, inputs)
    values: list[NDArray[np.generic]] = session.inference.run(session.outputs, inputs)
    return values
