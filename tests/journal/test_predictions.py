"""Packed predictions are unpacked bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fasttrack.errors import DataError
from fasttrack.journal.predictions import Entries, pack, parse_id, prediction_id, unpack
from tests.journal.places import entries

numbers = st.floats(allow_nan=True, width=64) | st.integers(-300, 300).map(float) | st.just(-0.0)


def bits(values: np.ndarray) -> bytes:
    """The bytes, with one pattern for every NaN."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine any strategy is slow
@given(st.data(), st.integers(1, 20), st.integers(0, 4), st.integers(0, 3))
def test_what_is_packed_is_unpacked(data: st.DataObject, rows: int, features: int, classes: int) -> None:
    matrix = data.draw(arrays.arrays(np.float64, (rows, features), elements=numbers))
    shares = data.draw(arrays.arrays(np.float64, (rows, classes), elements=numbers)) if classes else None
    output = data.draw(arrays.arrays(np.float64, rows, elements=numbers))
    words = {0: {rows - 1: "a “word”\n"}} if features else {}
    given_entries = Entries(1.7e9 + np.arange(rows) / 1e6, matrix, output, shares, words)
    back = unpack(pack(given_entries))
    assert bits(back.at) == bits(given_entries.at)
    assert bits(np.ascontiguousarray(back.matrix)) == bits(matrix)
    assert bits(back.output) == bits(output)
    assert back.words == words
    assert (back.probabilities is None) == (shares is None)
    if shares is not None and back.probabilities is not None:
        assert bits(np.ascontiguousarray(back.probabilities)) == bits(shares)
    answers = unpack(pack(given_entries), without_features=True)
    assert bits(answers.output) == bits(output)
    assert answers.matrix.shape == (rows, 0)


def test_whole_numbers_and_categories_take_a_byte_or_two() -> None:
    rows = 10_000
    matrix = np.column_stack([np.arange(rows) % 100, np.arange(rows) % 1000, np.full(rows, np.nan)])
    size = len(pack(Entries(np.full(rows, 1.7e9), matrix, (np.arange(rows) % 2).astype(np.float64), None)))
    assert size < rows * (8 + 1 + 2 + 4 + 1) + 200


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\xff\xff\xff\xff{}", b"\x02\x00\x00\x00{}", b"\x01\x00\x00\x00{"])
def test_what_was_not_packed_is_refused(damage: bytes) -> None:
    with pytest.raises(DataError, match="damaged predictions"):
        unpack(damage)


def test_a_chunk_that_was_cut_off_is_refused() -> None:
    with pytest.raises(DataError, match="damaged predictions"):
        unpack(pack(entries(50))[:-7])


@given(st.integers(0, 2**40), st.text("0123456789abcdefghijklmnopqrstuv", min_size=10, max_size=10))
def test_an_identifier_tells_its_process_and_number(number: int, process: str) -> None:
    assert parse_id(prediction_id(process, number)) == (process, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "abc",
        "abc-",
        "-0000000a",
        "abc-xyz",
        "abc-1",
        "a" * 65,
        None,
        3,
        "a b-00000001",
        "a-0000000_1",
        "A-00000001",
        "a-00000001\n",
        "a-" + "f" * 16,
    ],
)
def test_what_is_no_identifier_is_none(text: object) -> None:
    assert parse_id(text) is None


def test_identifiers_of_a_process_sort_as_they_were_given() -> None:
    made = [prediction_id("abcdefghij", number) for number in (0, 1, 9, 10, 255, 256, 2**31)]
    assert made == sorted(made)
