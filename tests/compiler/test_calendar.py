"""Dates and times become the parts that pandas counts, in every unit and zone, from the year 1 to 9999."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fasttrack.training.calendar import CalendarFeatures
from tests.compiler.cases import Reveal, check_transformer, refusal

FIRST, LAST = -62_135_596_800, 253_402_300_799


def moments(rows: int = 150, *, missing: float = 0.1, seed: int = 0) -> pd.Series:
    random = np.random.default_rng(seed)
    micros = random.integers(FIRST * 10**6, LAST * 10**6, rows)
    days = random.integers(-(10**5), 10**5, rows) * 86_400 * 10**6  # midnights around 1970
    cells = pd.Series(np.where(random.random(rows) < 0.5, micros, days).astype("datetime64[us]"))
    return cells.mask(random.random(rows) < missing)


@pytest.mark.parametrize("dtype", ["datetime64[us]", "datetime64[ms]", "datetime64[s]", "datetime64[us, UTC]"])
def test_parts_of_any_moment(dtype: str) -> None:
    cells = moments()
    cells = cells.dt.tz_localize("UTC") if "UTC" in dtype else cells
    case = check_transformer(CalendarFeatures(), pd.DataFrame({"when": cells.astype(dtype)}), edges=2_000)
    assert case.proof.worst < 1e-13  # past the year 2255 a float64 holds no single microsecond


def test_moments_of_a_zone_and_of_nanoseconds() -> None:
    near = pd.Series(pd.date_range("1900-01-01", "2100-01-01", 200)).dt.as_unit("ns")
    frame = pd.DataFrame({"near": near, "zone": near.dt.tz_localize("UTC").dt.tz_convert("America/New_York")})
    check_transformer(CalendarFeatures(), frame, trees=False)


def test_every_day_of_four_centuries() -> None:
    days = pd.DataFrame({"day": pd.Series(pd.date_range("1800-01-01", "2200-12-31")).dt.as_unit("s")})
    case = check_transformer(CalendarFeatures(), days, trees=False, edges=0)
    assert case.proof.worst == 0.0


def test_leap_days_ends_of_years_and_the_last_microsecond() -> None:
    text = ["0001-01-01", "1600-02-29", "1900-02-28T23:59:59.999999", "1900-03-01", "1969-12-31T23:59:59.999999"]
    text += ["1970-01-01", "2000-02-29", "2000-12-31T23:59:59.999999", "2023-12-31", "2024-12-31", "9999-12-31"]
    frame = pd.DataFrame({"when": pd.Series(np.array(text, dtype="datetime64[us]"))})
    check_transformer(CalendarFeatures(), frame)


def test_several_columns_imputed_and_scaled() -> None:
    frame = pd.DataFrame({"a": moments(), "b": moments(seed=1, missing=0.3), "c": moments(seed=2, missing=0.0)})
    case = check_transformer(
        make_pipeline(CalendarFeatures(), SimpleImputer(strategy="median"), StandardScaler()), frame
    )
    assert case.compiled.refusals.must_be_present == ()


def test_missing_moments_are_refused_where_the_model_refuses_them() -> None:
    case = check_transformer(make_pipeline(CalendarFeatures(), StandardScaler()), pd.DataFrame({"when": moments()}))
    assert not case.refused(case.matrix).any()


def test_what_is_no_moment_is_told() -> None:
    frame = pd.DataFrame({"when": pd.Series(["2020-01-01", "2021-02-03"], dtype="str")})
    message = refusal(make_pipeline(CalendarFeatures(), Reveal()), frame)
    assert message == (
        "Pipeline → step 'calendarfeatures' → CalendarFeatures: "
        "it reads a column that the contract does not have as a date and time"
    )
