"""Write a small store with the current version of the program: `python -m tests.bundle.make_stored FOLDER`.

Run it once for each bundle format that is released, into `tests/bundle/stored/format-N`, and never again for the same
format: the stored files stand for what users have on their disks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import fasttrack
from fasttrack.contract.decode import Decoder
from fasttrack.scoring.open import engine_of

if TYPE_CHECKING:
    from fasttrack import Outcome

ROWS: list[dict[str, Any]] = [
    {
        "age": 34,
        "plan": "basic",
        "minutes": 12.5,
        "trial": True,
        "joined": "2024-02-03T04:05:06",
        "paid": "$1,200.50",
        "note": "calls often",
    },
    {
        "age": 71,
        "plan": "größer",
        "minutes": None,
        "trial": False,
        "joined": "2023-11-30T23:59:59",
        "paid": 9.0,
        "note": "Große Pläne, calls rarely",
    },
    {
        "age": 18,
        "plan": "unseen",
        "minutes": -400.0,
        "trial": False,
        "joined": "1999-01-01T00:00:00",
        "paid": "($3.00)",
        "note": "",
    },
    {
        "age": 88,
        "plan": "team",
        "minutes": 250.0,
        "trial": True,
        "joined": "2024-02-29T12:00:00.5",
        "paid": "n/k",
        "note": "never calls",
    },
]


def table() -> pd.DataFrame:
    """Every kind of column, one with missing values, and amounts as people write them."""
    random = np.random.default_rng(7)
    n = 240
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, n),
            "plan": random.choice(["basic", "größer", "team"], n),
            "minutes": np.where(random.random(n) < 0.2, np.nan, random.gamma(2.0, 30.0, n).round(1)),
            "trial": random.random(n) < 0.5,
            "joined": pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 4 * 10**7, n), unit="s"),
        }
    )
    frame["paid"] = ["n/k" if amount < 80 else f"${amount:,.2f}" for amount in random.gamma(2.0, 300.0, n)]
    words = ["calls", "writes", "often", "rarely", "never", "asks", "for", "großes"]
    frame["note"] = [" ".join(random.choice(words, 5)) for _ in range(n)]
    score = frame["age"] / 30 + frame["minutes"].fillna(0) / 60 + (frame["plan"] == "team") + random.normal(size=n)
    frame["stays"] = np.where(score > 3, "yes", "no")
    return frame


def served_by_scikit_learn(folder: Path, frame: pd.DataFrame) -> Outcome:
    """Nearest neighbours, which are not compiled; the first champion."""
    X, y = frame[["age"]].astype(float).head(40), frame["stays"].head(40)
    neighbours = KNeighborsClassifier(3, algorithm="brute").fit(X, y)
    return fasttrack.package(neighbours, X, y, name="stays", store=folder, tracking="off")


def compiled(folder: Path, frame: pd.DataFrame) -> Outcome:
    """A boosting of 40 trees, so that it has a form for many rows too; the second champion.

    It was searched for in two trials, and its run waits for an MLflow server that is down.
    """
    words = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["plan"]),
        ("passthrough", ["age", "minutes", "trial", "paid"]),
        (TfidfVectorizer(max_features=20), "note"),
    )
    boosting = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=4, random_state=0)
    pipeline = make_pipeline(words, boosting)
    return fasttrack.train(
        frame,
        "stays",
        name="stays",
        estimator=pipeline,
        trials=2,
        space={"histgradientboostingclassifier__learning_rate": {"low": 0.05, "high": 0.3, "log": True}},
        store=folder,
        promote="always",
        tracking="http://127.0.0.1:9",
    )


def answers(outcome: Outcome) -> dict[str, Any]:
    """What the version answers to the rows, by its own contract."""
    names = outcome.manifest.contract.names
    rows = [{name: row[name] for name in names if name in row} for row in ROWS]
    scores = engine_of(outcome.bundle).score(Decoder(outcome.manifest.contract).rows(json.dumps(rows).encode()))
    shares = None if scores.probabilities is None else scores.probabilities.tolist()
    return {"rows": rows, "predictions": list(scores.prediction), "probabilities": shares}


def main(folder: Path) -> None:
    """The store, and `answers.json` beside it."""
    frame = table()
    outcomes = [served_by_scikit_learn(folder / "store", frame), compiled(folder / "store", frame)]
    content = {outcome.bundle.label: answers(outcome) for outcome in outcomes}
    (folder / "answers.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
