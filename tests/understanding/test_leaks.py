"""Leaks: planted ones are found with the reason, honest columns are left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fasttrack.understanding.leaks import find_leaks
from fasttrack.understanding.names import is_from_target
from fasttrack.understanding.sums import find_parts_of_target

RANDOM = np.random.default_rng(0)
N = 400
X = pd.DataFrame({"a": RANDOM.normal(size=N), "b": RANDOM.normal(size=N), "c": RANDOM.choice(list("pqr"), N)})
NUMBER = pd.Series(X["a"] + RANDOM.normal(size=N))
LABEL = pd.Series(np.where(NUMBER > 0.7, "yes", "no"))
YES = LABEL == "yes"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (NUMBER * 1.8 + 32, "values"),
        (np.exp(NUMBER), "values"),
        (-NUMBER.rank(), "values"),
        (pd.qcut(NUMBER, 80).astype(str), "values"),
        (NUMBER.where(RANDOM.random(N) > 0.3), "values"),
        (pd.Timestamp("2020-01-01") + pd.to_timedelta(NUMBER, unit="h"), "values"),
    ],
)
def test_a_transformed_number_is_named(values: Any, reason: str) -> None:
    (leak,) = find_leaks(X.assign(leak=values), NUMBER, regression=True)
    assert (leak.column, leak.reason) == ("leak", reason)
    assert leak.explained > 0.985


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (LABEL.map({"yes": "approved", "no": "declined"}), "values"),
        (YES, "values"),
        (YES * 10 + RANDOM.uniform(0, 9, N), "values"),
        (pd.Series(RANDOM.normal(size=N)).where(YES), "missing"),
        (pd.Series("moved", index=X.index).where(YES), "missing"),
        (pd.Series("moved", index=X.index).where(YES & (RANDOM.random(N) < 0.7)), "filled"),
    ],
)
def test_a_label_that_is_given_away_is_named(values: Any, reason: str) -> None:
    (leak,) = find_leaks(X.assign(leak=values), LABEL, regression=False)
    assert (leak.column, leak.reason) == ("leak", reason)


def test_a_column_named_after_the_target_is_named_if_it_is_strong() -> None:
    half = NUMBER + RANDOM.normal(size=N) * NUMBER.std() * 0.6
    assert find_leaks(X.assign(half=half), NUMBER, "price", regression=True) == []
    (leak,) = find_leaks(X.assign(log_price=half), NUMBER, "price", regression=True)
    assert (leak.column, leak.reason) == ("log_price", "name")
    assert 0.5 < leak.explained < 0.9
    assert find_leaks(X.assign(price_mean=RANDOM.normal(size=N)), NUMBER, "price", regression=True) == []


def test_names_made_from_the_target() -> None:
    for name in ("price_encoded", "log_price", "PricePred", "target_encoded", "y_pred"):
        assert is_from_target(name, "price"), name
    for name in ("price", "list_price", "price_per_room", "previous_price", "encoded"):
        assert not is_from_target(name, "price"), name


def test_honest_columns_are_left_alone() -> None:
    missing = X.assign(
        a=X["a"].where(RANDOM.random(N) < np.where(YES, 0.95, 0.6)), when=pd.date_range("2020", periods=N)
    )
    assert find_leaks(missing, NUMBER, regression=True) == []
    assert find_leaks(missing, LABEL, regression=False) == []
    near = X.assign(near=NUMBER + RANDOM.normal(size=N) * NUMBER.std() * 0.3)  # explains nine tenths
    assert find_leaks(near, NUMBER, regression=True) == []


def test_a_common_trend_of_rows_in_the_order_of_time_is_no_leak() -> None:
    walk = pd.Series(np.cumsum(RANDOM.normal(0.3, 1, N)))
    frame = X.assign(when=pd.date_range("2020", periods=N), people=np.arange(N) * 100 + RANDOM.integers(0, 50, N))
    assert [leak.column for leak in find_leaks(frame, walk, regression=True)] == ["when", "people"]
    assert find_leaks(frame, walk, regression=True, in_time=True) == []
    assert [
        leak.column for leak in find_leaks(frame.assign(change=NUMBER * 2), NUMBER, regression=True, in_time=True)
    ] == ["change"]


def test_nothing_is_said_of_a_lone_feature_few_rows_or_few_of_a_label() -> None:
    leak = X.assign(leak=NUMBER)
    assert find_leaks(leak[["leak"]], NUMBER, regression=True) == []
    assert find_leaks(leak[:40], NUMBER[:40], regression=True) == []
    rare = pd.Series(np.where(np.arange(N) < 5, "yes", "no"))
    assert find_leaks(X.assign(leak=rare), rare, regression=False) == []
    assert find_leaks(X, pd.Series(np.ones(N)), regression=True) == []


def test_repeated_rows_do_not_make_a_leak() -> None:
    frame, y, codes = pd.concat([X[:60]] * 12), pd.concat([NUMBER[:60]] * 12), np.tile(np.arange(60), 12)
    assert find_leaks(frame, y, regression=True, together=codes) == []
    assert find_leaks(frame, y, regression=True) != []  # what the codes are for


def test_of_a_wide_table_the_first_columns_are_looked_at() -> None:
    wide = pd.DataFrame(RANDOM.normal(size=(1000, 450)), columns=[f"x{j}" for j in range(450)])
    y = pd.Series(RANDOM.normal(size=1000))
    assert [leak.column for leak in find_leaks(wide.assign(x3=y, x449=y), y, regression=True)] == ["x3"]


PARTS = pd.DataFrame({"casual": RANDOM.integers(0, 200, 300), "registered": RANDOM.integers(0, 900, 300)})
PARTS["hour"], PARTS["returns"] = RANDOM.integers(0, 24, 300), RANDOM.random(300).round(2)
TOTAL = PARTS["casual"] + PARTS["registered"]


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (TOTAL, "'casual' + 'registered'"),
        (TOTAL - PARTS["returns"] * 500, None),
        (TOTAL - PARTS["hour"], "'casual' + 'registered' − 'hour'"),
        (-PARTS["casual"] - PARTS["hour"] + 7, "−'casual' − 'hour'"),
        ((TOTAL / 2).round(1), "('casual' + 'registered') / 2"),
        (TOTAL + RANDOM.normal(size=300), None),
        (2 * PARTS["casual"] + PARTS["registered"], None),
        (PARTS["casual"], None),
        (pd.Series(np.ones(300)), None),
    ],
)
def test_parts_of_the_target_are_found_with_their_signs(y: Any, text: str | None) -> None:
    parts = find_parts_of_target(PARTS, y)
    assert (None if parts is None else str(parts)) == text


def test_parts_are_found_beside_columns_that_depend_on_them() -> None:
    frame = PARTS.assign(twice=PARTS["casual"] * 2, constant=0.1)
    assert str(find_parts_of_target(frame, TOTAL)) == "'casual' + 'registered'"
    frame.loc[3, "casual"] = np.nan
    assert str(find_parts_of_target(frame.astype(float), TOTAL)) == "'casual' + 'registered'"
