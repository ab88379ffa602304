"""A bundle opened by MLflow itself, straight from its folder: its signature, and the pipeline's own answers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from fasttrack import package
from tests.tracking.runs import files_of

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome


@pytest.fixture(scope="module")
def mlflow() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        return mlflow


def _table() -> tuple[pd.DataFrame, pd.Series[Any]]:
    random = np.random.default_rng(0)
    n = 300
    X = pd.DataFrame(
        {
            "delay": random.normal(size=n),
            "stops": random.integers(0, 5, n),
            "night": random.random(n) < 0.5,
            "carrier": random.choice(["AA", "UA", "größe"], n),
            "left": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 10**7, n), unit="s"),
            "gust": np.where(random.random(n) < 0.3, np.nan, random.normal(size=n)),
            "seats": pd.Series(random.integers(0, 300, n)).where(random.random(n) < 0.9),
        }
    )
    return X, pd.Series(np.where(X["delay"] + X["stops"] > 2, "late", "on time"), name="status")


def _features() -> Any:
    words = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]), ("passthrough", ["delay", "stops", "night"])
    )
    return make_pipeline(words, LogisticRegression())


def _packaged(folder: Path, pipeline: Any, X: pd.DataFrame, y: pd.Series[Any]) -> Outcome:
    return package(pipeline.fit(X, y), X, y, name="flights", store=folder, tracking="off")


def _loaded(mlflow: Any, outcome: Outcome) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as: a requirement is not met here
        return mlflow.pyfunc.load_model(str(outcome.bundle.folder))


def test_the_contract_is_the_signature_and_answers_are_the_pipelines(mlflow: Any, tmp_path: Path) -> None:
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    X, y = _table()
    pipeline = _features()
    outcome = _packaged(tmp_path, pipeline, X, y)
    assert outcome.manifest.engine == "onnx"
    model = _loaded(mlflow, outcome)
    kinds = {"delay": "double", "stops": "long", "night": "boolean", "carrier": "string", "left": "datetime"}
    expected = [ColSpec(kind, name) for name, kind in kinds.items()]
    expected += [ColSpec("double", name, required=False) for name in ("gust", "seats")]
    assert model.metadata.signature.inputs == Schema(expected)
    assert model.metadata.signature.outputs == Schema([ColSpec("string")])
    assert model.metadata.signature.params == ParamSchema([ParamSpec("predict_method", "string", "predict")])

    assert model.predict(X).tolist() == pipeline.predict(X).tolist()
    shares = model.predict(X, params={"predict_method": "predict_proba"})
    np.testing.assert_allclose(shares, pipeline.predict_proba(X), rtol=0, atol=1e-12)
    shuffled = X[X.columns[::-1]].drop(columns=["gust", "seats"])
    assert model.predict(shuffled).tolist() == pipeline.predict(X).tolist()
    unseen = X.head(3).assign(carrier=["??", "AA", "UA"])
    assert model.predict(unseen).tolist() == pipeline.predict(unseen).tolist()
    assert len(model.predict(X.head(0))) == 0


def test_free_text_is_a_string_and_answered_as_by_the_pipeline(mlflow: Any, tmp_path: Path) -> None:
    X = pd.DataFrame({"review": [f"{'good' if i % 3 else 'bad'} box {i}" for i in range(60)]})
    y = pd.Series(np.where(X["review"].str.contains("good"), "keep", "return"), name="verdict")
    pipeline = make_pipeline(make_column_transformer((TfidfVectorizer(), "review")), LogisticRegression())
    outcome = _packaged(tmp_path, pipeline, X, y)
    assert (outcome.manifest.engine, outcome.manifest.contract.columns[0].kind) == ("onnx", "text")
    model = _loaded(mlflow, outcome)
    unseen = pd.DataFrame({"review": ["BAD café", "good good 数据", " ?"]})
    assert [column.type.name for column in model.metadata.signature.inputs] == ["string"]
    assert model.predict(unseen).tolist() == pipeline.predict(unseen).tolist()
    assert len(model.predict(unseen.head(0))) == 0


def test_rows_that_the_contract_refuses_are_named(mlflow: Any, tmp_path: Path) -> None:
    X, y = _table()
    model = _loaded(mlflow, _packaged(tmp_path, _features(), X, y))
    with pytest.raises(mlflow.MlflowException, match=r"row 1.*carrier"):
        model.predict(X.head(2).assign(carrier=["AA", None]))
    with pytest.raises(mlflow.MlflowException, match="missing"):
        model.predict(X.drop(columns="delay"))
    with pytest.raises(mlflow.MlflowException, match="predict_method: write predict or predict_proba"):
        model.predict(X, params={"predict_method": "decision_function"})


def test_what_is_not_compiled_is_answered_by_scikit_learn(mlflow: Any, tmp_path: Path) -> None:
    X, y = _table()
    numbers = X[["delay", "stops"]]
    pipeline = KNeighborsClassifier()
    outcome = _packaged(tmp_path, pipeline, numbers, y)
    assert outcome.manifest.engine == "sklearn"
    model = _loaded(mlflow, outcome)
    assert model.predict(numbers).tolist() == pipeline.predict(numbers).tolist()
    assert b"scikit-learn==" in outcome.bundle.read("requirements.txt")


def test_a_regression_gives_numbers_and_knows_no_probabilities(mlflow: Any, tmp_path: Path) -> None:
    X, _ = _table()
    y = pd.Series(X["delay"] * 3 + X["gust"].fillna(0), name="arrival")
    encoder = make_column_transformer((OrdinalEncoder(), ["carrier"]), ("passthrough", ["delay", "gust", "seats"]))
    pipeline = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=5))
    outcome = _packaged(tmp_path, pipeline, X, y)
    assert outcome.manifest.engine == "onnx"
    assert b"scikit-learn" not in outcome.bundle.read("requirements.txt")
    model = _loaded(mlflow, outcome)
    np.testing.assert_allclose(model.predict(X), pipeline.predict(X), rtol=1e-9)
    assert model.metadata.signature.params is None


def test_the_same_training_gives_the_same_version_with_the_same_files(tmp_path: Path) -> None:
    X, y = _table()
    first, second = (_packaged(tmp_path / where, _features(), X, y) for where in ("a", "b"))
    assert first.manifest.version == second.manifest.version
    differing = {
        name
        for (name, ours), (_, theirs) in zip(files_of(first.bundle.folder), files_of(second.bundle.folder), strict=True)
        if ours != theirs
    }
    assert differing == {"manifest.json"}  # which says when it was made
