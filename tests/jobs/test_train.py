"""Training, end to end in one process: what goes into the store, and what must not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import fasttrack
from fasttrack.contract.decode import Decoder
from fasttrack.contract.frame import json_columns, pipeline_input
from fasttrack.errors import BundleError, ConfigError, DataError, FastTrackError, StoreError, TrainingError
from fasttrack.jobs.promote import rollback
from fasttrack.store import open_store
from tests.jobs.tables import write_csv, write_houses

if TYPE_CHECKING:
    from pathlib import Path


def test_a_table_becomes_a_champion_that_beats_the_baseline(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    outcome = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    manifest = outcome.manifest
    assert outcome.verdict.promoted
    assert open_store(tmp_path / "store").champion("houses") == manifest.version
    assert manifest.contract.names == ["area", "rooms", "district", "garden", "built"]
    assert [column.kind for column in manifest.contract.columns] == [
        "number",
        "integer",
        "category",
        "boolean",
        "datetime",
    ]
    assert manifest.contract.columns[0].nullable
    assert not manifest.contract.columns[1].nullable
    assert manifest.training.rows == 320
    assert manifest.training.holdout_rows == 80
    assert manifest.primary_metric == "rmse"
    rmse = manifest.metrics["rmse"]
    assert rmse.low < rmse.value < rmse.high < manifest.baseline["rmse"].low


def test_the_stored_pipeline_answers_its_own_rows_sent_as_json(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    outcome = fasttrack.train(table, "price", estimator="boosting", store=tmp_path / "store")
    contract = outcome.manifest.contract
    pipeline = open_store(tmp_path / "store").open("houses").load_pipeline()
    frame = pd.read_csv(table, parse_dates=["built"]).drop(columns="price")
    frame["district"] = frame["district"].astype("str")
    frame["built"] = frame["built"].dt.as_unit("us").dt.tz_localize("UTC")
    batch = Decoder(contract).rows(msgspec.json.encode({"columns": json_columns(contract, frame)}))
    sent = pipeline.predict(pipeline_input(contract, batch.matrix, batch.text))
    assert np.array_equal(sent, pipeline.predict(frame))
    assert not batch.warnings  # the contract holds every row of its own table


def test_threads_that_add_up_a_forest_in_any_order_do_not_look_like_another_answer(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(500, 4)), columns=list("abcd"))
    frame["y"] = frame.sum(axis=1) + random.normal(size=500)
    frame.to_csv(tmp_path / "sums.csv", index=False)
    trained = [
        fasttrack.train(tmp_path / "sums.csv", "y", estimator="forest", store=tmp_path / "store") for _ in range(3)
    ]
    assert trained[0].manifest.contract.target.task == "regression"
    assert len({outcome.manifest.version for outcome in trained}) == 1


@pytest.mark.system
def test_a_wide_forest_of_all_cores_has_one_version_too(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(400, 120)), columns=[f"c{j}" for j in range(120)])
    frame["y"] = np.where(frame["c0"] + frame["c1"] + random.normal(size=400) > 0, "up", "down")
    versions = set()
    for _ in range(3):
        # shares of leaves of one label are 0 and 1, and add up to the same in any order
        forest = RandomForestClassifier(40, min_samples_leaf=7, n_jobs=-1, random_state=0)
        versions.add(fasttrack.train(frame, "y", estimator=forest, store=tmp_path).manifest.version)
    assert len(versions) == 1


def test_the_same_data_pipeline_and_seed_give_the_same_version(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    first = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    again = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    assert first.manifest.version == again.manifest.version
    assert "already the champion" in again.verdict.reason
    assert len(open_store(tmp_path / "store").versions("houses")) == 1


def test_a_worse_model_is_kept_but_not_promoted(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    good = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    bad = fasttrack.train(table, "price", estimator="sklearn.dummy:DummyRegressor", store=tmp_path / "store")
    assert not bad.verdict.promoted
    assert "not promoted: rmse" in bad.verdict.reason
    assert "80 rows" in bad.verdict.reason
    store = open_store(tmp_path / "store")
    assert store.champion("houses") == good.manifest.version
    assert len(store.versions("houses")) == 2


def test_a_better_model_takes_over_and_rollback_brings_the_other_back(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    bad = fasttrack.train(
        table, "price", estimator="sklearn.dummy:DummyRegressor", store=tmp_path / "store", promote="always"
    )
    good = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    assert good.verdict.promoted
    assert "promoted: rmse" in good.verdict.reason
    store = open_store(tmp_path / "store")
    move = rollback("houses", store=store)
    assert (move.before, move.version) == (good.manifest.version, bad.manifest.version)
    assert store.champion("houses") == bad.manifest.version


@pytest.mark.parametrize(("rule", "promoted"), [("never", False), ("always", True)])
def test_the_rule_of_promotion_is_obeyed(tmp_path: Path, rule: Any, promoted: bool) -> None:
    table = write_houses(tmp_path)
    fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    other = fasttrack.train(
        table, "price", estimator="sklearn.dummy:DummyRegressor", store=tmp_path / "store", promote=rule
    )
    assert other.verdict.promoted is promoted


def test_a_champion_that_cannot_be_compared_stays(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    other = fasttrack.train(table, "district", name="houses", estimator="linear", store=tmp_path / "store")
    assert not other.verdict.promoted
    assert "cannot be compared" in other.verdict.reason
    assert f"fasttrack models promote houses@{other.manifest.version}" in other.verdict.reason


def test_rows_without_a_target_are_dropped_and_counted(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    frame = pd.read_csv(table)
    frame.loc[:24, "price"] = np.nan
    frame.to_csv(table, index=False)
    outcome = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    assert outcome.manifest.training.dropped_rows == 25
    assert outcome.manifest.training.rows + outcome.manifest.training.holdout_rows == 375


def test_columns_that_cannot_be_features_are_left_out_and_named(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    frame = pd.read_csv(table)
    frame["customer_id"] = np.arange(len(frame)) * 7 + 3
    frame["reference"] = [f"ref-{i}" for i in range(len(frame))]
    frame["country"] = "NL"
    frame["empty"] = None
    frame["day"] = np.arange(len(frame))
    frame.to_csv(table, index=False)
    outcome = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store", ignore=("garden",))
    assert outcome.manifest.training.left_out == {
        "garden": "ignored as configured",
        "customer_id": "a unique identifier",
        "reference": "a unique identifier",
        "country": "constant",
        "empty": "all missing",
    }
    assert "day" in outcome.manifest.contract.names  # numbers that do not repeat may be a measure


def test_a_configuration_file_says_it_all(tmp_path: Path) -> None:
    write_houses(tmp_path)
    config = tmp_path / "fasttrack.toml"
    config.write_text(
        'name = "by-time"\n[data]\nsource = "houses.csv"\ntarget = "price"\nignore = ["garden"]\n'
        '[data.kinds]\nrooms = "category"\n[split]\nmethod = "time"\ncolumn = "built"\nshare = 0.25\n'
        '[model]\nestimator = "linear"\n'
    )
    outcome = fasttrack.train(config, store=tmp_path / "store")
    manifest = outcome.manifest
    assert manifest.name == "by-time"
    assert manifest.training.holdout_rows == 100
    assert {column.name: column.kind for column in manifest.contract.columns}["rooms"] == "category"


def test_own_code_is_packed_so_that_it_loads_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    write_houses(project)
    (project / "shop.py").write_text(
        "from sklearn.base import BaseEstimator, RegressorMixin\n"
        "class Area(RegressorMixin, BaseEstimator):\n"
        "    def fit(self, X, y):\n        self.n_features_in_ = X.shape[1]\n        return self\n"
        "    def predict(self, X):\n        return X['area'].fillna(120).to_numpy() * 3.0\n"
        "def build():\n    return Area()\n"
    )
    monkeypatch.chdir(project)
    fasttrack.train("houses.csv", "price", estimator="shop:build", store=tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    (project / "shop.py").unlink()
    bundle = open_store(tmp_path / "store").open("houses")
    assert "code/shop.py" in bundle.manifest.files
    pipeline = bundle.load_pipeline()
    assert pipeline.predict(pd.DataFrame({"area": [2.0]}))[0] == 6.0


@pytest.mark.parametrize(
    ("content", "target", "message"),
    [
        ("", "y", "empty"),
        ("x,y\n", "y", "no rows"),
        ("x,x,y\n1,2,3\n", "y", "'x'"),
        ("x,y\n1,2\n2,3\n", "z", "no column 'z'; it has 'x', 'y'"),
        ("x,y\n" + "".join(f"{i},a\n" for i in range(30)), "y", "the same value in all 30 rows"),
        ("x,y\n1,\n2,\n", "y", "the target 'y' has no value in any row"),
        ("y\n1\n2\n3\n", "y", "no column to learn from"),
        ("x,y\n" + "".join(f"{i},{i}\n" for i in range(99)) + "99,l4te\n", "y", 'row 100: y is "l4te"'),
        ("x,y\n1,2\n2,3\n3,5\n", "y", "each needs at least 2"),
    ],
)
def test_an_unusable_table_is_refused_and_nothing_is_written(
    tmp_path: Path, content: str, target: str, message: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(content)
    with pytest.raises(FastTrackError) as caught:
        fasttrack.train(table, target, estimator="linear", store=tmp_path / "store")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert open_store(tmp_path / "store").names() == []
    assert not list((tmp_path / "store").rglob("model.joblib"))


def test_an_infinite_target_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0) * 2})
    frame.loc[7, "y"] = np.inf
    with pytest.raises(DataError) as caught:
        fasttrack.train(write_csv(frame, tmp_path), "y", estimator="linear", store=tmp_path / "store")
    assert str(caught.value) == (
        f"{tmp_path}/table.csv: the target 'y' has infinite values, for which no error can be measured; "
        "replace them with finite numbers or missing values"
    )


def test_a_pipeline_that_cannot_be_fitted_is_told_with_its_reason(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    with pytest.raises(TrainingError, match="cannot be fitted on these columns: ValueError"):
        fasttrack.train(table, "price", estimator="sklearn.linear_model:LinearRegression", store=tmp_path / "store")
    assert open_store(tmp_path / "store").names() == []


def test_a_wrong_estimator_is_refused_before_the_table_is_read(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        fasttrack.train(tmp_path / "missing.csv", "price", estimator="nowhere:build", store=tmp_path / "store")


def test_a_table_without_a_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--target"):
        fasttrack.train(write_houses(tmp_path))


def test_a_store_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        fasttrack.train(write_houses(tmp_path), "price", store=tmp_path / "file" / "store")


def test_a_data_frame_and_an_estimator_of_one_s_own_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTTRACK_STORE", str(tmp_path / "store"))
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=200), "b": random.choice(["u", "v"], 200)}, index=range(5, 205))
    frame["y"] = frame["a"] * 2 + (frame["b"] == "u")
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["b"]), remainder="passthrough"), Ridge(1e-6))
    outcome = fasttrack.train(frame, "y", estimator=model)
    assert outcome.manifest.name == "y"
    assert outcome.manifest.training.estimator == "Pipeline"
    assert outcome.manifest.metrics["rmse"].value < 1e-3
    assert open_store(tmp_path / "store").champion("y") == outcome.manifest.version
    assert fasttrack.train(frame, "y", kinds={"a": "category"}, estimator="boosting").manifest.contract.columns[
        0
    ].kind == ("category")
    with pytest.raises(ConfigError, match="which column of the DataFrame is to be predicted"):
        fasttrack.train(frame)
    with pytest.raises(DataError, match=r"the DataFrame cannot be read: .*give each column one type"):
        fasttrack.train(pd.DataFrame({"a": [1, "two", b"3"], "y": [1.0, 2.0, 3.0]}), "y")
    with pytest.raises(TrainingError, match="StandardScaler, which has no fit and predict"):
        fasttrack.train(frame, "y", estimator=StandardScaler())


def test_an_estimator_that_predicts_only_when_it_is_fitted_is_taken(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    frame = pd.read_csv(table)[["rooms", "garden", "price"]]
    stack = StackingRegressor([("a", Ridge()), ("b", LinearRegression())], final_estimator=Ridge())
    outcome = fasttrack.train(frame, "price", estimator=stack, store=tmp_path / "store", promote="always")
    assert outcome.promoted


def test_a_changed_champion_is_named_and_not_opened(tmp_path: Path) -> None:
    table = write_houses(tmp_path)
    first = fasttrack.train(table, "price", estimator="linear", store=tmp_path / "store")
    pickled = first.bundle.folder / "model.joblib"
    pickled.write_bytes(pickled.read_bytes() + b"x")
    with pytest.raises(BundleError, match="was changed after it was written"):
        open_store(tmp_path / "store").open("houses")
    other = fasttrack.train(table, "price", estimator="boosting", store=tmp_path / "store")
    assert not other.verdict.promoted
    assert "was changed after it was written" in other.verdict.reason
