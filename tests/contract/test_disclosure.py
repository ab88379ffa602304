"""What may be published of a training column: nothing that fewer rows have than the rule says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.contract import Kind, Privacy
from fasttrack.contract.disclosure import frequent_codes, frequent_range, merge_rare_bins
from tests.budget import budget

quick = settings(deadline=None, derandomize=True, max_examples=budget(300))

NUMBERS = st.lists(st.integers(-20, 20) | st.floats(-1e6, 1e6), max_size=60)


@quick
@given(st.dictionaries(st.text(max_size=3), st.integers(0, 12)), st.integers(1, 8), st.integers(0, 6))
def test_a_category_is_published_if_enough_rows_have_it(rows: dict[Any, int], least: int, most: int) -> None:
    categories = sorted(rows)
    codes = frequent_codes(categories, rows, Privacy(min_rows=least, max_values=most))
    counts = [rows[categories[code]] for code in codes]
    assert all(count >= least for count in counts)
    assert counts == sorted(counts, reverse=True)
    assert len(codes) == min(most, sum(count >= least for count in rows.values()))
    hidden = [count for code, count in enumerate(map(rows.get, categories)) if code not in codes]
    assert len(codes) < most or all((count or 0) <= min(counts, default=99) for count in hidden)


def test_equally_frequent_categories_come_in_the_order_of_their_codes() -> None:
    assert frequent_codes(["a", "b", "c"], {"a": 5, "b": 9, "c": 5}, Privacy()) == [1, 0, 2]
    assert frequent_codes(["a", "b", "never"], {"a": 4, "b": 5}, Privacy()) == [1]


def test_a_long_text_is_never_published() -> None:
    texts = ["short", "x" * 100, "x" * 101]
    assert frequent_codes(texts, dict.fromkeys(texts, 9), Privacy()) == [0, 1]


@quick
@given(NUMBERS, st.integers(1, 8))
def test_a_range_leaves_out_what_fewer_rows_reach(numbers: list[float], least: int) -> None:
    values = np.array(numbers, dtype=np.float64)
    bounds = frequent_range(values, "number", least)
    if len(values) < 2 * least - 1:
        assert bounds is None
        return
    assert bounds is not None
    ordered = np.sort(values)
    reached = ordered[least - 1], ordered[-least]
    step = max(1e-9, 0.02 * (reached[1] - reached[0]), 0.01 * abs(reached[0]))
    for bound, value in zip(bounds, reached, strict=True):
        assert bound == pytest.approx(value, abs=step)


def test_one_rows_extreme_is_not_in_a_range() -> None:
    salaries = np.array([*range(40_000, 60_000, 100), 12.34, 987_654.25])
    assert frequent_range(salaries, "number", 5) == (40_300.0, 59_600.0)
    assert frequent_range(salaries, "number", 1) == (12.34, 987_654.25)
    assert frequent_range(np.repeat(np.arange(1.0, 13.0), 5), "integer", 5) == (1.0, 12.0)  # shared by five rows
    assert frequent_range(np.arange(8.0), "number", 5) is None


@pytest.mark.parametrize(
    ("days", "low", "high"),
    [
        (25_000, "1950-02-01", "2018-04-01"),
        (400, "1950-01-01", "1951-02-04"),
        (2, "1950-01-01", "1950-01-03"),
    ],
)
def test_the_ends_of_a_range_of_dates_are_rounded(days: int, low: str, high: str) -> None:
    start = datetime(1950, 1, 1, 3, 7, 9, tzinfo=UTC).timestamp()
    values = start + np.linspace(0, days, 2_000) * 86_400
    bounds = frequent_range(values, "datetime", 5)
    assert bounds is not None
    ends = [datetime.fromtimestamp(bound, UTC) for bound in bounds]
    assert [end.date().isoformat() for end in ends] == [low, high]
    assert all(end.second == end.microsecond == 0 for end in ends)


@quick
@given(NUMBERS, st.integers(1, 8), st.lists(st.integers(-25, 25), max_size=8, unique=True).map(sorted))
def test_every_bin_that_is_left_has_enough_rows(numbers: list[float], least: int, cuts: list[int]) -> None:
    values, edges = np.array(numbers, dtype=np.float64), np.array(cuts, dtype=np.float64)
    merged = merge_rare_bins(edges, values, least)
    assert set(merged) <= set(edges)
    rows = np.bincount(np.searchsorted(merged, values, side="left"), minlength=len(merged) + 1)
    assert len(merged) == 0 or rows.min() >= least


KINDS: list[Kind] = ["number", "integer", "datetime"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_column_has_no_range(kind: Kind) -> None:
    assert frequent_range(np.array([]), kind, 1) is None
