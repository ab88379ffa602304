"""A draft becomes a bundle in the store: compiled and proved, with its drift reference and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.bundle import program_files, write_bundle
from fasttrack.compiler import try_to_compile
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.round_trip import check_round_trip
from fasttrack.metrics.reference import MOST_FEATURES, REFERENCE, calibration_error, learn_reference
from fasttrack.processors import available_processors
from fasttrack.progress import report_step
from fasttrack.report import ReportData, build_report, examine
from fasttrack.schemes import is_url
from fasttrack.tracking.model_files import model_files
from fasttrack.training.sensitivity import sensitivity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract
    from fasttrack.gate import ChampionComparison
    from fasttrack.jobs.draft import Draft
    from fasttrack.metrics.reference import Reference
    from fasttrack.store import Store
    from fasttrack.training.holdout import HoldOut

__all__ = ["assemble"]

_MOST_PREDICTIONS = 20_000
"""Predictions from which the drift reference learns their distribution."""


def assemble(draft: Draft, store: Store, comparison: ChampionComparison | None) -> Bundle:
    """Write the bundle of `draft` into `store`; its report shows the `comparison` with the champion.

    Raises TrainingError when the model gives other answers for rows sent as JSON, BundleError when its pipeline cannot
    be pickled, StoreError when the store cannot be written.
    """
    contract, pipeline = draft.manifest.contract, draft.pipeline
    check_round_trip(contract, pipeline, draft.X)
    report_step("compiling and proving")
    matrix = matrix_from_frame(contract, draft.X)
    compiled = try_to_compile(pipeline, contract, draft.X, matrix, threads=available_processors())
    manifest = msgspec.structs.replace(
        draft.manifest,
        engine="sklearn" if compiled.program is None else "onnx",
        engine_reason=compiled.reason,
        refusals=compiled.input_rules,
        proof=compiled.proof,
    )
    reference = _reference(contract, pipeline, matrix, draft.holdout)
    report_step("writing the report")
    if draft.evaluated is None:
        measurements = examine(pipeline, contract, reference, draft.holdout, matrix, compiled.program)
    else:  # what serves has seen the hold-out
        measurements = examine(draft.evaluated, contract, reference, draft.holdout, matrix)
    report_step(f"writing the bundle to {store.location}" if is_url(store.location) else "writing the bundle")
    files = model_files(manifest) | {REFERENCE: msgspec.json.encode(reference)}
    if compiled.program is not None:
        files |= program_files(compiled.program)
    return store.add(
        manifest.name,
        lambda folder: write_bundle(
            folder,
            manifest,
            pipeline,
            code=draft.code,
            others=files,
            report=lambda versioned: build_report(
                ReportData(versioned, measurements, comparison, leaderboard=draft.leaderboard)
            ).encode(),
        ),
    )


def _reference(contract: Contract, pipeline: Any, matrix: NDArray[np.float64], holdout: HoldOut) -> Reference:
    """The drift reference: the features of all rows, `matrix` [n, f], and the predictions for the hold-out."""
    rows = np.linspace(0, len(holdout.X) - 1, min(len(holdout.X), _MOST_PREDICTIONS)).astype(int)
    output = holdout.prediction[rows]
    error = None
    if contract.target.classes is not None:
        codes = {label: code for code, label in enumerate(contract.target.classes)}
        output = np.array([codes[label] for label in output.tolist()])
        if holdout.probabilities is not None:
            truth = np.array([codes.get(label, -1) for label in holdout.y.iloc[rows].tolist()])
            error = calibration_error(holdout.probabilities[rows], truth)
    wide = len(contract.columns) > MOST_FEATURES
    importance = sensitivity(pipeline, holdout.X, array=contract.input == "array") if wide else None
    reference = learn_reference(contract, matrix, output.astype(np.float64), importance=importance)
    return msgspec.structs.replace(reference, calibration_error=error)
