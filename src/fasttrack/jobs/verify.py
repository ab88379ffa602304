"""Repeat the proof of a stored model on a table that has its columns."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx

from fasttrack.compiler import NotCompilable, compile_pipeline, prove
from fasttrack.data import Source
from fasttrack.errors import TrainingError
from fasttrack.processors import available_processors
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.training.known import as_served, known_rows

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Bundle
    from fasttrack.graph import Proof

__all__ = ["verify"]


def verify(
    bundle: Bundle,
    source: str | Path,
    *,
    query: str | None = None,
    table: str | None = None,
    sample: int | None = None,
    reading: ReadOptions = DEFAULT_READING,
    allow_version_mismatch: bool = False,
) -> Proof:
    """Compare the bundle's graph with its pipeline, on the rows of `source` that the contract accepts and on edge rows.

    Of a database, `query` or `table` is read; a file is read as `reading` says. `sample`: use a random sample of this
    many rows.
    Raises DataError when the table lacks a column or has no such row, BundleError when the pipeline cannot be loaded,
    TrainingError when the model is not compiled.
    """
    contract = bundle.manifest.contract
    if bundle.manifest.engine != "onnx":
        reason = bundle.manifest.engine_reason or "compiling it was not tried"
        raise TrainingError(f"{bundle.label} is not compiled, so there is nothing to compare: {reason}")
    frame = known_rows(contract, Source(source, query=query, table=table, reading=reading), sample)
    pipeline = bundle.load_pipeline(allow_version_mismatch=allow_version_mismatch)
    try:
        compiled = compile_pipeline(pipeline, contract)  # for its edges: thresholds, categories
    except NotCompilable as obstacle:
        raise TrainingError(f"{bundle.label} can no longer be compiled here: {obstacle}") from obstacle
    program = bundle.program()
    graph = onnx.load_model_from_string(program.graph)
    stored = dataclasses.replace(compiled, model=graph, many_rows=program.many_rows, text=program.text)
    matrix, rows = as_served(contract, frame)
    return prove(stored, pipeline, contract, rows, matrix, threads=available_processors())
