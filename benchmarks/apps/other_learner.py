"""Another learner on a table: `other_learner.py NAME TRAIN TEST TARGET SECONDS OUTPUT`, with the tables as CSV.

Writes the predictions, or the labels and their probabilities, as JSON. It needs pandas, scikit-learn and the learner.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def _frames(train: str, test: str, target: str) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """The features of both tables, text as pandas categories, and the training target."""
    X, X_test = pd.read_csv(train), pd.read_csv(test)
    y = X.pop(target)
    X_test = X_test[X.columns]
    for name in X.columns:
        if not pd.api.types.is_numeric_dtype(X[name]) or pd.api.types.is_bool_dtype(X[name]):
            kind = pd.CategoricalDtype(sorted(X[name].dropna().astype(str).unique()))
            # missing cells stay missing
            X[name] = X[name].astype(str).where(X[name].notna()).astype(kind)
            X_test[name] = X_test[name].astype(str).where(X_test[name].notna()).astype(kind)
    return X, y, X_test


def _fit(name: str, X: pd.DataFrame, y: Any, regression: bool, seconds: float) -> Any:
    if name == "flaml":
        from flaml import AutoML

        options = {"task": "regression" if regression else "classification", "time_budget": seconds}
        metric = "rmse" if regression else "log_loss"
        learner = AutoML()
        learner.fit(X, y, **options, metric=metric, n_jobs=1, seed=0, verbose=0)
        return learner
    if name == "lightgbm":
        import lightgbm

        kind = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
        return kind(n_jobs=1, verbose=-1, random_state=0).fit(X, y)
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return boosting(categorical_features="from_dtype", random_state=0).fit(X, y)


def main() -> None:
    """Fit, predict, write."""
    name, train, test, target, task, seconds, output = sys.argv[1:]
    warnings.simplefilter("ignore")
    X, y, X_test = _frames(train, test, target)
    regression = task == "regression"
    if not regression:
        y = y.astype(str)
    learner = _fit(name, X, y, regression, float(seconds))
    if regression:
        result: dict[str, Any] = {"prediction": [float(value) for value in learner.predict(X_test)]}
    else:
        result = {
            "classes": [str(label) for label in learner.classes_],
            "probabilities": [[float(share) for share in row] for row in learner.predict_proba(X_test)],
        }
    Path(output).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
