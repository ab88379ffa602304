"""Prove a stored model once more, on whatever table has its columns."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import onnx
import pandas as pd

from fasttrack.bundle import GRAPH
from fasttrack.compiler import NotCompilable, compile_pipeline, prove
from fasttrack.contract.frame import matrix_from_frame, pipeline_input
from fasttrack.data import Source
from fasttrack.errors import DataError, TrainingError
from fasttrack.training.table import series

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract
    from fasttrack.graph import Proof

__all__ = ["verify_on"]


def verify_on(
    bundle: Bundle,
    source: str | Path,
    *,
    query: str | None = None,
    table: str | None = None,
    sample: int | None = None,
    allow_version_mismatch: bool = False,
) -> Proof:
    """Compare the bundle's graph with its pipeline on every row of `source` that the contract takes, and on edge rows.

    Of a database, `query` or `table` is what is read; of many rows a random `sample` may do.
    Raises DataError when the table lacks a column or has no such row, BundleError when the pipeline cannot be loaded,
    TrainingError when the model is not compiled.
    """
    contract = bundle.manifest.contract
    if bundle.manifest.engine != "onnx":
        reason = bundle.manifest.engine_reason or "it was not tried"
        raise TrainingError(f"{bundle.label} is not compiled, scikit-learn serves it: {reason}")
    frame = _rows(contract, Source(source, query=query, table=table), sample)
    pipeline = bundle.load_pipeline(allow_version_mismatch=allow_version_mismatch)
    try:
        compiled = compile_pipeline(pipeline, contract)  # tells where the edges are
    except NotCompilable as obstacle:
        raise TrainingError(f"{bundle.label} cannot be compiled here any more: {obstacle}") from obstacle
    stored = dataclasses.replace(compiled, model=onnx.load_model_from_string(bundle.read(GRAPH)))
    matrix = matrix_from_frame(contract, frame)
    words = {
        j: frame.iloc[:, j].astype(object).where(frame.iloc[:, j].notna(), None).tolist()
        for j, column in enumerate(contract.columns)
        if column.kind == "category"
    }
    rows: Any = pipeline_input(contract, matrix, words)
    return prove(stored, pipeline, contract, rows, matrix, threads=os.cpu_count() or 1)


def _rows(contract: Contract, source: Source, sample: int | None) -> pd.DataFrame:
    """The table's rows that the contract takes, as it names and orders the columns."""
    there = set(source.names)
    lacking = [column.name for column in contract.columns if column.name not in there and not column.nullable]
    if lacking:
        raise DataError(f"{source.name} lacks columns that the model needs: {', '.join(map(repr, lacking))}")
    kinds = {column.name: column.kind for column in contract.columns if column.name in there}
    if not kinds:
        raise DataError(f"{source.name} has none of the model's columns: {', '.join(map(repr, contract.names))}")
    table = source.read(kinds=kinds, columns=list(kinds), rows=sample)
    columns = [
        series(table.column(column.name))[0] if column.name in there else pd.Series([None] * table.num_rows)
        for column in contract.columns
    ]
    frame = pd.DataFrame(dict(enumerate(columns)))
    required = [j for j, column in enumerate(contract.columns) if not column.nullable]
    frame = frame[~frame.iloc[:, required].isna().any(axis=1)].reset_index(drop=True)
    if not len(frame):
        raise DataError(f"{source.name} has no row that the model takes: each lacks a value that it needs")
    return frame
