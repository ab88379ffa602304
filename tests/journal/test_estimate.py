"""Estimated quality is exported for a calibrated model, not for an overconfident one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import fasttrack
from fasttrack.metrics.reference import calibration_error, read_reference
from tests.serving.server import serving

if TYPE_CHECKING:
    from fasttrack import Outcome

FASTTRACK = Path(sys.executable).parent / "fasttrack"


def table(rows: int) -> pd.DataFrame:
    """The same column four times: naive Bayes assumes independent columns and becomes overconfident."""
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    frame = pd.DataFrame({f"x{number}": x for number in range(4)})
    frame["bought"] = np.where(random.uniform(size=rows) < 1 / (1 + np.exp(-1.5 * x)), "yes", "no")
    return frame


def trained(store: Path, model: Any) -> Outcome:
    frame = table(4_000)
    X, y = frame.drop(columns="bought"), frame["bought"]
    fitted = model.fit(X[:2_000], y[:2_000])
    return fasttrack.package(fitted, X[2_000:], y[2_000:], name="buyers", store=store, promote="always")


@pytest.mark.parametrize(("model", "shown"), [(LogisticRegression(), True), (GaussianNB(), False)])
def test_an_estimate_is_shown_only_of_calibrated_probabilities(tmp_path: Path, model: Any, shown: bool) -> None:
    outcome = trained(tmp_path, model)
    reference = read_reference(outcome.bundle)
    assert reference is not None
    assert reference.calibration_error is not None
    assert (reference.calibration_error <= 0.05) is shown
    frame = table(6_000)[4_000:]
    rows = frame.drop(columns="bought").to_dict("records")
    with serving(tmp_path, journal="on") as client:
        answers = client.post("/predict", json=rows).json()
    with serving(tmp_path, journal="on") as client:
        exposition = client.get("/metrics").text
    told = re.findall(
        r'^fasttrack_estimated_quality\{metric="accuracy".*window="1h"\} (\S+)$', exposition, re.MULTILINE
    )
    assert 'fasttrack_label_coverage_ratio{model="buyers"' in exposition, "the predictions are there"
    assert bool(told) is shown
    command = [str(FASTTRACK), "quality", "--store", str(tmp_path)]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert ("accuracy, estimated" in printed) is shown
    truth = frame["bought"].tolist()
    measured = float(np.mean([one == true for one, true in zip(answers["predictions"], truth, strict=True)]))
    confidence = float(np.mean(np.max(list(answers["probabilities"].values()), axis=0)))
    if shown:
        assert float(told[0]) == pytest.approx(confidence)
        assert float(told[0]) == pytest.approx(measured, abs=0.03), "the labels bear it out"
    else:
        assert confidence > measured + 0.05, "what is hidden would have been wrong"


def test_the_calibration_error_is_the_mean_gap_between_confidence_and_accuracy() -> None:
    shares = np.array([[0.05, 0.95]] * 100 + [[0.65, 0.35]] * 100)
    truth = np.array([1] * 95 + [0] * 5 + [0] * 45 + [1] * 55)
    assert calibration_error(shares, truth) == pytest.approx((0 + 0.2) / 2)
