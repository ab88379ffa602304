"""The report of a stored version, measured on another table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fasttrack.data import Source
from fasttrack.evaluation import evaluate, trivial_predictions
from fasttrack.metrics.reference import learn_reference, read_reference
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.report.measurements import examine
from fasttrack.report.page import Remeasurement, ReportData, build_report
from fasttrack.training.holdout import predict_holdout
from fasttrack.training.known import as_served, labelled_rows

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.bundle import Bundle

__all__ = ["rebuild"]


def rebuild(
    bundle: Bundle,
    source: str | Path,
    *,
    query: str | None = None,
    table: str | None = None,
    sample: int | None = None,
    reading: ReadOptions = DEFAULT_READING,
    allow_version_mismatch: bool = False,
) -> str:
    """The report of `bundle` on the rows of `source` that have a target and every value that the contract requires.

    `query` or `table` selects the rows of a database, `reading` says how a file is read; `sample`: measure on a random
    sample of so many rows. Raises DataError when the table lacks a column or has no such row, BundleError when the
    pipeline cannot be loaded.
    """
    contract = bundle.manifest.contract
    opened = Source(source, query=query, table=table, reading=reading)
    frame, truth, weights = labelled_rows(contract, opened, sample, bundle.manifest.training.weight)
    pipeline = bundle.load_pipeline(allow_version_mismatch=allow_version_mismatch)
    matrix, rows = as_served(contract, frame)
    X = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=contract.names)
    held = predict_holdout(pipeline, contract, X, truth, weights=weights)
    target, y = contract.target, truth.to_numpy()
    evaluation = evaluate(
        target.task,
        y,
        *held.predictions,
        target.classes,
        weights=weights,
        positive=target.positive_code,
        trivial=trivial_predictions(target.task, y, len(y), target.classes, weights),
    )
    program = bundle.program() if bundle.manifest.engine == "onnx" else None
    # a version without a reference is cut into the bins of the table itself
    reference = read_reference(bundle) or learn_reference(contract, matrix, np.zeros(1))
    measurements = examine(pipeline, contract, reference, held, program=program)
    remeasurement = Remeasurement(opened.name, len(truth), evaluation, is_weighted=weights is not None)
    return build_report(ReportData(bundle.manifest, measurements, remeasurement=remeasurement))
