"""Identifiers by their values: row numbers, account numbers and digests are; measures, dates and text are not."""

from __future__ import annotations

import uuid
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from fasttrack.understanding.duplicates import find_duplicates, is_ordered_in_time, rows_per_entity
from fasttrack.understanding.identifiers import integer_identifier, text_identifier

random = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rownames", np.arange(1, 401)),
        ("n", random.permutation(400)),
        ("customer_number", 100_000 + np.cumsum(random.integers(1, 20, 400))),
        ("customer", 100_000 + np.cumsum(random.integers(1, 20, 400))),
        ("account", random.permutation(10**6)[:400]),
        ("PassengerId", random.permutation(2000)[:400]),
        ("phone", random.choice(9 * 10**8, 400, replace=False) + 10**8),
    ],
)
def test_numbers_that_name_rows_are_identifiers(name: str, values: np.ndarray) -> None:
    assert integer_identifier(name, values.astype(np.int64)) is not None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("population", np.unique(random.lognormal(10, 1.5, 500).astype(np.int64))[:400]),
        ("price", random.permutation(np.unique(random.normal(200_000, 40_000, 500).astype(np.int64)))),
        ("year", np.arange(1900, 2000)),
        ("timestamp", 1_600_000_000 + np.arange(400) * 3600),
        ("area", random.permutation(1000)[:300] + 20),
        ("level", np.arange(1, 11)),
        ("amount", np.repeat(np.arange(1, 200), 2)),
    ],
)
def test_measures_and_times_are_not_identifiers(name: str, values: np.ndarray) -> None:
    assert integer_identifier(name, values.astype(np.int64)) is None


def test_texts_that_name_rows_are_identifiers_and_sentences_are_not() -> None:
    numbers = range(50)
    assert text_identifier([str(uuid.UUID(int=number)) for number in numbers]) == "a unique identifier (UUIDs)"
    digests = [sha256(bytes([number])).hexdigest() for number in numbers]
    assert text_identifier(digests) == "a unique identifier (hexadecimal digests)"
    assert text_identifier([f"Doe, Ann {number}" for number in numbers]) == "a unique identifier"
    assert text_identifier([f"the room was clean and quiet, visit {number}" for number in numbers]) is None
    assert text_identifier(["a", "b"]) is None


def test_identical_rows_have_the_same_code() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, 1.0, np.nan], "b": ["x", "y", "x", "y"]})
    found = find_duplicates(frame, pd.Series([0, 1, 0, 2]))
    assert found.codes.tolist() == [0, 1, 0, 2]
    assert found.repeated == 1


def test_entities_and_order_in_time() -> None:
    assert rows_per_entity(pd.Series(["a", "a", "b", None])) == 1.5
    days = pd.Series(pd.date_range("2020-01-01", periods=30, tz="UTC"))
    assert is_ordered_in_time(days)
    assert is_ordered_in_time(days[::-1])
    assert not is_ordered_in_time(days.sample(frac=1, random_state=0))
    assert not is_ordered_in_time(days[:5])
