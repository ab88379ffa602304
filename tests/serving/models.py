"""Stores with real models for the tests of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import fasttrack
from fasttrack.training.calendar import CalendarFeatures

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome


def line(store: Path | str, slope: float = 2.0, name: str = "line") -> Outcome:
    """One number → slope · x + 1, exactly."""
    X = pd.DataFrame({"x": [-1.0, 1.0, 3.0, 5.0, 7.0, 9.0]})
    model = LinearRegression().fit(X, X["x"])
    model.coef_, model.intercept_ = np.array([slope]), 1.0
    return fasttrack.package(model, X, slope * X["x"] + 1, name=name, target="y", store=store, promote="always")


def mixed_frame(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": random.normal(10, 3, rows),
            "rooms": random.integers(1, 6, rows),
            "garden": random.choice([True, False], rows),
            "district": random.choice(["north", "south", "old town"], rows),
            "built": pd.Timestamp("2000-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 8000, rows), unit="D"),
            'odd "name"\\': random.normal(size=rows),
        }
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[::11, "district"] = None
    frame["built"] = frame["built"].dt.as_unit("us")
    frame["district"] = frame["district"].astype("str")
    return frame


def mixed(store: Path, labels: Any = ("cheap", "dear"), name: str = "mixed", model: Any = None) -> Outcome:
    """Six columns of every kind → one of two labels."""
    X = mixed_frame()
    y = pd.Series([labels[int(value)] for value in X["size"].fillna(0) + X["rooms"] > 12], name="price")
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["size", "rooms", "garden", 'odd "name"\\']),
            (OneHotEncoder(handle_unknown="ignore"), ["district"]),
            (make_pipeline(CalendarFeatures(), SimpleImputer(), StandardScaler()), ["built"]),
        ),
        model or LogisticRegression(),
    ).fit(X, y)
    return fasttrack.package(pipeline, X, y, name=name, store=store, promote="always")


def without_probabilities(store: Path) -> Outcome:
    return mixed(store, name="margins", model=LinearSVC())


def three_classes(store: Path) -> Outcome:
    X = pd.DataFrame({"a": np.arange(90.0), "b": np.tile([0.0, 1.0, 2.0], 30)})
    y = (X["a"] // 30).astype(int)
    forest = RandomForestClassifier(n_estimators=5, random_state=0, n_jobs=-1).fit(X, y)
    return fasttrack.package(forest, X, y, name="three", store=store, promote="always")


class Touchy(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Raises on a number above 100, as pipelines do that were never asked for such a row; wants to exit above 1050."""

    def fit(self, X: pd.DataFrame, y: Any) -> Touchy:
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: pd.DataFrame) -> Any:
        if (X["x"] > 1050).any():
            raise SystemExit(f"secret value {X['x'].max()}")
        if (X["x"] > 100).any():
            raise ValueError(f"secret value {X['x'].max()}")
        return X["x"].to_numpy() * 1.0


def touchy(store: Path) -> Outcome:
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    return fasttrack.package(Touchy().fit(X, X["x"]), X, X["x"], name="touchy", store=store, promote="always")
