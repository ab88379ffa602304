"""Calendar features: equal to those of pandas in every unit and time zone, from the year 1 to 9999."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fasttrack.training.calendar import CalendarFeatures
from tests.compiler.cases import Reveal, check_transformer, compile_error

FIRST, LAST = -62_135_596_800, 253_402_300_799


def dates(rows: int = 150, *, missing: float = 0.1, seed: int = 0) -> pd.Series:
    random = np.random.default_rng(seed)
    micros = random.integers(FIRST * 10**6, LAST * 10**6, rows)
    days = random.integers(-(10**5), 10**5, rows) * 86_400 * 10**6  # midnights around 1970
    cells = pd.Series(np.where(random.random(rows) < 0.5, micros, days).astype("datetime64[us]"))
    return cells.mask(random.random(rows) < missing)


@pytest.mark.parametrize("dtype", ["datetime64[us]", "datetime64[ms]", "datetime64[s]", "datetime64[us, UTC]"])
def test_calendar_parts_of_random_dates(dtype: str) -> None:
    cells = dates()
    cells = cells.dt.tz_localize("UTC") if "UTC" in dtype else cells
    case = check_transformer(CalendarFeatures(), pd.DataFrame({"when": cells.astype(dtype)}), edges=2_000)
    assert case.proof.worst < 1e-13  # after the year 2255, float64 cannot represent every microsecond


def test_dates_with_a_time_zone_and_in_nanoseconds() -> None:
    near = pd.Series(pd.date_range("1900-01-01", "2100-01-01", 200)).dt.as_unit("ns")
    frame = pd.DataFrame({"near": near, "zone": near.dt.tz_localize("UTC").dt.tz_convert("America/New_York")})
    check_transformer(CalendarFeatures(), frame, trees=False)


def test_every_day_of_four_centuries() -> None:
    days = pd.DataFrame({"day": pd.Series(pd.date_range("1800-01-01", "2200-12-31")).dt.as_unit("s")})
    case = check_transformer(CalendarFeatures(), days, trees=False, edges=0)
    assert case.proof.worst == 0.0


def test_leap_days_year_ends_and_the_last_microsecond() -> None:
    text = ["0001-01-01", "1600-02-29", "1900-02-28T23:59:59.999999", "1900-03-01", "1969-12-31T23:59:59.999999"]
    text += ["1970-01-01", "2000-02-29", "2000-12-31T23:59:59.999999", "2023-12-31", "2024-12-31", "9999-12-31"]
    frame = pd.DataFrame({"when": pd.Series(np.array(text, dtype="datetime64[us]"))})
    check_transformer(CalendarFeatures(), frame)


def test_several_columns_imputed_and_scaled() -> None:
    frame = pd.DataFrame({"a": dates(), "b": dates(seed=1, missing=0.3), "c": dates(seed=2, missing=0.0)})
    case = check_transformer(
        make_pipeline(CalendarFeatures(), SimpleImputer(strategy="median"), StandardScaler()), frame
    )
    assert case.compiled.input_rules.must_be_present == ()


def test_missing_dates_are_refused_only_if_the_model_refuses_them() -> None:
    case = check_transformer(make_pipeline(CalendarFeatures(), StandardScaler()), pd.DataFrame({"when": dates()}))
    assert not case.refused_rows(case.matrix).any()


def test_the_error_for_a_column_that_is_not_a_date() -> None:
    frame = pd.DataFrame({"when": pd.Series(["2020-01-01", "2021-02-03"], dtype="str")})
    message = compile_error(make_pipeline(CalendarFeatures(), Reveal()), frame)
    assert message == (
        "Pipeline → step 'calendarfeatures' → CalendarFeatures: "
        "it reads a column that is not a date and time in the contract"
    )
