"""The looks at a table before anything is fitted: what they find, and what a configuration makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from fasttrack.config import TrainConfig
from fasttrack.contract.finding import CODES
from fasttrack.data import table_from_frame
from fasttrack.errors import ConfigError, TrainingError
from fasttrack.training.holdout import holdout_clusters
from fasttrack.training.looks import kept_columns, look_at_rows, look_for_leaks
from fasttrack.training.split import split_table
from fasttrack.training.table import prepare

if TYPE_CHECKING:
    from fasttrack.contract import Task

RANDOM = np.random.default_rng(0)
N = 300
PATIENTS = RANDOM.integers(0, 60, N)
X = pd.DataFrame({"a": RANDOM.normal(size=N).round(3), "b": RANDOM.normal(size=N).round(3)})
Y = (X["a"] + RANDOM.normal(size=N)).round(3)
FRAMES = {
    "FT102": X.assign(rownames=range(N), y=Y),
    "FT103": X.assign(copy=Y * 3, y=Y),
    "FT104": X.assign(y=X["a"] + X["b"]),
    "FT105": pd.concat([X.assign(y=Y)] * 3, ignore_index=True),
    "FT106": X.assign(patient_id=PATIENTS, y=RANDOM.normal(size=60)[PATIENTS] + RANDOM.normal(size=N) / 2),
    "FT107": X.assign(when=pd.date_range("2020-01-01", periods=N), y=Y),
    "FT109": X.assign(reason=pd.Series("fee", range(N)).where(Y > 0.5), y=np.where(Y > 0.5, "left", "stayed")),
}
"""A table for each code that this package finds."""


def looks(frame: pd.DataFrame, **options: Any) -> tuple[TrainConfig, Any, Any]:
    config = TrainConfig.of(frame, target="y", estimator="linear", **options)
    table = table_from_frame(frame, kinds={})
    ready = prepare(table, "y", keep=kept_columns(config))
    task: Task = "regression" if frame["y"].dtype == float else "binary"
    config, ready = look_at_rows(config, ready, task)
    rows = split_table(ready, table, task, config.split, "a DataFrame")
    return config, look_for_leaks(config, ready, rows, task), rows


@pytest.mark.parametrize("code", FRAMES)
def test_each_code_is_found_and_can_be_skipped(code: str) -> None:
    _, ready, _ = looks(FRAMES[code])
    assert [finding.code for finding in ready.findings] == [code]
    assert ready.findings[0].code in CODES
    _, ready, _ = looks(FRAMES[code], check_skip=[code])
    assert ready.findings == []


def test_nothing_is_said_of_an_honest_table() -> None:
    _, ready, rows = looks(X.assign(y=Y))
    assert ready.findings == []
    assert ready.copies is None
    assert rows.by_train is None


def test_messages_name_the_columns_the_figure_and_the_way_out() -> None:
    messages = {code: looks(frame)[1].findings[0].message for code, frame in FRAMES.items()}
    assert messages == {
        "FT102": "'rownames' is left out: a unique identifier; to use it: --keep rownames",
        "FT103": "'copy' alone explains 100 % of 'y'; is it known when you predict? If not: --ignore copy",
        "FT104": "'a' + 'b' = 'y'; are they all known when you predict? If not: --ignore a --ignore b",
        "FT105": "600 of 900 rows repeat an earlier row; identical rows are on one side of the split",
        "FT106": "'patient_id' has 5.0 rows for each value on average, with similar targets; with a random split, the "
        "metrics are too optimistic for new values. To measure on new values: --split-method group --split-column "
        "patient_id",
        "FT107": "the rows are in the order of 'when'; with a random split, the metrics are too optimistic for later "
        "rows. To measure on the latest rows: --split-method time --split-column when",
        "FT109": "whether 'reason' has a value predicts 'y' with 100 % fewer errors than guessing the most frequent "
        "label; is it known when you predict? If not: --ignore reason",
    }


def test_skipped_identifiers_are_features_and_skipped_copies_are_split_like_others() -> None:
    _, ready, _ = looks(FRAMES["FT102"], check_skip=["FT102"])
    assert "rownames" in ready.X.columns
    _, ready, rows = looks(FRAMES["FT105"], check_skip=["FT105"])
    assert set(rows.X_train.index % N) & set(rows.X_test.index % N)
    assert not rows.note.endswith("on one side")


def test_identical_rows_are_clusters_of_the_hold_out() -> None:
    config, _, rows = looks(FRAMES["FT105"])
    assert not set(rows.X_train.index % N) & set(rows.X_test.index % N)
    clusters = holdout_clusters(config.split.decided, rows.by_test)
    assert clusters is not None
    assert (clusters.count, clusters.name) == (60, "distinct rows")


def test_a_split_by_time_may_tear_copies_apart_and_says_so() -> None:
    frame = FRAMES["FT105"].assign(part=[2019] * N + [2020] * N + [2021] * N)
    config = TrainConfig.of(frame, target="y", split_method="time", split_column="part", ignore=["part"])
    table = table_from_frame(frame, kinds={})
    config, ready = look_at_rows(config, prepare(table, "y", ignore=["part"]), "regression")
    rows = split_table(ready, table, "regression", config.split, "a DataFrame")
    (finding,) = look_for_leaks(config, ready, rows, "regression").findings
    assert (finding.code, finding.level) == ("FT105", "caution")
    assert "300 hold-out rows are also among the training rows" in finding.message


def test_rows_that_repeat_by_nature_are_noted_and_split_like_others() -> None:
    frame = pd.DataFrame({"sex": RANDOM.choice(["f", "m"], 400), "class": RANDOM.integers(1, 4, 400)})
    _, ready, rows = looks(frame.assign(y=RANDOM.choice(["no", "yes"], 400)))
    assert [finding.message for finding in ready.findings] == [
        "388 of 400 rows repeat an earlier row; they do not count as copies: few combinations of values are possible, "
        "or rows with the same features have different targets"
    ]
    assert rows.by_train is None


@pytest.mark.parametrize(("code", "method", "column"), [("FT106", "group", "patient_id"), ("FT107", "time", "when")])
def test_auto_chooses_the_split_and_says_why(code: str, method: str, column: str) -> None:
    config, ready, rows = looks(FRAMES[code], split_method="auto")
    assert (config.split.method, config.split.column) == (method, column)
    (finding,) = ready.findings
    assert (finding.code, finding.level, finding.columns) == (code, "note", [column])
    assert "split.method auto holds out" in finding.message
    assert not set(rows.X_train[column]) & set(rows.X_test[column])


def test_auto_splits_at_random_where_nothing_speaks_against_it() -> None:
    for options in ({}, {"check_skip": ["FT107"]}):
        config, ready, _ = looks(FRAMES["FT107"] if options else X.assign(y=Y), split_method="auto", **options)
        assert config.split.method == "random"
        assert ready.notes == ["split.method auto chose random: no time orders the rows, and no id has several rows"]
    with pytest.raises(ConfigError, match=r"split\.column is used with split\.method"):
        TrainConfig.of(X, target="a", split_method="auto", split_column="b")


def test_a_split_that_was_chosen_is_not_cautioned_against() -> None:
    frame = FRAMES["FT106"].assign(when=pd.date_range("2020-01-01", periods=N))
    _, ready, _ = looks(frame, split_method="group", split_column="patient_id")
    assert ready.findings == []
    _, ready, _ = looks(frame, split_method="auto")
    assert [(finding.code, finding.level) for finding in ready.findings] == [("FT107", "note"), ("FT106", "caution")]


@pytest.mark.parametrize("code", ["FT103", "FT104", "FT109"])
def test_leaks_can_be_refused(code: str) -> None:
    with pytest.raises(TrainingError) as caught:
        looks(FRAMES[code], leaks="refuse")
    message = str(caught.value)
    assert message.startswith((f"{code} '", f"{code} whether 'reason' has"))
    assert message.endswith('to train nevertheless: --leaks caution, or check.leaks = "caution"')
    looks(FRAMES["FT107"], leaks="refuse")  # other cautions do not stop


def test_several_leaks_are_counted_in_one_line() -> None:
    frame = X.assign(copy=Y * 3, log=np.exp(Y), y=Y)
    with pytest.raises(TrainingError, match=r"^FT103 'copy' alone .*; and 1 more\. This training refuses"):
        looks(frame, leaks="refuse")
