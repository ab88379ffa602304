"""The gate promotes what is better, says how sure it is, and is not fooled by chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, root_mean_squared_error

import fasttrack
from fasttrack.errors import ConfigError
from fasttrack.evaluate import compare
from fasttrack.store import Store


def test_a_comparison_is_that_of_resampled_rows_taken_for_both() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=300)
    ours, theirs = truth + random.normal(0, 1, 300), truth + random.normal(0, 1.1, 300)
    found = compare("regression", truth, (ours, None), (theirs, None))
    assert (found.metric, found.rows) == ("rmse", 300)
    assert found.ours == pytest.approx(root_mean_squared_error(truth, ours))
    assert found.theirs == pytest.approx(root_mean_squared_error(truth, theirs))
    assert found.gain == pytest.approx(found.theirs - found.ours)
    gains = []
    for _ in range(4000):
        rows = random.integers(0, 300, 300)
        gains.append(
            root_mean_squared_error(truth[rows], theirs[rows]) - root_mean_squared_error(truth[rows], ours[rows])
        )
    assert found.low == pytest.approx(np.percentile(gains, 2.5), abs=0.01)
    assert found.high == pytest.approx(np.percentile(gains, 97.5), abs=0.01)
    assert found.confidence == pytest.approx(np.mean(np.array(gains) > 0), abs=0.03)


def test_a_greater_figure_is_better_where_more_is_better() -> None:
    truth = np.array(["a", "b"] * 50)
    right, wrong = truth.copy(), np.array(["a"] * 100)
    found = compare("binary", truth, (right, None), (wrong, None), ["a", "b"])
    assert (found.metric, found.gain, found.confidence) == ("accuracy", 0.5, 1.0)
    assert compare("binary", truth, (wrong, None), (right, None), ["a", "b"]).confidence == 0


def test_probabilities_are_compared_by_log_loss() -> None:
    random = np.random.default_rng(1)
    share = random.uniform(0.1, 0.9, 500)
    truth = np.where(random.uniform(size=500) < share, "b", "a")
    good, bad = np.column_stack([1 - share, share]), np.full((500, 2), 0.5)
    guess = np.where(share > 0.5, "b", "a")
    found = compare("binary", truth, (guess, good), (guess, bad), ["a", "b"])
    assert found.metric == "log_loss"
    assert found.gain == pytest.approx(log_loss(truth, bad) - log_loss(truth, good))
    assert found.confidence > 0.99


def test_a_model_against_itself_is_neither_better_nor_worse() -> None:
    truth = np.arange(50.0)
    assert compare("regression", truth, (truth + 1, None), (truth + 1, None)).confidence == 0.5


def test_models_that_are_equally_good_are_seldom_taken_for_better() -> None:
    random = np.random.default_rng(2)
    wins = 0
    for number in range(300):
        truth = random.normal(size=200)
        ours, theirs = (truth + random.normal(size=200) for _ in range(2))
        wins += compare("regression", truth, (ours, None), (theirs, None), seed=number).confidence >= 0.95
    assert wins <= 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5


def table(path: Path, noise: float = 1.0, rows: int = 1500) -> Path:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=rows), "z": random.normal(size=rows)})
    frame["y"] = 2 * frame["x"] + 0.05 * frame["z"] + noise * random.normal(size=rows)
    frame.to_csv(path, index=False)
    return path


def test_a_gain_within_chance_promotes_only_when_less_is_asked_for(tmp_path: Path) -> None:
    data = table(tmp_path / "houses.csv")
    first = fasttrack.train(data, "y", estimator="linear", ignore=("z",), store=tmp_path / "store")
    assert first.verdict.promoted
    second = fasttrack.train(data, "y", estimator="linear", store=tmp_path / "store", promote="never")
    compared = second.verdict.comparison
    assert compared is not None
    sure = compared.confidence
    assert 0.5 < sure < 0.999, "a gain that is within chance"
    assert "not promoted, as asked; rmse" in second.verdict.reason
    assert f"in {sure:.4g} of all resamples" in second.verdict.reason
    strict = fasttrack.train(
        data, "y", estimator="linear", store=tmp_path / "store", confidence=min(sure + 0.0005, 0.9999)
    )
    assert not strict.verdict.promoted
    assert "are asked for; promote it by hand: fasttrack models promote houses@" in strict.verdict.reason
    mild = fasttrack.train(data, "y", estimator="linear", store=tmp_path / "store", confidence=0.5)
    assert mild.verdict.promoted
    assert Store(tmp_path / "store").champion("houses") == mild.manifest.version
    assert first.manifest.version in mild.verdict.reason


def test_a_confidence_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--confidence 1: write a share"):
        fasttrack.train(table(tmp_path / "t.csv", rows=50), "y", store=tmp_path, confidence=1.0)
