"""A column of dates and times is read at once as it is cell by cell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttrack.contract.datetime_text import parse_datetime
from fasttrack.contract.datetimes import parse_datetimes
from fasttrack.contract.decode import Decoder, RefusedRequest
from tests.budget import budget
from tests.contract.tables import column, contract_of

usual = st.datetimes(min_value=datetime(1, 1, 1)).map(lambda moment: f"{moment.replace(microsecond=0).isoformat()}Z")
other = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.dates().map(lambda day: day.isoformat()),
    st.text(alphabet="0123456789-:TZ .+", max_size=22),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True),
)


def one_by_one(cells: list[str | None]) -> list[float | None] | None:
    try:
        return [None if cell is None else parse_datetime(cell) for cell in cells]
    except ValueError:
        return None


def at_once(cells: list[str | None]) -> list[float | None] | None:
    try:
        return parse_datetimes(cells)
    except ValueError:
        return None


@settings(max_examples=budget(500), deadline=None)
@given(st.lists(st.one_of(usual, st.none()), max_size=6))
@example([])
@example([None, None])
def test_the_usual_form(cells: list[str | None]) -> None:
    assert at_once(cells) == one_by_one(cells)


@settings(max_examples=budget(1_000), deadline=None)
@given(st.lists(st.one_of(usual, usual, usual, other, st.none()), max_size=5))
@example(["2013-01-01T05:00:00Z2", "013-01-01T05:00:00Z"])  # end to end they look right
@example(["0000-01-01T00:00:00Z"])
@example(["2013-02-29T00:00:00Z"])
@example(["2012-02-29T23:59:59Z", "2013-01-01T24:00:00Z"])
@example(["2013-01-01T23:59:60Z"])
@example(["2013-01-01t00:00:00z", "2013-01-01 00:00:00Z"])
@example(["2013-01-01T00:00:0\u0660Z"])
@example(["-013-01-01T00:00:00Z"])
@example(["9999-12-31T23:59:59Z"])
def test_anything_else_is_read_as_a_cell_is_or_refused_as_one(cells: list[str | None]) -> None:
    assert at_once(cells) == one_by_one(cells)


@pytest.mark.parametrize("count", [99, 100, 511, 512, 513, 1_500])
def test_many_rows_are_read_as_each_by_itself(count: int) -> None:
    contract = contract_of(
        column("when", "datetime", nullable=True),
        column("word", "category", categories=["a", "b"]),
        column("x", "number"),
    )
    decoder = Decoder(contract)
    start = datetime(2013, 1, 31, 17, 5, tzinfo=UTC)
    rows = [
        f'{{"when": {"null" if i % 7 == 3 else (start + timedelta(hours=i)).strftime(chr(34) + "%FT%TZ" + chr(34))}, '
        f'"word": "{"c" if i % 50 == 7 else "ab"[i % 2]}", "x": {i / 8}}}'
        for i in range(count)
    ]
    whole = decoder.rows(f"[{','.join(rows)}]".encode())
    alone = [decoder.rows(row.encode()) for row in rows]
    assert np.array_equal(whole.matrix, np.vstack([one.matrix for one in alone]), equal_nan=True)
    assert list(whole.text[1]) == [one.text[1][0] for one in alone]
    assert len(whole.warnings) == sum(len(one.warnings) for one in alone)


@pytest.mark.parametrize("place", [0, 99, 600])
def test_one_cell_among_many_that_is_no_moment_is_named(place: int) -> None:
    decoder = Decoder(contract_of(column("when", "datetime")))
    rows = ['{"when": "2013-01-31T17:05:00Z"}'] * 700
    rows[place] = '{"when": "2013-13-31T17:05:00Z"}'
    with pytest.raises(RefusedRequest, match=f"row {place}, column 'when'"):
        decoder.rows(f"[{','.join(rows)}]".encode())


@pytest.mark.parametrize("zone", ["Z", "-0500", "+01", "+01:00"])
def test_a_space_before_a_zone_changes_nothing(zone: str) -> None:
    assert parse_datetime(f"2021-03-04 12:00:00 {zone}") == parse_datetime(f"2021-03-04 12:00:00{zone}")
