"""Identifiers by their values: row numbers, account numbers and digests are; measures, dates and text are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.generated_tables import IDENTIFIERS, MEASURES
from fasttrack.errors import DataError
from fasttrack.training.table import prepare
from fasttrack.understanding.identifiers import integer_identifier, is_free_text, text_identifier


def left_out(name: str, values: object) -> str | None:
    """Why a column is left out of a table that has another one."""
    frame = pd.DataFrame({name: values})
    frame["x"], frame["y"] = np.linspace(0, 1, len(frame)) ** 2, np.linspace(1, 0, len(frame))
    return prepare(pa.Table.from_pandas(frame, preserve_index=False), "y").left_out.get(name)


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_columns_that_name_rows_are_left_out(name: str) -> None:
    for seed, n in ((0, 60), (1, 400)):
        assert left_out(name, IDENTIFIERS[name](np.random.default_rng(seed), n)), (seed, n)


@pytest.mark.parametrize("name", MEASURES)
def test_unique_measures_dates_and_text_are_no_identifiers(name: str) -> None:
    for seed, n in ((0, 60), (1, 400)):
        reason = left_out(name, MEASURES[name](np.random.default_rng(seed), n))
        assert reason is None, (seed, n)


def test_few_or_repeated_numbers_are_no_identifiers() -> None:
    assert integer_identifier("level", np.arange(1, 11)) is None
    assert integer_identifier("amount", np.repeat(np.arange(1, 200), 2)) is None
    assert text_identifier(["a", "b"]) is None


def test_a_reason_says_what_the_values_are() -> None:
    assert integer_identifier("t", np.arange(1, 41)) == "a row number"
    assert integer_identifier("order", np.arange(1, 41)) is None
    assert integer_identifier("order_no", np.arange(1, 41)) == "a unique identifier"
    assert integer_identifier("week_no", np.arange(1, 41)) is None
    assert text_identifier([f"{n:032x}" for n in range(50)]) == "a unique identifier (hexadecimal digests)"
    assert text_identifier([f"{n:08}" for n in range(20200101, 20200130)]) is None


def test_sentences_are_free_text_and_names_are_not() -> None:
    assert is_free_text(["the room was clean and quiet, visit 3", "ich war sehr zufrieden mit dem Zimmer"])
    assert is_free_text(["WHITE HANGING HEART HOLDER", "CREAM CUPID HEARTS COAT HANGER"])
    assert not is_free_text(["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina Maria"])
    assert not is_free_text(["The Lord Of The Rings", "Pride And Prejudice And Zombies"])
    assert not is_free_text(["two words", "one"])
    assert not is_free_text([])


def test_a_kept_column_is_a_feature_and_must_exist() -> None:
    table = pa.table({"rownames": range(30), "x": [0.5 * n * n for n in range(30)], "y": [1.0 * n for n in range(30)]})
    assert list(prepare(table, "y").X.columns) == ["x"]
    assert list(prepare(table, "y", keep=["rownames"]).X.columns) == ["rownames", "x"]
    assert list(prepare(table, "y", keep=None).X.columns) == ["rownames", "x"]
    with pytest.raises(DataError, match="the table has no column 'rowname'"):
        prepare(table, "y", keep=["rowname"])


def test_a_lone_row_number_is_the_feature() -> None:
    table = pa.table({"x": range(30), "y": [2.0 * n for n in range(30)]})
    assert prepare(table, "y").left_out == {}
