"""Packaging a pipeline that was fitted elsewhere, with the code that it needs."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import fasttrack
from fasttrack.errors import ConfigError, DataError, TrainingError
from fasttrack.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fitted_pipeline_is_packaged_with_its_frame(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame({"a": random.normal(size=100), "c": random.choice(["u", "v"], 100)})
    X.loc[3, "a"] = np.nan
    y = pd.Series(np.where(X["c"] == "u", "yes", "no"), name="answer")
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["a"]),
            (OneHotEncoder(handle_unknown="ignore"), ["c"]),
        ),
        LogisticRegression(),
    ).fit(X, y)
    outcome = fasttrack.package(pipeline, X, y, name="answers", store=tmp_path / "store")
    contract = outcome.manifest.contract
    assert outcome.verdict.promoted
    assert contract.target.name == "answer"
    assert contract.target.classes == ["no", "yes"]
    assert outcome.manifest.metrics["accuracy"].value == 1.0
    assert "packaged with" in outcome.manifest.training.split


def test_a_model_fitted_on_an_array_is_packaged(tmp_path: Path) -> None:
    X = np.arange(40.0).reshape(20, 2)
    outcome = fasttrack.package(Ridge().fit(X, X[:, 0]), X, X[:, 0], name="ridge", store=tmp_path / "store")
    assert outcome.manifest.contract.input == "array"
    assert outcome.manifest.contract.names == ["x0", "x1"]


def test_packaging_refuses_what_is_not_fitted_or_does_not_fit(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(TrainingError, match="fit it first"):
        fasttrack.package(LinearRegression(), X, [1.0, 2.0, 3.0, 4.0], name="m", store=tmp_path / "store")
    fitted = LinearRegression().fit(X, [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(TrainingError, match="4 rows and y 2"):
        fasttrack.package(fitted, X, [1.0, 2.0], name="m", store=tmp_path / "store")
    with pytest.raises(DataError, match="not text"):
        fasttrack.package(fitted, pd.DataFrame({0: [1.0, 2.0]}), [1.0, 2.0], name="m", store=tmp_path / "store")
    with pytest.raises(ConfigError, match=r"--name \.\./m: expected a letter or digit, then letters"):
        fasttrack.package(fitted, X, [1.0, 2.0, 3.0, 4.0], name="../m", store=tmp_path / "store")
    assert open_store(tmp_path / "store").names() == []


def test_what_only_the_running_script_has_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    script = (
        "import pandas as pd, fasttrack\n"
        "from sklearn.linear_model import Ridge\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "def twice(X): return X * 2\n"
        "X = pd.DataFrame({'a': [1.0, 2.0, 3.0]})\n"
        "fasttrack.package(make_pipeline(FunctionTransformer(twice), Ridge()).fit(X, X['a']), X, X['a'])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert "TrainingError: the pipeline uses twice, defined in the script or notebook that runs" in run.stderr
    assert not list(tmp_path.glob("model/*/*/manifest.json"))


def test_a_module_beside_the_script_travels_with_the_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_features.py").write_text("def twice(X):\n    return X * 2\n")
    package = tmp_path / "beside_package"
    package.mkdir()
    (package / "__init__.py").write_text("def thrice(X):\n    return X * 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    features, packed = importlib.import_module("beside_features"), importlib.import_module("beside_package")
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    pipeline = make_pipeline(FunctionTransformer(features.twice), FunctionTransformer(packed.thrice), Ridge())
    fitted = pipeline.fit(X, X["a"])
    outcome = fasttrack.package(fitted, X, X["a"], store=tmp_path / "store")
    assert "code/beside_features.py" in outcome.manifest.files
    assert outcome.manifest.training.notes == [
        "the package beside_package must be installed where this model is loaded, or be packed with it: code=[...]"
    ]
    whole = fasttrack.package(fitted, X, X["a"], store=tmp_path / "store", code=(package,))
    assert "code/beside_package/__init__.py" in whole.manifest.files
    assert whole.manifest.training.notes == []


def test_labels_keep_their_type(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(40.0)})
    for labels in (["no", "yes"], [0, 1], [False, True]):
        y = [labels[int(value >= 20)] for value in X["a"]]
        fitted = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, y)
        outcome = fasttrack.package(fitted, X, y, name=f"m-{type(labels[0]).__name__}", store=tmp_path / "store")
        classes = outcome.manifest.contract.target.classes
        assert classes == labels
        assert [type(label) for label in classes or ()] == [type(label) for label in labels]


def test_a_pipeline_with_more_than_one_target_is_refused(tmp_path: Path) -> None:
    X = pd.DataFrame({"a": np.arange(30.0)})
    y = X["a"].to_numpy() * 2
    for target, said in ((y[:, None], "a column, not a vector"), (np.column_stack([y, y]), "several targets")):
        fitted = LinearRegression().fit(X, target)
        with pytest.raises(TrainingError, match=f"the pipeline predicts {said}.*fit it on y as a vector"):
            fasttrack.package(fitted, X, pd.Series(y, name="y"), store=tmp_path)
    assert not list(tmp_path.iterdir())
