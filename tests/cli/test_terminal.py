"""What the commands print fits a terminal of 80 characters, also with long names; in a pipe each record is a line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import fasttrack
from fasttrack.journal import JournalModel, open_database
from fasttrack.journal.predictions import Chunk, Entries, pack
from tests.cli.commands import run, run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "arrival-delays-of-flights-from-new-york-2013"
FEATURES = ["departure_delay_in_minutes_over_schedule", "planned distance in miles"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a classifier of long names, with predictions of it, and with a regression."""
    folder = tmp_path_factory.mktemp("project")
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(300, 2)), columns=FEATURES)
    y = pd.Series(np.where(X[FEATURES[0]] + random.normal(0, 0.3, 300) > 0, "late", "on time"), name="arrival")
    outcome = fasttrack.package(LogisticRegression().fit(X, y), X, y, name=MODEL, store=folder / "model")
    fasttrack.package(LinearRegression().fit(X, X.sum(axis=1)), X, X.sum(axis=1), name="sum", store=folder / "model")
    X.assign(arrival=y, **{FEATURES[0]: X[FEATURES[0]].astype(object).where(X.index != 3, "late")}).to_csv(
        folder / "odd.csv", index=False
    )
    manifest, now = outcome.manifest, time.time()
    about = JournalModel.of(MODEL, manifest.version, manifest.contract, [])
    entries = Entries(np.full(200, now), X.to_numpy()[:200], np.zeros(200), np.full((200, 2), 0.5))
    with open_database(str(folder / "model" / "journal.sqlite")) as database:
        database.append([about], [Chunk("p" * 10, 0, 200, now, now, MODEL, manifest.version, pack(entries))])
        database.label([("p" * 10, row, f'"{y[row]}"', now) for row in range(150)])
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["models", "list"], [MODEL, "version", "*", "log_loss", "onnx"]),
        (["models", "show", MODEL], ["champion", "packaged", "departure_delay_", "over_schedule'"]),
        (["models", "show", "sum"], ["rmse"]),
        (["quality"], [MODEL, "last 1h", "hold-out", "95 % interval", "coverage", "75%", "log_loss"]),
        (["journal", "show"], [MODEL, "200", "first (UTC)"]),
        (["check", "odd.csv", "--model", MODEL], ["in_minutes_over_", "expected a number", 'row 4 is "late"']),
    ],
)
def test_every_table_fits_80_characters(project: Path, arguments: list[str], words: list[str]) -> None:
    code = 1 if arguments[0] == "check" else 0
    lines = run_in_terminal(*arguments, cwd=project, code=code)
    assert max(map(len, lines)) <= 80, lines
    text = " ".join("\n".join(lines).split())
    for word in words:
        assert word in text


def test_in_a_pipe_each_record_is_one_line(project: Path) -> None:
    listed = run("models", "list", cwd=project).stdout.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["*", MODEL], ["*", "sum"]]
    measured = run("quality", cwd=project).stdout.splitlines()
    assert all(line.startswith(f"{MODEL}@") for line in measured[1:])
    assert [line.split()[1] for line in measured[:9]] == ["metric", "predictions", "labelled", "coverage", *METRICS]
    assert len(measured[-1]) > 80
    recorded = run("journal", "show", cwd=project).stdout.splitlines()
    assert recorded[2].split()[:2] == [next(iter(measured[1].split())), "200"]
    found = run("check", "odd.csv", "--model", MODEL, cwd=project, code=1).stdout.splitlines()
    assert len([line for line in found if 'row 4 is "late"' in line and "expected a number" in line]) == 1


METRICS = ["log_loss", "roc_auc", "brier", "accuracy", "f1"]


def test_a_name_that_the_journal_does_not_hold_is_met_with_those_that_it_holds(project: Path) -> None:
    stderr = run("quality", MODEL[:-1], cwd=project, code=1).stderr
    assert stderr.endswith(
        f"the journal holds no prediction of {MODEL[:-1]} from the last 7 days; did you mean {MODEL}?\n"
    )


def test_a_prediction_shows_the_probability_of_each_class(project: Path) -> None:
    pairs = [f"{FEATURES[0]}=-3", f"{FEATURES[1]}=0.5"]
    prediction, first, second = run("predict", *pairs, "--model", MODEL, cwd=project).stdout.splitlines()
    assert prediction == "on time"
    assert first.split()[:2] == ["on", "time"]
    assert second.split()[0] == "late"
    probabilities = [float(line.split()[-1]) for line in (first, second)]
    assert probabilities[0] > 0.99
    assert sum(probabilities) == pytest.approx(1, abs=1e-3)


def test_every_missing_column_is_named_at_once_and_a_misspelt_one_too(project: Path) -> None:
    stderr = run("predict", "planed distance in miles=3", "--model", MODEL, cwd=project, code=1).stderr
    assert f"needs a value for {FEATURES[0]!r}, {FEATURES[1]!r}; " in stderr
    assert stderr.endswith(
        "'planed distance in miles' is not a column of the model; did you mean planned distance in miles?\n"
    )
    assert stderr.count("\n") == 1
