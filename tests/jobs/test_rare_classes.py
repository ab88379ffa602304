"""A rare class is found: by a threshold that every way of predicting applies, and a useless model is not promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import fasttrack
from fasttrack.bundle import open_bundle
from fasttrack.contract.decode import Decoder
from fasttrack.contract.frame import frame_columns
from fasttrack.errors import TrainingError
from fasttrack.report import read_report
from fasttrack.scoring.sklearn_engine import SklearnEngine
from fasttrack.serving.http.wire import Wire
from fasttrack.store import open_store
from fasttrack.tracking.pyfunc import BundleModel
from tests.cli.commands import run
from tests.jobs.tables import write_csv
from tests.serving.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.jobs import Outcome


def rare_table(rows: int = 700, seed: int = 3) -> pd.DataFrame:
    """Frauds, about one row in twenty, that none is sure to be: the more probable class is nearly always the other."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": random.normal(size=rows), "b": random.normal(size=rows).round(3)})
    frame["kind"] = random.choice(["card", "transfer"], rows)
    chance = 1 / (1 + np.exp(4.2 - 1.3 * frame["a"] - 0.8 * (frame["kind"] == "card")))
    frame["fraud"] = np.where(random.random(rows) < chance, "fraud", "ok")
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rare")


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Outcome:
    return fasttrack.train(rare_table(), "fraud", estimator="linear", name="rare", store=folder / "model")


def test_the_rare_class_is_the_positive_one_with_the_best_threshold_of_the_training_rows(outcome: Outcome) -> None:
    manifest, target = outcome.manifest, outcome.manifest.contract.target
    assert outcome.promoted
    assert (target.classes, target.positive, target.imbalanced) == (["fraud", "ok"], "fraud", True)
    assert target.threshold is not None
    assert target.threshold < 0.5
    record = manifest.training.threshold
    assert record is not None
    assert (record.rule, record.value) == ("f1", target.threshold)
    assert record.measured == "560 training rows, predicted by models not fitted on them"
    assert manifest.primary_metric == "average_precision"
    assert next(iter(manifest.metrics)) == "average_precision"
    assert manifest.metrics["average_precision"].value > 3 * manifest.baseline["average_precision"].value
    assert manifest.metrics["f1"].value > 0
    assert manifest.engine == "onnx"
    assert manifest.contract.columns[2].categories == ["card", "transfer"]  # learned by an encoder below the threshold
    (finding,) = manifest.training.findings
    assert (finding.code, finding.level) == ("FT110", "note")
    assert finding.message.startswith("'fraud' is fraud in only ")
    assert f"fraud is predicted from a probability of {target.threshold:g} on" in finding.message


def test_every_way_of_predicting_applies_the_threshold(outcome: Outcome, folder: Path) -> None:
    store, rows = folder / "model", rare_table(100, seed=1).drop(columns="fraud")
    bundle = open_store(store).open("rare")
    fitted = bundle.load_pipeline()
    expected = fitted.predict(rows).tolist()
    probabilities = fitted.predict_proba(rows)[:, 0]
    threshold = outcome.manifest.contract.target.threshold
    assert expected == np.where(probabilities >= threshold, "fraud", "ok").tolist()
    undecided = int(np.flatnonzero((probabilities >= threshold) & (probabilities < 0.5))[0])  # 0.5 would say "ok"

    model = fasttrack.load("rare", store=store)
    assert model.predict(rows).tolist() == expected
    assert model.predict_proba(rows)[:, 0] == pytest.approx(probabilities, abs=1e-9)
    assert BundleModel(open_bundle(bundle.folder)).predict(rows).tolist() == expected
    contract = bundle.manifest.contract
    batch = Decoder(contract).columns(frame_columns(contract, rows))
    assert SklearnEngine(contract, bundle.load_pipeline()).score(batch).prediction == expected
    row: dict[str, Any] = rows.to_dict("records")[undecided]
    for http in ("httptools", Wire):
        with serving(store, http=http, model="rare") as client:
            one = client.post("/predict", json=row).json()
            assert one["prediction"] == "fraud"
            assert one["probabilities"]["fraud"] == pytest.approx(probabilities[undecided], abs=1e-9)
            assert client.get("/predict", params=row).json()["prediction"] == "fraud"
            many = client.post("/predict", json=rows.to_dict("records")).json()
            assert many["predictions"] == expected
            if http == "httptools":
                shown = client.get("/contract").json()["target"]
                assert (shown["positive"], shown["threshold"]) == ("fraud", threshold)
                documented = client.get("/openapi.json").text
                assert f"Predicted fraud. It is fraud from a probability of {threshold:g} on." in documented
    printed = run("predict", "--model", "rare", *(f"{name}={value}" for name, value in row.items()), cwd=folder).stdout
    assert printed.splitlines()[0] == "fraud"


def test_the_report_begins_with_precision_and_recall(outcome: Outcome) -> None:
    page = read_report(outcome.bundle)
    assert page.index('id="plot-precision-recall"') < page.index('id="plot-roc"')
    assert page.index("<dt>Average precision</dt>") < page.index("<dt>ROC AUC</dt>")
    assert "rows that are fraud (recall " in page
    assert f"from a probability of {outcome.manifest.contract.target.threshold:g} on, f1 on 560 training rows" in page


def test_the_threshold_is_chosen_without_the_hold_out(outcome: Outcome, folder: Path) -> None:
    frame = rare_table()
    held_out = ~frame.index.isin(_training_rows(frame))
    changed = frame.assign(a=np.where(held_out, frame["a"] + 5, frame["a"]))
    again = fasttrack.train(changed, "fraud", estimator="linear", name="moved", store=folder / "model", promote="never")
    assert again.manifest.metrics != outcome.manifest.metrics
    assert again.manifest.contract.target.threshold == outcome.manifest.contract.target.threshold


def _training_rows(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    from fasttrack.training.split import split

    return split(len(frame), method="random", share=0.2, seed=0, y=frame["fraud"].to_numpy()).train


def test_costs_and_class_weights_find_more_of_the_rare_rows(outcome: Outcome, folder: Path) -> None:
    def found(model: Outcome) -> int:
        return int((model.bundle.load_pipeline().predict(rare_table()) == "fraud").sum())

    options: dict[str, Any] = {"estimator": "linear", "store": folder / "model", "promote": "never"}
    costs: dict[str, Any] = {"threshold": "cost", "cost_false_positive": 1, "cost_false_negative": 200}
    costly = fasttrack.train(rare_table(), "fraud", name="costly", **costs, **options)
    assert found(costly) > found(outcome)
    never = fasttrack.train(rare_table(), "fraud", name="never", threshold="none", **options)
    weighted = fasttrack.train(
        rare_table(), "fraud", name="weighted", threshold="none", class_weight="balanced", **options
    )
    assert weighted.manifest.contract.target.threshold is None
    assert found(weighted) > found(never)
    assert never.manifest.training.findings[1].code == "FT111"
    assert never.manifest.training.findings[1].message.startswith("the model never predicts 'fraud' = fraud (")
    assert "<strong>FT111</strong> the model never predicts" in read_report(never.bundle)


def test_a_user_s_own_estimator_is_left_as_it_is_and_the_threshold_proposed(folder: Path) -> None:
    frame = rare_table().drop(columns="kind")
    options: dict[str, Any] = {"store": folder / "model", "promote": "never", "name": "own"}
    own = fasttrack.train(frame, "fraud", estimator=LogisticRegression(), **options)
    assert own.manifest.contract.target.threshold is None
    assert "consider --threshold f1 or cost" in own.manifest.training.findings[0].message
    told = fasttrack.train(frame, "fraud", estimator=LogisticRegression(), threshold=0.2, **options)
    assert told.manifest.contract.target.threshold == 0.2
    skipped = fasttrack.train(frame, "fraud", estimator="linear", check_skip=["FT110"], **options)
    assert (skipped.manifest.contract.target.positive, skipped.manifest.contract.target.threshold) == (None, None)
    with pytest.raises(TrainingError, match=r"model\.class_weight is for built-in estimators"):
        fasttrack.train(frame, "fraud", estimator=LogisticRegression(), class_weight="balanced", **options)


def noise(rows: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.normal(size=rows), "y": random.normal(size=rows)})


def test_a_model_that_is_of_no_use_is_not_promoted_unless_told_so(tmp_path: Path) -> None:
    table = write_csv(noise(), tmp_path)
    refused = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "model")
    assert not refused.promoted
    assert refused.verdict.reason.startswith("not promoted: there is no champion, and the model is not clearly better")
    assert refused.verdict.reason.endswith(f"to promote it anyway: fasttrack models promote {refused.label}")
    (finding,) = refused.manifest.training.findings
    assert (finding.code, finding.level) == ("FT112", "caution")
    assert "<strong>FT112</strong> the model is not clearly better" in read_report(refused.bundle)
    assert open_store(tmp_path / "model").champion("table") is None
    told = fasttrack.train(table, "y", estimator="linear", store=tmp_path / "model", promote="always")
    assert told.promoted
    skipped = fasttrack.train(
        table, "y", estimator="linear", store=tmp_path / "other", check_skip=["FT112"], split_seed=1
    )
    assert skipped.promoted


def test_a_model_with_a_small_but_certain_gain_is_promoted(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"x": random.normal(size=1500)})
    frame["y"] = random.random(1500) < 1 / (1 + np.exp(-frame["x"] * 0.5))
    outcome = fasttrack.train(write_csv(frame, tmp_path), "y", estimator="linear", store=tmp_path / "model")
    assert 0 < outcome.manifest.gains["log_loss"].value < 0.06
    assert outcome.manifest.gains["roc_auc"].low > 0
    assert outcome.promoted
    assert outcome.manifest.training.findings == []
