"""`refit`: what serves was fitted on all rows, and every figure is of the model that had not seen the hold-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import fasttrack
from fasttrack.report import read_report
from fasttrack.store import open_store
from tests.jobs.tables import write_houses

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.jobs import Outcome


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, Outcome]:
    """The store, a model, and the same one fitted again on all rows."""
    folder = tmp_path_factory.mktemp("refit")
    table = write_houses(folder)
    plain = fasttrack.train(table, "price", estimator="forest", store=folder / "store")
    again = fasttrack.train(table, "price", estimator="forest", refit=True, store=folder / "store", promote="always")
    return folder, plain, again


def test_the_figures_stay_those_of_the_evaluated_model(trained: tuple[Path, Outcome, Outcome]) -> None:
    _, plain, again = trained
    assert again.metrics == plain.metrics
    assert (plain.manifest.training.rows, plain.manifest.training.evaluated_rows) == (320, None)
    assert (again.manifest.training.rows, again.manifest.training.evaluated_rows) == (400, 320)
    assert again.manifest.training.holdout_rows == 80
    assert again.manifest.version != plain.manifest.version
    assert again.manifest.engine == "onnx"


def test_what_serves_has_seen_the_hold_out(trained: tuple[Path, Outcome, Outcome]) -> None:
    folder, plain, again = trained
    frame = pd.read_csv(folder / "houses.csv")
    errors = {}
    for outcome in (plain, again):
        model = fasttrack.load(outcome.label, store=folder / "store")
        errors[outcome.label] = np.abs(model.predict(frame.drop(columns="price")) - frame["price"]).mean()
    assert errors[again.label] < errors[plain.label]


def test_the_comparison_uses_the_evaluated_model(trained: tuple[Path, Outcome, Outcome]) -> None:
    _, _, again = trained
    comparison = again.verdict.comparison
    assert comparison is not None
    assert comparison.gain == pytest.approx(0, abs=1e-9)  # the same model before it was fitted again


def test_a_champion_that_was_fitted_again_is_not_compared_on_rows_that_it_may_have_seen(
    trained: tuple[Path, Outcome, Outcome],
) -> None:
    folder, _, again = trained
    assert open_store(folder / "store").champion("houses") == again.manifest.version
    challenger = fasttrack.train(folder / "houses.csv", "price", estimator="linear", store=folder / "store")
    assert not challenger.promoted
    assert "it was fitted on all rows of its table after its evaluation, so it may have seen these" in (
        challenger.verdict.reason
    )


def test_the_report_says_which_model_was_measured(trained: tuple[Path, Outcome, Outcome]) -> None:
    folder, plain, again = trained
    store = open_store(folder / "store")
    pages = [read_report(store.open(outcome.label)) for outcome in (plain, again)]
    said = ["80 rows that it was not trained on before it was fitted again on all rows" in page for page in pages]
    assert said == [False, True]


def test_a_class_that_only_the_hold_out_has_gets_no_probability(tmp_path: Path) -> None:
    """By time, the last rows have a label of their own: known to what serves, unknown to what was measured."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"at": np.arange(200), "x": random.normal(size=200)})
    frame["y"] = np.where(frame["x"] > 0, "up", "down")
    frame.loc[195:, "y"] = "new"
    frame["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["at"], unit="h")
    options: dict[str, Any] = {"estimator": "linear", "split_method": "time", "split_column": "at", "store": tmp_path}
    plain = fasttrack.train(frame, "y", name="plain", **options)
    again = fasttrack.train(frame, "y", name="again", refit=True, **options)
    assert plain.manifest.contract.target.classes == ["down", "up"]
    assert again.manifest.contract.target.classes == ["down", "new", "up"]
    assert again.metrics["accuracy"].value == plain.metrics["accuracy"].value
