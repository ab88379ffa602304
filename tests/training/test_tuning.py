"""A search in a training: on the training part only, refused early, recorded, and nothing written when it fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import fasttrack
from fasttrack.errors import ConfigError, FastTrackError, TrainingError
from fasttrack.progress import reporting
from fasttrack.store import LocalStore

ALPHAS = {"alpha": {"low": 1e-3, "high": 1e3, "log": True}}

SPY = """
from sklearn.linear_model import Ridge

SEEN = []

class Spy(Ridge):
    def fit(self, X, y):
        SEEN.append(set(X["row"]))
        return super().fit(X, y)

class Interrupted(Ridge):
    def fit(self, X, y):
        raise KeyboardInterrupt
"""


def sales(path: Path, rows: int = 300) -> Path:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"row": np.arange(rows) + 0.5, "x": random.normal(size=rows)})
    frame["shop"] = random.integers(0, 25, rows)
    frame["y"] = frame["x"] * 2 + random.normal(size=rows)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "spy.py").write_text(SPY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "spy", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    import spy  # type: ignore[import-not-found]

    return spy


@pytest.mark.parametrize("split", ["", '[split]\nmethod = "group"\ncolumn = "shop"\n'])
def test_the_hold_out_is_never_fitted_on(tmp_path: Path, spy: Any, split: str) -> None:
    frame = pd.read_csv(sales(tmp_path / "sales.csv"))
    (tmp_path / "fasttrack.toml").write_text(
        f'[data]\nsource = "sales.csv"\ntarget = "y"\n{split}[model]\nestimator = "spy:Spy"\n'
        "[search]\ntrials = 4\n[search.space]\nalpha = { low = 0.1, high = 10.0 }\n"
    )
    outcome = fasttrack.train(tmp_path / "fasttrack.toml", store=tmp_path / "store")
    assert len(spy.SEEN) >= 4 + 1
    fitted = set(spy.SEEN[-1])
    assert len(fitted) == outcome.manifest.training.rows < 300
    assert all(seen < fitted for seen in spy.SEEN[:-1])
    if split:
        shops = dict(zip(frame["row"], frame["shop"], strict=True))
        held = {shops[row] for row in set(frame["row"]) - fitted}
        assert held
        assert not held & {shops[row] for row in fitted}


def test_what_was_found_is_trained_and_recorded(tmp_path: Path) -> None:
    data = sales(tmp_path / "sales.csv")
    said: list[str] = []
    with reporting(said.append):
        outcome = fasttrack.train(data, "y", estimator=Ridge(500.0), trials=8, space=ALPHAS, store=tmp_path / "store")
    record, searched = outcome.manifest.training.search, outcome.search
    assert record is not None
    assert searched is not None
    assert outcome.bundle.load_pipeline().alpha == record.params["alpha"] == searched.best_params["alpha"]
    assert record.params["alpha"] != 500.0
    assert (record.trials, record.seconds, record.metric) == (8, None, "rmse")
    assert record.default_score is not None
    assert record.score == searched.score < record.default_score
    assert len(searched.trials) == 8
    assert "trial 8 of 8, best rmse " in "\n".join(said)
    assert "searching Ridge: 3 folds of 240 training rows, by random" in said
    again = fasttrack.train(data, "y", estimator=Ridge(500.0), trials=8, space=ALPHAS, store=tmp_path / "store")
    assert again.manifest.version == outcome.manifest.version
    assert fasttrack.train(data, "y", estimator=Ridge(), store=tmp_path / "store").manifest.training.search is None


def test_auto_is_searched_across_the_families_in_their_own_spaces(tmp_path: Path) -> None:
    data = sales(tmp_path / "sales.csv", rows=120)
    outcome = fasttrack.train(data, "y", estimator="auto", trials=5, store=tmp_path / "store")
    assert outcome.search is not None
    first = [trial.params for trial in outcome.search.trials[:4]]
    assert {str(params["estimator"]) for params in first} == {"linear", "polynomial", "forest", "boosting"}
    assert all(len(params) == 1 for params in first)
    assert outcome.manifest.training.estimator == outcome.search.estimator
    assert "estimator" not in outcome.search.best_params


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "--trials 0: expected a whole number >= 1"),
        ({"search_seconds": 0.0}, "--search-seconds 0.0: expected a number > 0.0"),
        (
            {"space": ALPHAS},
            "FOLDER/missing.csv: search.space says where to search, but nothing says how long: set ",
        ),
        ({"space": {"alpha": {"low": 1}}, "trials": 2}, "space.alpha: `high` is missing"),
        (
            {"space": {"alhpa": [1]}, "trials": 2},
            "search.space.alhpa: Ridge has no such parameter; did you mean alpha?",
        ),
        ({"trials": 2}, "search.space is missing: name the parameters of Ridge to search, such as alpha, "),
    ],
)
def test_a_wrong_search_is_refused_before_the_table_is_read(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        fasttrack.train(tmp_path / "missing.csv", "y", estimator=Ridge(), store=tmp_path / "store", **options)
    assert str(caught.value).startswith(message.replace("FOLDER", str(tmp_path)))


def test_without_optuna_a_search_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError) as caught:
        fasttrack.train(tmp_path / "missing.csv", "y", trials=2, store=tmp_path / "store")
    assert str(caught.value) == "a search needs Optuna: pip install 'fasttrack-mlops[search]'"


def test_nothing_is_written_when_it_is_interrupted_or_fails(tmp_path: Path, spy: Any) -> None:
    data = sales(tmp_path / "sales.csv")
    with pytest.raises(KeyboardInterrupt):
        fasttrack.train(data, "y", estimator="spy:Interrupted", trials=3, space=ALPHAS, store=tmp_path / "store")
    with pytest.raises(TrainingError, match="all 3 trials of the search failed; the first: "):
        fasttrack.train(data, "y", estimator=_Broken(), trials=3, space=ALPHAS, store=tmp_path / "store")
    assert LocalStore(tmp_path / "store").names() == []


def test_a_column_that_the_table_lacks_is_no_parameter(tmp_path: Path) -> None:
    space = {"columns__dates__simpleimputer__strategy": ["median", "mean"]}
    with pytest.raises(FastTrackError, match="linear has no such parameter"):
        fasttrack.train(
            sales(tmp_path / "sales.csv"), "y", estimator="linear", trials=2, space=space, store=tmp_path / "store"
        )


class _Broken(Ridge):  # type: ignore[misc]  # scikit-learn ships no types
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        raise ValueError("it does not fit")
