"""The options of privacy reach the contract, whichever way they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import fasttrack
from fasttrack.contract.published import published_contract
from fasttrack.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack import Outcome


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    numbers = np.arange(60.0)
    return pd.DataFrame({"age": numbers, "salary": numbers * 7 + 0.5, "y": numbers * 3})


def published(outcome: Outcome) -> dict[str, Any]:
    return {column["name"]: column for column in published_contract(outcome.manifest.contract)["columns"]}


def package(frame: pd.DataFrame, store: Path, **options: Any) -> Outcome:
    X = frame[["age", "salary"]]
    return fasttrack.package(LinearRegression().fit(X, frame["y"]), X, frame["y"], name="p", store=store, **options)


def test_packaging_takes_the_options(frame: pd.DataFrame, tmp_path: Path) -> None:
    outcome = package(frame, tmp_path, privacy_min_rows=1, privacy_hide=["salary"])
    columns = published(outcome)
    assert (columns["age"]["minimum"], columns["age"]["maximum"]) == (0.0, 59.0)
    assert columns["salary"].get("minimum") is None
    assert outcome.manifest.contract.min_rows == 1
    default = published(package(frame, tmp_path))
    assert (default["age"]["minimum"], default["age"]["maximum"]) == (4.0, 55.0)


def test_a_configuration_file_has_a_section_for_it(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.assign(c=["a", "b", "c"] * 20).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "fasttrack.toml").write_text(
        'name = "t"\n[data]\nsource = "t.csv"\ntarget = "y"\n[model]\nestimator = "linear"\n'
        '[privacy]\nmin_rows = 10\nmax_values = 2\nhide = ["age"]\n'
    )
    outcome = fasttrack.train(tmp_path / "fasttrack.toml", store=tmp_path / "model", privacy_hide=["salary"])
    columns = published(outcome)
    assert (columns["c"]["categories"], columns["c"]["category_count"]) == (["a", "b"], 3)
    assert [columns[name].get("minimum") for name in ("age", "salary")] == [None, None]


def test_a_column_to_hide_must_be_there(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"X has no column 'salery'; did you mean salary\?"):
        package(frame, tmp_path, privacy_hide=["salery"])
    with pytest.raises(DataError, match=r"a DataFrame has no column 'nobody'"):
        fasttrack.train(frame, "y", name="t", store=tmp_path, privacy_hide=["nobody"])
    with pytest.raises(ConfigError, match="privacy-min-rows 0: expected a whole number >= 1"):
        package(frame, tmp_path, privacy_min_rows=0)
