"""The gate promotes what is better, says how sure it is, and is not fooled by chance."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.neighbors import KNeighborsRegressor

import fasttrack
from fasttrack.bundle import Bundle, write_bundle
from fasttrack.config import DataConfig, ModelConfig, SplitConfig, TrainConfig
from fasttrack.errors import ConfigError
from fasttrack.evaluation import Clusters, compare
from fasttrack.store import LocalStore, open_store
from fasttrack.training.holdout import holdout_clusters


def test_a_comparison_is_that_of_resampled_rows_taken_for_both() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=300)
    ours, theirs = truth + random.normal(0, 1, 300), truth + random.normal(0, 1.1, 300)
    comparison = compare("regression", truth, (ours, None), (theirs, None))
    assert (comparison.metric, comparison.rows) == ("rmse", 300)
    assert comparison.ours == pytest.approx(root_mean_squared_error(truth, ours))
    assert comparison.theirs == pytest.approx(root_mean_squared_error(truth, theirs))
    assert comparison.gain == pytest.approx(comparison.theirs - comparison.ours)
    gains = []
    for _ in range(4000):
        rows = random.integers(0, 300, 300)
        gains.append(
            root_mean_squared_error(truth[rows], theirs[rows]) - root_mean_squared_error(truth[rows], ours[rows])
        )
    assert comparison.low == pytest.approx(np.percentile(gains, 2.5), abs=0.01)
    assert comparison.high == pytest.approx(np.percentile(gains, 97.5), abs=0.01)
    assert comparison.confidence == pytest.approx(np.mean(np.array(gains) > 0), abs=0.03)


def test_a_greater_figure_is_better_where_more_is_better() -> None:
    truth = np.array(["a", "b"] * 50)
    right, wrong = truth.copy(), np.array(["a"] * 100)
    comparison = compare("binary", truth, (right, None), (wrong, None), ["a", "b"])
    assert (comparison.metric, comparison.gain, comparison.confidence) == ("accuracy", 0.5, 1.0)
    assert compare("binary", truth, (wrong, None), (right, None), ["a", "b"]).confidence == 0


def test_probabilities_are_compared_by_log_loss() -> None:
    random = np.random.default_rng(1)
    share = random.uniform(0.1, 0.9, 500)
    truth = np.where(random.uniform(size=500) < share, "b", "a")
    good, bad = np.column_stack([1 - share, share]), np.full((500, 2), 0.5)
    guess = np.where(share > 0.5, "b", "a")
    comparison = compare("binary", truth, (guess, good), (guess, bad), ["a", "b"])
    assert comparison.metric == "log_loss"
    assert comparison.gain == pytest.approx(log_loss(truth, bad) - log_loss(truth, good))
    assert comparison.confidence > 0.99


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


def test_models_that_are_equally_good_in_few_groups_are_seldom_taken_for_better() -> None:
    """A hold-out of 20 groups, of which each likes one of the models: row by row that looks like much evidence."""
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(20), 15)
    wins = {"groups": 0, "rows": 0}
    for number in range(200):
        truth = random.normal(size=300)
        ours, theirs = (truth + random.normal(size=300) + random.normal(0, 1, 20)[groups] for _ in range(2))
        for name, together in (("groups", Clusters(groups, "groups")), ("rows", None)):
            comparison = compare("regression", truth, (ours, None), (theirs, None), clusters=together, seed=number)
            wins[name] += comparison.confidence >= 0.95
    most = 200 * 0.05 + 3 * (200 * 0.05 * 0.95) ** 0.5
    assert wins["groups"] <= most
    assert wins["rows"] > 2 * most, "else this test could not tell"


def test_whole_groups_are_resampled() -> None:
    random = np.random.default_rng(5)
    groups = random.integers(0, 12, 240)
    truth = random.normal(size=240)
    ours, theirs = truth + random.normal(0, 1, 240), truth + random.normal(0, 1.1, 240)
    comparison = compare("regression", truth, (ours, None), (theirs, None), clusters=Clusters(groups, "groups"))
    assert (comparison.rows, comparison.clusters, comparison.cluster) == (240, 12, "groups")
    members = [np.flatnonzero(groups == group) for group in range(12)]
    gains = []
    for _ in range(2000):
        rows = np.concatenate([members[group] for group in random.integers(0, 12, 11)])
        off = [float(np.sqrt(np.mean((predictions[rows] - truth[rows]) ** 2))) for predictions in (ours, theirs)]
        gains.append(off[1] - off[0])
    assert comparison.low == pytest.approx(np.percentile(gains, 2.5), abs=0.02)
    assert comparison.high == pytest.approx(np.percentile(gains, 97.5), abs=0.02)


def test_what_hangs_together_is_what_the_hold_out_was_split_by() -> None:
    assert holdout_clusters("random", None) is None
    by_shop = holdout_clusters("group", np.array(["b", "a", "b", "c"], dtype=object))
    assert by_shop is not None
    assert (by_shop.codes.tolist(), by_shop.count, by_shop.name) == ([1, 0, 1, 2], 3, "groups")
    times = np.random.default_rng(0).permutation(90)
    by_time = holdout_clusters("time", times)
    assert by_time is not None
    assert by_time.codes.tolist() == (times // 3).tolist()
    assert by_time.count == 30


def test_a_class_that_only_one_model_knows_is_one_that_the_other_misses() -> None:
    truth = np.array(["a", "b", "c", "a"] * 50)
    guess = np.array(["a", "b", "b", "a"] * 50)
    ours = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]] * 50)
    theirs = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0.9, 0.1]] * 50)
    comparison = compare("multiclass", truth, (truth, ours), (guess, theirs), ["a", "b", "c"], ["a", "b"])
    assert comparison.ours == pytest.approx(log_loss(truth, ours))
    assert comparison.theirs == pytest.approx(-(3 * np.log(0.9) + np.log(np.finfo(float).eps)) / 4)
    assert comparison.confidence == 1.0


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
    assert "; to promote it anyway: fasttrack models promote houses@" in strict.verdict.reason
    mild = fasttrack.train(data, "y", estimator="linear", store=tmp_path / "store", confidence=0.5)
    assert mild.verdict.promoted
    assert open_store(tmp_path / "store").champion("houses") == mild.manifest.version
    assert first.manifest.version in mild.verdict.reason


def test_a_confidence_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--confidence 1\.0: expected a number < 1\.0"):
        fasttrack.train(table(tmp_path / "t.csv", rows=50), "y", store=tmp_path, confidence=1.0)


def aged(store: LocalStore, bundle: Bundle) -> str:
    """The version of a copy of `bundle` that says it was trained with a scikit-learn that is not installed here."""
    packages = {**bundle.manifest.packages, "scikit-learn": "0.24.2"}
    manifest = msgspec.structs.replace(bundle.manifest, packages=packages, version="", seal="", files={})
    pipeline = bundle.load_pipeline()
    others = {name: bundle.read(name) for name in bundle.manifest.files if name != "model.joblib"}
    name = manifest.name
    added = store.add(name, lambda folder: write_bundle(folder, manifest, pipeline, others=others))
    store.point(name, added.manifest.version)
    return added.manifest.version


def test_a_compiled_champion_of_another_scikit_learn_is_compared(tmp_path: Path) -> None:
    data = table(tmp_path / "houses.csv")
    first = fasttrack.train(data, "y", estimator="sklearn.dummy:DummyRegressor", store=tmp_path / "store")
    assert first.manifest.engine == "onnx"
    version = aged(LocalStore(tmp_path / "store"), first.bundle)
    second = fasttrack.train(data, "y", estimator="linear", store=tmp_path / "store")
    assert second.verdict.promoted
    assert f"of champion {version} on the same 300 rows" in second.verdict.reason


def test_a_champion_that_was_trained_on_the_new_hold_out_is_only_harder_to_beat(tmp_path: Path) -> None:
    data = table(tmp_path / "houses.csv")
    frame = pd.read_csv(data)
    memory = KNeighborsRegressor(1).fit(frame[["x", "z"]], frame["y"])
    fasttrack.package(memory, frame[["x", "z"]], frame["y"], name="houses", store=tmp_path / "store")
    honest = fasttrack.train(data, "y", estimator="linear", store=tmp_path / "store")
    assert honest.verdict.comparison is not None
    assert (honest.verdict.promoted, honest.verdict.comparison.theirs) == (False, 0.0)


def test_a_new_class_in_the_table_does_not_end_promotions(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=900)})
    frame["y"] = np.where(frame["x"] + random.normal(0, 0.3, 900) > 0, "high", "low")
    fasttrack.train(frame, "y", estimator="linear", store=tmp_path)
    frame.loc[frame["x"] > 1, "y"] = "very high"
    second = fasttrack.train(frame, "y", estimator="linear", store=tmp_path)
    assert second.verdict.promoted
    assert "promoted: log_loss" in second.verdict.reason
    frame["y"] = frame["x"] > 0
    other = fasttrack.train(frame, "y", estimator="linear", store=tmp_path)
    assert "cannot be compared on these rows (it predicts another target, task or classes)" in other.verdict.reason


def test_a_champion_without_probabilities_is_compared_by_what_both_have(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=600)})
    frame["y"] = np.where(frame["x"] + random.normal(0, 0.5, 600) > 0, "high", "low")
    fasttrack.train(frame, "y", estimator=RidgeClassifier(), store=tmp_path)
    second = fasttrack.train(frame, "y", estimator=LogisticRegression(), store=tmp_path)
    assert second.verdict.comparison is not None
    assert second.verdict.comparison.metric == "accuracy"


def test_groups_and_times_are_resampled_whole_in_training(tmp_path: Path) -> None:
    frame = pd.read_csv(table(tmp_path / "houses.csv"))
    frame["shop"] = [f"shop {i % 40}" for i in range(len(frame))]
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(frame)) // 5, unit="D")
    frame.to_csv(tmp_path / "houses.csv", index=False)
    reasons = {}
    for method, column in (("group", "shop"), ("time", "day")):
        config = TrainConfig(
            name=method,
            data=DataConfig(source=str(tmp_path / "houses.csv"), target="y", ignore=["shop", "day"]),
            split=SplitConfig(method=method, column=column),  # type: ignore[arg-type]
            model=ModelConfig(estimator="linear"),
        )
        dummy = msgspec.structs.replace(config, model=ModelConfig(estimator="sklearn.dummy:DummyRegressor"))
        fasttrack.train(dummy, store=tmp_path / "store", promote="always")
        reasons[method] = fasttrack.train(config, store=tmp_path / "store").verdict.reason
    assert reasons["group"].endswith("in 1 of all resamples of their 8 groups")
    assert reasons["time"].endswith("in 1 of all resamples of their 30 periods")
    frame["shop"] = [f"shop {i % 10}" for i in range(len(frame))]
    frame.to_csv(tmp_path / "houses.csv", index=False)
    few = TrainConfig(
        name="group",
        data=DataConfig(source=str(tmp_path / "houses.csv"), target="y", ignore=["shop", "day"]),
        split=SplitConfig(method="group", column="shop"),
        model=ModelConfig(estimator="linear"),
    )
    verdict = fasttrack.train(few, store=tmp_path / "store").verdict
    assert not verdict.promoted
    assert "(the hold-out has 2 groups, too few to tell a gain from chance)" in verdict.reason
